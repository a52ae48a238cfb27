//! The time in the motion.

use effigy_rig::Wrap;

/// The time in the motion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Seconds.
    pub(crate) time: f64,
    pub(crate) playing: bool,
    /// Of the real one.
    pub(crate) speed: f64,
    pub(crate) looping: bool,
    /// What is played of the motion, from and to, seconds; all of it without.
    pub(crate) range: Option<[f64; 2]>,
    /// Stands still while somebody drags it.
    pub(crate) held: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { time: 0.0, playing: false, speed: 1.0, looping: true, range: None, held: false }
    }
}

impl Clock {
    /// Goes on by `seconds` of real time in a motion of `duration` and a frame.
    pub(crate) fn advance(&mut self, seconds: f64, duration: f64, interval: f64) {
        if !self.playing || self.held {
            return;
        }
        if duration <= 0.0 {
            self.playing = false;
            return;
        }
        let [start, end] = self.span(duration);
        // The last frame of the whole lasts as long as the others; out of a range it goes back at once.
        let length = if self.range.is_none() { duration + interval } else { end - start };
        self.time += seconds * self.speed;
        if self.looping {
            self.time = start + (self.time - start).rem_euclid(length);
        } else if self.speed >= 0.0 && self.time >= end {
            (self.time, self.playing) = (end, false);
        } else if self.speed < 0.0 && self.time <= start {
            (self.time, self.playing) = (start, false);
        }
    }

    /// Starts or pauses; at the end of what is played it starts over.
    pub(crate) fn toggle(&mut self, duration: f64) {
        let [start, end] = self.span(duration);
        self.playing = !self.playing;
        if self.playing && !self.looping {
            if self.speed >= 0.0 && self.time >= end {
                self.time = start;
            } else if self.speed < 0.0 && self.time <= start {
                self.time = end;
            }
        }
    }

    /// From where to where is played.
    pub(crate) fn span(&self, duration: f64) -> [f64; 2] {
        match self.range {
            Some([start, end]) if start < end.min(duration) => [start.max(0.0), end.min(duration)],
            _ => [0.0, duration],
        }
    }

    /// Plays from `time` on; to the end where `time` is not before what was the end.
    pub(crate) fn set_in(&mut self, time: f64, duration: f64) {
        let [_, end] = self.span(duration);
        self.set_range(time, if time < end { end } else { duration }, duration);
    }

    /// Plays up to `time`; from the start where `time` is not after what was the start.
    pub(crate) fn set_out(&mut self, time: f64, duration: f64) {
        let [start, _] = self.span(duration);
        self.set_range(if start < time { start } else { 0.0 }, time, duration);
    }

    fn set_range(&mut self, start: f64, end: f64, duration: f64) {
        let (start, end) = (start.clamp(0.0, duration), end.clamp(0.0, duration));
        let part = start < end && (start > 0.0 || end < duration);
        self.range = part.then_some([start, end]);
    }

    pub(crate) fn wrap(&self) -> Wrap {
        if self.looping { Wrap::Loop } else { Wrap::Clamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_loop_stop_and_stand() {
        let mut clock = Clock { playing: true, ..Clock::default() };
        clock.advance(2.55, 2.0, 0.5);
        // After the last frame's half second: 0.05 s into the second round.
        assert!((clock.time - 0.05).abs() < 1e-12 && clock.playing);
        clock.speed = -1.0;
        clock.advance(0.15, 2.0, 0.5);
        assert!((clock.time - 2.4).abs() < 1e-12);
        clock = Clock { playing: true, looping: false, speed: 2.0, time: 1.5, ..Clock::default() };
        clock.advance(1.0, 2.0, 0.5);
        assert_eq!((clock.time, clock.playing), (2.0, false));
        clock.toggle(2.0);
        assert_eq!((clock.time, clock.playing), (0.0, true), "from the end it starts over");
        clock.speed = -1.0;
        clock.advance(1.0, 2.0, 0.5);
        assert_eq!((clock.time, clock.playing), (0.0, false));
        clock.playing = true;
        clock.advance(1.0, 0.0, 0.5);
        assert!(!clock.playing);
        clock = Clock { playing: true, held: true, time: 0.75, ..Clock::default() };
        clock.advance(1.0, 2.0, 0.5);
        assert_eq!((clock.time, clock.playing), (0.75, true));
    }

    #[test]
    fn a_range_is_what_is_played() {
        let mut clock = Clock { playing: true, time: 1.75, ..Clock::default() };
        clock.set_in(0.5, 4.0);
        clock.set_out(2.0, 4.0);
        assert_eq!(clock.range, Some([0.5, 2.0]));
        // 0.25 s to the end, and 0.25 s from the start.
        clock.advance(0.5, 4.0, 0.1);
        assert!((clock.time - 0.75).abs() < 1e-12);
        clock.looping = false;
        clock.advance(9.0, 4.0, 0.1);
        assert_eq!((clock.time, clock.playing), (2.0, false));
        // Ends that cross let the other one go.
        clock.set_in(3.0, 4.0);
        assert_eq!(clock.range, Some([3.0, 4.0]));
        clock.set_out(1.0, 4.0);
        assert_eq!(clock.range, Some([0.0, 1.0]));
        clock.set_out(4.0, 4.0);
        assert_eq!(clock.range, None, "all of it is no range");
        clock.range = Some([5.0, 6.0]);
        assert_eq!(clock.span(4.0), [0.0, 4.0], "of a longer motion");
    }
}
