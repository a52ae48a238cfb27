//! Composes the shaders: every kernel is one WGSL file in `OUT_DIR`, made of the small files in `shaders/`.

use std::path::PathBuf;
use std::{env, fs};

use wesl::{ModulePath, Wesl};

/// Shader modules by path below `shaders/`, with the name of what comes out and the features that are set.
const KERNELS: &[(&str, &str, &[&str])] = &[
    ("pose::vertices", "pose_vertices", &[]),
    ("pose::frames", "vertex_frames", &[]),
    ("field::decode", "decode", &[]),
    ("splat::project", "project", &[]),
    ("sort::count", "sort_count", &[]),
    ("sort::scan", "sort_scan", &[]),
    ("sort::scatter", "sort_scatter", &[]),
    ("bin::offsets", "bin_offsets", &[]),
    ("sort::serial_count", "sort_count_serial", &["serial"]),
    ("sort::scan", "sort_scan_serial", &["serial"]),
    ("sort::serial_scatter", "sort_scatter_serial", &["serial"]),
    ("bin::offsets", "bin_offsets_serial", &["serial"]),
    ("sort::scan", "sort_scan_subgroups", &["subgroups"]),
    ("sort::scatter", "sort_scatter_subgroups", &["subgroups"]),
    ("bin::offsets", "bin_offsets_subgroups", &["subgroups"]),
    ("bin::expand", "bin_expand_subgroups", &["subgroups"]),
    ("bin::expand", "bin_expand", &[]),
    ("bin::ranges", "bin_ranges", &[]),
    ("splat::rasterize", "rasterize", &[]),
    ("splat::project", "project_f32", &["full_precision"]),
    ("splat::rasterize", "rasterize_f32", &["full_precision"]),
    ("splat::rasterize", "rasterize_guides", &["guides"]),
    ("splat::rasterize", "rasterize_guides_f32", &["guides", "full_precision"]),
    ("splat::rasterize", "rasterize_occluded", &["occluded"]),
    ("splat::rasterize", "rasterize_occluded_f32", &["occluded", "full_precision"]),
    ("splat::rasterize", "rasterize_occluded_guides", &["occluded", "guides"]),
    ("splat::rasterize", "rasterize_occluded_guides_f32", &["occluded", "guides", "full_precision"]),
    ("splat::quad_draw", "quad_draw", &[]),
    ("splat::quad_limit", "quad_limit", &[]),
    ("splat::quads", "quads", &[]),
    ("splat::quad_depth", "quad_depth", &[]),
    ("splat::guide", "guide", &[]),
    ("splat::pick", "pick", &[]),
    ("splat::pick", "pick_occluded", &["occluded"]),
    ("output::host_depth", "host_depth", &[]),
    ("output::host_depth", "host_depth_multisampled", &["multisampled"]),
    ("output::composite", "composite", &[]),
];

/// Every feature that shaders ask about.
const FEATURES: [&str; 6] = ["full_precision", "serial", "subgroups", "guides", "occluded", "multisampled"];

fn main() {
    let shaders =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../shaders");
    println!("cargo::rerun-if-changed={}", shaders.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for (module, name, features) in KERNELS {
        let mut compiler = Wesl::new(&shaders);
        for feature in FEATURES {
            compiler.set_feature(feature, features.contains(&feature));
        }
        let path: ModulePath = format!("package::{module}").parse().expect("a module path");
        let wgsl = compiler.compile(&path).unwrap_or_else(|error| panic!("shaders/{module}: {error}"));
        fs::write(out.join(format!("{name}.wgsl")), wgsl.to_string()).expect("OUT_DIR is writable");
    }
    // For the test that all of them are valid.
    let entry =
        |name: &str| format!("({name:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.wgsl\"))),\n");
    let list: String = KERNELS.iter().map(|(_, name, _)| entry(name)).collect();
    fs::write(out.join("kernels.rs"), format!("[\n{list}]\n")).expect("OUT_DIR is writable");
}
