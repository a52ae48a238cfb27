//! Timecodes, `HH:MM:SS:FF`, and the rate at which they count frames.

use super::times::median;

/// Frame rates that a timecode may count in; the last counts thousandths of a second.
const RATES: [f64; 17] = [
    10.0, 12.0, 15.0, 20.0, 24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 90.0, 96.0, 100.0, 120.0, 240.0, 1000.0,
];
/// Slower ones are told by full seconds only, since few frames may also be what is left of many.
const SLOWEST_USUAL: f64 = 24.0;
/// What takes that do not go over a full second count in: the usual rate of Live Link Face.
const USUAL: f64 = 60.0;
/// Parts of a frame by which a second may be off its rate.
const TOLERANCE: f64 = 0.5;
const DAY: f64 = 86_400.0;

/// `HH:MM:SS:FF`, with a fraction of a frame after a point or a comma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timecode {
    /// Of the day, whole.
    seconds: u32,
    frames: f64,
    /// Whether numbers are left out at full minutes (SMPTE ST 12-1), which a semicolon marks.
    drops: bool,
}

impl Timecode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, frames) = text.rsplit_once([':', ';'])?;
        let drops = text[whole.len()..].starts_with(';');
        let mut parts = whole.split([':', ';']);
        let mut part = |below: u32| parts.next()?.parse::<u32>().ok().filter(|&v| v < below);
        let (hours, minutes, seconds) = (part(24)?, part(60)?, part(60)?);
        let frames: f64 = frames.replace(',', ".").parse().ok()?;
        let fits = (0.0..1000.0).contains(&frames) && parts.next().is_none();
        fits.then_some(Self { seconds: (hours * 60 + minutes) * 60 + seconds, frames, drops })
    }

    /// Seconds of the day, counted at `rate`.
    fn of_day(self, rate: f64) -> f64 {
        if !(self.drops && (rate == 30.0 || rate == 60.0)) {
            return f64::from(self.seconds) + self.frames / rate;
        }
        // Two numbers, or four, are left out at each full minute but every tenth, to count 29.97 per second by 30.
        let minutes = self.seconds / 60;
        let left_out = f64::from(minutes - minutes / 10) * rate / 15.0;
        (f64::from(self.seconds) * rate + self.frames - left_out) / rate * 1.001
    }
}

/// Seconds of each timecode, counted on over midnight.
pub(super) fn seconds(timecodes: &[Timecode]) -> Vec<f64> {
    if is_noise(timecodes) {
        tracing::warn!(
            "frame numbers go back within seconds: frames stand at equal distances in each second"
        );
        return spread(timecodes);
    }
    let rate = rate(timecodes);
    over_midnight(timecodes.iter().map(|timecode| timecode.of_day(rate)))
}

fn over_midnight(of_day: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut days = 0.0;
    let mut latest = f64::NEG_INFINITY;
    let on = |time: f64| {
        if time + days < latest - DAY / 2.0 {
            days += DAY;
        }
        latest = f64::max(latest, time + days);
        time + days
    };
    of_day.map(on).collect()
}

/// Rows that follow each other within a second, and how far.
fn steps(timecodes: &[Timecode]) -> impl Iterator<Item = f64> {
    timecodes.windows(2).filter(|w| w[0].seconds == w[1].seconds).map(|w| w[1].frames - w[0].frames)
}

/// Some streams number frames within a second by no order.
fn is_noise(timecodes: &[Timecode]) -> bool {
    let (all, back) =
        steps(timecodes).fold((0, 0), |(all, back), step| (all + 1, back + usize::from(step < 0.0)));
    back >= 4 && back * 8 > all
}

fn rate(timecodes: &[Timecode]) -> f64 {
    // Frames are counted up to the rate, so it is above the largest.
    let most = timecodes.iter().map(|t| t.frames).fold(0.0, f64::max);
    let above = |&rate: &f64| rate > most;
    if let Some(told) = told_by_seconds(timecodes)
        && let Some(rate) = RATES.into_iter().filter(above).find(|rate| (rate - told).abs() < TOLERANCE)
    {
        return rate;
    }
    let full_second = timecodes.windows(2).any(|w| w[0].seconds != w[1].seconds);
    let counted = RATES.into_iter().filter(|rate| *rate >= SLOWEST_USUAL).find(above).unwrap_or(1000.0);
    if full_second { counted } else { counted.max(USUAL) }
}

/// How many frames a second has by the steps of frames across full seconds, which are as long as those within one.
fn told_by_seconds(timecodes: &[Timecode]) -> Option<f64> {
    let mut steps: Vec<f64> = steps(timecodes).filter(|step| *step > 0.0).collect();
    let step = median(&mut steps)?;
    let across = timecodes.windows(2).filter(|w| w[0].seconds + 1 == w[1].seconds);
    let mut told: Vec<f64> = across.map(|w| w[0].frames + step - w[1].frames).collect();
    median(&mut told)
}

/// Times by the seconds alone: the frames of each at equal distances, those of the first and last as of the others.
fn spread(timecodes: &[Timecode]) -> Vec<f64> {
    let runs: Vec<&[Timecode]> = timecodes.chunk_by(|a, b| a.seconds == b.seconds).collect();
    let inner = runs.get(1..runs.len().saturating_sub(1)).unwrap_or_default();
    let counted = if inner.is_empty() { &runs[..] } else { inner };
    let mut counts: Vec<f64> = counted.iter().map(|run| run.len() as f64).collect();
    let usual = median(&mut counts).unwrap_or(USUAL);
    let mut of_day = Vec::with_capacity(timecodes.len());
    for (i, run) in runs.iter().enumerate() {
        let count = run.len() as f64;
        let outer = i == 0 || i + 1 == runs.len();
        let rate = if outer { usual.max(count) } else { count };
        // What there is of the first second is its end.
        let before = if i == 0 && runs.len() > 1 { rate - count } else { 0.0 };
        of_day.extend((0..run.len()).map(|k| f64::from(run[0].seconds) + (before + k as f64) / rate));
    }
    over_midnight(of_day.into_iter())
}
