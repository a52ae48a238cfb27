//! The avatar beside the pictures of a capture: seen by the same cameras, with the same controls.

use std::sync::Arc;

use effigy_rig::Pose;
use effigy_splat::{Camera, Frame};

use crate::job::Fault;
use crate::state::{Outcome, State};

/// What there is of the picture that is to be shown.
pub(crate) enum Ready {
    /// There is none.
    Nothing,
    /// It is being read.
    Soon,
    Picture {
        camera: Camera,
        shot: usize,
        truth: Arc<Frame>,
    },
}

/// Poses the avatar as it is in the picture that is to be shown, and has that read.
pub(crate) fn follow(ui: &egui::Ui, state: &mut State) -> Ready {
    let Some(shots) = &mut state.view2d.shots else {
        hold(ui, state, None);
        return Ready::Nothing;
    };
    let Some(loaded) = state.scene.loaded() else { return Ready::Nothing };
    if shots.posed.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, &loaded.avatar)) {
        let rig = loaded.avatar.body.as_ref().map(|body| &body.rig);
        let poses = rig.map_or(Ok(Vec::new()), |rig| (shots.poses)(rig)).unwrap_or_else(|fault| {
            let advice = "The avatar stays at rest. Open the avatar that was made from this capture.";
            state.messages.fault(format!("{}: {fault}", shots.name), advice);
            Vec::new()
        });
        shots.posed = Some((loaded.avatar.clone(), poses));
    }
    let held = shots.posed.as_ref().and_then(|(_, poses)| poses.get(shots.at)).cloned();
    let posed = !hold(ui, state, held);
    let Some(shots) = &mut state.view2d.shots else { return Ready::Nothing };
    let (Some(shot), at) = (shots.list.get(shots.at), shots.at) else { return Ready::Nothing };
    match &shots.picture {
        // The pose is taken with the next frame.
        Some((of, truth)) if *of == at && posed => {
            return Ready::Picture { camera: shot.camera, shot: at, truth: truth.clone() };
        }
        Some((of, _)) if *of == at => return Ready::Soon,
        _ if shots.broken.contains(&at) => return Ready::Nothing,
        _ if shots.reading == Some(at) => return Ready::Soon,
        _ => {}
    }
    shots.reading = Some(at);
    let (read, id, name, camera) = (shot.read.clone(), shots.id, shot.name.clone(), shot.camera);
    state.jobs.start("Reading a picture", move |_| -> Result<Outcome, Fault> {
        let picture = read().and_then(|frame| {
            let (wanted, found) = ([camera.width, camera.height], [frame.width, frame.height]);
            let fault = || format!("{found:?} pixels, and its camera has {wanted:?}");
            if wanted == found { Ok(Arc::new(frame)) } else { Err(fault()) }
        });
        Ok(Box::new(move |state| {
            let Some(shots) = state.view2d.shots.as_mut().filter(|shots| shots.id == id) else { return };
            if shots.reading == Some(at) {
                shots.reading = None;
            }
            match picture {
                Ok(picture) => shots.picture = Some((at, picture)),
                Err(fault) => {
                    shots.broken.push(at);
                    let advice = "Mend the capture, or go on to another picture.";
                    state.messages.fault(format!("{name}: {fault}"), advice);
                }
            }
        }))
    });
    Ready::Soon
}

/// Has the avatar stand in a pose, or move again, from the next frame on. Says whether that is another.
pub(crate) fn hold(ui: &egui::Ui, state: &mut State, pose: Option<Pose>) -> bool {
    let other = state.scene.held != pose;
    if other {
        state.scene.held = pose;
        ui.request_repaint();
    }
    other
}
