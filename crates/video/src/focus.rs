//! Where the eye looks: the rectangle around what is important, held still over time.

use crate::VideoError;

/// The importance of every pixel of a picture, 0 to 1, row-major from the top left. What is not a number counts as 0.
#[derive(Clone, Copy, Debug)]
pub struct Importance<'a> {
    width: usize,
    height: usize,
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    Shares(&'a [f32]),
    Codes(&'a [u8]),
    Guide(&'a [[f32; 4]]),
}

impl<'a> Importance<'a> {
    /// From values of 0 to 1.
    ///
    /// # Errors
    /// [`VideoError::Map`] if there are not `width` × `height`, or none.
    pub fn new(width: u32, height: u32, values: &'a [f32]) -> Result<Self, VideoError> {
        Self::of(width, height, values.len(), Values::Shares(values))
    }

    /// From bytes, of which 255 is 1.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_bytes(width: u32, height: u32, values: &'a [u8]) -> Result<Self, VideoError> {
        Self::of(width, height, values.len(), Values::Codes(values))
    }

    /// From a guide as [`effigy_render::read_guide`] gives it, whose third value is the importance.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_guide(width: u32, height: u32, guide: &'a [[f32; 4]]) -> Result<Self, VideoError> {
        Self::of(width, height, guide.len(), Values::Guide(guide))
    }

    fn of(width: u32, height: u32, count: usize, values: Values<'a>) -> Result<Self, VideoError> {
        let (width, height) = (width as usize, height as usize);
        if width.checked_mul(height) != Some(count) || count == 0 {
            return Err(VideoError::Map(format!(
                "an importance map of {count} values, and the picture has {width}x{height} pixels"
            )));
        }
        Ok(Self { width, height, values })
    }

    /// Width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// Whether no pixel of `columns` and `rows`, cut off at the picture's edges, is above 0.
    pub(crate) fn is_empty(&self, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> bool {
        let end = (columns.end as usize).min(self.width);
        let start = (columns.start as usize).min(end);
        (rows.start as usize..(rows.end as usize).min(self.height)).all(|y| {
            let span = y * self.width + start..y * self.width + end;
            match self.values {
                Values::Shares(v) => v[span].iter().all(|v| !(*v > 0.0)),
                Values::Codes(v) => v[span].iter().all(|v| *v == 0),
                Values::Guide(v) => v[span].iter().all(|v| !(v[2] > 0.0)),
            }
        })
    }

    /// Calls `each` with the columns of those pixels in `row` that have at least `threshold`.
    fn at_least(&self, row: usize, threshold: f32, mut each: impl FnMut(usize)) {
        let span = row * self.width..(row + 1) * self.width;
        let mut visit = |column: usize, value: f32| {
            if value >= threshold {
                each(column);
            }
        };
        match self.values {
            Values::Shares(v) => v[span].iter().enumerate().for_each(|(x, v)| visit(x, *v)),
            Values::Codes(v) => v[span].iter().enumerate().for_each(|(x, v)| visit(x, f32::from(*v) / 255.0)),
            Values::Guide(v) => v[span].iter().enumerate().for_each(|(x, v)| visit(x, v[2])),
        }
    }
}

/// How [`Focus`] follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocusOptions {
    /// The least importance that is looked at: 0.5, which the renderer gives to the face around eyes and mouth.
    pub threshold: f32,
    /// The least importance that belongs to the subject at all: 0.05. All below is background.
    pub subject: f32,
    /// A row or column with fewer pixels to look at does not stretch the rectangle: 3. Keeps specks out.
    pub least_pixels: u32,
    /// How far an edge may recede before the rectangle follows, pixels: 12. It always grows at once.
    pub slack: f32,
    /// How fast an edge then follows, pixels a picture: 1.
    pub follow: f32,
}

impl Default for FocusOptions {
    fn default() -> Self {
        Self { threshold: 0.5, subject: 0.05, least_pixels: 3, slack: 12.0, follow: 1.0 }
    }
}

impl FocusOptions {
    /// Whether the numbers have a meaning.
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub(crate) fn validate(&self) -> Result<(), VideoError> {
        let Self { threshold, subject, slack, follow, .. } = *self;
        if [threshold, subject, slack, follow].iter().any(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(VideoError::Settings(
                "thresholds, slack and speed of what is looked at are finite and not below 0".into(),
            ));
        }
        Ok(())
    }
}

/// A rectangle of pixels by its edges: left, top, right, bottom. Right and bottom are beyond the last pixel.
pub type Edges = [f32; 4];

/// Follows the rectangle around what is important. It contains all of it at any time, and does not tremble with it: maps
/// and filters that change without need make pictures flicker and cost bits.
#[derive(Clone, Debug)]
pub struct Focus {
    options: FocusOptions,
    size: (u32, u32),
    edges: Option<Edges>,
    share: f32,
    columns: Vec<u32>,
    rows: Vec<u32>,
}

impl Focus {
    /// Before the first picture.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options that are not finite or below 0.
    pub fn new(options: FocusOptions) -> Result<Self, VideoError> {
        options.validate()?;
        Ok(Self { options, size: (0, 0), edges: None, share: 0.0, columns: Vec::new(), rows: Vec::new() })
    }

    /// Takes the next picture's importance. A picture of another size starts anew. Where nothing is important, the
    /// rectangle stays as it was. Allocates only when the size changes.
    pub fn update(&mut self, importance: &Importance<'_>) {
        if self.size != importance.size() {
            self.size = importance.size();
            self.edges = None;
            self.share = 0.0;
            self.columns = vec![0; importance.width];
            self.rows = vec![0; importance.height];
        }
        self.columns.fill(0);
        for (y, row) in self.rows.iter_mut().enumerate() {
            *row = 0;
            importance.at_least(y, self.options.threshold, |x| {
                *row += 1;
                self.columns[x] += 1;
            });
        }
        let Some(now) = self.bounds() else { return };
        let first = self.edges.is_none();
        let mut edges = self.edges.unwrap_or(now);
        for (index, (edge, now)) in edges.iter_mut().zip(now).enumerate() {
            // Turned so that more is further out.
            let outward = if index < 2 { -1.0 } else { 1.0 };
            let excess = (*edge - now) * outward;
            if excess < 0.0 {
                *edge = now;
            } else if excess > self.options.slack {
                *edge -= outward * self.options.follow.min(excess - self.options.slack);
            }
        }
        self.edges = Some(edges);
        let share = self.measure_share(importance, edges);
        // Slowly: it sets a level for the whole picture.
        self.share = if first { share } else { self.share + 0.02 * (share - self.share) };
    }

    /// What was followed elsewhere takes the place of [`Self::update`].
    pub(crate) fn adopt(&mut self, edges: Option<Edges>, share: f32) {
        (self.edges, self.share) = (edges, share);
    }

    /// The rectangle, if there ever was one.
    pub fn edges(&self) -> Option<Edges> {
        self.edges
    }

    /// How much of the subject lies within the rectangle, 0 to 1, smoothed over time.
    pub fn share(&self) -> f32 {
        self.share
    }

    /// How far a span of pixels, from `low` to `high` along each axis, is from the rectangle; 0 where they overlap, and
    /// infinite where there is none.
    pub fn distance(&self, low: [f32; 2], high: [f32; 2]) -> f32 {
        let Some([left, top, right, bottom]) = self.edges else { return f32::INFINITY };
        let x = (left - high[0]).max(low[0] - right).max(0.0);
        let y = (top - high[1]).max(low[1] - bottom).max(0.0);
        x.hypot(y)
    }

    fn bounds(&self) -> Option<Edges> {
        let full = |count: &u32| *count >= self.options.least_pixels.max(1);
        let left = self.columns.iter().position(full)?;
        let right = self.columns.iter().rposition(full)? + 1;
        let top = self.rows.iter().position(full)?;
        let bottom = self.rows.iter().rposition(full)? + 1;
        Some([left as f32, top as f32, right as f32, bottom as f32])
    }

    fn measure_share(&self, importance: &Importance<'_>, [left, top, right, bottom]: Edges) -> f32 {
        let (mut inside, mut all) = (0_u32, 0_u32);
        let (columns, rows) = (left..right, top..bottom);
        // A quarter of the rows is enough for a share.
        for y in (0..importance.height).step_by(4) {
            let within = rows.contains(&(y as f32));
            importance.at_least(y, self.options.subject, |x| {
                all += 1;
                inside += u32::from(within && columns.contains(&(x as f32)));
            });
        }
        if all == 0 { 0.0 } else { inside as f32 / all as f32 }
    }
}
