//! A track's weights as curves, drawn into a picture once and shown until they change.

use effigy_rig::Track;
use egui::{Color32, ColorImage, Pos2, Rect, pos2};

use crate::control_groups::Group;

/// Controls that move by less are not drawn, nor such as stay so near to rest.
const STILL: f32 = 1e-3;

/// The curves of a track.
#[derive(Debug)]
pub(crate) struct Curves {
    track: Track,
    /// The columns that move; where none does, those that are away from rest.
    shown: Vec<usize>,
    /// Least and greatest value that there is room for.
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Curves {
    pub(crate) fn new(track: Track) -> Self {
        let controls = track.names.len();
        let extent = |c: usize| {
            let values = track.weights.iter().skip(c).step_by(controls.max(1));
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
        };
        let extents: Vec<(f32, f32)> = (0..controls).map(extent).collect();
        let with = |is: fn((f32, f32)) -> f32| -> Vec<usize> {
            (0..controls).filter(|&c| is(extents[c]) > STILL).collect()
        };
        let mut shown = with(|(low, high)| high - low);
        if shown.is_empty() {
            shown = with(|(low, high)| high.max(-low));
        }
        let low = extents.iter().fold(0.0_f32, |least, extent| least.min(extent.0));
        let high = extents.iter().fold(1.0_f32, |most, extent| most.max(extent.1));
        Self { track, shown, low, high }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The column of the control called `name`.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.track.names.iter().position(|other| other == name)
    }

    pub(crate) fn name(&self, column: usize) -> &str {
        self.track.names.get(column).map_or("", String::as_str)
    }

    /// The value of a control at `time`, seconds.
    pub(crate) fn value(&self, column: usize, time: f64) -> f32 {
        let times = &self.track.times;
        let next = times.partition_point(|&t| t <= time);
        let at = |frame: usize| self.track.frame(frame).get(column).copied().unwrap_or(0.0);
        match (next.checked_sub(1), times.get(next)) {
            (Some(from), Some(&to)) => {
                let part = ((time - times[from]) / (to - times[from])) as f32;
                at(from) + (at(next) - at(from)) * part
            }
            (Some(last), None) => at(last),
            (None, _) => at(0),
        }
    }

    /// The least and greatest value of a control between two times.
    fn between(&self, column: usize, from: f64, to: f64) -> (f32, f32) {
        let (a, b) = (self.value(column, from), self.value(column, to));
        let times = &self.track.times;
        let frames = times.partition_point(|&t| t <= from)..times.partition_point(|&t| t < to);
        frames
            .filter_map(|frame| self.track.frame(frame).get(column).copied())
            .fold((a.min(b), a.max(b)), |(low, high), value| (low.min(value), high.max(value)))
    }

    /// The control whose curve passes nearest to a point, if one passes within `reach` points.
    pub(crate) fn nearest(&self, scale: &Scale, at: Pos2, reach: f32) -> Option<usize> {
        let (from, to) = (scale.time(at.x - 2.0), scale.time(at.x + 2.0));
        let distance = |&column: &usize| {
            let (low, high) = self.between(column, from, to);
            let (top, bottom) = (scale.y(high), scale.y(low));
            (top - at.y).max(at.y - bottom).max(0.0)
        };
        let nearest = self.shown.iter().map(|c| (*c, distance(c))).min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.filter(|(_, distance)| *distance <= reach).map(|(column, _)| column)
    }

    /// The curve of one control, a point for each of the screen.
    pub(crate) fn line(&self, column: usize, scale: &Scale) -> Vec<Pos2> {
        let steps = scale.area.width().max(1.0) as usize;
        let mut points = Vec::with_capacity(2 * steps);
        for i in 0..steps {
            let x = scale.area.left() + i as f32;
            let (from, to) = (scale.time(x), scale.time(x + 1.0));
            let (low, high) = self.between(column, from, to);
            let first = self.value(column, from);
            points.push(pos2(x, scale.y(first)));
            // Where more happens than one point shows, all of it is swept over.
            if scale.y(low) - scale.y(high) > 3.0 {
                points.push(pos2(x + 0.3, scale.y(high)));
                points.push(pos2(x + 0.6, scale.y(low)));
            }
        }
        points.push(pos2(scale.area.right(), scale.y(self.value(column, scale.duration))));
        points
    }

    /// All curves, faint, in a picture of so many pixels.
    pub(crate) fn picture(&self, [width, height]: [usize; 2], dark: bool) -> ColorImage {
        let mut ink = vec![[0.0_f32; 4]; width * height];
        let area = Rect::from_min_size(Pos2::ZERO, egui::vec2(width as f32, height as f32));
        let scale = Scale { area, duration: self.track.duration(), low: self.low, high: self.high };
        for &column in &self.shown {
            let [r, g, b, _] = Group::of_morph(self.name(column)).color(dark).to_array().map(f32::from);
            for x in 0..width {
                let (low, high) = self.between(column, scale.time(x as f32), scale.time(x as f32 + 1.0));
                // A line one pixel thick, and as far as it goes within this column.
                let (top, bottom) = (scale.y(high) - 0.5, scale.y(low) + 0.5);
                let rows = top.max(0.0) as usize..=(bottom.max(0.0) as usize).min(height.saturating_sub(1));
                for y in rows {
                    let covered = (bottom.min(y as f32 + 1.0) - top.max(y as f32)).clamp(0.0, 1.0);
                    let alpha = 0.55 * covered;
                    if let Some(pixel) = ink.get_mut(y * width + x) {
                        for (channel, value) in pixel.iter_mut().zip([r, g, b, 255.0]) {
                            *channel = *channel * (1.0 - alpha) + value * alpha;
                        }
                    }
                }
            }
        }
        let pixels = ink
            .into_iter()
            .map(|[r, g, b, a]| Color32::from_rgba_premultiplied(r as u8, g as u8, b as u8, a as u8))
            .collect();
        ColorImage::new([width, height], pixels)
    }
}

/// Where times and values are on the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) area: Rect,
    /// From the left edge to the right one, seconds.
    pub(crate) duration: f64,
    /// Values at the bottom and at the top.
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Scale {
    pub(crate) fn x(&self, time: f64) -> f32 {
        let part = if self.duration > 0.0 { (time / self.duration).clamp(0.0, 1.0) } else { 0.0 };
        self.area.left() + part as f32 * self.area.width()
    }

    pub(crate) fn time(&self, x: f32) -> f64 {
        let part = f64::from((x - self.area.left()) / self.area.width().max(1.0));
        part.clamp(0.0, 1.0) * self.duration
    }

    /// With a little room above and below.
    pub(crate) fn y(&self, value: f32) -> f32 {
        let part = (value - self.low) / (self.high - self.low).max(1e-6);
        self.area.bottom() - 4.0 - part * (self.area.height() - 8.0).max(1.0)
    }

    /// The smallest round number of seconds, or of frames of `interval`, that is at least `points` long.
    pub(crate) fn tick(&self, points: f32, interval: f64) -> f64 {
        let least = self.duration * f64::from(points / self.area.width().max(1.0));
        let steps =
            [interval, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0];
        let longer = 600.0 * (least / 600.0).ceil().max(1.0);
        steps.into_iter().find(|&step| step >= least && step >= interval).unwrap_or(longer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> Curves {
        Curves::new(Track {
            names: vec!["jawOpen".into(), "still".into(), "eyeBlinkLeft".into()],
            times: vec![0.0, 1.0, 2.0],
            weights: vec![0.0, 0.5, 1.0, 1.0, 0.5, 1.5, 0.0, 0.5, 1.0],
            ..Track::default()
        })
    }

    fn scale() -> Scale {
        let area = Rect::from_min_size(pos2(10.0, 20.0), egui::vec2(200.0, 108.0));
        Scale { area, duration: 2.0, low: 0.0, high: 1.0 }
    }

    #[test]
    fn values_lie_between_frames() {
        let curves = curves();
        assert_eq!((curves.shown.as_slice(), curves.low, curves.high), ([0, 2].as_slice(), 0.0, 1.5));
        // A face that is held is shown as it is.
        let held = Track {
            names: vec!["jawOpen".into(), "eyeBlinkLeft".into()],
            times: vec![0.0, 1.0],
            weights: vec![0.7, 0.0, 0.7, 0.0],
            ..Track::default()
        };
        assert_eq!(Curves::new(held).shown, [0]);
        for (time, expected) in [(-1.0, 0.0), (0.25, 0.25), (1.0, 1.0), (1.5, 0.5), (9.0, 0.0)] {
            assert_eq!(curves.value(0, time), expected, "{time}");
        }
        // A peak between the ends is not missed.
        assert_eq!(curves.between(0, 0.5, 1.5), (0.5, 1.0));
    }

    #[test]
    fn the_screen_and_time_correspond() {
        let scale = scale();
        assert_eq!((scale.x(1.0), scale.time(110.0)), (110.0, 1.0));
        assert_eq!((scale.time(0.0), scale.time(900.0)), (0.0, 2.0));
        assert_eq!((scale.y(0.0), scale.y(1.0)), (124.0, 24.0));
        // 2 s over 200 points: 60 points are 0.6 s.
        assert_eq!(scale.tick(60.0, 0.033), 1.0);
        assert_eq!(scale.tick(1.0, 0.033), 0.033);
        // 30,000 s are needed: the next multiple of ten minutes. Frames of two seconds have no smaller ticks.
        assert_eq!(Scale { duration: 1e5, ..scale }.tick(59.9, 0.033), 30_000.0);
        assert_eq!(scale.tick(1.0, 2.0), 2.0);
    }

    #[test]
    fn the_nearest_curve_is_the_one_pointed_at() {
        let (curves, scale) = (curves(), Scale { high: 1.5, ..scale() });
        let jaw = pos2(scale.x(0.5), scale.y(0.5) + 3.0);
        assert_eq!(curves.nearest(&scale, jaw, 6.0), Some(0));
        let blink = pos2(scale.x(0.5), scale.y(1.25) - 3.0);
        assert_eq!(curves.nearest(&scale, blink, 6.0), Some(2));
        assert_eq!(curves.nearest(&scale, pos2(scale.x(0.1), scale.y(0.5)), 6.0), None);
    }

    #[test]
    fn curves_leave_ink_where_they_pass() {
        let curves = curves();
        let picture = curves.picture([200, 108], true);
        let row = |value: f32| (104.0 - value / 1.5 * 100.0) as usize;
        let inked = |x: usize, value: f32| picture.pixels[row(value) * 200 + x].a() > 60;
        // Half a second in: the jaw at 0.5, the lid at 1.25, nothing at 0.9.
        assert!(inked(50, 0.5) && inked(50, 1.25) && !inked(50, 0.9));
        let line = curves.line(0, &scale());
        let peak = line.iter().map(|p| p.y).fold(f32::INFINITY, f32::min);
        assert!((peak - 24.0).abs() < 1.1, "{peak}");
    }
}
