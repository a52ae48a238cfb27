//! What is shown: an avatar, what moves it, the time, and the pose that follows.

use std::path::PathBuf;
use std::sync::Arc;

use effigy_avatar::{Avatar, Extents, Part, parts};
use effigy_render::{GpuAvatar, RenderError};
use effigy_rig::{Pose, Wrap};

use crate::graphics::Graphics;
use crate::motion::Motion;
use crate::overrides::Overrides;

/// An avatar, on the device.
pub(crate) struct Loaded {
    pub(crate) avatar: Arc<Avatar>,
    /// The file it came from; none for the bundled one.
    pub(crate) path: Option<PathBuf>,
    pub(crate) gpu: GpuAvatar,
    pub(crate) extents: Extents,
    /// Of each Gaussian.
    pub(crate) parts: Arc<Vec<Part>>,
}

impl Loaded {
    /// Puts an avatar on the device. Takes a while.
    pub(crate) fn new(
        avatar: Avatar,
        path: Option<PathBuf>,
        graphics: &Graphics,
    ) -> Result<Self, RenderError> {
        let avatar = Arc::new(avatar);
        let beside = std::thread::scope(|scope| {
            let extents = scope.spawn(|| (Extents::of(&avatar), parts(&avatar)));
            let gpu = graphics.build_renderer().and_then(|renderer| renderer.upload(&avatar));
            (extents.join(), gpu)
        });
        let (Ok((extents, parts)), gpu) = beside else {
            return Err(RenderError::Avatar("its size cannot be found".into()));
        };
        let extents = extents.map_err(|error| RenderError::Avatar(error.to_string()))?;
        Ok(Self { gpu: gpu?, extents, parts: Arc::new(parts), avatar, path })
    }

    /// For people.
    pub(crate) fn name(&self) -> &str {
        match &self.path {
            None => "Bundled avatar",
            Some(_) if self.avatar.name.is_empty() => "Avatar",
            Some(_) => &self.avatar.name,
        }
    }
}

/// The time in the motion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Seconds.
    pub(crate) time: f64,
    pub(crate) playing: bool,
    /// Of the real one.
    pub(crate) speed: f64,
    pub(crate) looping: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { time: 0.0, playing: false, speed: 1.0, looping: true }
    }
}

impl Clock {
    /// Goes on by `seconds` of real time in a motion of `duration` and a frame.
    fn advance(&mut self, seconds: f64, duration: f64, interval: f64) {
        if !self.playing {
            return;
        }
        if duration <= 0.0 {
            self.playing = false;
            return;
        }
        self.time += seconds * self.speed;
        if self.looping {
            // The last frame lasts as long as the others.
            self.time = self.time.rem_euclid(duration + interval);
        } else if self.time >= duration {
            (self.time, self.playing) = (duration, false);
        } else {
            self.time = self.time.max(0.0);
        }
    }

    fn wrap(&self) -> Wrap {
        if self.looping { Wrap::Loop } else { Wrap::Clamp }
    }
}

/// What is shown.
#[derive(Default)]
pub(crate) struct Scene {
    loaded: Option<Loaded>,
    pub(crate) motion: Motion,
    pub(crate) clock: Clock,
    pose: Option<Pose>,
    /// Another for every avatar and pose.
    revision: u64,
}

impl Scene {
    pub(crate) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The pose that is shown; none for an avatar without a rig.
    pub(crate) fn pose(&self) -> Option<&Pose> {
        self.pose.as_ref()
    }

    /// Another number for every avatar and pose that is shown.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Shows another avatar, at the start of its own animation if it has one.
    pub(crate) fn show(&mut self, loaded: Loaded) {
        let rig = loaded.avatar.body.as_ref().map(|body| &body.rig);
        self.motion = Motion::own(rig);
        self.pose = rig.map(Pose::rest);
        self.loaded = Some(loaded);
        self.clock = Clock { speed: self.clock.speed, looping: self.clock.looping, ..Clock::default() };
        self.revision += 1;
    }

    /// Shows what became of the same avatar, which goes on moving as it does.
    #[cfg(feature = "train")]
    pub(crate) fn replace(&mut self, loaded: Loaded) {
        self.loaded = Some(loaded);
        // So that it is posed.
        self.pose = None;
        self.revision += 1;
    }

    /// Moves the avatar by something else.
    pub(crate) fn set_motion(&mut self, motion: Motion) {
        self.motion = motion;
        self.clock.time = 0.0;
    }

    /// Goes on by `seconds` and poses the avatar: by its motion, and then by what was set by hand.
    ///
    /// # Errors
    /// As [`GpuAvatar::set_pose`].
    pub(crate) fn advance(&mut self, seconds: f64, overrides: &Overrides) -> Result<(), RenderError> {
        self.clock.advance(seconds, self.motion.duration(), self.motion.frame_interval());
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        let Some(body) = &loaded.avatar.body else { return Ok(()) };
        let mut pose = Pose::rest(&body.rig);
        self.motion.apply(&body.rig, self.clock.time, self.clock.wrap(), &mut pose);
        overrides.apply(&body.rig, &mut pose);
        if self.pose.as_ref() != Some(&pose) {
            loaded.gpu.set_pose(&pose)?;
            self.pose = Some(pose);
            self.revision += 1;
        }
        Ok(())
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
        clock = Clock { playing: true, looping: false, speed: 2.0, time: 1.5 };
        clock.advance(1.0, 2.0, 0.5);
        assert_eq!((clock.time, clock.playing), (2.0, false));
        clock.playing = true;
        clock.advance(1.0, 0.0, 0.5);
        assert!(!clock.playing);
    }
}
