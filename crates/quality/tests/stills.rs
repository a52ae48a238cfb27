//! Judging against other programs: scikit-image 0.26 (PSNR, SSIM), NVIDIA's flip-evaluator 1.7 (FLIP), OpenCV 5's
//! pyrDown and pyrUp (Laplacian pyramid of the first picture, whose sides stay even; at odd sides OpenCV does not
//! mirror, so there SciPy), and NumPy and SciPy (MS-SSIM, flicker, masked means), on the pictures that `truth`, `ours`
//! and `mask` make here. Those are integer formulas, so the other side makes the same.

use std::fs;

use effigy_train::judge::{
    Area, AreaScores, Comparison, FlickerMeter, FrameScores, HtmlReport, JudgeError, LaplacianBands, Map,
    Metric, Pair, Picture, Report, Scores, Structure, compare, flip_map, psnr,
};

type Rgb8 = Vec<[i64; 3]>;

fn picture(w: i64, h: i64, pixel: impl Fn(i64, i64, i64) -> i64) -> Rgb8 {
    (0..w * h).map(|i| [0, 1, 2].map(|c| pixel(i % w, i / w, c))).collect()
}

fn triangle(t: i64, period: i64) -> i64 {
    (2 * (t % period) - period).abs() * 255 / period
}

fn truth(w: i64, h: i64) -> Rgb8 {
    picture(w, h, |x, y, c| {
        let grain = (x * x * 7 + y * y * 13 + x * y * 5 + c * 91) % 251;
        (5 * triangle(x + (c + 1) * y, 61) + 2 * triangle(3 * x + 2 * y, 37 + c) + grain) / 8
    })
}

fn ours(w: i64, h: i64, truth: &[[i64; 3]]) -> Rgb8 {
    picture(w, h, |x, y, c| {
        let noise = ((x * 131 + y * 197 + c * 71 + x * y) % 41) * (x + 10) / (w + 10);
        (truth[(y * w + x) as usize][c as usize] * 15 / 16 + noise - 8).clamp(0, 255)
    })
}

fn mask(w: i64, h: i64) -> Vec<f32> {
    let r2 = (w / 3).pow(2);
    let weight = |i: i64| {
        let d2 = (i % w - w / 2).pow(2) + (i / w - h / 3).pow(2);
        ((r2 - d2).max(0) * 8 / r2).min(4) as f32 / 4.0
    };
    (0..w * h).map(weight).collect()
}

/// Rolled by (dx, dy), as NumPy's `roll` does.
fn rolled<T: Copy>(w: i64, h: i64, values: &[T], dx: i64, dy: i64) -> Vec<T> {
    let from = |i: i64| ((i / w - dy).rem_euclid(h) * w + (i % w - dx).rem_euclid(w)) as usize;
    (0..w * h).map(|i| values[from(i)]).collect()
}

fn floats(pixels: &[[i64; 3]]) -> Vec<[f32; 3]> {
    pixels.iter().map(|p| p.map(|v| v as f32 / 255.0)).collect()
}

fn view(w: i64, h: i64, pixels: &[[f32; 3]]) -> Picture<'_> {
    Picture::new(w as usize, h as usize, pixels).expect("a good picture")
}

fn masked(name: &str, w: i64, h: i64, weights: Vec<f32>) -> Area {
    Area::masked(name, w as usize, h as usize, weights).expect("a good mask")
}

fn standard_pair(w: i64, h: i64) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let truth = truth(w, h);
    let ours = ours(w, h, &truth);
    (floats(&truth), floats(&ours))
}

fn assert_near(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got} where {expected} is expected");
}

/// Whole and masked, by Metric::ALL.
struct Expected {
    size: (i64, i64),
    /// Sums of both pictures' bytes and of the mask: that the other side had the same.
    sums: (i64, i64, f64),
    whole: [Option<f64>; 5],
    masked: [Option<f64>; 5],
}

#[test]
fn metrics_agree_with_other_programs() {
    let cases = [
        Expected {
            size: (192, 176),
            sums: (12_799_258, 12_140_104, 8838.75),
            whole: [
                Some(26.978619872838813),
                Some(0.9401525535422085),
                Some(0.9916027926418062),
                Some(0.20553261554089136),
                Some(0.012897730269579563),
            ],
            masked: [
                Some(28.162737460440226),
                Some(0.9471977312672358),
                Some(0.9922856659956486),
                Some(0.20211641796216687),
                Some(0.01210010090878582),
            ],
        },
        // Odd sides at several scales.
        Expected {
            size: (181, 163),
            sums: (11_183_861, 10_608_107, 7773.5),
            whole: [
                Some(26.998504366027856),
                Some(0.9401747163750369),
                Some(0.9916339993939992),
                Some(0.20563656225767937),
                Some(0.012669394442861175),
            ],
            masked: [
                Some(28.176588174125072),
                Some(0.9472703282775493),
                Some(0.9921744304295466),
                Some(0.20142935266458406),
                Some(0.01210007547338363),
            ],
        },
        // Two scales of MS-SSIM only.
        Expected {
            size: (40, 24),
            sums: (339_126, 326_243, 342.5),
            whole: [
                Some(27.914503846371264),
                Some(0.9357613884788142),
                Some(0.9855303817620795),
                Some(0.1700524128973484),
                Some(0.012607130990712648),
            ],
            masked: [
                Some(29.39967749415754),
                Some(0.9390934240568581),
                Some(0.986001162170503),
                Some(0.13566952841832255),
                Some(0.011463381630184436),
            ],
        },
        // Smaller than SSIM's window, three levels of the pyramid.
        Expected {
            size: (9, 7),
            sums: (27_719, 26_984, 19.0),
            whole: [
                Some(27.921537531605274),
                None,
                None,
                Some(0.15397888014004343),
                Some(0.017258829878058993),
            ],
            masked: [
                Some(28.598337214353464),
                None,
                None,
                Some(0.13814732530399373),
                Some(0.01707276251094489),
            ],
        },
    ];
    // f32 pictures and maps; NVIDIA's own C++ and this port differ by less than 1e-7 a pixel.
    let tolerances = [1e-5, 1e-6, 1e-6, 2e-6, 1e-7];
    for Expected { size: (w, h), sums, whole, masked: in_mask } in cases {
        let (a8, b8) = (truth(w, h), ours(w, h, &truth(w, h)));
        let sum = |p: &Rgb8| p.iter().flatten().sum::<i64>();
        let weights = mask(w, h);
        assert_eq!((sum(&a8), sum(&b8)), (sums.0, sums.1));
        assert_eq!(weights.iter().map(|&v| f64::from(v)).sum::<f64>(), sums.2);
        let (a, b) = (floats(&a8), floats(&b8));
        let areas = [Area::whole(), masked("mask", w, h, weights)];
        let found = compare(view(w, h, &a), view(w, h, &b), &areas).unwrap();
        for (area, expected) in found.areas.iter().zip([whole, in_mask]) {
            let scores = area.scores.as_ref().unwrap();
            for ((metric, expected), tolerance) in Metric::ALL.into_iter().zip(expected).zip(tolerances) {
                let what = format!("{w}x{h} {} {metric:?}", area.area);
                match (metric.of(scores), expected) {
                    (Some(got), Some(expected)) => assert_near(&what, got, expected, tolerance),
                    (got, expected) => assert_eq!(got, expected, "{what}"),
                }
            }
        }
    }
}

#[test]
fn maps_and_levels_agree_with_other_programs() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    let pair = Pair::new(view(w, h, &a), view(w, h, &b)).unwrap();
    let structure = Structure::of(&pair);
    let map = structure.map().unwrap();
    assert_eq!((map.width, map.height, structure.scales()), (182, 166, 5));
    assert_near("SSIM at (5, 5)", map.values[0].into(), 0.9871676939647195, 1e-5);
    let flip = flip_map(&pair).unwrap();
    assert_near("FLIP at (7, 9)", flip.values[9 * 192 + 7].into(), 0.27657267, 1e-5);
    let levels = LaplacianBands::of(&pair).levels(&Area::whole()).unwrap().unwrap();
    let expected = [
        0.01981011149087642,
        0.005437323332921781,
        0.005196379848069163,
        0.005102453000768266,
        0.02894238367526218,
    ];
    assert_eq!(levels.len(), expected.len());
    for (got, expected) in levels.into_iter().zip(expected) {
        assert_near("level", got, expected, 1e-6);
    }
    let area = masked("m", w, h, mask(w, h));
    assert_near("share", area.share(), 8838.75 / (192.0 * 176.0), 1e-12);
}

#[test]
fn psnr_by_hand() {
    // A difference of 0.1 in one channel of three, everywhere: MSE 0.01 / 3, so 24.77 dB.
    let (a, b) = (vec![[0.5; 3]; 6], vec![[0.5, 0.6, 0.5]; 6]);
    let pair = Pair::new(view(3, 2, &a), view(3, 2, &b)).unwrap();
    assert_near("psnr", psnr(&pair, &Area::whole()).unwrap().unwrap(), 24.771212547, 1e-5);
    // Out-of-range values are judged as a display shows them: 1.2 is 1, so a difference of 0.5 and 6.02 dB.
    let c = vec![[1.2; 3]; 6];
    let pair = Pair::new(view(3, 2, &a), view(3, 2, &c)).unwrap();
    assert_near("clamped", psnr(&pair, &Area::whole()).unwrap().unwrap(), 6.020599913, 1e-5);
}

#[test]
fn identical_pictures_are_perfect_and_the_metrics_symmetric() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    let areas = [Area::whole(), masked("mask", w, h, mask(w, h))];
    for area in compare(view(w, h, &a), view(w, h, &a), &areas).unwrap().areas {
        let scores = area.scores.unwrap();
        assert_eq!((scores.psnr, scores.flip, scores.laplacian), (f64::INFINITY, 0.0, 0.0));
        assert_near("SSIM", scores.ssim.unwrap(), 1.0, 1e-7);
        assert_near("MS-SSIM", scores.ms_ssim.unwrap(), 1.0, 1e-7);
    }
    let forth = compare(view(w, h, &a), view(w, h, &b), &areas).unwrap();
    let back = compare(view(w, h, &b), view(w, h, &a), &areas).unwrap();
    for (forth, back) in forth.areas.iter().zip(&back.areas) {
        for metric in Metric::ALL {
            let of = |a: &AreaScores| metric.of(a.scores.as_ref().unwrap()).unwrap();
            assert_near(metric.label(), of(forth), of(back), 1e-9);
        }
    }
    // The same again is the same to the bit, however the work was shared out.
    assert_eq!(compare(view(w, h, &a), view(w, h, &b), &areas).unwrap().areas, forth.areas);
}

#[test]
fn masks_pick_their_pixels() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    // Ours is wrong on the right half only.
    let half: Vec<[f32; 3]> = (0..a.len()).map(|i| if i % 192 < 96 { a[i] } else { b[i] }).collect();
    let side =
        |from: usize, to: usize| (0..a.len()).map(|i| f32::from((from..to).contains(&(i % 192)))).collect();
    let areas = [
        Area::whole(),
        masked("ones", w, h, vec![1.0; a.len()]),
        masked("faint", w, h, vec![0.25; a.len()]),
        masked("left", w, h, side(0, 50)),
        masked("right", w, h, side(96, 192)),
        masked("none", w, h, vec![0.0; a.len()]),
        masked("corner", w, h, (0..a.len()).map(|i| f32::from(i < 3)).collect()),
    ];
    let found = compare(view(w, h, &a), view(w, h, &half), &areas).unwrap().areas;
    let scores = |i: usize| found[i].scores.as_ref().unwrap();
    for i in [1, 2] {
        for metric in Metric::ALL {
            let [all, some] = [0, i].map(|i| metric.of(scores(i)).unwrap());
            assert_near(metric.label(), some, all, 1e-6);
        }
    }
    // Far enough from the fault for the windows of SSIM and FLIP.
    let left = scores(3);
    assert_eq!((left.psnr, left.flip), (f64::INFINITY, 0.0));
    assert_near("SSIM", left.ssim.unwrap(), 1.0, 1e-7);
    for metric in Metric::ALL {
        let [all, right] = [0, 4].map(|i| metric.of(scores(i)).unwrap());
        assert_eq!(
            right < all,
            metric.higher_is_better(),
            "{metric:?}: {right} on the right, {all} on the whole"
        );
    }
    assert_eq!((found[5].share, &found[5].scores), (0.0, &None));
    // No window is centred within five pixels of the edge.
    assert_eq!((scores(6).ssim, scores(6).ms_ssim, scores(6).psnr), (None, None, f64::INFINITY));
}

#[test]
fn worse_pictures_score_worse() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    let worse: Vec<[f32; 3]> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| [0, 1, 2].map(|c| (a[c] + 2.0 * (b[c] - a[c])).clamp(0.0, 1.0)))
        .collect();
    let judge = |p: &[[f32; 3]]| {
        let found = compare(view(w, h, &a), view(w, h, p), &[Area::whole()]).unwrap();
        found.areas[0].scores.clone().unwrap()
    };
    let (near, far) = (judge(&b), judge(&worse));
    for metric in Metric::ALL {
        let [near, far] = [&near, &far].map(|s| metric.of(s).unwrap());
        assert_eq!(near > far, metric.higher_is_better(), "{metric:?}: {near} and {far}");
    }
}

#[test]
fn flicker_agrees_with_numpy() {
    let (w, h) = (40, 24);
    let base = truth(w, h);
    let truths = [base.clone(), rolled(w, h, &base, 3, 0), rolled(w, h, &base, 0, 5)];
    let weights = mask(w, h);
    let masks = [weights.clone(), rolled(w, h, &weights, 4, 0), weights];
    let mut meter = FlickerMeter::new("talk");
    for (truth, mask) in truths.iter().zip(masks) {
        let (a, b) = (floats(truth), floats(&ours(w, h, truth)));
        let areas = [Area::whole(), masked("mask", w, h, mask), masked("none", w, h, vec![0.0; a.len()])];
        meter.push(view(w, h, &a), view(w, h, &b), &areas).unwrap();
    }
    let found = meter.finish();
    let names: Vec<_> = found.iter().map(|f| (f.sequence.as_str(), f.area.as_str(), f.steps)).collect();
    assert_eq!(names, [("talk", "whole", 2), ("talk", "mask", 2)]);
    assert_near("whole", found[0].flicker, 0.008398692810457518, 1e-6);
    assert_near("whole motion", found[0].motion, 0.13414351851851852, 1e-6);
    assert_near("mask", found[1].flicker, 0.008064892623716156, 1e-6);
    assert_near("mask motion", found[1].motion, 0.1281687675070028, 1e-6);
}

#[test]
fn a_constant_error_does_not_flicker_and_a_cut_is_no_step() {
    let (w, h) = (4, 3);
    let frame = |v: f32| vec![[v; 3]; 12];
    let mut meter = FlickerMeter::new("s");
    for (truth, ours) in [(0.2, 0.3), (0.5, 0.6)] {
        meter.push(view(w, h, &frame(truth)), view(w, h, &frame(ours)), &[Area::whole()]).unwrap();
    }
    meter.cut();
    for (truth, ours) in [(0.9, 0.1), (0.9, 0.3)] {
        meter.push(view(w, h, &frame(truth)), view(w, h, &frame(ours)), &[Area::whole()]).unwrap();
    }
    // Steps: the truth moved by 0.3 with us; then it stood still while we moved by 0.2.
    let other = vec![[0.0; 3]; 2];
    assert!(meter.push(view(2, 1, &other), view(2, 1, &other), &[]).is_err());
    let found = &meter.finish()[0];
    assert_eq!(found.steps, 2);
    assert_near("flicker", found.flicker, 0.1, 1e-6);
    assert_near("motion", found.motion, 0.15, 1e-6);
}

#[test]
fn bad_inputs_are_named() {
    let pixels = vec![[0.5; 3]; 6];
    let message = |e: JudgeError| e.to_string();
    assert_eq!(message(Picture::new(2, 2, &pixels).unwrap_err()), "a picture of 2x2 has 6 pixels");
    assert_eq!(message(Picture::new(0, 0, &[]).unwrap_err()), "a picture of 0x0 has 0 pixels");
    assert!(Picture::new(usize::MAX, 2, &pixels).is_err());
    let mut broken = pixels.clone();
    broken[4][1] = f32::NAN;
    assert_eq!(message(Picture::new(3, 2, &broken).unwrap_err()), "the picture is not finite at (1, 1)");
    for bad in [-0.1, 1.1, f32::NAN] {
        let error = Area::masked("face", 2, 1, vec![0.0, bad]).unwrap_err();
        assert_eq!(message(error), "the mask of area face is outside 0..1 at (1, 0)");
    }
    let area = [masked("face", 2, 3, vec![1.0; 6])];
    let error = compare(view(3, 2, &pixels), view(3, 2, &pixels), &area).unwrap_err();
    assert_eq!(message(error), "the mask of area face is 2x3 where 3x2 is expected");
    let error = compare(view(3, 2, &pixels), view(2, 3, &pixels), &[]).unwrap_err();
    assert_eq!(message(error), "the picture is 2x3 where 3x2 is expected");
}

fn scored(split: &str, name: &str, psnr: f64, flip: f64) -> FrameScores {
    let scores = Scores { psnr, ssim: Some(0.5), ms_ssim: None, flip, laplacian: 0.125 };
    let whole = AreaScores { area: "whole".into(), share: 1.0, scores: Some(scores) };
    let face = AreaScores { area: "face".into(), share: 0.0, scores: None };
    FrameScores { split: split.into(), name: name.into(), areas: vec![whole, face] }
}

fn sample_report() -> Report {
    let frames = vec![
        scored("novel_view", "a", 30.0, 0.25),
        scored("novel_view", "b", 36.0, 0.5),
        scored("novel_expression", "c", f64::INFINITY, 0.0),
    ];
    Report { frames, flicker: Vec::new() }
}

#[test]
fn summaries_name_the_worst_frame() {
    let report = sample_report();
    let summaries = report.summaries();
    let order: Vec<_> = summaries.iter().map(|s| (s.split.as_str(), s.area.as_str(), s.frames)).collect();
    let expected = [
        ("novel_view", "whole", 2),
        ("novel_view", "face", 0),
        ("novel_expression", "whole", 1),
        ("novel_expression", "face", 0),
    ];
    assert_eq!(order, expected);
    let psnr = summaries[0].spread(Metric::Psnr).unwrap();
    assert_eq!((psnr.mean, psnr.min, psnr.max, psnr.worst.as_str()), (33.0, 30.0, 36.0, "a"));
    let flip = summaries[0].spread(Metric::Flip).unwrap();
    assert_eq!((flip.mean, flip.min, flip.max, flip.worst.as_str()), (0.375, 0.25, 0.5, "b"));
    assert_eq!(summaries[0].spread(Metric::MsSsim), None);
    assert_eq!(report.summary("novel_view", "hands"), None);
}

#[test]
fn tables_are_aligned() {
    let mut report = sample_report();
    let expected = "\
split             area   frames  PSNR dB    SSIM  MS-SSIM    FLIP  Laplacian  PSNR min..max  worst frame
novel_view        whole       2    33.00  0.5000        -  0.3750    0.12500   30.00..36.00  a
novel_view        face        0        -       -        -       -          -              -  -
novel_expression  whole       1      inf  0.5000        -  0.0000    0.12500       inf..inf  c
novel_expression  face        0        -       -        -       -          -              -  -
";
    assert_eq!(report.table(), expected);
    report.frames.truncate(1);
    report.frames[0].name = "line\nbreak \u{1b}[31m".into();
    let table = report.frame_table();
    assert_eq!(table.lines().count(), 3);
    assert!(table.contains("line\u{fffd}break \u{fffd}[31m  whole    30.00"), "{table}");
}

#[test]
fn json_reads_back_and_replaces_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.json");
    let mut report = sample_report();
    let mut meter = FlickerMeter::new("s");
    for v in [0.1, 0.2] {
        let pixels = vec![[v; 3]; 4];
        meter.push(view(2, 2, &pixels), view(2, 2, &pixels), &[Area::whole()]).unwrap();
    }
    report.flicker = meter.finish();
    fs::write(&path, "old").unwrap();
    report.save_json(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["summary"][0]["metrics"][0]["metric"], "psnr");
    assert_eq!(value["summary"][0]["metrics"][0]["mean"], 33.0);
    assert_eq!(value["frames"][2]["areas"][0]["scores"]["psnr"], serde_json::Value::Null);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let error = report.save_json(&folder.path().join("absent/scores.json")).unwrap_err().to_string();
    assert!(error.contains("scores.json: there is no folder"), "{error}");
}

/// The tags and attribute values of a page, if every element is closed where it must be.
fn elements(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("no doctype");
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(text.split('&').skip(1).all(|t| t.contains(';')), "a bare & in {text:?}");
        let end = at + rest[at..].find('>').expect("an unfinished tag");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (body, alone) = tag.strip_suffix('/').map_or((tag, false), |b| (b, true));
        let (name, mut attributes) = body.split_once(' ').unwrap_or((body, ""));
        let mut values = Vec::new();
        while let Some((key, after)) = attributes.split_once("=\"") {
            let (value, after) = after.split_once('"').expect("an open attribute");
            assert!(!value.contains('<'));
            values.push((key.trim().to_owned(), value.to_owned()));
            attributes = after;
        }
        assert_eq!(attributes.trim(), "", "in <{tag}>");
        found.push((name.trim().to_owned(), values));
        if !alone {
            open.push(name.trim().to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new());
    found
}

fn attribute<'a>(element: &'a (String, Vec<(String, String)>), key: &str) -> Option<&'a str> {
    element.1.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

const HOSTILE: &str = "<script>alert('&')</script>\"../..\u{7}";

/// A report of two frames, one of a hostile name, written to `folder`.
fn write_html(folder: &std::path::Path) -> Result<(), JudgeError> {
    let (w, h) = (40, 24);
    let (a, b) = standard_pair(w, h);
    let areas = [Area::whole(), masked("a<b", w, h, mask(w, h)), masked("none", w, h, vec![0.0; a.len()])];
    let comparison = compare(view(w, h, &a), view(w, h, &b), &areas)?;
    let mut html = HtmlReport::create(folder)?;
    let mut report = Report::default();
    for name in ["plain", HOSTILE] {
        html.add("novel_view", name, view(w, h, &a), view(w, h, &b), &comparison)?;
        report.frames.push(comparison.frame("novel_view", name));
    }
    report.frames.push(scored("other", "without pictures", f64::INFINITY, 0.0));
    html.finish("Figures & <pictures>", &report)
}

#[test]
fn the_page_is_well_formed_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    write_html(&report).unwrap();
    let html = fs::read_to_string(report.join("index.html")).unwrap();
    let elements = elements(&html);
    let count = |name: &str| elements.iter().filter(|e| e.0 == name).count();
    assert_eq!((count("script"), count("style"), count("img"), count("section")), (1, 1, 8, 3));
    assert!(html.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&quot;../..\u{fffd}"));
    assert!(html.contains("<title>Figures &amp; &lt;pictures&gt;</title>"));
    // Nothing is fetched from elsewhere.
    assert!(!html.contains("http") && !html.contains("url(") && !html.contains("@import"));
    for link in elements.iter().filter_map(|e| attribute(e, "href")) {
        let id = link.strip_prefix('#').unwrap();
        assert!(elements.iter().any(|e| attribute(e, "id") == Some(id)));
    }
    // As many cells in every row of the frames as there are headings: split, frame, areas by metrics.
    let table = html.split("id=\"frames\"").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(table.matches("<th ").count() + table.matches("<th>").count(), 2 + 4 * 5);
    for row in table.split("<tr ").skip(1) {
        assert_eq!(row.matches("<td").count(), 2 + 4 * 5, "{row}");
    }
    assert!(html.contains("data-value=\"Infinity\">inf<"));
    let mut sources = Vec::new();
    for image in elements.iter().filter(|e| e.0 == "img") {
        let source = attribute(image, "src").unwrap();
        let picture = image::open(report.join(source)).unwrap();
        assert_eq!((picture.width(), picture.height()), (40, 24));
        sources.push(source.to_owned());
    }
    sources.sort();
    sources.dedup();
    assert_eq!(sources.len(), 8);
    assert_eq!(fs::read_dir(report.join("pictures")).unwrap().count(), 8);
    assert_eq!(fs::read_dir(&report).unwrap().count(), 2);
}

#[test]
fn the_pictures_are_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    write_html(&report).unwrap();
    let (w, h) = (40, 24);
    let (a8, b8) = (truth(w, h), ours(w, h, &truth(w, h)));
    let read = |kind: &str| {
        let path = report.join(format!("pictures/00000_{kind}.png"));
        image::open(path).unwrap().into_rgb8().pixels().map(|p| p.0.map(i64::from)).collect::<Rgb8>()
    };
    assert_eq!(read("truth"), a8);
    assert_eq!(read("ours"), b8);
    let difference = |(a, b): (&[i64; 3], &[i64; 3])| [0, 1, 2].map(|c| ((a[c] - b[c]).abs() * 8).min(255));
    assert_eq!(read("difference"), a8.iter().zip(&b8).map(difference).collect::<Rgb8>());
    // Magma at 0.21824741, NVIDIA's error at (7, 9): entry 56, (0.265447, 0.060237, 0.461840) in its table.
    assert_eq!(read("flip")[9 * 40 + 7], [68, 15, 118]);
}

#[test]
fn a_report_replaces_reports_only_and_appears_whole() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    // An unfinished one leaves nothing.
    let (a, _) = standard_pair(40, 24);
    let flip = Map { width: 40, height: 24, values: vec![0.0; 960] };
    let comparison = Comparison { areas: Vec::new(), flip };
    let mut unfinished = HtmlReport::create(&report).unwrap();
    unfinished.add("s", "n", view(40, 24, &a), view(40, 24, &a), &comparison).unwrap();
    assert!(!report.exists());
    drop(unfinished);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    // An empty folder and an older report are replaced.
    fs::create_dir(&report).unwrap();
    write_html(&report).unwrap();
    fs::remove_file(report.join("pictures/00000_truth.png")).unwrap();
    write_html(&report).unwrap();
    assert!(report.join("pictures/00000_truth.png").exists());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    // Anything else is not.
    for other in ["notes.txt", "pictures/holiday.png"] {
        fs::write(report.join(other), "mine").unwrap();
        let error = write_html(&report).unwrap_err().to_string();
        assert!(error.contains(&format!("other files ({other})")), "{error}");
        assert_eq!(fs::read_to_string(report.join(other)).unwrap(), "mine");
        fs::remove_file(report.join(other)).unwrap();
    }
    fs::write(report.join("index.html"), "<p>my own page</p>").unwrap();
    assert!(write_html(&report).is_err());
    assert!(HtmlReport::create(&folder.path().join("absent/report")).is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}
