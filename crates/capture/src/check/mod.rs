//! What is wrong with a capture, all of it at once.

mod cameras;
mod controls;
mod pictures;

use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};

use super::problem::counted;
use super::{Capture, Problem, Split};

pub(super) fn check(capture: &Capture, rig: Option<&Rig>) -> Vec<Problem> {
    let mut problems = capture.problems.clone();
    splits(capture, &mut problems);
    let readable = pictures::check(capture, &mut problems);
    let rest = rig.and_then(|rig| {
        rest_positions(rig)
            .map_err(|error| problems.push(Problem::error("rig", format!("cannot be posed: {error}"))))
            .ok()
            .map(|positions| (rig, positions))
    });
    cameras::check(
        capture,
        &readable,
        rest.as_ref().map(|(rig, positions)| (*rig, &positions[..])),
        &mut problems,
    );
    controls::check(capture, rig, &mut problems);
    rig_is_there(capture, rig, &mut problems);
    problems.sort_by_key(|problem| problem.severity);
    // The same line may follow from several frames of one name.
    let mut seen = std::collections::HashSet::new();
    problems.retain(|problem| seen.insert(problem.clone()));
    problems
}

fn splits(capture: &Capture, problems: &mut Vec<Problem>) {
    let trained = capture.split(Split::Train).count();
    if trained == 0 {
        let line = match capture.frames.len() {
            0 => "there are no frames".to_owned(),
            n => format!("none of {} is to be trained on", counted(n, "frame")),
        };
        problems.push(Problem::error("capture", line));
    } else if trained == capture.frames.len() {
        problems.push(Problem::warning("capture", "no frame is held out, so that nothing can be judged"));
    }
}

fn rig_is_there(capture: &Capture, rig: Option<&Rig>, problems: &mut Vec<Problem>) {
    if let Some(path) = &capture.rig {
        if !path.is_file() {
            problems.push(Problem::error("rig", format!("{} is missing", path.display())));
        }
    } else if rig.is_none() {
        let moved = capture.frames.iter().filter(|f| !f.controls.is_empty() || !f.joints.is_empty()).count();
        problems.push(if moved > 0 {
            Problem::error("rig", format!("there is none for the controls of {}", counted(moved, "frame")))
        } else {
            Problem::warning("rig", "there is none: the subject is taken to be static")
        });
    }
}

fn rest_positions(rig: &Rig) -> Result<Vec<glam::Vec3>, effigy_rig::RigError> {
    let mut posed = PosedVertices::default();
    Poser::new(rig, FrameMode::Skin)?.pose(rig, &Pose::rest(rig), &mut posed)?;
    Ok(posed.positions)
}
