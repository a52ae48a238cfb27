//! What the parametric stream of a take costs, and what its pictures lose.
//!
//! `cargo run --release -p effigy-stream --example stream -- AVATAR TRACK [EVERY] [SIZE]`: the take is sampled 30 times a
//! second, coded at several qualities, decoded, and every EVERY-th frame (4) is rendered on the CPU at SIZE x SIZE (512)
//! from the controls as given and from the decoded ones.

use std::time::Instant;

use effigy_avatar::{Avatar, AvatarPoser, OpenOptions, PosedGaussians};
use effigy_rig::{Pose, Track, TrackLimits};
use effigy_splat::{Camera, Frame, Rasterizer};
use effigy_stream::{
    Configuration, EncoderOptions, Layout, Received, Sensitivity, StreamDecoder, StreamEncoder, StreamError,
    StreamFrame, StreamLimits, StreamPlayer, StreamRenderer, find_quality, resample, stream_frames,
};
use glam::Vec3;

type Fault = Box<dyn std::error::Error>;

const RATE: f64 = 30.0;
/// Bytes of IPv4, UDP and RTP headers around every packet.
const OVERHEAD: usize = 28 + 12;

/// The avatar from the front, over grey.
struct Portrait<'a> {
    avatar: &'a Avatar,
    player: StreamPlayer,
    pose: Pose,
    camera: Camera,
    poser: AvatarPoser,
    posed: PosedGaussians,
    rasterizer: Rasterizer,
    frame: Frame,
}

impl<'a> Portrait<'a> {
    fn new(avatar: &'a Avatar, layout: &Layout, size: u32) -> Result<Self, Fault> {
        let rig = &avatar.body.as_ref().ok_or("the avatar has no rig")?.rig;
        let (low, high) = avatar.bounds()?.ok_or("the avatar is empty")?;
        let (center, half) = (0.5 * (low + high), 0.5 * (high - low));
        let fov = 22f32.to_radians();
        let distance = 1.12 * half.y / (0.5 * fov).tan() + half.x.hypot(half.z);
        let camera = Camera::look_at(center + distance * Vec3::Z, center, Vec3::Y, fov, size, size);
        Ok(Self {
            avatar,
            player: StreamPlayer::new(layout, rig)?,
            pose: Pose::rest(rig),
            camera,
            poser: AvatarPoser::new(avatar)?,
            posed: PosedGaussians::default(),
            rasterizer: Rasterizer::new(),
            frame: Frame::default(),
        })
    }

    fn draw(&mut self, frame: &StreamFrame) -> Result<(), Fault> {
        let body = self.avatar.body.as_ref().ok_or("the avatar has no rig")?;
        self.pose.reset(&body.rig);
        self.player.apply(frame, &mut self.pose)?;
        self.poser.pose(self.avatar, &self.pose, &mut self.posed)?;
        let (gaussians, turns) = (&self.posed.gaussians, &self.posed.frames);
        Ok(self.rasterizer.render(gaussians, turns, &self.camera, self.avatar.filter, &mut self.frame)?)
    }

    /// How much of the picture the avatar covers.
    fn coverage(&self) -> f64 {
        let covered: f64 = self.frame.color.iter().map(|c| f64::from(c[3])).sum();
        covered / self.frame.color.len().max(1) as f64
    }
}

impl StreamRenderer for Portrait<'_> {
    fn picture(&mut self, frame: &StreamFrame) -> Result<Vec<f32>, StreamError> {
        self.draw(frame).map_err(|e| StreamError::Renderer(e.to_string()))?;
        let over = |&[r, g, b, a]: &[f32; 4]| [r, g, b].map(|c| (c + 0.5 * (1.0 - a)).clamp(0.0, 1.0));
        Ok(self.frame.color.iter().flat_map(over).collect())
    }
}

/// A take that went through the stream.
struct Coded {
    packets: Vec<Vec<u8>>,
    /// What a receiver that plays a packet when it comes shows for each frame.
    frames: Vec<StreamFrame>,
    configuration_bytes: usize,
    bytes: usize,
}

impl Coded {
    fn new(
        configuration: &Configuration,
        sensitivity: &Sensitivity,
        options: EncoderOptions,
        frames: &[StreamFrame],
    ) -> Result<Self, StreamError> {
        let mut encoder = StreamEncoder::new(configuration.clone(), Some(sensitivity.clone()), options)?;
        let mut packets = Vec::new();
        for frame in frames {
            packets.extend(encoder.push(frame)?);
        }
        packets.extend(encoder.flush()?);
        let limits = StreamLimits { kept_frames: u64::MAX, ..StreamLimits::default() };
        let mut decoder = StreamDecoder::new(limits);
        let mut configuration_bytes = 0;
        for packet in &packets {
            if matches!(decoder.push(packet)?, Received::Configuration | Received::Known) {
                configuration_bytes += packet.len();
            }
        }
        let bytes = packets.iter().map(Vec::len).sum();
        let frames = decoder.frames().cloned().collect();
        Ok(Self { packets, frames, configuration_bytes, bytes })
    }
}

/// Mean squared errors of rendered frames.
struct Errors(Vec<f64>);

impl Errors {
    fn psnr(&self) -> f64 {
        decibels(self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// The PSNR that this share of frames is below.
    fn below(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.get((share * sorted.len() as f64) as usize).map_or(f64::NAN, |&e| decibels(e))
    }
}

fn decibels(error: f64) -> f64 {
    -10.0 * error.log10()
}

fn squared_error(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / a.len() as f64
}

fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1);
    let usage = "stream AVATAR TRACK [EVERY] [SIZE]";
    let (avatar, track) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    let every: usize = arguments.next().map_or(Ok(4), |a| a.parse())?;
    let size: u32 = arguments.next().map_or(Ok(512), |a| a.parse())?;
    let avatar = Avatar::open(&avatar, &OpenOptions::default())?;
    let track = resample(&Track::open(&track, &TrackLimits::default())?, RATE)?;
    let (layout, frames) = stream_frames(&track);
    let seconds = frames.len() as f64 / RATE;
    println!("{} frames, {seconds:.1} s, {} channels, {size}x{size}", frames.len(), layout.channel_count());

    let mut portrait = Portrait::new(&avatar, &layout, size)?;
    let clock = Instant::now();
    // Rest, and four frames of the take.
    let rest = StreamFrame {
        controls: vec![0.0; layout.controls.len()],
        rotations: vec![glam::Quat::IDENTITY; layout.rotations.len()],
        ..StreamFrame::default()
    };
    let typical = (1..5).filter_map(|i| frames.get(i * frames.len() / 5).cloned());
    let around: Vec<StreamFrame> = std::iter::once(rest).chain(typical).collect();
    let sensitivity = Sensitivity::measure(&layout, &around, &mut portrait)?;
    println!("sensitivity measured in {:.1} s", clock.elapsed().as_secs_f64());
    let mut configuration = Configuration::new(layout, RATE)?;
    sensitivity.set_steps(&mut configuration)?;

    let samples = frames.len().div_ceil(every.max(1));
    let plain = EncoderOptions::default();
    let mut cases: Vec<(String, EncoderOptions)> = [80, 72, 68, 64, 56, 48, 40, 24, 8]
        .map(|quality| (format!("quality {quality}"), EncoderOptions { quality, ..plain.clone() }))
        .into();
    for target in [45.0, 50.0] {
        let quality =
            find_quality(&configuration, &sensitivity, &plain, &frames, target, samples, &mut portrait)?;
        cases
            .push((format!("found for {target} dB: {quality}"), EncoderOptions { quality, ..plain.clone() }));
        if target > 45.0 {
            continue;
        }
        for frames_per_packet in [1, 3, 30] {
            let name = format!("  {frames_per_packet} frames a packet");
            cases.push((name, EncoderOptions { quality, frames_per_packet, ..plain.clone() }));
        }
        for interval in [1.0, 5.0, 1e9] {
            let name = format!("  access point every {interval} s");
            cases.push((name, EncoderOptions { quality, access_point_interval: interval, ..plain.clone() }));
        }
    }
    let mut coded = Vec::new();
    for (_, options) in &cases {
        coded.push(Coded::new(&configuration, &sensitivity, options.clone(), &frames)?);
    }
    let mut errors: Vec<Errors> = cases.iter().map(|_| Errors(Vec::new())).collect();
    let mut losses: Vec<(u32, Vec<StreamFrame>, Errors)> = Vec::new();
    let lossy = cases.iter().position(|(name, _)| name.starts_with("found")).ok_or("no case")?;
    for percent in [1, 5, 20] {
        losses.push((percent, with_loss(&coded[lossy].packets, percent, &frames)?, Errors(Vec::new())));
    }
    let mut coverage = 0.0;
    // The frames that `find_quality` looks at too.
    for i in (0..samples).map(|i| (2 * i + 1) * frames.len() / (2 * samples)) {
        let original = portrait.picture(&frames[i])?;
        coverage = portrait.coverage();
        for (coded, errors) in coded.iter().zip(&mut errors) {
            let frame = coded.frames.get(i).ok_or("a frame is missing")?;
            errors.0.push(squared_error(&original, &portrait.picture(frame)?));
        }
        for (_, shown, errors) in &mut losses {
            errors.0.push(squared_error(&original, &portrait.picture(&shown[i])?));
        }
    }
    println!(
        "the avatar covers {:.1} % of the picture: over its own pixels alone, PSNR is {:.1} dB less\n",
        100.0 * coverage,
        -10.0 * coverage.log10()
    );
    println!("{:28}  payload  of it conf.  on the wire   PSNR   worst 5 %  (kbit/s, dB)", "");
    for (((name, _), coded), errors) in cases.iter().zip(&coded).zip(&errors) {
        let rate = |bytes: usize| 8e-3 * bytes as f64 / seconds;
        println!(
            "{name:28} {:8.3}  {:10.3}  {:11.3}  {:6.2}  {:8.2}",
            rate(coded.bytes),
            rate(coded.configuration_bytes),
            rate(coded.bytes + coded.packets.len() * OVERHEAD),
            errors.psnr(),
            errors.below(0.05)
        );
    }
    println!();
    for (percent, _, errors) in &losses {
        println!(
            "{percent} % of packets lost: {:.2} dB, worst 5 % {:.2} dB",
            errors.psnr(),
            errors.below(0.05)
        );
    }
    Ok(())
}

/// What a receiver shows that loses `percent` of the packets, but not the first configuration, holding what it has.
fn with_loss(
    packets: &[Vec<u8>],
    percent: u32,
    frames: &[StreamFrame],
) -> Result<Vec<StreamFrame>, StreamError> {
    let limits = StreamLimits { kept_frames: u64::MAX, ..StreamLimits::default() };
    let mut decoder = StreamDecoder::new(limits);
    let mut random = 0x2545_F491_4F6C_DD1Du64 ^ u64::from(percent);
    for (i, packet) in packets.iter().enumerate() {
        // Xorshift (Marsaglia 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if i == 0 || (random >> 33) % 100 >= u64::from(percent) {
            decoder.push(packet)?;
        }
    }
    let held = |frame: &StreamFrame| {
        let at = decoder.frames().rposition(|f| f.time <= frame.time + 1e-3).unwrap_or(0);
        decoder.frames().nth(at).cloned().unwrap_or_else(|| frame.clone())
    };
    Ok(frames.iter().map(held).collect())
}
