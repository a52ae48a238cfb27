//! What is wrong with a capture, all of it at once.

mod cameras;
mod controls;
mod pictures;

use std::collections::HashMap;

use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};

use crate::capture::Capture;
use crate::frame::Split;
use crate::problem::{Problem, Severity, counted, listed};

/// The same line of so many frames is still one for each.
const MOST_ALIKE: usize = 3;

impl Capture {
    /// Everything that is wrong with the capture, worst first: what reading it found and left out, one picture in two
    /// frames or splits, cameras that look away from the subject or stand inside it, controls and joints that the rig does
    /// not have or whose values mean nothing, splits without pictures. What is wrong with many frames is one line.
    ///
    /// `rig` is the rig at [`Capture::rig`], loaded by the caller; the subject is then where it stands at rest.
    /// Without it the subject is where the cameras look.
    pub fn check(&self, rig: Option<&Rig>) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        splits(self, &mut problems);
        pictures::check(self, &mut problems);
        let rest = rig.and_then(|rig| {
            rest_positions(rig)
                .map_err(|error| problems.push(Problem::error("rig", format!("cannot be posed: {error}"))))
                .ok()
                .map(|positions| (rig, positions))
        });
        let mut of_frames = Vec::new();
        cameras::check(
            self,
            rest.as_ref().map(|(rig, positions)| (*rig, &positions[..])),
            &mut problems,
            &mut of_frames,
        );
        problems.extend(together(of_frames));
        controls::check(self, rig, &mut problems);
        rig_is_there(self, rig, &mut problems);
        problems.sort_by_key(|problem| problem.severity);
        // The same line may follow from several frames of one name.
        let mut seen = std::collections::HashSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        problems
    }
}

/// Problems of frames, those of many that are alike in one.
fn together(problems: Vec<Problem>) -> Vec<Problem> {
    let mut alike: HashMap<(Severity, String), Vec<String>> = HashMap::new();
    for problem in &problems {
        alike.entry((problem.severity, problem.line.clone())).or_default().push(problem.subject.clone());
    }
    let mut out = Vec::new();
    for problem in problems {
        // In the place of the first.
        match alike.get_mut(&(problem.severity, problem.line.clone())) {
            Some(subjects) if subjects.len() > MOST_ALIKE => {
                let frames = std::mem::take(subjects);
                let names = listed(frames.iter().map(String::as_str));
                let subject = counted(frames.len(), "frame");
                let line = format!("{}: {names}", problem.line);
                out.push(Problem { subject, line, ..problem });
            }
            Some(subjects) if !subjects.is_empty() => out.push(problem),
            _ => {}
        }
    }
    out
}

fn splits(capture: &Capture, problems: &mut Vec<Problem>) {
    let trained = capture.split(Split::Train).count();
    if trained == 0 {
        let line = match capture.frames.len() {
            0 => "there is no frame that can be used".to_owned(),
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
