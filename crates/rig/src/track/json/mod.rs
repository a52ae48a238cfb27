//! Tracks in JSON: which of the layouts it is, by its keys.

mod columns;
mod own;
mod parts;
mod recorded;

use crate::RigError;
use crate::error::shown;

use super::{Track, TrackLimits};
use parts::Part;

/// What JSON text holds.
pub(super) enum Content {
    Track(Track),
    /// A glTF file.
    Gltf,
    /// None of the layouts.
    Unknown,
}

pub(super) fn read(text: &str, limits: &TrackLimits) -> Result<Content, RigError> {
    // As many parts as a track may have frames, and some more for what stands beside them.
    let most = limits.frames.saturating_add(1024);
    let (text, values) = parts::values(text, most)?;
    let text = text.as_ref();
    let track = match values.parse(text, most)? {
        Part::List(frames) => recorded::of_list(&frames, limits)?,
        Part::Object(entries) => {
            let has = |key: &str| entries.iter().any(|(name, _)| name == key);
            if has("names") && has("frames") {
                Some(own::read(text, limits)?)
            } else if has("asset") {
                return Ok(Content::Gltf);
            } else {
                match columns::read(&entries, limits)? {
                    Some(track) => Some(track),
                    None => recorded::of_object(&entries, limits)?,
                }
            }
        }
        Part::Other => None,
    };
    Ok(track.map_or(Content::Unknown, Content::Track))
}

fn fault(error: &serde_json::Error) -> RigError {
    RigError::Format { format: "track", fault: shown(&error.to_string()) }
}
