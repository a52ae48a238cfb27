//! A low-pass filter around the face, for encoders that take no quality map: detail that is gone before encoding costs no
//! bits.

use effigy_splat::Frame;
use rayon::prelude::*;

use crate::VideoError;
use crate::focus::{Focus, FocusOptions, Importance};

/// Steps of the standard deviation from none to [`LARGEST_SIGMA`].
pub(crate) const LEVELS: usize = 121;
/// The largest standard deviation, pixels.
pub(crate) const LARGEST_SIGMA: f32 = 3.0;
/// Weights on each side of the middle one: two and a half of the largest deviation.
pub(crate) const REACH: usize = 8;

/// What the filter does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterOptions {
    /// How the face is followed.
    pub focus: FocusOptions,
    /// Over how many pixels the filter rises to its full strength, from the face's rectangle outwards.
    pub feather: f32,
    /// The quantiser (H.264's, 0 to 51) at and below which nothing is filtered.
    pub from_quality: f32,
    /// Standard deviation in pixels that is added by every step of the quantiser above.
    pub sigma_per_step: f32,
    /// The largest standard deviation, pixels; 3 at most.
    pub max_sigma: f32,
}

impl Default for FilterOptions {
    /// Full strength 32 pixels from the face; from quantiser 18 on, 0.06 pixels a step, 1.2 at most.
    fn default() -> Self {
        Self {
            focus: FocusOptions::default(),
            feather: 32.0,
            from_quality: 18.0,
            sigma_per_step: 0.06,
            max_sigma: 1.2,
        }
    }
}

impl FilterOptions {
    /// Whether the numbers have a meaning; those of [`FilterOptions::focus`] aside.
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub(crate) fn validate(&self) -> Result<(), VideoError> {
        let Self { feather, from_quality, sigma_per_step, max_sigma, .. } = *self;
        if !(feather > 0.0 && feather.is_finite() && from_quality.is_finite()) {
            return Err(VideoError::Settings("a feather is above 0 pixels".into()));
        }
        if !(sigma_per_step >= 0.0
            && sigma_per_step.is_finite()
            && (0.0..=LARGEST_SIGMA).contains(&max_sigma))
        {
            return Err(VideoError::Settings("a filter's standard deviation is from 0 to 3 pixels".into()));
        }
        Ok(())
    }

    /// The standard deviation far from the face for a target quality, pixels.
    pub fn sigma(&self, quality: f32) -> f32 {
        ((quality - self.from_quality) * self.sigma_per_step).clamp(0.0, self.max_sigma)
    }
}

/// Blurs pictures outside of the face, and leaves every bit of the face's rectangle as it is. Allocates for the first
/// picture, and when the size grows.
#[derive(Clone, Debug)]
pub struct PreFilter {
    options: FilterOptions,
    focus: Focus,
    blur: Blur,
    levels: Vec<u8>,
}

impl PreFilter {
    /// Before the first picture.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning.
    pub fn new(options: FilterOptions) -> Result<Self, VideoError> {
        options.validate()?;
        Ok(Self { options, focus: Focus::new(options.focus)?, blur: Blur::new(), levels: Vec::new() })
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
        self.focus.update(importance);
        let sigma = self.options.sigma(quality);
        if self.focus.edges().is_none() || !(sigma > 0.0) {
            return Ok(());
        }
        let width = frame.width as usize;
        self.levels.resize(frame.color.len(), 0);
        let (focus, feather) = (&self.focus, self.options.feather);
        self.levels.par_chunks_exact_mut(width).enumerate().for_each(|(y, levels)| {
            for (x, level) in levels.iter_mut().enumerate() {
                let low = [x as f32, y as f32];
                let share = (focus.distance(low, low.map(|v| v + 1.0)) / feather).min(1.0);
                // Rises without a kink at either end.
                *level = level_of(sigma * share * share * (3.0 - 2.0 * share));
            }
        });
        self.blur.apply(&self.levels, frame);
        Ok(())
    }

    /// What is followed.
    pub fn focus(&self) -> &Focus {
        &self.focus
    }
}

/// Blurs a whole picture alike by a Gaussian of `sigma` pixels, 3 at most: what [`PreFilter`] has to be better than.
///
/// # Errors
/// [`VideoError::Picture`] for a frame that lacks colours.
pub fn plain_blur(sigma: f32, frame: &mut Frame) -> Result<(), VideoError> {
    check(frame)?;
    let levels = vec![level_of(sigma); frame.color.len()];
    Blur::new().apply(&levels, frame);
    Ok(())
}

/// That a picture is whole and its importance of its size.
pub(crate) fn check_pair(importance: &Importance<'_>, frame: &Frame) -> Result<(), VideoError> {
    if importance.size() != (frame.width, frame.height) {
        let (width, height) = importance.size();
        return Err(VideoError::Map(format!(
            "an importance map of {width}x{height} pixels for a picture of {}x{}",
            frame.width, frame.height
        )));
    }
    check(frame)
}

fn check(frame: &Frame) -> Result<(), VideoError> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    if width == 0 || width.checked_mul(height) != Some(frame.color.len()) {
        return Err(VideoError::Picture(format!(
            "a frame of {width}x{height} pixels has {} colours",
            frame.color.len()
        )));
    }
    Ok(())
}

fn level_of(sigma: f32) -> u8 {
    (sigma / LARGEST_SIGMA * (LEVELS - 1) as f32).round().clamp(0.0, (LEVELS - 1) as f32) as u8
}

/// Weights of the middle and of both neighbours at each distance, for each level.
pub(crate) fn gaussians() -> Vec<[f32; REACH + 1]> {
    let weights = (0..LEVELS).map(|level| {
        let sigma = level as f32 / (LEVELS - 1) as f32 * LARGEST_SIGMA;
        let mut weights = [0.0; REACH + 1];
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = if i == 0 { 1.0 } else { (-0.5 * (i as f32 / sigma).powi(2)).exp() };
        }
        let sum = 2.0 * weights.iter().sum::<f32>() - weights[0];
        weights.map(|w| w / sum)
    });
    weights.collect()
}

/// A separable Gaussian whose width is each pixel's own.
#[derive(Clone, Debug)]
struct Blur {
    /// Weights of the middle and of both neighbours at each distance, for each level.
    weights: Vec<[f32; REACH + 1]>,
    rows: Vec<[f32; 4]>,
}

impl Blur {
    fn new() -> Self {
        Self { weights: gaussians(), rows: Vec::new() }
    }

    /// `levels` has one entry a pixel. Beyond the edges the last pixel repeats.
    fn apply(&mut self, levels: &[u8], frame: &mut Frame) {
        let width = frame.width as usize;
        let height = frame.color.len() / width;
        self.rows.resize(frame.color.len(), [0.0; 4]);
        let (weights, color) = (&self.weights, &frame.color);
        self.rows.par_chunks_exact_mut(width).enumerate().for_each(|(y, out)| {
            let line = &color[y * width..(y + 1) * width];
            for (x, (out, level)) in out.iter_mut().zip(&levels[y * width..]).enumerate() {
                *out = blend(&weights[usize::from(*level)], *level, x, width, |x| line[x]);
            }
        });
        let rows = &self.rows;
        frame.color.par_chunks_exact_mut(width).enumerate().for_each(|(y, out)| {
            for (x, (out, level)) in out.iter_mut().zip(&levels[y * width..]).enumerate() {
                *out = blend(&weights[usize::from(*level)], *level, y, height, |y| rows[y * width + x]);
            }
        });
    }
}

/// The weighted mean around `at`, of `count` along one axis.
fn blend(
    weights: &[f32; REACH + 1],
    level: u8,
    at: usize,
    count: usize,
    pixel: impl Fn(usize) -> [f32; 4],
) -> [f32; 4] {
    if level == 0 {
        return pixel(at);
    }
    let mut sum = pixel(at).map(|v| v * weights[0]);
    for (distance, weight) in weights.iter().enumerate().skip(1) {
        // The rest of a narrow Gaussian is nothing.
        if *weight < 1e-6 {
            break;
        }
        let (a, b) = (pixel(at.saturating_sub(distance)), pixel((at + distance).min(count - 1)));
        for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
            *sum += weight * (a + b);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u32 = 128;

    /// Opaque noise, the same every time.
    fn noise() -> Frame {
        let mut frame = Frame::default();
        frame.reset(SIZE, SIZE);
        let mut state = 1_u32;
        for pixel in &mut frame.color {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32
            };
            *pixel = [next(), next(), next(), 1.0];
        }
        frame
    }

    fn face(x: u32) -> Vec<f32> {
        let inside = |i: u32| (x..x + 32).contains(&(i % SIZE)) && (48..80).contains(&(i / SIZE));
        (0..SIZE * SIZE).map(|i| if inside(i) { 0.7 } else { 0.1 }).collect()
    }

    /// Mean squared difference of neighbours along rows, over columns.
    fn detail(frame: &Frame, columns: std::ops::Range<usize>) -> f32 {
        let (mut sum, mut count) = (0.0, 0.0);
        for row in frame.color.chunks_exact(SIZE as usize) {
            for pair in row[columns.clone()].windows(2) {
                sum += (pair[1][0] - pair[0][0]).powi(2);
                count += 1.0;
            }
        }
        sum / count
    }

    fn filtered(filter: &mut PreFilter, x: u32, quality: f32) -> Frame {
        let (values, mut frame) = (face(x), noise());
        filter.apply(&Importance::new(SIZE, SIZE, &values).unwrap(), quality, &mut frame).unwrap();
        frame
    }

    #[test]
    fn leaves_the_face_alone_and_takes_detail_from_the_rest() {
        let before = noise();
        let mut filter = PreFilter::new(FilterOptions::default()).unwrap();
        let after = filtered(&mut filter, 48, 34.0);
        let at = |frame: &Frame, x: usize, y: usize| frame.color[y * SIZE as usize + x];
        for y in 48..80 {
            for x in 48..80 {
                assert_eq!(at(&before, x, y), at(&after, x, y));
            }
        }
        let [near, far] = [85..95, 112..128].map(|c| detail(&after, c.clone()) / detail(&before, c));
        assert!(far < 0.1 && far < near && near < 1.0, "{near} {far}");
        assert!(after.color.iter().all(|c| (c[3] - 1.0).abs() < 1e-5));
    }

    #[test]
    fn a_step_becomes_the_integral_of_the_gaussian() {
        let mut frame = Frame::default();
        frame.reset(64, 4);
        for (i, pixel) in frame.color.iter_mut().enumerate() {
            *pixel = if i % 64 < 32 { [0.0; 4] } else { [1.0; 4] };
        }
        // Sums of exp(-x^2 / 2) over whole numbers: the weights are 0.39894, 0.24197, 0.05399, 0.00443, 0.00013.
        plain_blur(1.0, &mut frame).unwrap();
        let found: Vec<f32> = (30..34).map(|x| frame.color[64 + x][0]).collect();
        for (found, wanted) in found.iter().zip([0.05856, 0.30053, 0.69947, 0.94144]) {
            assert!((found - wanted).abs() < 1e-3, "{found} and not {wanted}");
        }
    }

    #[test]
    fn strength_follows_the_target() {
        let options = FilterOptions::default();
        assert_eq!(options.sigma(10.0), 0.0);
        assert!((options.sigma(28.0) - 0.6).abs() < 1e-6);
        assert_eq!(options.sigma(51.0), 1.2);
        let mut filter = PreFilter::new(options).unwrap();
        let left = |filter: &mut PreFilter, quality| detail(&filtered(filter, 48, quality), 112..128);
        let levels = [18.0, 26.0, 34.0].map(|quality| left(&mut filter, quality));
        assert_eq!(levels[0], detail(&noise(), 112..128));
        assert!(levels[0] > 1.5 * levels[1] && levels[1] > 1.5 * levels[2], "{levels:?}");
    }

    #[test]
    fn a_trembling_face_does_not_make_it_flicker() {
        let mut filter = PreFilter::new(FilterOptions::default()).unwrap();
        let frames: Vec<Frame> =
            [48, 47, 48, 49, 48, 47, 49].into_iter().map(|x| filtered(&mut filter, x, 34.0)).collect();
        assert!(frames[3..].windows(2).all(|pair| pair[0].color == pair[1].color));
        // A face that moves away is followed by one pixel a picture at most: no pixel jumps.
        let mut last = frames.last().unwrap().clone();
        filtered(&mut filter, 64, 34.0);
        let mut next = filtered(&mut filter, 64, 34.0);
        let mut steps = 0;
        for _ in 0..40 {
            std::mem::swap(&mut last, &mut next);
            next = filtered(&mut filter, 64, 34.0);
            let jump =
                last.color.iter().zip(&next.color).map(|(a, b)| (a[0] - b[0]).abs()).fold(0.0, f32::max);
            steps += usize::from(jump > 0.0);
            assert!(jump < 0.12, "{jump}");
        }
        assert!(steps > 2, "{steps}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut filter = PreFilter::new(FilterOptions::default()).unwrap();
        let values = [0.0; 16];
        let importance = Importance::new(4, 4, &values).unwrap();
        let mut frame = Frame::default();
        frame.reset(8, 2);
        assert!(matches!(filter.apply(&importance, 30.0, &mut frame), Err(VideoError::Map(_))));
        frame.reset(4, 4);
        frame.color.pop();
        assert!(matches!(filter.apply(&importance, 30.0, &mut frame), Err(VideoError::Picture(_))));
        assert!(plain_blur(1.0, &mut frame).is_err());
        assert!(PreFilter::new(FilterOptions { max_sigma: 9.0, ..Default::default() }).is_err());
        assert!(PreFilter::new(FilterOptions { feather: 0.0, ..Default::default() }).is_err());
    }
}
