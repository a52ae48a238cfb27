//! Composes the kernels of training out of the small files in `shaders/`, many of which are the runtime's: every one is
//! a WGSL file in `OUT_DIR`.

use std::path::PathBuf;
use std::{env, fs};

use wesl::{ModulePath, Wesl};

/// Shader modules by path below `shaders/`, with the name of what comes out.
const KERNELS: &[(&str, &str)] = &[
    ("splat::project_attributes", "project_attributes"),
    ("sort::count", "sort_count"),
    ("sort::scan", "sort_scan"),
    ("sort::scatter", "sort_scatter"),
    ("bin::offsets", "bin_offsets"),
    ("bin::expand", "bin_expand"),
    ("bin::ranges", "bin_ranges"),
    ("splat::rasterize_planes", "rasterize_planes"),
    ("splat::rasterize_backward", "rasterize_backward"),
    ("splat::gather", "gather"),
    ("splat::attributes_backward", "attributes_backward"),
    ("loss::compare", "loss_compare"),
    ("loss::blur", "loss_blur"),
    ("loss::ssim", "loss_ssim"),
    ("loss::pyramid", "loss_pyramid"),
    ("loss::combine", "loss_combine"),
    ("loss::total", "loss_total"),
    ("plane::read", "plane_read"),
    ("plane::read_backward", "plane_read_backward"),
];

fn main() {
    let shaders =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../shaders");
    println!("cargo::rerun-if-changed={}", shaders.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for (module, name) in KERNELS {
        let path: ModulePath = format!("package::{module}").parse().expect("a module path");
        let mut compiler = Wesl::new(&shaders);
        compiler.set_feature("serial", false);
        compiler.set_feature("full_precision", true);
        let wgsl = compiler.compile(&path).unwrap_or_else(|error| panic!("shaders/{module}: {error}"));
        fs::write(out.join(format!("{name}.wgsl")), wgsl.to_string()).expect("OUT_DIR is writable");
    }
}
