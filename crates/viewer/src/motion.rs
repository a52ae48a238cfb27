//! What moves the avatar: a track, an animation of its own file, or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use effigy_rig::{Pose, Rig, RigError, Track, TrackLimits, TrackPlayer, TrackRecorder, Wrap};
use effigy_stream::{StreamFile, StreamLimits};

/// Frames per second at which animations are sampled.
const ANIMATION_RATE: f64 = 60.0;

/// What moves the avatar.
#[derive(Clone, Debug, Default)]
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
#[derive(Debug)]
pub(crate) struct Playing {
    /// Another for every track that was opened or recorded; the same on whatever rig it plays.
    id: u64,
    pub(crate) player: TrackPlayer,
    /// For people.
    pub(crate) name: String,
    /// The file it came from, if it came from one.
    pub(crate) path: Option<PathBuf>,
}

impl PartialEq for Motion {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Still, Self::Still) => true,
            (Self::Track(a), Self::Track(b)) => a.id == b.id,
            (Self::Animation { seconds: a }, Self::Animation { seconds: b }) => a == b,
            _ => false,
        }
    }
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
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let player = TrackPlayer::new(track, rig).map_err(|error| error.to_string())?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self::Track(Arc::new(Playing { id, player, name, path })))
    }

    /// The same on `rig`, which may be another than it was made for; the rig's own where it cannot be.
    pub(crate) fn tied_to(&self, rig: Option<&Rig>) -> Self {
        if let (Self::Track(playing), Some(rig)) = (self, rig)
            && let Ok(player) = TrackPlayer::new(playing.player.track(), rig)
        {
            let (name, path) = (playing.name.clone(), playing.path.clone());
            return Self::Track(Arc::new(Playing { id: playing.id, player, name, path }));
        }
        Self::own(rig)
    }

    /// The track, if it is one.
    pub(crate) fn playing(&self) -> Option<&Playing> {
        match self {
            Self::Track(playing) => Some(playing),
            _ => None,
        }
    }

    /// Another for every track.
    pub(crate) fn id(&self) -> u64 {
        self.playing().map_or(0, |playing| playing.id)
    }

    /// For people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Still => "No track",
            Self::Track(playing) => &playing.name,
            Self::Animation { .. } => "The avatar's animation",
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
            _ => 1.0 / ANIMATION_RATE,
        }
    }

    /// How many frames there are.
    pub(crate) fn frame_count(&self) -> usize {
        match self {
            Self::Still => 0,
            Self::Track(playing) => playing.player.track().frame_count(),
            Self::Animation { seconds } => (seconds * ANIMATION_RATE + 1e-6) as usize + 1,
        }
    }

    /// When a frame is, seconds.
    pub(crate) fn frame_time(&self, frame: usize) -> f64 {
        let frame = frame.min(self.frame_count().saturating_sub(1));
        match self {
            Self::Still => 0.0,
            Self::Track(playing) => playing.player.track().times.get(frame).copied().unwrap_or(0.0),
            Self::Animation { .. } => frame as f64 / ANIMATION_RATE,
        }
    }

    /// The frame that is shown at `time`, from 0.
    pub(crate) fn frame_at(&self, time: f64) -> usize {
        // A time that was a frame's is taken for it, whatever it was reckoned by.
        let time = time + 1e-3 * self.frame_interval();
        match self {
            Self::Still => 0,
            Self::Track(playing) => {
                playing.player.track().times.partition_point(|&t| t <= time).saturating_sub(1)
            }
            Self::Animation { .. } => ((time.max(0.0) * ANIMATION_RATE) as usize).min(self.frame_count() - 1),
        }
    }

    /// The time of the frame so many after (or, below 0, before) the one that is shown at `time`.
    pub(crate) fn stepped(&self, time: f64, frames: i64) -> f64 {
        let at = self.frame_at(time);
        // From between two frames a step back goes to the earlier one.
        let between = time - self.frame_time(at) > 1e-3 * self.frame_interval();
        let frames = if between && frames < 0 { frames + 1 } else { frames };
        self.frame_time(at.saturating_add_signed(frames as isize))
    }

    /// Moves a pose at rest to where it is at `time`.
    pub(crate) fn apply(&self, rig: &Rig, time: f64, wrap: Wrap, pose: &mut Pose) {
        match self {
            Self::Still => {}
            Self::Track(playing) => playing.player.apply(time, wrap, pose),
            Self::Animation { seconds } => {
                let wrapped = wrap == Wrap::Loop && *seconds > 0.0;
                let time = if wrapped && time > *seconds { time.rem_euclid(*seconds) } else { time };
                if let Some(animation) = rig.animations.first() {
                    animation.sample(time, pose);
                }
            }
        }
    }

    /// What it does to `rig`, as a track: the track that it is, or the animation, sampled.
    ///
    /// # Errors
    /// If there is nothing, or nothing that a track can hold.
    pub(crate) fn to_track(&self, rig: &Rig) -> Result<Track, RigError> {
        if let Self::Track(playing) = self {
            return Ok(playing.player.track().clone());
        }
        let mut recorder = TrackRecorder::new(rig, ANIMATION_RATE, &TrackLimits::default())?;
        for frame in 0..self.frame_count() {
            let mut pose = Pose::rest(rig);
            self.apply(rig, self.frame_time(frame), Wrap::Clamp, &mut pose);
            if !recorder.push(1.0 / ANIMATION_RATE, &pose)? {
                break;
            }
        }
        recorder.finish()
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

#[cfg(test)]
mod tests {
    use effigy_rig::Morph;

    use super::*;

    fn motion(times: &[f64]) -> (Rig, Motion) {
        let morph = Morph { name: "jawOpen".into(), default_weight: 0.0, indices: vec![], deltas: vec![] };
        let rig = Rig { morphs: vec![morph], influences: 4, ..Rig::default() };
        let track = Track {
            names: vec!["jawOpen".into()],
            times: times.to_vec(),
            weights: vec![0.5; times.len()],
            ..Track::default()
        };
        let motion = Motion::track(&track, &rig, "a".into(), None).unwrap();
        (rig, motion)
    }

    #[test]
    fn steps_go_from_frame_to_frame() {
        let (_, motion) = motion(&[0.0, 0.1, 0.3]);
        assert_eq!(motion.stepped(0.0, 1), 0.1);
        assert_eq!(motion.stepped(0.1, 1), 0.3);
        assert_eq!(motion.stepped(0.3, 1), 0.3);
        assert_eq!(motion.stepped(0.2, 1), 0.3);
        assert_eq!(motion.stepped(0.2, -1), 0.1);
        assert_eq!(motion.stepped(0.1, -1), 0.0);
        assert_eq!(motion.stepped(0.0, -1), 0.0);
        assert_eq!((motion.frame_at(0.29), motion.frame_at(0.3), motion.frame_at(9.0)), (1, 2, 2));
        assert_eq!((motion.frame_at(0.3 - 1e-9), motion.frame_at(-1.0)), (2, 0));
        let animation = Motion::Animation { seconds: 0.5 };
        assert_eq!(
            (animation.frame_count(), animation.frame_at(0.25), animation.frame_at(9.0)),
            (31, 15, 30)
        );
        assert_eq!(Motion::Still.stepped(0.0, 1), 0.0);
    }

    #[test]
    fn a_motion_is_the_same_on_another_rig() {
        let (rig, motion) = motion(&[0.0, 0.5]);
        assert!(motion.tied_to(Some(&rig)) == motion);
        assert!(motion.tied_to(Some(&Rig::default())) == Motion::Still);
        let (_, other) = self::motion(&[0.0, 0.5]);
        assert!(other != motion);
    }
}
