//! What an avatar does over time: a track, an animation of its own file, or nothing.

use std::path::Path;

use anyhow::Context;
use effigy_avatar::Avatar;
use effigy_rig::{Pose, Rig, Track, TrackLimits, TrackPlayer, Wrap};
use effigy_stream::{StreamFile, StreamLimits};

use crate::command::bundled;
use crate::failure::bad_input;

/// The motion of one avatar.
pub(crate) struct Performance<'a> {
    rig: Option<&'a Rig>,
    source: Source,
    pose: Option<Pose>,
}

enum Source {
    Still,
    Track(Box<TrackPlayer>, f64),
    /// The first animation in the avatar's own file.
    Animation(f64),
}

impl<'a> Performance<'a> {
    /// The track at `track_path` on `avatar`, which came from `avatar_path`. Without a track, the bundled one if the
    /// avatar is the bundled one too (no path), or else the animation in the avatar's file if it has one.
    pub(crate) fn open(
        avatar: &'a Avatar,
        avatar_path: Option<&Path>,
        track_path: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let track = match (track_path, avatar_path) {
            (Some(path), _) => Some(open_track(path)?),
            (None, None) => Some(bundled::track()?),
            (None, Some(_)) => None,
        };
        Self::new(avatar, track).with_context(|| {
            // Without a rig the avatar is at fault, otherwise the track.
            let at_fault = if avatar.body.is_none() { avatar_path } else { track_path };
            at_fault.map_or("the bundled avatar".into(), |path| path.display().to_string())
        })
    }

    /// The bundled track, if the avatar has a rig that it moves and does nothing else.
    pub(crate) fn or_bundled(self) -> anyhow::Result<Self> {
        if let (Source::Still, Some(rig)) = (&self.source, self.rig)
            && let track = bundled::track()?
            && let Ok(player) = TrackPlayer::new(&track, rig)
        {
            return Ok(Self { source: Source::Track(Box::new(player), track.duration()), ..self });
        }
        Ok(self)
    }

    fn new(avatar: &'a Avatar, track: Option<Track>) -> anyhow::Result<Self> {
        let rig = avatar.body.as_ref().map(|body| &body.rig);
        let source = match (track, rig) {
            (Some(_), None) => {
                return Err(bad_input("the avatar has no rig that a track could move: leave out --track"));
            }
            (Some(track), Some(rig)) => {
                let player = TrackPlayer::new(&track, rig)?;
                if !player.unmatched().is_empty() {
                    tracing::info!("the avatar has no control for: {}", player.unmatched().join(", "));
                }
                Source::Track(Box::new(player), track.duration())
            }
            (None, Some(rig)) if !rig.animations.is_empty() => {
                Source::Animation(rig.animations[0].duration())
            }
            (None, _) => Source::Still,
        };
        Ok(Self { rig, source, pose: rig.map(Pose::rest) })
    }

    /// Seconds, if there is any motion.
    pub(crate) fn duration(&self) -> Option<f64> {
        match self.source {
            Source::Still => None,
            Source::Track(_, seconds) | Source::Animation(seconds) => Some(seconds),
        }
    }

    /// The pose at `time` in seconds, looped; `None` for an avatar without a rig.
    pub(crate) fn pose_at(&mut self, time: f64) -> Option<&Pose> {
        let (rig, pose) = (self.rig?, self.pose.as_mut()?);
        pose.reset(rig);
        match &self.source {
            Source::Still => {}
            Source::Track(player, _) => player.apply(time, Wrap::Loop, pose),
            Source::Animation(seconds) => {
                let time = if *seconds > 0.0 { time.rem_euclid(*seconds) } else { 0.0 };
                rig.animations[0].sample(time, pose);
            }
        }
        Some(pose)
    }
}

/// Opens a track file, or a stream of controls.
pub(crate) fn open_track(path: &Path) -> anyhow::Result<Track> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("effs")) {
        let limits = StreamLimits::default();
        let name = || path.display().to_string();
        return StreamFile::open(path, &limits).and_then(|file| file.track(&limits)).with_context(name);
    }
    Ok(Track::open(path, &TrackLimits::default())?)
}
