//! The `branchwise` binary.

/// A page of customers is a few thousand small allocations, on several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    branchwise::cli::run()
}
