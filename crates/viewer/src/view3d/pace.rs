//! Fewer pixels while something moves, on devices that are too slow for all of them.

use std::time::{Duration, Instant};

/// Parts of the picture's width and height, the finest first.
const SCALES: [f32; 5] = [1.0, 0.8, 0.6, 0.45, 0.35];
/// Frames that take longer are too slow, and those that take less could have more pixels.
const SLOW: Duration = Duration::from_millis(40);
const QUICK: Duration = Duration::from_millis(20);
/// So many in a row change something.
const IN_A_ROW: u32 = 4;
/// What has not changed for so long stands still.
const STILL: Duration = Duration::from_millis(180);
/// Longer than this is no frame, but a pause.
const PAUSE: Duration = Duration::from_millis(1000);

/// Finds how many pixels there is time for.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    level: usize,
    /// How many frames in a row were too slow, or quick.
    slow: u32,
    quick: u32,
    /// When what is shown last changed.
    changed: Option<Instant>,
}

impl Pace {
    /// The part of its width and height that the picture shall have at `now`; `changed` says whether it is another than in
    /// the last frame.
    pub(crate) fn scale(&mut self, changed: bool, now: Instant) -> f32 {
        if changed {
            if let Some(last) = self.changed.replace(now) {
                self.count(now.saturating_duration_since(last));
            }
            return SCALES[self.level];
        }
        let moving = self.changed.is_some_and(|last| now.saturating_duration_since(last) < STILL);
        if moving { SCALES[self.level] } else { 1.0 }
    }

    fn count(&mut self, time: Duration) {
        // Frames of no time are layouts of the same one.
        if time > PAUSE || time < Duration::from_millis(1) {
            return;
        }
        self.slow = if time > SLOW { self.slow + 1 } else { 0 };
        self.quick = if time < QUICK { self.quick + 1 } else { 0 };
        if self.slow >= IN_A_ROW {
            (self.level, self.slow) = ((self.level + 1).min(SCALES.len() - 1), 0);
        } else if self.quick >= 4 * IN_A_ROW {
            (self.level, self.quick) = (self.level.saturating_sub(1), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_devices_get_fewer_pixels_until_it_stands_still() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        // The first picture has all pixels, however long it takes.
        assert_eq!(pace.scale(true, now), 1.0);
        let mut scale = 1.0;
        for _ in 0..40 {
            // 20 ms and 60 ms for all pixels.
            now += Duration::from_secs_f32(0.02 + 0.06 * scale * scale);
            scale = pace.scale(true, now);
        }
        // 20 + 60 · 0.36 = 42 ms are too slow, 20 + 60 · 0.2 = 32 ms are not.
        assert_eq!(scale, 0.45);
        now += Duration::from_millis(50);
        assert_eq!(pace.scale(false, now), 0.45);
        now += Duration::from_millis(150);
        assert_eq!(pace.scale(false, now), 1.0);
        for _ in 0..200 {
            now += Duration::from_millis(8);
            scale = pace.scale(true, now);
        }
        assert_eq!(scale, 1.0);
    }
}
