//! What fuzz targets share: limits, and how parts of a capture are written to a folder, which is then read.

use std::path::Path;
use std::sync::LazyLock;

use effigy_avatar::splat_file::{SplatLimits, SplatReadOptions};
use effigy_capture::{Capture, CaptureLimits, CaptureOptions};
use effigy_rig::LoadLimits;

/// Rigs small enough that many are read in a second.
pub fn rig_limits() -> LoadLimits {
    LoadLimits {
        vertices: 1 << 14,
        triangles: 1 << 15,
        nodes: 1 << 10,
        joints: 1 << 10,
        morphs: 256,
        morph_deltas: 1 << 18,
        numbers: 1 << 21,
        ..LoadLimits::default()
    }
}

/// Splats of which the same can be said.
pub fn splat_options() -> SplatReadOptions {
    let limits =
        SplatLimits { max_gaussians: 1 << 16, max_unpacked_bytes: 16 << 20, ..SplatLimits::default() };
    SplatReadOptions { limits, ..SplatReadOptions::default() }
}

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// The folder of the capture, where the system keeps its temporary files.
pub fn folder() -> &'static Path {
    FOLDER.path()
}

/// Writes a file of the capture.
pub fn write(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

/// Reads and checks the capture.
pub fn open() {
    let limits = CaptureLimits { frames: 1 << 10, values: 1 << 16, points: 1 << 16, ..CaptureLimits::default() };
    let options = CaptureOptions { limits, ..CaptureOptions::default() };
    if let Ok(capture) = Capture::open(folder(), &options) {
        capture.check(None);
        for frame in &capture.frames {
            frame.camera.validate().expect("cameras that are kept can project");
        }
    }
}

/// Reads a model of COLMAP from files that `bytes` is split into by its first two bytes.
pub fn open_colmap(bytes: &[u8], extension: &str) {
    let [first, second, rest @ ..] = bytes else { return };
    let part = |k: u8, all: &[u8]| all.len() * usize::from(k) / 255;
    let (cameras, rest) = rest.split_at(part(*first, rest));
    let (images, points) = rest.split_at(part(*second, rest));
    for (stem, bytes) in [("cameras", cameras), ("images", images), ("points3D", points)] {
        write(&format!("sparse/0/{stem}.{extension}"), bytes);
    }
    open();
}
