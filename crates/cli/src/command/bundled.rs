//! The avatar and the track that come with the program.

use anyhow::Context;
use effigy_avatar::Avatar;
use effigy_rig::{Track, TrackLimits};

/// The bundled avatar.
pub(crate) fn avatar() -> anyhow::Result<Avatar> {
    Avatar::from_glb(include_bytes!("../../../../assets/head.glb")).context("the bundled avatar")
}

/// The bundled track.
pub(crate) fn track() -> anyhow::Result<Track> {
    Track::from_bytes(include_bytes!("../../../../assets/greeting.json"), &TrackLimits::default())
        .context("the bundled track")
}
