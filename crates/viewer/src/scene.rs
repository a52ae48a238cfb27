//! What is shown: an avatar, what moves it, the time, and the pose that follows.

use std::path::PathBuf;
use std::sync::Arc;

use effigy_avatar::{Avatar, Extents, Part, parts};
use effigy_render::{GpuAvatar, RenderError};
use effigy_rig::{Pose, Rig};

use crate::clock::Clock;
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

/// What is shown.
#[derive(Default)]
pub(crate) struct Scene {
    loaded: Option<Loaded>,
    pub(crate) motion: Motion,
    pub(crate) clock: Clock,
    pose: Option<Pose>,
    /// Stands in for what motion and hand would make of the pose.
    pub(crate) held: Option<Pose>,
    /// Another for every avatar and pose.
    revision: u64,
    /// Another for every avatar.
    generation: u64,
}

impl Scene {
    pub(crate) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The pose that is shown; none for an avatar without a rig.
    pub(crate) fn pose(&self) -> Option<&Pose> {
        self.pose.as_ref()
    }

    /// The rig of the avatar, if it has one.
    pub(crate) fn rig(&self) -> Option<&Rig> {
        Some(&self.loaded.as_ref()?.avatar.body.as_ref()?.rig)
    }

    /// The pose as it would be if nothing was set by hand.
    pub(crate) fn followed(&self) -> Option<Pose> {
        let rig = self.rig()?;
        let mut pose = Pose::rest(rig);
        self.motion.apply(rig, self.clock.time, self.clock.wrap(), &mut pose);
        Some(pose)
    }

    /// Another number for every avatar.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Another number for every avatar and pose that is shown.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Shows nothing, and moves it by nothing.
    pub(crate) fn clear(&mut self) {
        let (revision, generation) = (self.revision + 1, self.generation + 1);
        *self = Self { revision, generation, ..Self::default() };
    }

    /// Shows another avatar, at the start of its own animation if it has one.
    pub(crate) fn show(&mut self, loaded: Loaded) {
        let rig = loaded.avatar.body.as_ref().map(|body| &body.rig);
        self.motion = Motion::own(rig);
        self.pose = rig.map(Pose::rest);
        self.loaded = Some(loaded);
        // It was another rig's.
        self.held = None;
        self.clock = Clock { speed: self.clock.speed, looping: self.clock.looping, ..Clock::default() };
        self.revision += 1;
        self.generation += 1;
    }

    /// Shows what became of the same avatar, which goes on moving as it does.
    pub(crate) fn replace(&mut self, loaded: Loaded) {
        self.loaded = Some(loaded);
        // So that it is posed.
        self.pose = None;
        self.revision += 1;
    }

    /// Moves the avatar by something else.
    pub(crate) fn set_motion(&mut self, motion: Motion) {
        self.motion = motion;
        (self.clock.time, self.clock.range) = (0.0, None);
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
        if let Some(held) = &self.held {
            pose.clone_from(held);
        }
        if self.pose.as_ref() != Some(&pose) {
            loaded.gpu.set_pose(&pose)?;
            self.pose = Some(pose);
            self.revision += 1;
        }
        Ok(())
    }
}
