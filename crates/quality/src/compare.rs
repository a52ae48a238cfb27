//! Two sequences, compared frame by frame.

use rayon::prelude::*;

use crate::error::QualityError;
use crate::ffmpeg::{Ffmpeg, Judge};
use crate::mask::Mask;
use crate::measure::Measure;
use crate::pair::Pair;
use crate::picture::Picture;
use crate::rect::Rect;
use crate::region::{Extent, LEAST_SIDE, Region};
use crate::score::Comparison;
use crate::source::FrameSource;
use crate::tally::{FrameValues, Pooling, Tally};

/// What a comparison measures.
#[derive(Clone, Debug)]
pub struct CompareOptions<'a> {
    /// Where.
    pub regions: Vec<Region>,
    /// What.
    pub measures: Vec<Measure>,
    /// The FFmpeg that measures VMAF and XPSNR, or why there is none: those measures then are absent for that reason.
    pub ffmpeg: Result<&'a Ffmpeg, String>,
    /// Frame rate per second for measures that watch motion; what the sources say, else 30, if left out.
    pub frames_per_second: Option<f64>,
    /// The least red, as a share of 255, that is inside a mask.
    pub mask_threshold: f32,
    /// SSIM, MS-SSIM, SSIMULACRA2, FLIP and the Laplacian pyramid, which take most of the time, of every so manieth frame
    /// only, from the first; 0 counts as 1. PSNR and FFmpeg's measures always see all frames.
    pub every: usize,
}

impl Default for CompareOptions<'_> {
    /// Every measure of the whole frame, without an FFmpeg.
    fn default() -> Self {
        Self {
            regions: vec![Region::whole()],
            measures: Measure::ALL.to_vec(),
            ffmpeg: Err("no ffmpeg is given".into()),
            frames_per_second: None,
            mask_threshold: 0.5,
            every: 1,
        }
    }
}

/// Compares `test` with `reference`, reading both once and keeping a few frames at a time. `masks`, for regions of
/// [masks](Extent::Mask), are importance maps as grey pictures, one per frame. `progress` is told after each frame how
/// many are done, and ends the comparison, which then gives `None`, by saying no.
///
/// # Errors
/// [`QualityError`] for sequences of different sizes or lengths, without frames, or that cannot be read, and for
/// regions outside the frames. A measure that cannot be made is absent with its reason instead.
pub fn compare(
    reference: &mut dyn FrameSource,
    test: &mut dyn FrameSource,
    mut masks: Option<&mut dyn FrameSource>,
    options: &CompareOptions,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Comparison>, QualityError> {
    if let (None, Some(region)) = (&masks, options.regions.iter().find(|r| r.extent == Extent::Mask)) {
        return Err(QualityError::NoMasks(region.name.clone()));
    }
    let batch = rayon::current_num_threads().clamp(1, 16);
    let mut gathering: Option<Gathering> = None;
    let mut done = 0;
    loop {
        let mut frames = Vec::with_capacity(batch);
        for i in 0..batch {
            let Some(frame) = next(reference, test, &mut masks, options, done + i)? else { break };
            frames.push(frame);
        }
        let Some(first) = frames.first() else { break };
        let gathering = match &mut gathering {
            Some(gathering) => gathering,
            none => {
                let fps = options
                    .frames_per_second
                    .or_else(|| reference.frames_per_second())
                    .or_else(|| test.frames_per_second())
                    .filter(|fps| fps.is_finite() && *fps > 0.0)
                    .unwrap_or(30.0);
                none.insert(Gathering::start(first.pair.reference(), options, fps)?)
            }
        };
        if let Some(frame) = frames.iter().find(|f| size(f.pair.reference()) != gathering.size) {
            return Err(QualityError::size(reference.name(), size(frame.pair.reference()), gathering.size));
        }
        let values: Vec<Vec<RegionValues>> =
            frames.par_iter().map(|frame| frame.values(options)).collect::<Result<_, _>>()?;
        for (frame, values) in frames.iter().zip(values) {
            gathering.push(frame, values);
            done += 1;
            if !progress(done) {
                return Ok(None);
            }
        }
        if frames.len() < batch {
            break;
        }
    }
    let gathering = gathering.ok_or_else(|| QualityError::Empty(reference.name()))?;
    Ok(Some(gathering.finish(options)))
}

/// What is compared at once.
struct Frame {
    index: usize,
    pair: Pair,
    mask: Option<Mask>,
}

fn size(picture: &Picture) -> (usize, usize) {
    (picture.width(), picture.height())
}

fn next(
    reference: &mut dyn FrameSource,
    test: &mut dyn FrameSource,
    masks: &mut Option<&mut dyn FrameSource>,
    options: &CompareOptions,
    frames: usize,
) -> Result<Option<Frame>, QualityError> {
    let length = |short: String, long: String| Err(QualityError::Length { short, frames, long });
    let pair = match (reference.next_frame()?, test.next_frame()?) {
        (Some(a), Some(b)) => Some((a, b)),
        (None, None) => None,
        (None, Some(_)) => return length(reference.name(), test.name()),
        (Some(_), None) => return length(test.name(), reference.name()),
    };
    let mask = match masks {
        Some(masks) => match (masks.next_frame()?, &pair) {
            (Some(mask), Some((a, _))) if size(&mask) != size(a) => {
                return Err(QualityError::size(masks.name(), size(&mask), size(a)));
            }
            (None, Some(_)) => return length(masks.name(), reference.name()),
            (Some(_), None) => return length(reference.name(), masks.name()),
            (mask, _) => mask.map(|m| Mask::of_picture(&m, options.mask_threshold)),
        },
        None => None,
    };
    let Some((a, b)) = pair else { return Ok(None) };
    match size(&b) == size(&a) {
        true => Ok(Some(Frame { index: frames, pair: Pair::new(a, b)?, mask })),
        false => Err(QualityError::size(test.name(), size(&b), size(&a))),
    }
}

/// One frame's values over one region.
struct RegionValues {
    values: FrameValues,
    /// What FFmpeg measures, where it is not the whole.
    cropped: Option<Pair>,
}

impl Frame {
    fn values(&self, options: &CompareOptions) -> Result<Vec<RegionValues>, QualityError> {
        options.regions.iter().map(|region| self.region_values(region, options)).collect()
    }

    fn region_values(&self, region: &Region, options: &CompareOptions) -> Result<RegionValues, QualityError> {
        let cropped = match region.extent {
            Extent::Rect(rect) => {
                Some(Pair::new(self.pair.reference().cropped(rect)?, self.pair.test().cropped(rect)?)?)
            }
            Extent::Whole | Extent::Mask => None,
        };
        let pair = cropped.as_ref().unwrap_or(&self.pair);
        let mask = self.mask.as_ref().filter(|_| region.extent == Extent::Mask);
        let pixels = |pair: &Pair| (pair.width() * pair.height()) as f64;
        let share = pixels(pair) / pixels(&self.pair);
        let passed_over = !self.index.is_multiple_of(options.every.max(1));
        let skipped = |measure: Measure| measure.is_by_ffmpeg() || passed_over;
        Ok(RegionValues { values: FrameValues::of(pair, mask, share, &options.measures, skipped), cropped })
    }
}

/// What has been measured so far.
struct Gathering {
    size: (usize, usize),
    frames: usize,
    regions: Vec<RegionGathering>,
}

struct RegionGathering {
    tally: Tally,
    judge: Option<Judge>,
}

impl Gathering {
    fn start(first: &Picture, options: &CompareOptions, fps: f64) -> Result<Self, QualityError> {
        let (width, height) = size(first);
        let regions = options.regions.iter().map(|region| {
            let extent = match region.extent {
                Extent::Rect(rect) if !rect.lies_in(width, height) => {
                    let Rect { x, y, width: w, height: h } = rect;
                    let region = format!("{} ({w}x{h} at {x},{y})", region.name);
                    return Err(QualityError::Region { region, width, height });
                }
                Extent::Rect(rect) => Ok((rect.width, rect.height)),
                Extent::Whole => Ok((width, height)),
                Extent::Mask => Err("has no value for single pixels"),
            };
            // A reason for each of FFmpeg's measures that is absent from the start.
            let reason = |measure: Measure| -> Result<(), String> {
                let (width, height) = extent.map_err(|e| format!("{measure} {e}"))?;
                if width.min(height) < LEAST_SIDE {
                    return Err(format!("{measure} needs at least {LEAST_SIDE}x{LEAST_SIDE} pixels"));
                }
                options.ffmpeg.clone()?.can(measure)
            };
            let mut faults: Vec<Option<String>> = options
                .measures
                .iter()
                .map(|&measure| measure.is_by_ffmpeg().then(|| reason(measure).err()).flatten())
                .collect();
            let by_ffmpeg = |(measure, fault): (&Measure, &Option<String>)| {
                (measure.is_by_ffmpeg() && fault.is_none()).then_some(*measure)
            };
            let wanted: Vec<Measure> = options.measures.iter().zip(&faults).filter_map(by_ffmpeg).collect();
            let mut judge = None;
            if let (false, Ok(ffmpeg), Ok(extent)) = (wanted.is_empty(), &options.ffmpeg, extent) {
                match Judge::start(ffmpeg, &wanted, extent, fps) {
                    Ok(started) => judge = Some(started),
                    Err(fault) => {
                        let judged = options.measures.iter().zip(&mut faults);
                        for (_, reason) in judged.filter(|(measure, _)| wanted.contains(measure)) {
                            *reason = Some(fault.clone());
                        }
                    }
                }
            }
            Ok(RegionGathering { tally: Tally::new(faults), judge })
        });
        Ok(Self { size: (width, height), frames: 0, regions: regions.collect::<Result<_, _>>()? })
    }

    fn push(&mut self, frame: &Frame, values: Vec<RegionValues>) {
        self.frames += 1;
        for (region, RegionValues { values, cropped }) in self.regions.iter_mut().zip(values) {
            region.tally.push(values);
            if let Some(judge) = &mut region.judge {
                judge.push(cropped.as_ref().unwrap_or(&frame.pair));
            }
        }
    }

    fn finish(self, options: &CompareOptions) -> Comparison {
        let scores = |(region, gathering): (&Region, RegionGathering)| {
            let RegionGathering { tally, judge } = gathering;
            let judged = judge.map(Judge::finish).unwrap_or_default();
            let rect = match region.extent {
                Extent::Rect(rect) => Some(rect),
                Extent::Whole | Extent::Mask => None,
            };
            tally.finish(region.name.clone(), rect, &options.measures, Pooling::SquaredError, &judged)
        };
        let regions = options.regions.iter().zip(self.regions).map(scores).collect();
        Comparison { frames: self.frames, names: Vec::new(), regions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffmpeg::tests::ffmpeg;
    use crate::region::{Gather, RectFinder};
    use crate::sample::{close, pair};
    use crate::score::Score;
    use crate::source::Frames;

    fn source(name: &str, pictures: Vec<Picture>) -> Frames<std::vec::IntoIter<Picture>> {
        Frames::new(name, Some(30.0), pictures)
    }

    fn run(
        a: Vec<Picture>,
        b: Vec<Picture>,
        masks: Option<Vec<Picture>>,
        options: &CompareOptions,
    ) -> Result<Comparison, QualityError> {
        let mut masks = masks.map(|m| source("masks", m));
        let masks = masks.as_mut().map(|m| m as &mut dyn FrameSource);
        compare(&mut source("a", a), &mut source("b", b), masks, options, &mut |_| true)
            .map(|comparison| comparison.unwrap())
    }

    fn result(comparison: &Comparison, region: usize, measure: Measure) -> &Result<Score, String> {
        let scores = &comparison.regions[region].scores;
        &scores.iter().find(|s| s.measure == measure).unwrap().result
    }

    fn pooled(comparison: &Comparison, region: usize, measure: Measure) -> f64 {
        result(comparison, region, measure).as_ref().unwrap().pooled
    }

    /// A grey picture: white within `rect`.
    fn mask(rect: Rect) -> Picture {
        let inside = |i: usize| {
            (rect.x..rect.x + rect.width).contains(&(i % 200))
                && (rect.y..rect.y + rect.height).contains(&(i / 200))
        };
        Picture::new(200, 184, (0..200 * 184).flat_map(|i| [if inside(i) { 255 } else { 90 }; 3]).collect())
            .unwrap()
    }

    // The whole-frame values are those of the measures' own tests; the rectangle's and the mask's PSNR is numpy's of
    // rows 40..120 and columns 32..128.
    #[test]
    fn measures_every_region() {
        let (a, b) = pair();
        let face = Rect { x: 32, y: 40, width: 96, height: 80 };
        let options = CompareOptions {
            regions: vec![Region::whole(), Region::rect("face", face), Region::mask("mask")],
            ..CompareOptions::default()
        };
        let masks = vec![mask(face), mask(face), mask(Rect { x: 0, y: 0, width: 0, height: 0 })];
        let comparison =
            run(vec![a.clone(), a.clone(), a.clone()], vec![b.clone(), a.clone(), b], Some(masks), &options)
                .unwrap();
        assert_eq!(comparison.frames, 3);
        // Two of three frames have the error: 10 log10(1.5) better.
        let gain = 10.0 * 1.5_f64.log10();
        close(pooled(&comparison, 0, Measure::PsnrRgb), 31.749_148_836 + gain, 1e-6);
        close(pooled(&comparison, 0, Measure::Ssim), (2.0 * 0.959_438_290_664 + 1.0) / 3.0, 1e-9);
        close(pooled(&comparison, 1, Measure::PsnrRgb), 31.750_745_289 + gain, 1e-6);
        // The last mask is empty: one of two frames has the error.
        close(pooled(&comparison, 2, Measure::PsnrRgb), 31.750_745_289 + 10.0 * 2_f64.log10(), 1e-6);
        let score = result(&comparison, 2, Measure::PsnrRgb).as_ref().unwrap();
        assert_eq!(score.per_frame[1..], [Some(f64::INFINITY), None]);
        assert_eq!((score.worst_frame, comparison.regions[1].rect), (0, Some(face)));
        assert!(result(&comparison, 2, Measure::Ssimulacra2).as_ref().unwrap_err().contains("single pixels"));
        assert!(result(&comparison, 1, Measure::Ssimulacra2).as_ref().unwrap_err().contains("113x113"));
        close(pooled(&comparison, 0, Measure::Ssimulacra2), (2.0 * 82.906_6 + 100.0) / 3.0, 0.15);
        assert_eq!(result(&comparison, 0, Measure::Vmaf), &Err("no ffmpeg is given".into()));
        let mut finder = RectFinder::default();
        finder.push(&Mask::of_picture(&mask(face), 0.5));
        let grown = Rect { x: 16, y: 16, width: 128, height: 128 };
        assert_eq!(finder.finish(Gather::Union), Some(grown));
    }

    #[test]
    fn faults_say_which_sequence() {
        let (a, b) = pair();
        let small = Picture::new(2, 2, vec![0; 12]).unwrap();
        let whole = CompareOptions { measures: vec![Measure::PsnrRgb], ..CompareOptions::default() };
        let fault =
            |a, b, masks, options: &CompareOptions| run(a, b, masks, options).unwrap_err().to_string();
        assert_eq!(
            fault(vec![a.clone(); 20], vec![b.clone(); 19], None, &whole),
            "b ends after 19 frames, a goes on"
        );
        assert_eq!(
            fault(vec![a.clone(); 2], vec![b.clone(); 2], Some(vec![mask(Rect::whole(9, 9))]), &whole),
            "masks ends after 1 frames, a goes on"
        );
        assert_eq!(
            fault(vec![a.clone()], vec![small.clone()], None, &whole),
            "b is 2x2, where 200x184 is expected"
        );
        assert_eq!(
            fault(vec![a.clone(), small.clone()], vec![b.clone(), small], None, &whole),
            "a is 2x2, where 200x184 is expected"
        );
        assert_eq!(fault(vec![], vec![], None, &whole), "a has no frames");
        let rect = Rect { x: 150, y: 0, width: 64, height: 64 };
        let outside =
            CompareOptions { regions: vec![Region::rect("face", rect)], ..CompareOptions::default() };
        assert_eq!(
            fault(vec![a.clone()], vec![b.clone()], None, &outside),
            "region face (64x64 at 150,0) does not lie within pictures of 200x184"
        );
        let masked = CompareOptions { regions: vec![Region::mask("skin")], ..CompareOptions::default() };
        assert_eq!(fault(vec![a], vec![b], None, &masked), "region skin is of masks, and there are no masks");
    }

    #[test]
    fn slow_measures_may_skip_frames() {
        let (a, b) = pair();
        let options = CompareOptions {
            measures: vec![Measure::PsnrRgb, Measure::Ssim, Measure::Flip],
            every: 3,
            ..CompareOptions::default()
        };
        // The first four of five frames have the error; of frames 0 and 3 both.
        let comparison = run(vec![a.clone(); 5], [vec![b; 4], vec![a]].concat(), None, &options).unwrap();
        close(pooled(&comparison, 0, Measure::PsnrRgb), 31.749_148_836 + 10.0 * 1.25_f64.log10(), 1e-6);
        close(pooled(&comparison, 0, Measure::Ssim), 0.959_438_290_664, 1e-9);
        close(pooled(&comparison, 0, Measure::Flip), 0.035_947_967, 2e-5);
        let measured = |measure| {
            let score = result(&comparison, 0, measure).as_ref().unwrap();
            score.per_frame.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(measured(Measure::PsnrRgb), [true; 5]);
        assert_eq!(measured(Measure::Ssim), [true, false, false, true, false]);
    }

    #[test]
    fn stops_when_told() {
        let (a, b) = pair();
        let options = CompareOptions { measures: vec![Measure::PsnrRgb], ..CompareOptions::default() };
        let (mut a, mut b) = (source("a", vec![a; 9]), source("b", vec![b; 9]));
        assert!(compare(&mut a, &mut b, None, &options, &mut |n| n < 3).unwrap().is_none());
    }

    fn with_libvmaf() -> Option<Ffmpeg> {
        let ffmpeg = ffmpeg()?;
        let fault = ffmpeg.can(Measure::Vmaf).and_then(|()| ffmpeg.can(Measure::Xpsnr)).err();
        match fault {
            Some(fault) => {
                println!("skipped: {fault}");
                None
            }
            None => Some(ffmpeg),
        }
    }

    // FFmpeg 9.0.2 by hand, with numpy's luma of the sample pair in two C444 Y4M files (a, a, a, a and b, a, b, b):
    // ffmpeg -i b.y4m -i a.y4m -lavfi libvmaf=model=version=vmaf_v0.6.1neg:log_fmt=json:log_path=o.json -f null -
    // ffmpeg -i a.y4m -i b.y4m -lavfi xpsnr=stats_file=x.txt -f null -
    #[test]
    fn ffmpeg_measures_both_regions() {
        let Some(ffmpeg) = with_libvmaf() else { return };
        let (a, b) = pair();
        let face = Rect { x: 32, y: 40, width: 96, height: 80 };
        let options = CompareOptions {
            regions: vec![Region::whole(), Region::rect("face", face)],
            measures: vec![Measure::Vmaf, Measure::VmafNeg, Measure::Xpsnr],
            ffmpeg: Ok(&ffmpeg),
            ..CompareOptions::default()
        };
        let comparison = run(vec![a.clone(); 4], vec![b.clone(), a, b.clone(), b], None, &options).unwrap();
        let expected = [[96.066_43, 95.141_27, 35.4908], [96.010_50, 94.714_33, 33.1912]];
        for (region, values) in expected.into_iter().enumerate() {
            for (measure, value) in options.measures.iter().zip(values) {
                close(pooled(&comparison, region, *measure), value, 1e-3);
            }
            let xpsnr = result(&comparison, region, Measure::Xpsnr).as_ref().unwrap();
            assert_eq!((xpsnr.per_frame[1], xpsnr.worst_frame), (Some(f64::INFINITY), 2));
        }
    }
}
