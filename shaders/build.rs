//! Composes the shaders: each is a module of a stage's folder with what it imports, under the features that it is built
//! with. What comes out is one file of Rust with a constant each.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use wesl::{ModulePath, Wesl};

/// Modules by path, the names of what comes out, and the features that are set.
const SHADERS: &[(&str, &str, &[&str])] = &[
    ("pose::vertices", "pose_vertices", &[]),
    ("pose::frames", "vertex_frames", &[]),
    ("field::decode", "decode", &[]),
    ("splat::project", "project", &[]),
    ("splat::project", "project_f32", &["full_precision"]),
    ("splat::project_attributes", "project_attributes", &["full_precision"]),
    ("sort::count", "sort_count", &[]),
    ("sort::scan", "sort_scan", &[]),
    ("sort::scatter", "sort_scatter", &[]),
    ("sort::serial_count", "sort_count_serial", &["serial"]),
    ("sort::scan", "sort_scan_serial", &["serial"]),
    ("sort::serial_scatter", "sort_scatter_serial", &["serial"]),
    ("sort::scan", "sort_scan_subgroups", &["subgroups"]),
    ("sort::scatter", "sort_scatter_subgroups", &["subgroups"]),
    ("bin::offsets", "bin_offsets", &[]),
    ("bin::offsets", "bin_offsets_serial", &["serial"]),
    ("bin::offsets", "bin_offsets_subgroups", &["subgroups"]),
    ("bin::expand", "bin_expand", &[]),
    ("bin::expand", "bin_expand_subgroups", &["subgroups"]),
    ("bin::ranges", "bin_ranges", &[]),
    ("splat::rasterize", "rasterize", &[]),
    ("splat::rasterize", "rasterize_f32", &["full_precision"]),
    ("splat::rasterize", "rasterize_guides", &["guides"]),
    ("splat::rasterize", "rasterize_guides_f32", &["guides", "full_precision"]),
    ("splat::rasterize", "rasterize_occluded", &["occluded"]),
    ("splat::rasterize", "rasterize_occluded_f32", &["occluded", "full_precision"]),
    ("splat::rasterize", "rasterize_occluded_guides", &["occluded", "guides"]),
    ("splat::rasterize", "rasterize_occluded_guides_f32", &["occluded", "guides", "full_precision"]),
    ("splat::rasterize_planes", "rasterize_planes", &["full_precision"]),
    ("splat::rasterize_backward", "rasterize_backward", &["full_precision"]),
    ("splat::gather", "gather", &["full_precision"]),
    ("splat::attributes_backward", "attributes_backward", &["full_precision"]),
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
    ("output::planes", "planes", &[]),
    ("output::focus", "focus", &[]),
    ("output::prefilter", "prefilter", &[]),
    ("output::learned", "learned", &[]),
    ("loss::compare", "loss_compare", &[]),
    ("loss::blur", "loss_blur", &[]),
    ("loss::ssim", "loss_ssim", &[]),
    ("loss::pyramid", "loss_pyramid", &[]),
    ("loss::combine", "loss_combine", &[]),
    ("loss::total", "loss_total", &[]),
    ("plane::read", "plane_read", &[]),
    ("plane::read_backward", "plane_read_backward", &[]),
    ("view::shade", "view_shade", &[]),
    ("view::overlay", "view_overlay", &[]),
    ("view::ground", "view_ground", &[]),
    ("view::shadow", "view_shadow", &[]),
];

/// Every feature that shaders ask about.
const FEATURES: [&str; 6] = ["full_precision", "serial", "subgroups", "guides", "occluded", "multisampled"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut stages: Vec<_> = SHADERS.iter().filter_map(|(module, ..)| module.split("::").next()).collect();
    // A stage that others import, without a shader of its own.
    stages.push("math");
    stages.sort_unstable();
    stages.dedup();
    for stage in stages {
        println!("cargo::rerun-if-changed={}", root.join(stage).display());
    }
    let (mut constants, mut all) = (String::new(), String::new());
    for (module, name, features) in SHADERS {
        let mut compiler = Wesl::new(&root);
        for feature in FEATURES {
            compiler.set_feature(feature, features.contains(&feature));
        }
        let path: ModulePath = format!("package::{module}").parse().expect("a module path");
        let wgsl = compiler.compile(&path).unwrap_or_else(|error| panic!("shaders/{module}: {error}"));
        let file = out.join(format!("{name}.wgsl"));
        fs::write(&file, wgsl.to_string()).expect("OUT_DIR is writable");
        let (constant, subgroups) = (name.to_uppercase(), features.contains(&"subgroups"));
        let with = if features.is_empty() { String::new() } else { format!(" with {}", features.join(", ")) };
        writeln!(
            constants,
            "/// `{module}`{with}.\npub const {constant}: Shader =\n    \
             Shader {{ name: {name:?}, source: include_str!({file:?}), subgroups: {subgroups} }};"
        )
        .expect("a string can be written to");
        write!(all, "{constant}, ").expect("a string can be written to");
    }
    let count = SHADERS.len();
    let list = format!("/// All of them.\npub const ALL: [Shader; {count}] = [{all}];\n");
    fs::write(out.join("composed.rs"), constants + &list).expect("OUT_DIR is writable");
}
