//! Is the explorer built? Then the binary embeds it: `cfg(bundled_explorer)`.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(bundled_explorer)");
    println!("cargo::rerun-if-changed=explorer/dist");
    if ["explorer/dist/main.js", "explorer/dist/main.css"].iter().all(|file| Path::new(file).is_file()) {
        println!("cargo::rustc-cfg=bundled_explorer");
    }
}
