//! Recording what is done into a track.

use effigy_rig::{Pose, Rig, RigError, Track, TrackLimits, TrackRecorder};

use crate::motion::Motion;
use crate::overrides::Overrides;
use crate::state::State;

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
    fn follow(
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
    fn stop(&mut self) -> Option<Result<Track, RigError>> {
        match std::mem::take(self) {
            Self::Running(recorder) => Some(recorder.finish()),
            _ => None,
        }
    }
}

/// Arms the recorder, or stops it and shows what it has recorded.
pub(crate) fn toggle(state: &mut State) {
    if state.recorder.is_on() {
        finish(state);
    } else if state.scene.rig().is_some() {
        state.recorder = Recorder::Armed(state.document.controls.clone());
    }
}

/// Takes what is shown after `seconds` more.
pub(crate) fn follow(state: &mut State, seconds: f64) {
    if !state.recorder.is_on() {
        return;
    }
    let (Some(rig), Some(pose)) = (state.scene.rig(), state.scene.pose()) else { return };
    let playing = state.scene.clock.playing;
    match state.recorder.follow(seconds, rig, pose, &state.document.controls, playing) {
        Ok(true) => {}
        Ok(false) => {
            state.messages.note("The recording is as long as one can be");
            finish(state);
        }
        Err(error) => {
            state.recorder = Recorder::Off;
            state.messages.fault(error.to_string(), "What was recorded is lost. Record it again.");
        }
    }
}

/// Stops and plays what was recorded instead of what was played before. One step back undoes it.
fn finish(state: &mut State) {
    let Some(track) = state.recorder.stop() else { return };
    let name = format!("Take {}", state.takes + 1);
    let made = track.map_err(|error| error.to_string()).and_then(|track| {
        let rig = state.scene.rig().ok_or("The avatar is gone")?;
        let text = format!("{name}: {:.2} s, {} frames", track.duration(), track.frame_count());
        Ok((Motion::track(&track, rig, name.clone(), None)?, text))
    });
    match made {
        Ok((motion, text)) => {
            state.takes += 1;
            state.scene.clock.playing = false;
            state.scene.set_motion(motion);
            // All that was set by hand is in the track now, and would stand still before it.
            state.document.controls = Overrides::default();
            state.messages.note(format!("{text}. Space plays it."));
        }
        Err(error) => state.messages.fault(error, "Move a control while it records."),
    }
}
