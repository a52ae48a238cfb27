//! What moves the avatar: a track, an animation of its own file, or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use effigy_rig::{Pose, Rig, Track, TrackLimits, TrackPlayer, Wrap};
use effigy_video::stream::{StreamFile, StreamLimits};

/// What moves the avatar.
#[derive(Clone, Default)]
pub(crate) enum Motion {
    #[default]
    Still,
    Track(Arc<Playing>),
    /// The first animation of the avatar's own file.
    Animation {
        seconds: f64,
    },
}

/// A track on the avatar's rig.
pub(crate) struct Playing {
    pub(crate) player: TrackPlayer,
    /// For people.
    pub(crate) name: String,
    /// The file it came from, if it came from one.
    pub(crate) path: Option<PathBuf>,
}

impl Motion {
    /// Of the avatar's own file.
    pub(crate) fn own(rig: Option<&Rig>) -> Self {
        let animation = rig.and_then(|rig| rig.animations.first());
        animation.map_or(Self::Still, |animation| Self::Animation { seconds: animation.duration() })
    }

    /// By a track.
    ///
    /// # Errors
    /// If the rig has none of the track's controls.
    pub(crate) fn track(
        track: &Track,
        rig: &Rig,
        name: String,
        path: Option<PathBuf>,
    ) -> Result<Self, String> {
        let player = TrackPlayer::new(track, rig).map_err(|error| error.to_string())?;
        Ok(Self::Track(Arc::new(Playing { player, name, path })))
    }

    /// The track, if it is one.
    pub(crate) fn playing(&self) -> Option<&Playing> {
        match self {
            Self::Track(playing) => Some(playing),
            _ => None,
        }
    }

    /// Seconds; 0 where nothing moves.
    pub(crate) fn duration(&self) -> f64 {
        match self {
            Self::Still => 0.0,
            Self::Track(playing) => playing.player.track().duration(),
            Self::Animation { seconds } => *seconds,
        }
    }

    /// Seconds from frame to frame.
    pub(crate) fn frame_interval(&self) -> f64 {
        match self {
            Self::Track(playing) => playing.player.track().frame_interval(),
            _ => 1.0 / 30.0,
        }
    }

    /// Moves a pose at rest to where it is at `time`.
    pub(crate) fn apply(&self, rig: &Rig, time: f64, wrap: Wrap, pose: &mut Pose) {
        match self {
            Self::Still => {}
            Self::Track(playing) => playing.player.apply(time, wrap, pose),
            Self::Animation { seconds } => {
                let wrapped = wrap == Wrap::Loop && *seconds > 0.0;
                let time = if wrapped { time.rem_euclid(*seconds) } else { time };
                if let Some(animation) = rig.animations.first() {
                    animation.sample(time, pose);
                }
            }
        }
    }
}

/// Opens a track file, or a stream of controls.
pub(crate) fn open_track(path: &Path) -> Result<Track, String> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("effs")) {
        let limits = StreamLimits::default();
        return StreamFile::open(path, &limits)
            .and_then(|file| file.track(&limits))
            .map_err(|error| format!("{}: {error}", path.display()));
    }
    Track::open(path, &TrackLimits::default()).map_err(|error| error.to_string())
}
