//! Captures, as the trainer reads them.

use std::path::Path;
use std::sync::Arc;

use effigy_splat::Frame;
use effigy_train::capture::{Capture, CaptureOptions, Picture};

use super::shots::{Shot, Shots};
use crate::job::{Fault, Outcome};
use crate::options::Centre;
use crate::panel::inspector::Tab;
use crate::state::State;

/// Asks for a capture to compare the avatar with.
pub(crate) fn ask(state: &mut State) {
    let answer = rfd::AsyncFileDialog::new().set_title("Compare with a capture").pick_folder();
    state.jobs.start("Choosing a capture", move |_| -> Result<Outcome, Fault> {
        let chosen = pollster::block_on(answer).map(|folder| folder.path().to_owned());
        Ok(Box::new(move |state| {
            if let Some(path) = chosen {
                open(state, &path);
            }
        }))
    });
}

/// Opens a capture, and shows its first picture beside the avatar.
pub(crate) fn open(state: &mut State, path: &Path) {
    let path = path.to_owned();
    state.jobs.start("Opening the capture", move |_| -> Result<Outcome, Fault> {
        let advice = "A capture is a folder with transforms.json, or a COLMAP model, and pictures.";
        let options = CaptureOptions::default();
        let capture = Capture::open(&path, &options).map_err(|error| Fault::new(error, advice))?;
        if capture.frames.is_empty() {
            return Err(Fault::new(format!("{}: there are no pictures", path.display()), advice));
        }
        let name = path.file_name().map_or("Capture".into(), |name| name.to_string_lossy().into_owned());
        let limits = options.limits;
        let list = capture.frames.iter().map(|frame| {
            let camera = capture.camera_names.get(frame.camera_id).map_or("camera", String::as_str);
            let (picture, mask, limits) = (frame.picture.clone(), frame.mask.clone(), limits.clone());
            Shot {
                name: frame.name.clone(),
                about: format!("{camera}, {}", frame.split),
                camera: frame.camera,
                read: Arc::new(move || {
                    let picture = Picture::open(&picture, mask.as_deref(), &limits);
                    let picture = picture.map_err(|error| error.to_string())?;
                    let mut frame = Frame::default();
                    frame.reset(picture.width, picture.height);
                    picture.premultiplied_into(&mut frame.color);
                    Ok(frame)
                }),
            }
        });
        let list: Vec<Shot> = list.collect();
        Ok(Box::new(move |state| {
            let poses = Arc::new(move |rig: &effigy_rig::Rig| {
                effigy_train::poses(&capture, rig).map_err(|error| error.to_string())
            });
            state.view2d.show_shots(|id| Shots::new(id, name, list, poses));
            (state.centre, state.inspector) = (Centre::View2d, Tab::Frame);
        }))
    });
}
