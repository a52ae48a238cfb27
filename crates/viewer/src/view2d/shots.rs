//! The pictures of a capture beside the avatar: from the same cameras, with the same controls.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_rig::{Pose, Rig};
use effigy_splat::{Camera, Frame};

use crate::job::Fault;
use crate::state::{Outcome, State};

/// Reads a picture: premultiplied sRGB and alpha.
pub(crate) type Read = Arc<dyn Fn() -> Result<Frame, String> + Send + Sync>;
/// The pose of a rig in each picture.
pub(crate) type Poses = Arc<dyn Fn(&Rig) -> Result<Vec<Pose>, String> + Send + Sync>;

/// One picture of a capture.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) name: String,
    /// For people: which camera took it and what for.
    pub(crate) about: String,
    pub(crate) camera: Camera,
    pub(crate) read: Read,
}

/// The pictures of a capture, and the one that is shown.
pub(crate) struct Shots {
    /// Tells it from others.
    id: u64,
    pub(crate) name: String,
    pub(crate) list: Vec<Shot>,
    poses: Poses,
    /// Of the avatar that they were made for.
    posed: Option<(Arc<Avatar>, Vec<Pose>)>,
    pub(crate) at: usize,
    /// The picture that was read last, and which it is.
    picture: Option<(usize, Arc<Frame>)>,
    reading: Option<usize>,
    /// Those that cannot be read.
    broken: Vec<usize>,
}

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

impl Shots {
    /// `id` tells them from others.
    pub(crate) fn new(id: u64, name: String, list: Vec<Shot>, poses: Poses) -> Self {
        Self { id, name, list, poses, posed: None, at: 0, picture: None, reading: None, broken: Vec::new() }
    }

    /// The one that is shown.
    pub(crate) fn shot(&self) -> Option<&Shot> {
        self.list.get(self.at)
    }

    /// Goes so many pictures on, round from the last to the first.
    pub(crate) fn step(&mut self, by: i32) {
        let count = self.list.len().max(1) as i64;
        self.at = (self.at as i64 + i64::from(by)).rem_euclid(count) as usize;
    }
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
