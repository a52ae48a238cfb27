//! Frames of a capture that cannot be used, counted by why.

use std::collections::BTreeMap;

use crate::problem::{Problem, counted, listed};

/// Why a frame is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// What the capture's file says of it makes no sense.
    Entry,
    /// There is no such file.
    MissingPicture,
    /// It cannot be decoded, or is over the limits.
    Picture,
    /// It is not what the camera took, larger or smaller.
    Shape,
    /// There is no such file.
    MissingMask,
    /// It cannot be decoded, or is of another shape than the picture.
    Mask,
    /// The camera cannot project.
    Camera,
    /// Its model is not known.
    Model(String),
    /// Its pictures are no flat ones.
    Panorama,
}

impl Reason {
    fn line(&self) -> String {
        match self {
            Self::Entry => "its entry is faulty".into(),
            Self::MissingPicture => "the picture is missing".into(),
            Self::Picture => "the picture cannot be used".into(),
            Self::Shape => "the picture has another shape than its camera".into(),
            Self::MissingMask => "the mask is missing".into(),
            Self::Mask => "the mask cannot be used".into(),
            Self::Camera => "the camera cannot be".into(),
            Self::Model(name) => format!("the camera model {name:?} is not known"),
            Self::Panorama => crate::models::PANORAMA.into(),
        }
    }
}

/// Frames that are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LeftOut(BTreeMap<Reason, Vec<String>>);

impl LeftOut {
    /// One more, with what is to be said of it beside its name.
    pub(crate) fn add(&mut self, reason: Reason, name: &str, detail: &str) {
        let entry = if detail.is_empty() { name.to_owned() } else { format!("{name} ({detail})") };
        self.0.entry(reason).or_default().push(entry);
    }

    /// A line for each reason.
    pub(crate) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.0.iter().map(|(reason, frames)| {
            let line = format!(
                "{} left out, {}: {}",
                counted(frames.len(), "frame"),
                reason.line(),
                listed(frames.iter().map(String::as_str))
            );
            Problem::warning("capture", line)
        })
    }
}
