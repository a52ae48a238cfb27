//! The learned filter on frames in memory.

use effigy_splat::Frame;
use rayon::prelude::*;

use super::network::{CELL, Cells, LayerWeights, LearnedNetwork, Scratch, change};
use crate::VideoError;
use crate::focus::{Focus, FocusOptions, Importance};
use crate::format::Alpha;
use crate::prefilter::check_pair;

/// Rec. ITU-R BT.709: shares of red, green and blue in luma.
pub(super) const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// How a learned filter is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedOptions {
    /// How the face is followed.
    pub focus: FocusOptions,
    /// Over how many pixels attention falls from 1 within the face's rectangle to none outside of it.
    pub feather: f32,
    /// What part of the network's changes is made: 0, none, to 1, all.
    pub strength: f32,
    /// What part of that is made where attention is gone. What costs the whole picture most is done there.
    pub outside: f32,
    /// What the picture is encoded over. Over a colour, changes are made to what is seen; otherwise to premultiplied colour,
    /// as far as alpha covers.
    pub alpha: Alpha,
}

impl Default for LearnedOptions {
    /// Full strength, over black; attention is gone 32 pixels from the face, and nothing is done beyond.
    fn default() -> Self {
        let alpha = Alpha::Over([0.0; 3]);
        Self { focus: FocusOptions::default(), feather: 32.0, strength: 1.0, outside: 0.0, alpha }
    }
}

impl LearnedOptions {
    pub(super) fn check(&self) -> Result<(), VideoError> {
        if !(self.feather > 0.0 && self.feather.is_finite()) {
            return Err(VideoError::Settings("a feather is above 0 pixels".into()));
        }
        if ![self.strength, self.outside].iter().all(|part| (0.0..=1.0).contains(part)) {
            return Err(VideoError::Settings("a filter's strength is from 0 to 1".into()));
        }
        Ok(())
    }

    /// The colour behind a picture, and whether it is to be seen.
    pub(super) fn background(&self) -> ([f32; 3], bool) {
        match self.alpha {
            Alpha::Over(color) => (color, true),
            _ => ([0.0; 3], false),
        }
    }
}

/// Changes the luma of pictures so that they cost an encoder less; colour differences stay as they are. Allocates for the
/// first picture, and when the size grows.
#[derive(Clone, Debug)]
pub struct LearnedFilter {
    network: LearnedNetwork,
    options: LearnedOptions,
    focus: Focus,
    /// The layers at the last quantiser.
    layers: Option<(f32, [LayerWeights; 3])>,
    lumas: Cells,
    attention: Cells,
    scratch: Scratch,
}

impl LearnedFilter {
    /// Before the first picture.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning.
    pub fn new(network: LearnedNetwork, options: LearnedOptions) -> Result<Self, VideoError> {
        options.check()?;
        let focus = Focus::new(options.focus)?;
        Ok(Self {
            network,
            options,
            focus,
            layers: None,
            lumas: Cells::default(),
            attention: Cells::default(),
            scratch: Scratch::default(),
        })
    }

    /// Filters the next picture in place, for an encoder at this quality (H.264's quantiser). Where no face was seen yet,
    /// nothing is done.
    ///
    /// # Errors
    /// [`VideoError::Map`] if the importance is not of the picture's size, [`VideoError::Picture`] for a frame that lacks
    /// colours.
    pub fn apply(
        &mut self,
        importance: &Importance<'_>,
        quality: f32,
        frame: &mut Frame,
    ) -> Result<(), VideoError> {
        check_pair(importance, frame)?;
        let (width, height) = (frame.width as usize, frame.height as usize);
        self.focus.update(importance);
        if self.focus.edges().is_none() || self.options.strength == 0.0 {
            return Ok(());
        }
        let (background, over) = self.options.background();
        let (focus, feather, color) = (&self.focus, self.options.feather, &frame.color);
        let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
        self.lumas.resize(CELL, columns, rows);
        self.lumas.fill(|row, planes| {
            for (i, plane) in planes.iter_mut().enumerate() {
                // At odd sizes the last pixel repeats.
                let line = &color[(2 * row + i / 2).min(height - 1) * width..][..width];
                for (x, luma) in plane.iter_mut().enumerate() {
                    *luma = luma_over(line[(2 * x + i % 2).min(width - 1)], background) - 0.5;
                }
            }
        });
        self.attention.resize(1, columns, rows);
        self.attention.fill(|row, planes| {
            for (x, value) in planes.iter_mut().flat_map(|plane| plane.iter_mut().enumerate()) {
                let low = [2.0 * x as f32, 2.0 * row as f32];
                *value = attention_at(focus.distance(low, low.map(|v| v + 2.0)) / feather);
            }
        });
        if self.layers.as_ref().is_none_or(|(at, _)| *at != quality) {
            self.layers = Some((quality, self.network.at(quality)));
        }
        let Some((_, layers)) = &self.layers else { return Ok(()) };
        change(layers, &self.lumas, &self.attention, &mut self.scratch);
        let (change, attention, LearnedOptions { strength, outside, .. }) =
            (&self.scratch.change, &self.attention, self.options);
        frame.color.par_chunks_exact_mut(width).enumerate().for_each(|(y, line)| {
            let planes = [0, 1].map(|i| change.row(CELL / 2 * (y % 2) + i, y / 2));
            let seen = attention.row(0, y / 2);
            for (x, pixel) in line.iter_mut().enumerate() {
                let share = if over { 1.0 } else { pixel[3] };
                let part = strength * (outside + (1.0 - outside) * seen[x / 2]);
                let change = part * share * planes[x % 2][x / 2];
                pixel[..3].iter_mut().for_each(|c| *c += change);
            }
        });
        Ok(())
    }

    /// What is followed.
    pub fn focus(&self) -> &Focus {
        &self.focus
    }
}

/// How much is looked at a place whose distance from the face is this share of the feather.
fn attention_at(share: f32) -> f32 {
    let share = share.min(1.0);
    1.0 - share * share * (3.0 - 2.0 * share)
}

fn luma_over(color: [f32; 4], background: [f32; 3]) -> f32 {
    let left = 1.0 - color[3].clamp(0.0, 1.0);
    (0..3).map(|c| LUMA[c] * (color[c] + left * background[c]).clamp(0.0, 1.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::network::HIDDEN;
    use super::super::network::tests::file;
    use super::*;
    use crate::format::Association;

    const SIZE: (u32, u32) = (75, 61);

    /// Noise that is here and there transparent, the same every time.
    fn noise() -> Frame {
        let mut frame = Frame::default();
        frame.reset(SIZE.0, SIZE.1);
        let mut state = 1_u32;
        for (i, pixel) in frame.color.iter_mut().enumerate() {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32
            };
            let alpha = [1.0, 0.0, 0.25][i % 3];
            *pixel = [next() * alpha, next() * alpha, next() * alpha, alpha];
        }
        frame
    }

    fn importance() -> Vec<f32> {
        let inside = |i: u32| (10..26).contains(&(i % SIZE.0)) && (8..24).contains(&(i / SIZE.0));
        (0..SIZE.0 * SIZE.1).map(|i| if inside(i) { 0.9 } else { 0.0 }).collect()
    }

    fn apply(network: &[u8], options: LearnedOptions, values: &[f32], quality: f32) -> Frame {
        let network = LearnedNetwork::from_bytes(network).unwrap();
        let mut frame = noise();
        let importance = Importance::new(SIZE.0, SIZE.1, values).unwrap();
        LearnedFilter::new(network, options).unwrap().apply(&importance, quality, &mut frame).unwrap();
        frame
    }

    fn everywhere() -> LearnedOptions {
        LearnedOptions { outside: 1.0, ..LearnedOptions::default() }
    }

    /// Adds to every luma what nothing depends on.
    fn constant(change: f32) -> Vec<u8> {
        let bias = (change / 0.1).atanh();
        file(|name, _, _, _| if name == "conv3.bias" { bias } else { 0.0 })
    }

    /// Adds 0.1·tanh of half of the first luma of a cell less 0.5, wherever it is.
    fn first_luma() -> Vec<u8> {
        file(|name, _, i, tap| if name == "conv3.weight" && (i, tap) == (HIDDEN, 4) { 0.5 } else { 0.0 })
    }

    /// Adds 0.1·tanh of half of the attention.
    fn attention() -> Vec<u8> {
        file(|name, o, _, _| if name == "conv3.bias" && o < CELL { 0.5 } else { 0.0 })
    }

    #[test]
    fn nothing_changes_without_strength_or_a_face_or_weights() {
        let before = noise();
        let none = LearnedOptions { strength: 0.0, ..LearnedOptions::default() };
        assert_eq!(apply(&constant(0.05), none, &importance(), 30.0), before);
        let nobody = vec![0.0; importance().len()];
        assert_eq!(apply(&constant(0.05), LearnedOptions::default(), &nobody, 30.0), before);
        assert_eq!(apply(&constant(0.0), LearnedOptions::default(), &importance(), 30.0), before);
    }

    #[test]
    fn luma_changes_and_colour_differences_do_not() {
        for (alpha, share) in
            [(Alpha::Over([0.3; 3]), [1.0; 3]), (Alpha::Plane(Association::Premultiplied), [1.0, 0.0, 0.25])]
        {
            let options = LearnedOptions { strength: 0.5, alpha, ..everywhere() };
            let (before, after) = (noise(), apply(&constant(0.06), options, &importance(), 30.0));
            for (i, (a, b)) in before.color.iter().zip(&after.color).enumerate() {
                for c in 0..3 {
                    let change = b[c] - a[c];
                    assert!((change - 0.03 * share[i % 3]).abs() < 1e-6, "{i}: {change}");
                }
                assert_eq!(a[3], b[3]);
            }
        }
    }

    /// The network sees the luma that a viewer sees, in its place, also where the last row and column stand alone.
    #[test]
    fn cells_have_the_luma_of_their_pixels() {
        let after = apply(&first_luma(), everywhere(), &importance(), 30.0);
        let before = noise();
        let width = SIZE.0 as usize;
        for (x, y) in [(0, 0), (1, 1), (30, 41), (74, 60), (73, 60), (74, 3)] {
            let first = before.color[y / 2 * 2 * width + x / 2 * 2];
            let luma: f64 = (0..3).map(|c| f64::from(first[c]) * [0.2126, 0.7152, 0.0722][c]).sum();
            let wanted = 0.1 * (0.5 * (luma - 0.5)).tanh();
            let change = after.color[y * width + x][0] - before.color[y * width + x][0];
            assert!((f64::from(change) - wanted).abs() < 1e-6, "{x} {y}: {change} and not {wanted}");
        }
    }

    #[test]
    fn attention_falls_away_from_the_face() {
        let after = apply(&attention(), everywhere(), &importance(), 30.0);
        let before = noise();
        let seen = |x: usize, y: usize| {
            let i = y * SIZE.0 as usize + x;
            ((after.color[i][0] - before.color[i][0]) / 0.1).atanh() / 0.5
        };
        // The rectangle ends at x = 26; cells of two pixels; half of the feather is 16 pixels.
        for (x, wanted) in [(12, 1.0), (25, 1.0), (26, 1.0), (42, 0.5), (58, 0.0), (70, 0.0)] {
            assert!((seen(x, 12) - wanted).abs() < 2e-3, "{x}: {} and not {wanted}", seen(x, 12));
        }
    }

    #[test]
    fn changes_end_where_attention_does() {
        let before = noise();
        for outside in [0.0, 0.25] {
            let options = LearnedOptions { outside, ..LearnedOptions::default() };
            let after = apply(&constant(0.06), options, &importance(), 30.0);
            for (x, attention) in [(12, 1.0), (42, 0.5), (58, 0.0), (70, 0.0)] {
                let i = 12 * SIZE.0 as usize + x;
                let change = after.color[i][0] - before.color[i][0];
                let wanted = 0.06 * (outside + (1.0 - outside) * attention);
                assert!((change - wanted).abs() < 1e-5, "{x}: {change} and not {wanted}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let network = LearnedNetwork::from_bytes(&constant(0.0)).unwrap();
        for options in [
            LearnedOptions { feather: 0.0, ..LearnedOptions::default() },
            LearnedOptions { strength: 1.1, ..LearnedOptions::default() },
            LearnedOptions { strength: f32::NAN, ..LearnedOptions::default() },
            LearnedOptions { outside: -0.1, ..LearnedOptions::default() },
        ] {
            assert!(LearnedFilter::new(network.clone(), options).is_err());
        }
        let mut filter = LearnedFilter::new(network, LearnedOptions::default()).unwrap();
        let values = importance();
        let importance = Importance::new(SIZE.0, SIZE.1, &values).unwrap();
        let mut frame = noise();
        frame.color.pop();
        assert!(matches!(filter.apply(&importance, 30.0, &mut frame), Err(VideoError::Picture(_))));
        frame.reset(SIZE.1, SIZE.0);
        assert!(matches!(filter.apply(&importance, 30.0, &mut frame), Err(VideoError::Map(_))));
    }
}
