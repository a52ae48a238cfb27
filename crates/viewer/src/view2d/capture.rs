//! Captures, to compare an avatar with their pictures.

use std::path::Path;
use std::sync::Arc;

use effigy_capture::{Capture, CaptureOptions, Picture};
use effigy_splat::Frame;

use super::shots::{Shot, Shots};
use crate::dialog::{self, Wanted};
use crate::inspector_tab::Tab;
use crate::job::Fault;
use crate::options::Centre;
use crate::state::{Outcome, State};

/// Asks for a capture to compare the avatar with.
pub(crate) fn ask(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Compare with a capture");
    dialog::ask(state, dialog, Wanted::Folder, |state, paths| open(state, &paths[0]));
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
            let (frame, limits) = (frame.clone(), limits.clone());
            Shot {
                name: frame.name.clone(),
                about: format!("{camera}, {}", frame.split),
                camera: frame.camera,
                read: Arc::new(move || {
                    let picture = Picture::of(&frame, &limits).map_err(|error| error.to_string())?;
                    let mut truth = Frame::default();
                    truth.reset(picture.width, picture.height);
                    picture.premultiplied_into(&mut truth.color);
                    Ok(truth)
                }),
            }
        });
        let list: Vec<Shot> = list.collect();
        Ok(Box::new(move |state| {
            for problem in capture.problems() {
                state.messages.note(problem.to_string());
            }
            let poses = Arc::new(move |rig: &effigy_rig::Rig| {
                effigy_capture::poses(&capture, rig).map_err(|error| error.to_string())
            });
            state.view2d.show_shots(|id| Shots::new(id, name, list, poses));
            (state.centre, state.inspector) = (Centre::View2d, Tab::Frame);
        }))
    });
}

#[cfg(test)]
mod tests {
    use effigy_rig::Pose;

    use super::super::setup::Stage;
    use super::super::tests::{keep, settled};
    use super::*;

    #[test]
    fn a_capture_is_shown_as_it_was_taken() {
        let root = std::env::var_os("EFFIGY_DATA").map(std::path::PathBuf::from);
        let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
        let folder = root.join("capture_head");
        if !folder.exists() {
            println!("skipping: {} is not there", folder.display());
            return;
        }
        let mut offscreen = settled(|setup| setup.live = false);
        // As it is dropped on the window.
        crate::open::files(offscreen.state(), std::slice::from_ref(&folder));
        offscreen.settle().unwrap();
        offscreen.state().view2d.shots.as_mut().unwrap().step(-1);
        offscreen.settle().unwrap();
        keep(&offscreen, "capture-head.png");
        assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
        let state = offscreen.state();
        let capture = Capture::open(&folder, &CaptureOptions::default()).unwrap();
        let last = capture.frames.last().unwrap();
        // The picture by itself, over (58, 60, 64).
        let picture = image::open(&last.picture).unwrap().into_rgba8();
        let shown = state.view2d.shown.clone().unwrap();
        let truth = shown.analysis.stage(Stage::Truth).unwrap();
        assert_eq!(
            (truth.rgb.width(), truth.rgb.height()),
            (picture.width() as usize, picture.height() as usize)
        );
        for (pixel, seen) in picture.pixels().zip(truth.rgb.rgb().chunks_exact(3)) {
            let alpha = f32::from(pixel.0[3]) / 255.0;
            for (c, under) in [58.0, 60.0, 64.0].into_iter().enumerate() {
                let wanted = alpha * f32::from(pixel.0[c]) + (1.0 - alpha) * under;
                assert!((wanted - f32::from(seen[c])).abs() < 0.51, "{wanted} {seen:?}");
            }
        }
        let rig = &state.scene.loaded().unwrap().avatar.body.as_ref().unwrap().rig;
        let expected = effigy_capture::poses(&capture, rig).unwrap().pop().unwrap();
        assert_eq!(state.scene.pose(), Some(&expected));
        assert!(expected != Pose::rest(rig), "the last picture is not of the face at rest");
        // The bundled avatar was made from it. A wrong pose or camera costs ten decibels and more.
        let [psnr, _] = state.view2d.truth_psnr().unwrap();
        assert!(psnr > 36.0, "{psnr}");
    }
}
