//! Pictures side by side.

use effigy_splat::Frame;

/// A picture's place, pixels each way, and what is between them.
const CELL: u32 = 192;
const GAP: u32 = 6;
/// How wide a step of a slice is.
const STEP: u32 = 12;
const PAPER: [u8; 3] = [255; 3];
/// What avatars are drawn over.
const BACKGROUND: f32 = 0.16;

/// Each row: its pictures, taken at `distances` and enlarged as much, and the middle column of `slices` over time.
pub(crate) fn save(
    rows: &[Vec<&Frame>],
    distances: &[f32],
    slices: &[&[Frame]],
    path: &str,
) -> Result<(), image::ImageError> {
    let steps = slices.iter().map(|slice| slice.len() as u32).max().unwrap_or(0);
    let left = distances.len() as u32 * (CELL + GAP);
    let (width, height) = (left + steps * STEP, rows.len() as u32 * (CELL + GAP) - GAP);
    let mut out = image::RgbImage::from_pixel(width, height, image::Rgb(PAPER));
    for (y, (row, slice)) in (0..).step_by((CELL + GAP) as usize).zip(rows.iter().zip(slices)) {
        for (x, (frame, distance)) in (0..).step_by((CELL + GAP) as usize).zip(row.iter().zip(distances)) {
            let shown = (frame.width as f32 / distance).round() as u32;
            for (j, i) in (0..CELL).flat_map(|j| (0..CELL).map(move |i| (j, i))) {
                let at = |k: u32| (frame.width - shown) / 2 + k * shown / CELL;
                out.put_pixel(x + i, y + j, pixel(frame, at(i), at(j)));
            }
        }
        let nearest = distances.iter().rev().nth(1).copied().unwrap_or(1.0);
        for (step, frame) in slice.iter().enumerate() {
            let shown = (frame.height as f32 / nearest).round() as u32;
            for (j, i) in (0..CELL).flat_map(|j| (0..STEP).map(move |i| (j, i))) {
                let at = (frame.height - shown) / 2 + j * shown / CELL;
                out.put_pixel(left + step as u32 * STEP + i, y + j, pixel(frame, frame.width / 2, at));
            }
        }
    }
    out.save(path)
}

fn pixel(frame: &Frame, x: u32, y: u32) -> image::Rgb<u8> {
    let [r, g, b, a] = frame.color[(y * frame.width + x) as usize];
    image::Rgb([r, g, b].map(|c| (255.0 * (c + (1.0 - a) * BACKGROUND)).round().clamp(0.0, 255.0) as u8))
}
