//! Recording what is done into a track.

use crate::motion::Motion;
use crate::overrides::Overrides;
use crate::recorder::Recorder;
use crate::state::State;

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
