//! Pictures measured as other programs measure them: scikit-image 0.26 (PSNR, SSIM), NVIDIA's flip-evaluator 1.7 (FLIP),
//! OpenCV 5's pyrDown and pyrUp (Laplacian pyramid of the first picture, whose sides stay even; at odd sides OpenCV does
//! not mirror, so there SciPy), and NumPy and SciPy (MS-SSIM, flicker, masked means), on the pictures that `truth`, `ours`
//! and `mask` make here. Those are integer formulas, so the other side makes the same.

// Clippy knows a test by its attribute alone, and not what tests share.
#![allow(clippy::unwrap_used)]

use std::fs;

use effigy_quality::{
    Area, Comparison, FlickerMeter, Gallery, Interpolation, Labels, Mask, Measure, Pair, Picture,
    QualityError, Report, Stills,
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

fn view(w: i64, h: i64, pixels: &[[f32; 3]]) -> Picture {
    Picture::of_levels(w as usize, h as usize, pixels.to_vec()).expect("a good picture")
}

fn paired(w: i64, h: i64, a: &[[f32; 3]], b: &[[f32; 3]]) -> Pair {
    Pair::new(view(w, h, a), view(w, h, b)).expect("pictures of one size")
}

fn weights(w: i64, h: i64, weights: &[f32]) -> Mask {
    Mask::new(w as usize, h as usize, weights).expect("a good mask")
}

fn masked(name: &str, w: i64, h: i64, values: Vec<f32>) -> Area {
    Area::masked(name, weights(w, h, &values))
}

fn standard_pair(w: i64, h: i64) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let truth = truth(w, h);
    let ours = ours(w, h, &truth);
    (floats(&truth), floats(&ours))
}

/// Every measure of stills over an area.
fn values(pair: &Pair, area: &Area) -> [Option<f64>; 5] {
    // What a picture is too small for has a reason instead.
    Measure::OF_STILLS.map(|measure| pair.value(measure, area.mask()).unwrap_or(None))
}

fn assert_near(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got} where {expected} is expected");
}

/// Whole and masked, by Measure::OF_STILLS.
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
                Some(0.9418382317069481),
                Some(0.9917737609250162),
                Some(0.20553261554089136),
                Some(0.012897730269579563),
            ],
            masked: [
                Some(28.162737460440226),
                Some(0.9511162931143925),
                Some(0.9926212804235299),
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
                Some(0.942836509251303),
                Some(0.9919685365325104),
                Some(0.20563656225767937),
                Some(0.012669394442861175),
            ],
            masked: [
                Some(28.176588174125072),
                Some(0.952366310281331),
                Some(0.9926102472081667),
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
                Some(0.9537568694024174),
                Some(0.9898373965863544),
                Some(0.1700524128973484),
                Some(0.012607130990712648),
            ],
            masked: [
                Some(29.39967749415754),
                Some(0.9570586395718174),
                Some(0.990302102930442),
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
    // f32 pictures; NVIDIA's own C++ and this port differ by less than 1e-7 a pixel.
    let tolerances = [1e-5, 1e-6, 1e-6, 2e-6, 1e-7];
    for Expected { size: (w, h), sums, whole, masked: in_mask } in cases {
        let (a8, b8) = (truth(w, h), ours(w, h, &truth(w, h)));
        let sum = |p: &Rgb8| p.iter().flatten().sum::<i64>();
        let weights = mask(w, h);
        assert_eq!((sum(&a8), sum(&b8)), (sums.0, sums.1));
        assert_eq!(weights.iter().map(|&v| f64::from(v)).sum::<f64>(), sums.2);
        let bytes = |p: &Rgb8| p.iter().flatten().map(|&v| v as u8).collect();
        let of_bytes = |p: &Rgb8| Picture::new(w as usize, h as usize, bytes(p)).unwrap();
        let areas = [Area::whole(), masked("mask", w, h, weights)];
        // The same codes, as they are and as numbers.
        for pair in
            [paired(w, h, &floats(&a8), &floats(&b8)), Pair::new(of_bytes(&a8), of_bytes(&b8)).unwrap()]
        {
            for (area, expected) in areas.iter().zip([whole, in_mask]) {
                let found = values(&pair, area);
                for (i, measure) in Measure::OF_STILLS.into_iter().enumerate() {
                    let what = format!("{w}x{h} {} {measure}", area.name());
                    match (found[i], expected[i]) {
                        (Some(got), Some(expected)) => assert_near(&what, got, expected, tolerances[i]),
                        (got, expected) => assert_eq!(got, expected, "{what}"),
                    }
                }
            }
        }
    }
}

#[test]
fn the_flip_map_agrees_with_nvidia() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    let pair = paired(w, h, &a, &b);
    assert_near("FLIP at (7, 9)", pair.flip().unwrap().values[9 * 192 + 7], 0.27657267, 1e-5);
    assert_near("share", weights(w, h, &mask(w, h)).share(), 8838.75 / (192.0 * 176.0), 1e-12);
}

#[test]
fn psnr_by_hand() {
    // A difference of 0.1 in one channel of three, everywhere: MSE 0.01 / 3, so 24.77 dB.
    let (a, b) = (vec![[0.5; 3]; 6], vec![[0.5, 0.6, 0.5]; 6]);
    let psnr = |b: &[[f32; 3]]| paired(3, 2, &a, b).value(Measure::PsnrRgb, None).unwrap().unwrap();
    assert_near("psnr", psnr(&b), 24.771212547, 1e-5);
    // Out-of-range values are measured as a display shows them: 1.2 is 1, so a difference of 0.5 and 6.02 dB.
    assert_near("clamped", psnr(&[[1.2; 3]; 6]), 6.020599913, 1e-5);
}

#[test]
fn identical_pictures_are_perfect_and_the_measures_symmetric() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    let areas = [Area::whole(), masked("mask", w, h, mask(w, h))];
    for area in &areas {
        let [psnr, ssim, ms_ssim, flip, laplacian] = values(&paired(w, h, &a, &a), area);
        assert_eq!((psnr, flip, laplacian), (Some(f64::INFINITY), Some(0.0), Some(0.0)));
        assert_near("SSIM", ssim.unwrap(), 1.0, 1e-7);
        assert_near("MS-SSIM", ms_ssim.unwrap(), 1.0, 1e-7);
        let forth = values(&paired(w, h, &a, &b), area);
        let back = values(&paired(w, h, &b, &a), area);
        for (forth, back) in forth.into_iter().zip(back) {
            assert_near(area.name(), forth.unwrap(), back.unwrap(), 1e-9);
        }
        // The same again is the same to the bit, however the work was shared out.
        assert_eq!(values(&paired(w, h, &a, &b), area), forth);
    }
}

#[test]
fn masks_pick_their_pixels() {
    let (w, h) = (192, 176);
    let (a, b) = standard_pair(w, h);
    // Ours is wrong on the right half only.
    let half: Vec<[f32; 3]> = (0..a.len()).map(|i| if i % 192 < 96 { a[i] } else { b[i] }).collect();
    let side =
        |from: usize, to: usize| (0..a.len()).map(|i| f32::from((from..to).contains(&(i % 192)))).collect();
    let pair = paired(w, h, &a, &half);
    let of = |weights: Vec<f32>| values(&pair, &masked("m", w, h, weights));
    let all = values(&pair, &Area::whole());
    for even in [1.0, 0.25] {
        for (some, all) in of(vec![even; a.len()]).into_iter().zip(all) {
            assert_near("even weights", some.unwrap(), all.unwrap(), 1e-6);
        }
    }
    // Far enough from the fault for the windows of SSIM and FLIP.
    let left = of(side(0, 50));
    assert_eq!((left[0], left[3]), (Some(f64::INFINITY), Some(0.0)));
    assert_near("SSIM", left[1].unwrap(), 1.0, 1e-7);
    let right = of(side(96, 192));
    for (i, measure) in Measure::OF_STILLS.into_iter().enumerate() {
        assert_eq!(right[i] < all[i], measure.higher_is_better(), "{measure}: {right:?} of {all:?}");
    }
    assert_eq!(of(vec![0.0; a.len()]), [None; 5]);
    // No window is centred within five pixels of the edge.
    let corner = of((0..a.len()).map(|i| f32::from(i < 3)).collect());
    assert_eq!(corner[..3], [Some(f64::INFINITY), None, None]);
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
    let of = |p: &[[f32; 3]]| values(&paired(w, h, &a, p), &Area::whole());
    let (near, far) = (of(&b), of(&worse));
    for (i, measure) in Measure::OF_STILLS.into_iter().enumerate() {
        assert_eq!(near[i] > far[i], measure.higher_is_better(), "{measure}: {near:?} and {far:?}");
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
        meter.push(&paired(w, h, &a, &b), &areas).unwrap();
    }
    let found = meter.finish();
    let names: Vec<_> = found.iter().map(|f| (f.sequence.as_str(), f.area.as_str(), f.steps)).collect();
    assert_eq!(names, [("talk", "frame", 2), ("talk", "mask", 2)]);
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
        meter.push(&paired(w, h, &frame(truth), &frame(ours)), &[Area::whole()]).unwrap();
    }
    meter.cut();
    for (truth, ours) in [(0.9, 0.1), (0.9, 0.3)] {
        meter.push(&paired(w, h, &frame(truth), &frame(ours)), &[Area::whole()]).unwrap();
    }
    // Steps: the truth moved by 0.3 with us; then it stood still while we moved by 0.2.
    let other = vec![[0.0; 3]; 2];
    assert!(meter.push(&paired(2, 1, &other, &other), &[]).is_err());
    let found = &meter.finish()[0];
    assert_eq!(found.steps, 2);
    assert_near("flicker", found.flicker, 0.1, 1e-6);
    assert_near("motion", found.motion, 0.15, 1e-6);
}

#[test]
fn pictures_and_areas_of_other_sizes_are_named() {
    let pixels = vec![[0.5; 3]; 6];
    let error = Pair::new(view(3, 2, &pixels), view(2, 3, &pixels)).unwrap_err().to_string();
    assert_eq!(error, "the picture is 2x3, where 3x2 is expected");
    let pair = paired(3, 2, &pixels, &pixels);
    let area = [masked("face", 2, 3, vec![1.0; 6])];
    let error = Stills::new(&Measure::OF_STILLS).push("a", &pair, &area).unwrap_err().to_string();
    assert_eq!(error, "the mask of area face is 2x3, where 3x2 is expected");
}

fn labelled(split: &str) -> Labels {
    Labels { split: split.into(), ..Labels::default() }
}

fn report_of(comparisons: &[(&str, Comparison)]) -> Report {
    let mut report = Report::new("Figures & <pictures>", None, Interpolation::default());
    for (split, comparison) in comparisons {
        report.add(&labelled(split), comparison);
    }
    report
}

/// Grey pictures of two tones whose error is known: `error` everywhere, with a face that is empty in each second one.
fn greys(errors: &[(&str, f32)]) -> Comparison {
    let mut stills = Stills::new(&[Measure::PsnrRgb, Measure::Ssim, Measure::Laplacian]);
    for (i, &(name, error)) in errors.iter().enumerate() {
        let pair = paired(4, 4, &[[0.25; 3]; 16], &[[0.25 + error; 3]; 16]);
        let face = masked("face", 4, 4, vec![f32::from(i % 2 == 0); 16]);
        stills.push(name, &pair, &[Area::whole(), face]).unwrap();
    }
    stills.finish()
}

// Errors of 0.1 and 0.01 are 20 and 40 dB; the Laplacian pyramid of a constant is zeros but for its rest, one of the two
// levels of 4 × 4 pixels.
#[test]
fn summaries_name_the_worst_frame() {
    let report = report_of(&[
        ("novel_view", greys(&[("a", 0.1), ("b", 0.01)])),
        ("novel_expression", greys(&[("c", 0.0)])),
    ]);
    let order: Vec<_> =
        report.rows().iter().map(|r| (r.split.as_str(), r.region.as_str(), r.share)).collect();
    let expected = [
        ("novel_view", "frame", 1.0),
        ("novel_view", "face", 0.5),
        ("novel_expression", "frame", 1.0),
        ("novel_expression", "face", 1.0),
    ];
    assert_eq!(order, expected);
    let psnr = report.rows()[0].score(Measure::PsnrRgb).unwrap();
    assert_near("mean", psnr.pooled, 30.0, 1e-4);
    assert_eq!((psnr.worst_frame, psnr.per_frame.len()), (0, 2));
    let [low, high] = psnr.range();
    assert_near("range", high - low, 20.0, 1e-4);
    let laplacian = report.rows()[0].score(Measure::Laplacian).unwrap();
    assert_near("worst", laplacian.worst, 0.05, 1e-6);
    let table = report.table();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "split             region  frames   PSNR  SSIM  Laplacian  PSNR min..max  worst frame",
            "novel_view        frame        2  30.00     -    0.02750   20.00..40.00  a",
            "novel_view        face         1  20.00     -    0.05000   20.00..20.00  a",
            "novel_expression  frame        1    inf     -    0.00000       inf..inf  c",
            "novel_expression  face         1    inf     -    0.00000       inf..inf  c",
        ]
    );
    assert!(table.contains("SSIM of face: SSIM needs at least 11x11 pixels"), "{table}");
    let report = report_of(&[("s", greys(&[("line\nbreak \u{1b}[31m", 0.1)]))]);
    let table = report.frame_table();
    assert_eq!(table.lines().count(), 3);
    assert!(table.contains("line\u{fffd}break \u{fffd}[31m  frame   20.00"), "{table}");
}

#[test]
fn an_area_that_a_picture_lacks_is_empty_in_it() {
    let pair = paired(2, 1, &[[0.0; 3]; 2], &[[0.1; 3]; 2]);
    let mut stills = Stills::new(&[Measure::PsnrRgb]);
    stills.push("a", &pair, &[Area::whole()]).unwrap();
    stills.push("b", &pair, &[Area::whole(), masked("face", 2, 1, vec![1.0, 0.0])]).unwrap();
    stills.push("c", &pair, &[Area::whole()]).unwrap();
    let comparison = stills.finish();
    assert_eq!((comparison.frames, comparison.regions[1].region.as_str()), (3, "face"));
    let score = comparison.regions[1].scores[0].result.as_ref().unwrap();
    assert_eq!((score.per_frame[0], score.per_frame[2], score.worst_frame), (None, None, 1));
}

#[test]
fn json_is_whole_and_replaces_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.json");
    let mut report = report_of(&[("novel_view", greys(&[("a", 0.1), ("b", 0.0)]))]);
    let mut meter = FlickerMeter::new("s");
    for v in [0.1, 0.2] {
        let pixels = vec![[v; 3]; 4];
        meter.push(&paired(2, 2, &pixels, &pixels), &[Area::whole()]).unwrap();
    }
    report.add_flicker(meter.finish());
    fs::write(&path, "old").unwrap();
    report.save_json(&path, true).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let row = &value["rows"][0];
    assert_eq!(
        (&row["split"], &row["region"], &row["names"][1]),
        (&"novel_view".into(), &"frame".into(), &"b".into())
    );
    assert!(row.get("clip").is_none());
    assert_eq!(row["scores"][0]["measure"], "psnr_rgb");
    assert_eq!(row["scores"][0]["per_frame"][1], "inf");
    assert_eq!(value["flicker"][0]["steps"], 1);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let error = report.save_json(&folder.path().join("absent/scores.json"), true).unwrap_err().to_string();
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

/// A report of two frames, one of a hostile name, written to `folder`, and of one without pictures.
fn write_html(folder: &std::path::Path) -> Result<(), QualityError> {
    let (w, h) = (40, 24);
    let (a, b) = standard_pair(w, h);
    let areas = [Area::whole(), masked("a<b", w, h, mask(w, h)), masked("none", w, h, vec![0.0; a.len()])];
    let pair = paired(w, h, &a, &b);
    let mut gallery = Gallery::create(folder)?;
    let mut stills = Stills::new(&Measure::OF_STILLS);
    for name in ["plain", HOSTILE] {
        gallery.add("novel_view", name, &pair)?;
        stills.push(name, &pair, &areas)?;
    }
    let mut others = Stills::new(&Measure::OF_STILLS);
    let face = masked("face", w, h, vec![0.0; a.len()]);
    others.push("without pictures", &paired(w, h, &a, &a), &[Area::whole(), face])?;
    gallery.finish(&report_of(&[("novel_view", stills.finish()), ("other", others.finish())]))
}

/// As it is read, without this crate.
fn read_png(path: &std::path::Path) -> (u32, u32, Rgb8) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    let pixels = bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(i64::from)).collect();
    (info.width, info.height, pixels)
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
        let (width, height, _) = read_png(&report.join(source));
        assert_eq!((width, height), (40, 24));
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
    let read = |kind: &str| read_png(&report.join(format!("pictures/00000_{kind}.png"))).2;
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
    let mut unfinished = Gallery::create(&report).unwrap();
    unfinished.add("s", "n", &paired(40, 24, &a, &a)).unwrap();
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
    assert!(Gallery::create(&folder.path().join("absent/report")).is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}
