//! Choosing the quality: by rendered error, or by rate.

use crate::{
    Configuration, EncoderOptions, MAX_QUALITY, PacketReport, Received, Sensitivity, StreamDecoder,
    StreamEncoder, StreamError, StreamFrame, StreamLimits, StreamRenderer,
};

/// Holds the rendered error at a target while streaming.
///
/// After each packet it is told what the packet's report foretold and, when the sender has rendered some of its frames
/// both ways, what the error truly was. The ratio of the two corrects the estimates in between.
#[derive(Clone, Debug)]
pub struct ErrorControl {
    target: f64,
    /// True over estimated error, lately.
    correction: f64,
    average: Option<f64>,
    quality: f64,
}

/// How much of the past an average keeps over one packet.
const KEPT: f64 = 0.9;
/// The most that the quality changes from packet to packet.
const STRIDE: f64 = 2.0;

impl ErrorControl {
    /// Aims at a mean squared error of `10^(-psnr / 10)`, white being 1, from a starting quality.
    pub fn new(psnr: f64, quality: u8) -> Self {
        Self { target: 10f64.powf(-0.1 * psnr), correction: 1.0, average: None, quality: f64::from(quality) }
    }

    /// The quality for the next packet, after one whose report this is. `measured` is the mean squared error (white = 1)
    /// of pictures rendered from that packet's frames against those from the frames given, if they were rendered.
    pub fn next(&mut self, report: &PacketReport, measured: Option<f64>) -> u8 {
        if let Some(measured) = measured.filter(|m| m.is_finite() && *m > 0.0)
            && report.estimated_error > 0.0
        {
            let ratio = (measured / report.estimated_error).clamp(0.05, 20.0);
            self.correction = (self.correction.ln() * KEPT + ratio.ln() * (1.0 - KEPT)).exp();
        }
        let now = measured.unwrap_or(report.estimated_error * self.correction);
        let average = self.average.map_or(now, |a| a * KEPT + now * (1.0 - KEPT));
        self.average = Some(average);
        // Eight steps of quality are twice the error, four times its square.
        self.advance(4.0 * (self.target / average.max(1e-12)).log2() * (1.0 - KEPT))
    }

    fn advance(&mut self, by: f64) -> u8 {
        self.quality = (self.quality + by.clamp(-STRIDE, STRIDE)).clamp(0.0, f64::from(MAX_QUALITY));
        self.quality.round() as u8
    }
}

/// Holds the rate at a target while streaming.
#[derive(Clone, Debug)]
pub struct RateControl {
    target: f64,
    overhead_bytes: usize,
    average: Option<f64>,
    quality: f64,
}

impl RateControl {
    /// Aims at `bits_per_second`, with `overhead_bytes` counted for every packet (40 for IPv4, UDP and RTP), from a
    /// starting quality.
    pub fn new(bits_per_second: f64, overhead_bytes: usize, quality: u8) -> Self {
        Self { target: bits_per_second.max(1.0), overhead_bytes, average: None, quality: f64::from(quality) }
    }

    /// The quality for the next packet, after one whose report this is and whose frames last `seconds`.
    pub fn next(&mut self, report: &PacketReport, seconds: f64) -> u8 {
        let now = 8.0 * (report.bytes + self.overhead_bytes) as f64 / seconds.max(1e-3);
        let average = self.average.map_or(now, |a| a * KEPT + now * (1.0 - KEPT));
        self.average = Some(average);
        // Eight steps of quality are about half the bits.
        let by = 8.0 * (average / self.target).log2() * (1.0 - KEPT);
        self.quality = (self.quality + by.clamp(-STRIDE, STRIDE)).clamp(0.0, f64::from(MAX_QUALITY));
        self.quality.round() as u8
    }
}

/// The peak signal-to-noise ratio, dB, of the pictures of `decoded` against those of `original`, over all samples of all
/// frames; infinite if they are the same.
///
/// # Errors
/// Those of the renderer; [`StreamError::Input`] if the two have not the same number of frames, or none.
pub fn rendered_psnr<'a>(
    original: impl IntoIterator<Item = &'a StreamFrame>,
    decoded: impl IntoIterator<Item = &'a StreamFrame>,
    renderer: &mut impl StreamRenderer,
) -> Result<f64, StreamError> {
    let (mut original, mut decoded) = (original.into_iter(), decoded.into_iter());
    let (mut sum, mut count) = (0.0, 0u64);
    loop {
        match (original.next(), decoded.next()) {
            (Some(a), Some(b)) => {
                sum += squared_error(&renderer.picture(a)?, &renderer.picture(b)?)?;
                count += 1;
            }
            (None, None) if count > 0 => return Ok(-10.0 * (sum / count as f64).log10()),
            _ => return Err(StreamError::Input("there are not as many frames on both sides".into())),
        }
    }
}

/// The mean squared difference of two pictures.
pub(crate) fn squared_error(a: &[f32], b: &[f32]) -> Result<f64, StreamError> {
    if a.len() != b.len() || a.is_empty() {
        return Err(StreamError::Input("the renderer's pictures change size".into()));
    }
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    Ok(sum / a.len() as f64)
}

/// The coarsest quality at which the pictures of a take, known beforehand, come to `psnr` dB. The take is coded at each
/// quality that is tried; `samples` of its frames, evenly spread, are rendered for each, and once from the originals.
///
/// # Errors
/// Those of encoding and rendering; [`StreamError::Input`] if even quality 0 is not good enough or nothing is to be
/// rendered.
pub fn find_quality(
    configuration: &Configuration,
    sensitivity: &Sensitivity,
    options: &EncoderOptions,
    frames: &[StreamFrame],
    psnr: f64,
    samples: usize,
    renderer: &mut impl StreamRenderer,
) -> Result<u8, StreamError> {
    if frames.is_empty() || samples == 0 {
        return Err(StreamError::Input("there is nothing to measure".into()));
    }
    let chosen: Vec<usize> = (0..samples.min(frames.len()))
        .map(|i| (2 * i + 1) * frames.len() / (2 * samples.min(frames.len())))
        .collect();
    let originals: Vec<Vec<f32>> =
        chosen.iter().map(|&i| renderer.picture(&frames[i])).collect::<Result<_, _>>()?;
    let target = 10f64.powf(-0.1 * psnr);
    let mut good_enough = |quality: u8| -> Result<bool, StreamError> {
        let options = EncoderOptions { quality, ..options.clone() };
        let (decoded, _) = through(configuration, sensitivity, &options, frames)?;
        let mut error = 0.0;
        for (&i, original) in chosen.iter().zip(&originals) {
            let Some(frame) = decoded.get(i) else {
                return Err(StreamError::Input("frames were lost on the way".into()));
            };
            error += squared_error(original, &renderer.picture(frame)?)? / chosen.len() as f64;
        }
        Ok(error <= target)
    };
    // The estimate tells where to look.
    let (mut guess, mut above) = (0, MAX_QUALITY + 1);
    while above - guess > 1 {
        let middle = guess + (above - guess) / 2;
        let options = EncoderOptions { quality: middle, ..options.clone() };
        let (_, error) = through(configuration, sensitivity, &options, frames)?;
        if error <= target { guess = middle } else { above = middle }
    }
    let (mut good, mut bad, mut stride) = (None, MAX_QUALITY + 1, 1);
    let mut next = guess;
    loop {
        if good_enough(next)? {
            good = Some(next);
            if next == MAX_QUALITY || bad <= MAX_QUALITY {
                break;
            }
            next = next.saturating_add(stride).min(MAX_QUALITY);
        } else {
            bad = next;
            if good.is_some() {
                break;
            }
            if next == 0 {
                return Err(StreamError::Input(format!("the finest quality does not come to {psnr} dB")));
            }
            next = next.saturating_sub(stride);
        }
        stride = 2 * stride.min(32);
    }
    let mut good = good.unwrap_or(0);
    while bad - good > 1 && good < MAX_QUALITY {
        let middle = good + (bad - good) / 2;
        if good_enough(middle)? { good = middle } else { bad = middle }
    }
    Ok(good)
}

/// What a receiver that loses nothing makes of `frames`, and the mean squared picture error that is foretold.
fn through(
    configuration: &Configuration,
    sensitivity: &Sensitivity,
    options: &EncoderOptions,
    frames: &[StreamFrame],
) -> Result<(Vec<StreamFrame>, f64), StreamError> {
    let limits = StreamLimits { kept_frames: MAX_KEPT, channels: u64::MAX, ..StreamLimits::default() };
    let mut encoder = StreamEncoder::new(configuration.clone(), Some(sensitivity.clone()), options.clone())?;
    let mut decoder = StreamDecoder::with_configuration(configuration.clone(), limits)?;
    let mut out = Vec::with_capacity(frames.len());
    let mut error = 0.0;
    for i in 0..=frames.len() {
        let packets = match frames.get(i) {
            Some(frame) => encoder.push(frame)?,
            None => encoder.flush()?,
        };
        if let Some(report) = encoder.report().filter(|_| !packets.is_empty()) {
            error += report.estimated_error * report.frames as f64 / frames.len() as f64;
        }
        for packet in packets {
            if let Received::Frames(_) = decoder.push(&packet)? {
                while let Some(frame) = decoder.next_frame() {
                    out.push(frame.clone());
                }
            }
        }
    }
    Ok((out, error))
}

/// More than the frames of one packet, which are taken at once.
const MAX_KEPT: u64 = 64;
