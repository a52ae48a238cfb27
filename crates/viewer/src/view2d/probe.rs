//! What stands in a single pixel.

use super::analysis::Analysis;
use super::setup::Stage;

/// What stands in a single pixel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) pixel: [u32; 2],
    /// Premultiplied sRGB and alpha, as rendered.
    pub(crate) rgba: [f32; 4],
    /// By stage: what is seen over the background, and the codes of luma and of blue and red differences.
    pub(crate) stages: [Option<([u8; 3], [u16; 3])>; 4],
    pub(crate) importance: Option<f32>,
    /// Since the frame before, pixels right and down.
    pub(crate) motion: Option<[f32; 2]>,
    /// Of the pixel's block.
    pub(crate) offset: Option<f32>,
    /// Metres; nothing where nothing is.
    pub(crate) depth: Option<f32>,
}

impl Probe {
    /// Of a pixel; nothing outside of the frame.
    pub(crate) fn of(analysis: &Analysis, pixel: [u32; 2]) -> Option<Self> {
        let [width, height] = analysis.size();
        let [x, y] = pixel.map(|v| v as usize);
        if x >= width || y >= height {
            return None;
        }
        let at = y * width + x;
        let rendered = &analysis.rendered;
        let guide = rendered.guide.get(at);
        let stage = |stage| {
            let picture = analysis.stage(stage)?;
            let (wide, rgb) = (picture.rgb.width(), picture.rgb.rgb());
            let start = 3 * (y * wide + x);
            let seen = (x < wide).then(|| rgb.get(start..start + 3))??;
            Some(([seen[0], seen[1], seen[2]], picture.codes.at([x, y])?))
        };
        Some(Self {
            pixel,
            rgba: *rendered.frame.color.get(at)?,
            stages: [Stage::Rendered, Stage::Filtered, Stage::Decoded, Stage::Truth].map(stage),
            importance: guide.map(|guide| guide[2]),
            motion: guide.map(|guide| [guide[0], guide[1]]),
            offset: analysis.map.as_ref().and_then(|map| {
                let [column, row] = [x, y].map(|v| v / map.block as usize);
                map.offsets.get(row * map.columns as usize + column).copied()
            }),
            depth: rendered.frame.depth.get(at).copied().filter(|depth| *depth > 0.0),
        })
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        let [x, y] = self.pixel;
        let mut line = format!("{x}, {y}");
        if let Some(([r, g, b], [luma, u, v])) = self.stages[0] {
            let alpha = (self.rgba[3] * 255.0).round();
            line += &format!("   RGBA {r} {g} {b} {alpha}   YUV {luma} {u} {v}");
        }
        if let Some(importance) = self.importance {
            line += &format!("   importance {importance:.2}");
        }
        if let Some(offset) = self.offset {
            line += &format!("   QP {offset:+.1}");
        }
        if let Some(depth) = self.depth {
            line += &format!("   {depth:.3} m");
        }
        line
    }
}
