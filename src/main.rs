//! The `branchwise` binary.

fn main() -> std::process::ExitCode {
    branchwise::cli::run()
}
