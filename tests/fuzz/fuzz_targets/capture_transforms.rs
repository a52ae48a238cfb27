//! `transforms.json`, and the PLY of points that it may name: what follows the first NUL.
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
    let mut parts = bytes.splitn(2, |&b| b == 0);
    let (json, ply) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    std::fs::write(FOLDER.path().join("transforms.json"), json).expect("a file");
    std::fs::write(FOLDER.path().join("sparse_pc.ply"), ply).expect("a file");
    open(FOLDER.path());
});
