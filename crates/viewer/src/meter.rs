//! How long things take, for the performance panel.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use effigy_render::Stage;

/// How many frames are looked back on.
const KEPT: usize = 120;

/// The last times of something that is done in every frame, milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Times {
    last: VecDeque<f32>,
}

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(time.as_secs_f32() * 1e3);
    }

    /// The median; 0 before the first.
    pub(crate) fn median(&self) -> f32 {
        let mut sorted: Vec<f32> = self.last.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }

    /// The longest.
    pub(crate) fn most(&self) -> f32 {
        self.last.iter().copied().fold(0.0, f32::max)
    }

    /// The oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = f32> {
        self.last.iter().copied()
    }
}

/// What the viewer knows of its own speed.
#[derive(Debug)]
pub(crate) struct Meter {
    /// From frame to frame while something moves.
    pub(crate) frames: Times,
    /// Processor time of building and tessellating the interface, without recording the avatar.
    pub(crate) interface: Times,
    /// Processor time of recording and submitting the avatar.
    pub(crate) recording: Times,
    /// Milliseconds of each stage, as they were last measured, in the order of [`Stage::ALL`].
    pub(crate) stages: Option<[f64; Stage::ALL.len()]>,
    /// When the program started.
    start: Instant,
    /// From there to the first picture of an avatar.
    pub(crate) first_picture: Option<Duration>,
    last_frame: Option<Instant>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            frames: Times::default(),
            interface: Times::default(),
            recording: Times::default(),
            stages: None,
            start: Instant::now(),
            first_picture: None,
            last_frame: None,
        }
    }

    /// A frame begins; `moving` if the last one asked for it.
    pub(crate) fn begin(&mut self, moving: bool) {
        let now = Instant::now();
        if let (true, Some(last)) = (moving, self.last_frame) {
            self.frames.add(now - last);
        }
        self.last_frame = Some(now);
    }

    /// An avatar is in the picture that is drawn now.
    pub(crate) fn seen(&mut self) {
        self.first_picture.get_or_insert(self.start.elapsed());
    }
}

/// Memory that the process holds, bytes, where the system says.
pub(crate) fn resident_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_the_last_frames() {
        let mut times = Times::default();
        assert_eq!(times.median(), 0.0);
        for milliseconds in 1..=1000 {
            times.add(Duration::from_millis(milliseconds));
        }
        // 881 to 1000.
        assert_eq!((times.median(), times.most(), times.all().count()), (941.0, 1000.0, KEPT));
    }

    #[test]
    fn memory_grows_with_what_is_held() {
        let Some(before) = resident_memory() else {
            println!("skipped: this system does not say how much memory a process holds");
            return;
        };
        let held = vec![1_u8; 64 << 20];
        let after = resident_memory().unwrap();
        assert!(after >= before + (48 << 20), "{before} {after} {}", held[held.len() - 1]);
    }
}
