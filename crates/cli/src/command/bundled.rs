//! The avatar and the track that come with the program.

use anyhow::Context;
use effigy_avatar::Avatar;
use effigy_rig::{Track, TrackLimits};
use effigy_viewer::Bundled;

/// Both as files. Not a constant, of which every part of the program that is compiled by itself would hold a copy.
pub(crate) static FILES: Bundled = Bundled {
    avatar: include_bytes!("../../../../assets/head.glb"),
    track: include_bytes!("../../../../assets/greeting.json"),
};

/// The bundled avatar.
pub(crate) fn avatar() -> anyhow::Result<Avatar> {
    Avatar::from_glb(FILES.avatar).context("the bundled avatar")
}

/// The bundled track.
pub(crate) fn track() -> anyhow::Result<Track> {
    Track::from_bytes(FILES.track, &TrackLimits::default()).context("the bundled track")
}
