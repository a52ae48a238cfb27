//! Planes: against the formulas of the standards, against FFmpeg, and on their way from the GPU to an encoder.
#![expect(clippy::disallowed_methods, reason = "tests wait for the GPU")]

mod alpha;
mod chart;
mod exact;
mod faults;
mod formula;
mod gpu;
mod learned;
mod output;
mod prefilter;
mod ring;
mod siting;

use effigy_splat::Frame;
use effigy_video::{Layout, Matrix, PlaneFormat, Range};

/// Every format there is.
fn formats() -> Vec<PlaneFormat> {
    let mut out = Vec::new();
    for layout in [Layout::I420, Layout::Nv12, Layout::P010, Layout::I444] {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            for range in [Range::Limited, Range::Full] {
                out.push(PlaneFormat { layout, matrix, range });
            }
        }
    }
    out
}

/// A premultiplied picture from a function of column and row.
fn picture(width: u32, height: u32, color: impl Fn(u32, u32) -> [f32; 4]) -> Frame {
    let color = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| color(x, y)).collect();
    Frame { width, height, color, depth: vec![0.0; (width * height) as usize] }
}

/// A picture of pixels that have nothing to do with one another; a quarter of them opaque, some quite transparent, some
/// brighter than white.
fn noise(width: u32, height: u32) -> Frame {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 24) as f32
    };
    let mut frame = picture(width, height, |_, _| [0.0; 4]);
    for color in &mut frame.color {
        let a = (1.4 * next() - 0.1).clamp(0.0, 1.0);
        *color = [1.1 * a * next(), 1.1 * a * next(), 1.1 * a * next(), a];
    }
    frame
}
