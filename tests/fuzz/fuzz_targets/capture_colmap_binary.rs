//! COLMAP's binary files: the input is split in three by its first two bytes.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use effigy_capture::{Capture, CaptureLimits, CaptureOptions};
use libfuzzer_sys::fuzz_target;

/// Kept in memory where the system's temporary folder is.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fn open(folder: &Path) {
    let limits =
        CaptureLimits { frames: 1 << 10, values: 1 << 16, points: 1 << 16, ..CaptureLimits::default() };
    let options = CaptureOptions { limits, ..CaptureOptions::default() };
    if let Ok(capture) = Capture::open(folder, &options) {
        capture.check(None);
        for frame in &capture.frames {
            frame.camera.validate().expect("cameras that are kept can project");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [first, second, rest @ ..] = bytes else { return };
    let part = |k: u8, all: &[u8]| all.len() * usize::from(k) / 255;
    let (cameras, rest) = rest.split_at(part(*first, rest));
    let (images, points) = rest.split_at(part(*second, rest));
    let model = FOLDER.path().join("sparse/0");
    std::fs::create_dir_all(&model).expect("a folder");
    for (stem, bytes) in [("cameras", cameras), ("images", images), ("points3D", points)] {
        std::fs::write(model.join(stem).with_extension("bin"), bytes).expect("a file");
    }
    open(FOLDER.path());
});
