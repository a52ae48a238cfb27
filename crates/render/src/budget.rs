//! Keeping to a time a frame by drawing more or fewer Gaussians.

/// Finds the quality ([`crate::View::set_quality`]) at which frames take a given time. It is told how long each frame
/// took and says how good the next one should be; the host measures, for it knows what else a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameBudget {
    milliseconds: f32,
    quality: f32,
}

/// Quality is kept within these.
const QUALITY: (f32, f32) = (0.05, 1.0);
/// Times this near to the budget, as a part of it, change nothing, so that quality does not go to and fro.
const NEAR: f32 = 0.08;
/// Quality changes by no more than these factors from frame to frame: down quickly, up slowly.
const SLOWER: f32 = 0.7;
const FASTER: f32 = 1.05;

impl FrameBudget {
    /// For frames of `milliseconds`. Not a number and what is not above 0 count as the shortest time there is: the
    /// least quality.
    pub fn new(milliseconds: f32) -> Self {
        Self { milliseconds: milliseconds.max(f32::MIN_POSITIVE), quality: QUALITY.1 }
    }

    /// The quality for the next frame, after one that took `milliseconds`. A time that is not finite or not above 0 changes nothing.
    pub fn frame(&mut self, milliseconds: f32) -> f32 {
        let ratio = self.milliseconds / milliseconds;
        let measured = milliseconds > 0.0 && milliseconds.is_finite() && ratio.is_finite();
        if measured && (ratio - 1.0).abs() > NEAR {
            // Part of a frame does not depend on the number of Gaussians: halfway there is never too far.
            self.quality = (self.quality * ratio.sqrt().clamp(SLOWER, FASTER)).clamp(QUALITY.0, QUALITY.1);
        }
        self.quality
    }
}

#[cfg(test)]
mod tests {
    use super::FrameBudget;

    #[test]
    fn settles_at_the_budget_and_stays_there() {
        // A scene that takes 3 ms, and 20 ms for all its Gaussians.
        let cost = |quality: f32| 3.0 + 20.0 * quality;
        let mut budget = FrameBudget::new(11.0);
        let mut quality = budget.frame(cost(1.0));
        for _ in 0..60 {
            quality = budget.frame(cost(quality));
        }
        assert!((cost(quality) - 11.0).abs() < 1.0, "{}", cost(quality));
        assert_eq!(budget.frame(cost(quality)), quality);
        // The scene becomes cheaper, and then far too dear.
        for _ in 0..80 {
            quality = budget.frame(0.2 * cost(quality));
        }
        assert_eq!(quality, 1.0);
        for _ in 0..80 {
            quality = budget.frame(50.0 * cost(quality));
        }
        assert_eq!(quality, 0.05);
        for odd in [f32::NAN, f32::INFINITY, -1.0, 0.0] {
            assert_eq!(budget.frame(odd), 0.05);
        }
        assert_eq!(FrameBudget::new(f32::NAN).frame(5.0), 0.7);
    }
}
