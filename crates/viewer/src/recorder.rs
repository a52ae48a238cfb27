//! What takes poses into a track.

use effigy_rig::{Pose, Rig, RigError, Track, TrackLimits, TrackRecorder};

use crate::overrides::Overrides;

/// Frames per second.
const RATE: f64 = 60.0;

/// Whether what is done is being recorded.
#[derive(Default)]
pub(crate) enum Recorder {
    #[default]
    Off,
    /// Starts with the first control that is moved from these, or with the motion.
    Armed(Overrides),
    Running(Box<TrackRecorder>),
}

impl Recorder {
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Seconds and frames so far.
    pub(crate) fn length(&self) -> Option<(f64, usize)> {
        match self {
            Self::Running(recorder) => Some((recorder.duration(), recorder.frame_count())),
            _ => None,
        }
    }

    /// Takes the pose after `seconds` more. Says whether there is room for more.
    pub(crate) fn follow(
        &mut self,
        seconds: f64,
        rig: &Rig,
        pose: &Pose,
        controls: &Overrides,
        playing: bool,
    ) -> Result<bool, RigError> {
        if let Self::Armed(before) = self
            && (before != controls || playing)
        {
            *self = Self::Running(Box::new(TrackRecorder::new(rig, RATE, &TrackLimits::default())?));
        }
        match self {
            Self::Running(recorder) => recorder.push(seconds, pose),
            _ => Ok(true),
        }
    }

    /// What was recorded, if anything was.
    pub(crate) fn stop(&mut self) -> Option<Result<Track, RigError>> {
        match std::mem::take(self) {
            Self::Running(recorder) => Some(recorder.finish()),
            _ => None,
        }
    }
}
