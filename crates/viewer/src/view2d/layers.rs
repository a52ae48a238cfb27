//! What each layer looks like: pictures of the frame's size.

use egui::{Color32, ColorImage};

use super::analysis::{Analysis, Codes, StagePicture};
use super::setup::{Layer, Setup, Stage};

/// Offsets of the quantiser that have the strongest colours.
pub(crate) const STRONGEST_OFFSET: f32 = 12.0;
/// Pixels of motion that have the strongest colours, before the gain.
pub(crate) const STRONGEST_MOTION: f32 = 32.0;

/// The picture of a layer at a stage; nothing where there is none.
pub(crate) fn picture(analysis: &Analysis, setup: &Setup, stage: Stage) -> Option<ColorImage> {
    let (layer, gain) = (setup.layer, setup.gain);
    let frame = &analysis.rendered.frame;
    let guide = &analysis.rendered.guide;
    let size = analysis.size();
    let stage = || analysis.stage(stage);
    let pixels: Vec<Color32> = match layer {
        Layer::Colour => return Some(ColorImage::from_rgb(size, &fitting(stage()?, size)?.rgb.rgb())),
        Layer::Y => codes(&fitting(stage()?, size)?.codes, 0, size),
        Layer::U => codes(&fitting(stage()?, size)?.codes, 1, size),
        Layer::V => codes(&fitting(stage()?, size)?.codes, 2, size),
        Layer::Alpha => frame.color.iter().map(|pixel| grey(pixel[3])).collect(),
        Layer::Importance => guide.iter().map(|pixel| heat(pixel[2])).collect(),
        Layer::Motion => {
            guide.iter().map(|pixel| direction(pixel[0], pixel[1], gain / STRONGEST_MOTION)).collect()
        }
        Layer::Quantiser => {
            let map = analysis.map.as_ref()?;
            let luma = &analysis.stage(Stage::Rendered)?.rgb;
            let blocks = |i: usize| {
                let [column, row] = [i % size[0], i / size[0]].map(|at| at / map.block as usize);
                map.offsets.get(row * map.columns as usize + column).copied().unwrap_or(0.0)
            };
            let luma = luma.rgb();
            let pixels = luma.chunks_exact(3).enumerate();
            pixels.map(|(i, rgb)| tinted(rgb, offset_colour(blocks(i)))).collect()
        }
        Layer::Difference => {
            let [a, b] = analysis.compared(setup.from_truth)?;
            let (a, b) = (fitting(a, size)?.rgb.rgb(), fitting(b, size)?.rgb.rgb());
            let pairs = a.chunks_exact(3).zip(b.chunks_exact(3));
            let code = |a: u8, b: u8| (gain * f32::from(a.abs_diff(b))).min(255.0) as u8;
            pairs
                .map(|(a, b)| Color32::from_rgb(code(a[0], b[0]), code(a[1], b[1]), code(a[2], b[2])))
                .collect()
        }
    };
    (pixels.len() == size[0] * size[1]).then(|| ColorImage::new(size, pixels))
}

/// The picture, if it has the frame's size: one that comes late may be of another.
fn fitting(picture: &StagePicture, size: [usize; 2]) -> Option<&StagePicture> {
    ([picture.rgb.width(), picture.rgb.height()] == size).then_some(picture)
}

fn codes(codes: &Codes, plane: usize, [width, height]: [usize; 2]) -> Vec<Color32> {
    let shift = codes.bit_depth.saturating_sub(8);
    let code = |i: usize| codes.at([i % width, i / width]).map_or(0, |codes| codes[plane] >> shift);
    (0..width * height).map(|i| Color32::from_gray(code(i) as u8)).collect()
}

fn grey(share: f32) -> Color32 {
    Color32::from_gray((share.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// From 0, black, through blue, red and yellow to 1, white: always lighter.
pub(crate) fn heat(share: f32) -> Color32 {
    const STOPS: [[f32; 3]; 6] = [
        [0.0, 0.0, 0.0],
        [45.0, 16.0, 110.0],
        [150.0, 35.0, 120.0],
        [228.0, 88.0, 60.0],
        [252.0, 180.0, 60.0],
        [255.0, 255.0, 225.0],
    ];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let low = (at as usize).min(STOPS.len() - 2);
    let part = at - low as f32;
    let [r, g, b] = [0, 1, 2].map(|c| egui::lerp(STOPS[low][c]..=STOPS[low + 1][c], part) as u8);
    Color32::from_rgb(r, g, b)
}

/// Blue for better, red for worse, grey for none.
pub(crate) fn offset_colour(offset: f32) -> Color32 {
    let share = (offset / STRONGEST_OFFSET).clamp(-1.0, 1.0);
    let (none, better, worse) = ([128.0, 128.0, 128.0], [36.0, 120.0, 255.0], [255.0, 70.0, 40.0]);
    let end: [f32; 3] = if share < 0.0 { better } else { worse };
    let [r, g, b] = [0, 1, 2].map(|c| egui::lerp(none[c]..=end[c], share.abs()) as u8);
    Color32::from_rgb(r, g, b)
}

/// A colour with the light and shade of a picture.
fn tinted(rgb: &[u8], colour: Color32) -> Color32 {
    let luma = 0.2126 * f32::from(rgb[0]) + 0.7152 * f32::from(rgb[1]) + 0.0722 * f32::from(rgb[2]);
    let light = 0.35 + 0.65 * luma / 255.0;
    let [r, g, b] = [colour.r(), colour.g(), colour.b()].map(|c| (f32::from(c) * light) as u8);
    Color32::from_rgb(r, g, b)
}

/// The hue of a direction, red to the right and then round by the clock, as light as it is far.
pub(crate) fn direction(right: f32, down: f32, scale: f32) -> Color32 {
    let length = right.hypot(down) * scale;
    if length.is_nan() || length <= 0.0 {
        return Color32::BLACK;
    }
    let hue = down.atan2(right).rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
    let [r, g, b] = egui::ecolor::rgb_from_hsv((hue, 0.85, 1.0));
    // A small motion has to be seen, too.
    let light = length.min(1.0).sqrt();
    let [r, g, b] = [r, g, b].map(|c| (255.0 * light * c) as u8);
    Color32::from_rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_say_what_they_should() {
        assert_eq!(heat(0.0), Color32::BLACK);
        assert_eq!(heat(1.0), Color32::from_rgb(255, 255, 225));
        let light = |c: Color32| u32::from(c.r()) + u32::from(c.g()) + u32::from(c.b());
        assert!((1..=20).all(|i| light(heat(i as f32 / 20.0)) > light(heat((i - 1) as f32 / 20.0))));
        assert_eq!(offset_colour(0.0), Color32::from_gray(128));
        assert_eq!(offset_colour(-99.0), Color32::from_rgb(36, 120, 255));
        assert_eq!(offset_colour(99.0), Color32::from_rgb(255, 70, 40));
        assert_eq!(direction(0.0, 0.0, 1.0), Color32::BLACK);
        assert_eq!(direction(f32::NAN, 0.0, 1.0), Color32::BLACK);
        let [right, down] = [direction(1.0, 0.0, 1.0), direction(0.0, 1.0, 1.0)];
        assert!(right.r() > right.g() && right.r() > right.b());
        // A quarter round from red, between yellow and green.
        assert!(down.g() > down.r() && down.r() > down.b());
    }
}
