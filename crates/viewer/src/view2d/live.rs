//! Frames encoded as they come, and what that costs and leaves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use effigy_quality::SquaredError;
use effigy_video::encoder::{self, Encoder, EncoderConfig, FrameRequest, H264Decoder, Packet};
use effigy_video::received::picture_of_planes;

use super::analysis::{Codes, Prepared, StagePicture};
use super::setup::{Codec, Setup};

/// The rate is that of so many seconds of the stream.
const SECONDS: f64 = 2.0;
/// How many pictures curves look back on.
const KEPT: usize = 240;
/// The most pictures that an encoder is expected to hold back.
const HELD: usize = 64;

/// What is known of the stream that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    /// The encoder's own name.
    pub(crate) encoder: String,
    /// Pictures that went in.
    pub(crate) pictures: u64,
    /// Sizes of the packets of the last two seconds, bits.
    window: VecDeque<f64>,
    fps: f64,
    /// Bits of the last packet, and whether a receiver can start there.
    pub(crate) last: Option<(f64, bool)>,
    /// Of the last picture that came out, dB: of colour and of luma.
    pub(crate) psnr: Option<[f64; 2]>,
    /// Kbit/s and PSNR after each picture, the oldest first.
    pub(crate) rates: VecDeque<f32>,
    pub(crate) psnrs: VecDeque<f32>,
    /// How long it took to encode and to decode a picture.
    pub(crate) took: Duration,
    /// Pictures that went in a second.
    pub(crate) pace: f64,
    times: VecDeque<Instant>,
    pub(crate) takes_map: bool,
    /// Why there is no stream.
    pub(crate) fault: Option<String>,
}

impl Readings {
    /// Kbit/s of the last two seconds of the stream, at the frame rate that the encoder is told.
    pub(crate) fn rate(&self) -> Option<f64> {
        let packets = self.window.len();
        (packets > 0).then(|| self.window.iter().sum::<f64>() / packets as f64 * self.fps / 1000.0)
    }

    /// How many pictures the rate is of.
    pub(crate) fn rate_of(&self) -> usize {
        self.window.len()
    }

    fn packet(&mut self, packet: &Packet) {
        let bits = 8.0 * packet.data.len() as f64;
        let most = (SECONDS * self.fps).ceil().max(1.0) as usize;
        self.window.push_back(bits);
        while self.window.len() > most {
            self.window.pop_front();
        }
        self.last = Some((bits, packet.key));
        if let Some(rate) = self.rate() {
            keep(&mut self.rates, rate);
        }
    }

    fn picture_begins(&mut self) {
        let now = Instant::now();
        self.pictures += 1;
        self.times.push_back(now);
        while self.times.front().is_some_and(|then| now - *then > Duration::from_secs(2)) {
            self.times.pop_front();
        }
        let span = self.times.front().map_or(0.0, |then| (now - *then).as_secs_f64());
        self.pace = if span > 0.0 { (self.times.len() - 1) as f64 / span } else { 0.0 };
    }
}

/// Puts a value last, and forgets the oldest.
pub(crate) fn keep(values: &mut VecDeque<f32>, value: f64) {
    if values.len() == KEPT {
        values.pop_front();
    }
    values.push_back(value as f32);
}

/// What a stream cannot go on through: another of it is another stream.
#[derive(Clone, Debug, PartialEq)]
struct Identity {
    codec: Codec,
    config: EncoderConfig,
}

/// An encoder, and a decoder behind it.
pub(crate) struct Live {
    identity: Identity,
    encoder: Box<dyn Encoder>,
    /// None where there is none for the codec.
    decoder: Option<H264Decoder>,
    /// The pictures that have not come out yet, by number.
    sources: VecDeque<(i64, Arc<StagePicture>)>,
    next: i64,
    /// When it began, which no other did.
    pub(crate) opened: Instant,
    pub(crate) readings: Readings,
}

/// What has come out.
pub(crate) struct Received {
    /// What it was rendered as.
    pub(crate) of: Arc<StagePicture>,
    pub(crate) decoded: Arc<StagePicture>,
}

impl Live {
    fn open(identity: Identity, fps: f64) -> Result<Self, String> {
        let text = |error: effigy_video::VideoError| error.to_string();
        let encoder = encoder::open(&identity.codec.choice(), &identity.config).map_err(text)?;
        let decoder = identity.codec.is_decoded().then(H264Decoder::new).transpose().map_err(text)?;
        let capabilities = encoder.capabilities();
        let readings = Readings {
            encoder: capabilities.name.clone(),
            takes_map: capabilities.quality_map,
            fps,
            ..Readings::default()
        };
        Ok(Self {
            identity,
            encoder,
            decoder,
            sources: VecDeque::new(),
            next: 0,
            opened: Instant::now(),
            readings,
        })
    }

    /// Encodes a picture in the stream that is in `live`, or in another if the setup asks for another.
    ///
    /// # Errors
    /// Why it cannot be encoded; there is no stream then.
    pub(crate) fn encode(
        live: &mut Option<Self>,
        prepared: &Prepared,
        setup: &Setup,
    ) -> Result<Option<Received>, String> {
        let picture = prepared.planes.picture().ok_or("there is no picture")?;
        let picture = encoder::Picture::of(&picture);
        let config = setup.encoding(&picture).map_err(|error| error.to_string())?;
        let identity = Identity { codec: setup.codec, config };
        let mut stream = match live.take().filter(|live| live.identity == identity) {
            Some(stream) => stream,
            None => Self::open(identity, setup.fps)?,
        };
        let received = stream.push(&picture, prepared, setup.map)?;
        *live = Some(stream);
        Ok(received)
    }

    fn push(
        &mut self,
        picture: &encoder::Picture<'_>,
        prepared: &Prepared,
        mapped: bool,
    ) -> Result<Option<Received>, String> {
        let text = |error: effigy_video::VideoError| error.to_string();
        let start = Instant::now();
        self.readings.picture_begins();
        if self.decoder.is_some() {
            if self.sources.len() == HELD {
                self.sources.pop_front();
            }
            self.sources.push_back((self.next, prepared.rendered.clone()));
        }
        self.next += 1;
        let map = prepared.map.as_ref().filter(|_| mapped && self.readings.takes_map);
        let request = FrameRequest { key: false, quality_map: map };
        let mut packet = self.encoder.encode(picture, request).map_err(text)?;
        let mut received = None;
        while let Some(ready) = packet {
            self.readings.packet(&ready);
            received = self.decode(&ready, picture)?.or(received);
            packet = self.encoder.poll().map_err(text)?;
        }
        self.readings.took = start.elapsed();
        if let Some(Received { of, decoded }) = &received {
            let error = SquaredError::of(&of.rgb, &decoded.rgb, None);
            self.readings.psnr = error.psnr_rgb().zip(error.psnr_luma()).map(|(rgb, luma)| [rgb, luma]);
            if let Some([rgb, _]) = self.readings.psnr {
                keep(&mut self.readings.psnrs, rgb);
            }
        }
        Ok(received)
    }

    fn decode(
        &mut self,
        packet: &Packet,
        picture: &encoder::Picture<'_>,
    ) -> Result<Option<Received>, String> {
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        let Some(decoded) = decoder.decode(&packet.data).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let of = self.sources.iter().position(|(number, _)| *number == packet.pts);
        let of = of.and_then(|at| self.sources.drain(..=at).next_back());
        let shown = decoded.picture(picture.width, picture.height, picture.color);
        let rgb = picture_of_planes(&shown).map_err(|error| error.to_string())?;
        let decoded = Arc::new(StagePicture { rgb, codes: Codes::of(&shown) });
        Ok(of.map(|(_, of)| Received { of, decoded }))
    }
}

#[cfg(test)]
mod tests {
    use effigy_splat::Frame;

    use super::super::analysis::{Preparation, Rendered};
    use super::*;

    /// An opaque disc that moves over a gradient.
    fn frame(step: u32) -> Rendered {
        let mut frame = Frame::default();
        frame.reset(160, 120);
        for (i, pixel) in frame.color.iter_mut().enumerate() {
            let (x, y) = ((i % 160) as f32, (i / 160) as f32);
            let inside = (x - 50.0 - step as f32).hypot(y - 60.0) < 30.0;
            let alpha = if inside { 1.0 } else { 0.25 };
            *pixel = [alpha * x / 160.0, alpha * y / 120.0, alpha * 0.5, alpha];
        }
        let guide = vec![[0.0; 4]; 160 * 120];
        Rendered { frame, guide, truth: None }
    }

    #[test]
    fn the_rate_is_of_the_packets_and_psnr_of_the_pictures() {
        let setup = Setup { quality: 28.0, fps: 10.0, ..Setup::default() };
        let mut preparation = Preparation::new().unwrap();
        let mut live = None;
        let mut bits = Vec::new();
        for step in 0..30 {
            let rendered = frame(step);
            let prepared = preparation.prepare(&rendered, &setup, false).unwrap();
            let received = Live::encode(&mut live, &prepared, &setup).unwrap().unwrap();
            let readings = &live.as_ref().unwrap().readings;
            bits.push(readings.last.unwrap().0);
            assert_eq!(readings.last.unwrap().1, step == 0 || step == 20);
            // The frame over its background in 8 bits, against what came out.
            let mut sum = 0.0;
            for (pixel, decoded) in rendered.frame.color.iter().zip(received.decoded.rgb.rgb().chunks(3)) {
                for (c, under) in [58.0_f64, 60.0, 64.0].into_iter().enumerate() {
                    let over = 255.0 * f64::from(pixel[c]) + (1.0 - f64::from(pixel[3])) * under;
                    sum += (over.round() - f64::from(decoded[c])).powi(2);
                }
            }
            let psnr = 10.0 * (255.0 * 255.0 / (sum / (3.0 * 160.0 * 120.0))).log10();
            let found = readings.psnr.unwrap()[0];
            assert!((found - psnr).abs() < 0.01 && found > 25.0, "{found} {psnr}");
            // Ten pictures a second: of the last twenty at most.
            let window = &bits[bits.len().saturating_sub(20)..];
            let rate = window.iter().sum::<f64>() / window.len() as f64 * 10.0 / 1000.0;
            assert!((readings.rate().unwrap() - rate).abs() < 1e-9 && rate > 1.0, "{rate}");
        }
        assert_eq!((live.as_ref().unwrap().readings.pictures, bits.len()), (30, 30));
        // Another quality is another stream.
        let setup = Setup { quality: 45.0, ..setup };
        let prepared = preparation.prepare(&frame(31), &setup, false).unwrap();
        Live::encode(&mut live, &prepared, &setup).unwrap();
        let readings = live.unwrap().readings;
        assert_eq!(readings.pictures, 1);
        assert!(readings.last.unwrap().0 < bits[0]);
    }

    #[test]
    fn what_an_encoder_refuses_is_said() {
        let setup = Setup { samples: super::super::setup::Samples::P010, ..Setup::default() };
        let prepared = Preparation::new().unwrap().prepare(&frame(0), &setup, false).unwrap();
        let mut live = None;
        let fault = Live::encode(&mut live, &prepared, &setup).err().unwrap();
        assert!(fault.contains("openh264") && live.is_none(), "{fault}");
    }
}
