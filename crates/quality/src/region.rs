//! The parts of a frame that are measured on their own.

use crate::mask::Mask;
use crate::rect::Rect;

/// The least side for VMAF and XPSNR, pixels.
pub const LEAST_SIDE: usize = 64;

/// The least side of a rectangle that [`RectFinder`] finds, pixels: every measure takes it.
pub const LEAST_FOUND: usize = 128;

/// What reports call the whole frame.
pub(crate) const WHOLE: &str = "frame";

/// A named part of every frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// What reports call it.
    pub name: String,
    /// Where it is.
    pub extent: Extent,
}

/// Where a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The whole frame.
    Whole,
    /// One rectangle, the same in every frame. Every measure takes it, as if the frames had been cropped to it.
    Rect(Rect),
    /// The pixels of the mask that comes with each frame. Measures that have no value for single pixels (SSIMULACRA2 and
    /// those of FFmpeg) do not take it; frames whose mask is empty are left out.
    Mask,
}

impl Region {
    /// The whole frame, called "frame".
    pub fn whole() -> Self {
        Self { name: WHOLE.into(), extent: Extent::Whole }
    }

    /// A rectangle, as it is; see [`Rect::grown`].
    pub fn rect(name: impl Into<String>, rect: Rect) -> Self {
        Self { name: name.into(), extent: Extent::Rect(rect) }
    }

    /// The pixels of each frame's mask.
    pub fn mask(name: impl Into<String>) -> Self {
        Self { name: name.into(), extent: Extent::Mask }
    }
}

/// How the rectangles of the frames become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gather {
    /// The smallest that holds all.
    #[default]
    Union,
    /// Each edge where half of the frames have it: not led astray by a few frames, and it cuts off what moves.
    Median,
}

/// Finds the rectangle in which something stays over a sequence, such as the face by its importance.
#[derive(Clone, Debug, Default)]
pub struct RectFinder {
    size: Option<(usize, usize)>,
    /// Left, top, right, bottom of each frame that has any.
    edges: [Vec<usize>; 4],
}

impl RectFinder {
    /// Takes the next frame's mask. A mask of another size than the first is passed over.
    pub fn push(&mut self, mask: &Mask) {
        let size = *self.size.get_or_insert((mask.width(), mask.height()));
        if size != (mask.width(), mask.height()) {
            return;
        }
        if let Some(Rect { x, y, width, height }) = mask.bounds() {
            for (edges, edge) in self.edges.iter_mut().zip([x, y, x + width, y + height]) {
                edges.push(edge);
            }
        }
    }

    /// The rectangle, [grown](Rect::grown) to [`LEAST_FOUND`] and even edges; `None` when every mask was empty.
    pub fn finish(mut self, gather: Gather) -> Option<Rect> {
        let (width, height) = self.size?;
        let [left, top, right, bottom] = match gather {
            Gather::Union => [
                *self.edges[0].iter().min()?,
                *self.edges[1].iter().min()?,
                *self.edges[2].iter().max()?,
                *self.edges[3].iter().max()?,
            ],
            Gather::Median => {
                let mut middle = [0; 4];
                for (middle, edges) in middle.iter_mut().zip(&mut self.edges) {
                    edges.sort_unstable();
                    *middle = *edges.get(edges.len() / 2)?;
                }
                middle
            }
        };
        // Each right edge is beyond its own left edge, so are the medians.
        let rect = Rect {
            x: left,
            y: top,
            width: right.saturating_sub(left).max(1),
            height: bottom.saturating_sub(top).max(1),
        };
        Some(rect.grown(LEAST_FOUND, width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rect: Rect) -> Mask {
        let importance: Vec<f32> = (0..400 * 300)
            .map(|i| (i % 400, i / 400))
            .map(|(x, y)| {
                let inside =
                    (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y);
                if inside { 0.8 } else { 0.3 }
            })
            .collect();
        Mask::of_importance(400, 300, &importance, 0.5).unwrap()
    }

    #[test]
    fn gathers_the_rectangles_of_frames() {
        let mut finder = RectFinder::default();
        for (x, y) in [(100, 80), (104, 82), (102, 90), (0, 80), (101, 80)] {
            finder.push(&mask(Rect { x, y, width: 120, height: 100 }));
        }
        finder.push(&Mask::of_importance(400, 300, &[0.0; 120_000], 0.5).unwrap());
        let union = finder.clone().finish(Gather::Union).unwrap();
        assert_eq!(union, Rect { x: 0, y: 70, width: 224, height: 128 });
        let median = finder.finish(Gather::Median).unwrap();
        // Lefts 0 100 101 102 104, rights 120 220 221 222 224, tops 80 80 80 82 90, bottoms 180 180 180 182
        // 190: 120 × 100 pixels at 101, 80, grown to 128 a side. Of the union it is only the height.
        assert_eq!(median, Rect { x: 96, y: 66, width: 128, height: 128 });
        assert_eq!(RectFinder::default().finish(Gather::Union), None);
    }
}
