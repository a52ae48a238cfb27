//! Composes the shaders of this crate: every kernel is one WGSL file in `OUT_DIR`, made of the small files in `shaders/`.

use std::path::PathBuf;
use std::{env, fs};

use wesl::{ModulePath, Wesl};

/// Shader modules by path below `shaders/`, with the name of what comes out.
const KERNELS: &[(&str, &str)] = &[
    ("output::planes", "planes"),
    ("output::focus", "focus"),
    ("output::prefilter", "prefilter"),
    ("output::learned", "learned"),
];

fn main() {
    let shaders =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../shaders");
    println!("cargo::rerun-if-changed={}", shaders.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for (module, name) in KERNELS {
        let path: ModulePath = format!("package::{module}").parse().expect("a module path");
        let wgsl =
            Wesl::new(&shaders).compile(&path).unwrap_or_else(|error| panic!("shaders/{module}: {error}"));
        fs::write(out.join(format!("{name}.wgsl")), wgsl.to_string()).expect("OUT_DIR is writable");
    }
}
