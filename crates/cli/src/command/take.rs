//! A take as a stream of controls, coded as finely as pictures of the receiver's avatar ask for.

use std::path::Path;
use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_rig::{Pose, Rig};
use effigy_splat::{Camera, Frame};
use effigy_stream::{
    Configuration, EncoderOptions, Layout, Sensitivity, StreamEncoder, StreamError, StreamFile, StreamFrame,
    StreamLimits, StreamPlayer, StreamRenderer, find_quality, rendered_psnr,
};

use crate::engine::{Backend, Engine};
use crate::failure::bad_input;
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::interrupt;
use crate::progress::Progress;
use crate::source::YAxis;

/// Bytes of IPv4, UDP and RTP headers.
const HEADERS: usize = 20 + 8 + 12;
/// Frames that are rendered to find the quality.
const SAMPLES: usize = 48;
/// Places of the take, besides rest, at which the effect of controls on pictures is measured.
const PLACES: usize = 4;

/// A take that was coded.
pub(super) struct CodedTake {
    pub(super) stream: StreamFile,
    /// How finely.
    pub(super) quality: u8,
    /// Of the pictures that were rendered to find the quality, once more as the receiver shows them.
    pub(super) psnr_db: f64,
    seconds: f64,
}

impl CodedTake {
    /// Codes `frames` at `fps` so that the receiver's pictures come to `psnr` dB. The quality in `options` is not looked
    /// at.
    pub(super) fn new(
        layout: Layout,
        frames: &[StreamFrame],
        fps: f64,
        psnr: f64,
        mut options: EncoderOptions,
        portrait: &mut Portrait<'_>,
    ) -> anyhow::Result<Self> {
        let progress = Progress::of_unknown_length("weighing controls");
        let typical = (1..=PLACES).filter_map(|i| frames.get(i * frames.len() / (PLACES + 1)).cloned());
        let around: Vec<StreamFrame> = std::iter::once(rest(&layout)).chain(typical).collect();
        let sensitivity = Sensitivity::measure(&layout, &around, portrait)?;
        let mut configuration = Configuration::new(layout, fps)?;
        sensitivity.set_steps(&mut configuration)?;
        drop(progress);
        let progress = Progress::of_unknown_length("finding the quality");
        options.quality =
            find_quality(&configuration, &sensitivity, &options, frames, psnr, SAMPLES, portrait)?;
        drop(progress);

        let quality = options.quality;
        let mut encoder = StreamEncoder::new(configuration, Some(sensitivity), options)?;
        let mut stream = StreamFile::default();
        for frame in frames {
            stream.packets.extend(encoder.push(frame)?);
        }
        stream.packets.extend(encoder.flush()?);
        let (_, received) =
            stream.frames(&StreamLimits { kept_frames: u64::MAX, ..StreamLimits::default() })?;
        // The frames that `find_quality` looked at.
        let samples = SAMPLES.min(frames.len());
        let chosen = |all: &'_ [StreamFrame]| -> Vec<StreamFrame> {
            (0..samples)
                .filter_map(|i| all.get((2 * i + 1) * frames.len() / (2 * samples)).cloned())
                .collect()
        };
        let psnr_db = rendered_psnr(&chosen(frames), &chosen(&received), portrait)?;
        Ok(Self { stream, quality, psnr_db, seconds: frames.len() as f64 / fps })
    }

    /// What travels, kbit/s: packets alone, and with the headers of IPv4, UDP and RTP around every one.
    pub(super) fn kbit_per_s(&self) -> (f64, f64) {
        let bytes: usize = self.stream.packets.iter().map(Vec::len).sum();
        let rate = |bytes: usize| 8e-3 * bytes as f64 / self.seconds;
        (rate(bytes), rate(bytes + HEADERS * self.stream.packets.len()))
    }
}

/// All controls at rest.
fn rest(layout: &Layout) -> StreamFrame {
    StreamFrame {
        controls: vec![0.0; layout.controls.len()],
        rotations: vec![glam::Quat::IDENTITY; layout.rotations.len()],
        ..StreamFrame::default()
    }
}

/// The avatar from the front, as the receiver shows it.
pub(super) struct Portrait<'a> {
    rig: &'a Rig,
    player: StreamPlayer,
    pose: Pose,
    camera: Camera,
    engine: Engine,
    frame: Frame,
}

impl<'a> Portrait<'a> {
    /// Of `avatar`, which came from `path` (none for the bundled one), moved by streams of `layout`.
    pub(super) fn new(
        avatar: &'a Arc<Avatar>,
        path: Option<&Path>,
        layout: &Layout,
        size: Size,
        y_axis: Option<YAxis>,
    ) -> anyhow::Result<Self> {
        let Some(body) = &avatar.body else {
            let name = path.map_or("the bundled avatar".into(), |path| path.display().to_string());
            return Err(bad_input(format!("{name}: the avatar has no rig that a take could move")));
        };
        let camera = CameraPath::new(&CameraChoice::Front, avatar, 0.0, 0.0, Some(size), y_axis)?;
        Ok(Self {
            rig: &body.rig,
            player: StreamPlayer::new(layout, &body.rig)?,
            pose: Pose::rest(&body.rig),
            camera: camera.at(0, 1),
            engine: Engine::open(Backend::Auto, None, avatar, effigy_render::Precision::Full)?,
            frame: Frame::default(),
        })
    }

    fn draw(&mut self, frame: &StreamFrame) -> anyhow::Result<()> {
        interrupt::check()?;
        self.pose.reset(self.rig);
        self.player.apply(frame, &mut self.pose)?;
        Ok(self.engine.frames.render(Some(&self.pose), &self.camera, &mut self.frame)?)
    }
}

impl StreamRenderer for Portrait<'_> {
    /// Over grey.
    fn picture(&mut self, frame: &StreamFrame) -> Result<Vec<f32>, StreamError> {
        self.draw(frame).map_err(|error| StreamError::Renderer(format!("{error:#}")))?;
        let over = |&[r, g, b, a]: &[f32; 4]| [r, g, b].map(|c| (c + 0.5 * (1.0 - a)).clamp(0.0, 1.0));
        Ok(self.frame.color.iter().flat_map(over).collect())
    }
}
