//! Files of all kinds, compared as the program compares them. What needs an FFmpeg is skipped, and says so, where there
//! is none.

// Clippy knows a test by its attribute alone, and not what tests share.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use effigy_quality::{
    CompareOptions, Comparison, Ffmpeg, Frames, Interpolation, Labels, Measure, Picture, QualityError,
    Report, SourceOptions, compare, open_frames,
};

const SIDE: usize = 128;

/// A soft pattern that moves from frame to frame.
fn picture(frame: usize) -> Picture {
    let value = |x: usize, y: usize, c: usize| {
        let (x, y, t) = (x as f64, y as f64, frame as f64);
        let wave = (x * 0.11 + t * 0.7).sin() * (y * 0.07 + c as f64).cos() + 0.3 * (x * 0.9 + y * 0.8).sin();
        (128.0 + 70.0 * wave).clamp(0.0, 255.0) as u8
    };
    let pixels = (0..SIDE * SIDE).flat_map(|i| [0, 1, 2].map(|c| value(i % SIDE, i / SIDE, c)));
    Picture::new(SIDE, SIDE, pixels.collect()).unwrap()
}

fn save_pngs(folder: &Path, frames: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for frame in 0..frames {
        let file = std::fs::File::create(folder.join(format!("frame {frame}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, SIDE as u32, SIDE as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&picture(frame).rgb()).unwrap();
    }
}

fn ffmpeg() -> Option<Ffmpeg> {
    Ffmpeg::find().inspect_err(|e| println!("skipped: {e}")).ok()
}

/// Runs FFmpeg on an input; `None`, said aloud, where this one lacks the encoder.
fn encode(ffmpeg: &Ffmpeg, input: &Path, to: &Path, arguments: &[&str]) -> Option<()> {
    let rate: &[&str] =
        if input.extension().is_some_and(|e| e == "png") { &["-framerate", "25"] } else { &[] };
    let output = Command::new(ffmpeg.program())
        .args(["-v", "error", "-y"])
        .args(rate)
        .arg("-i")
        .arg(input)
        .args(arguments)
        .arg(to)
        .output()
        .unwrap();
    if !output.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(())
}

/// The planes of [`picture`]s as 4:4:4 Y4M, by the definition of ITU-R BT.601 and BT.709.
fn save_planes(path: &Path, frames: usize, [kr, kb]: [f64; 2], full_range: bool) {
    let range = if full_range { "FULL" } else { "LIMITED" };
    let mut bytes =
        format!("YUV4MPEG2 W{SIDE} H{SIDE} F25:1 Ip A1:1 C444 XCOLORRANGE={range}\n").into_bytes();
    for frame in 0..frames {
        bytes.extend_from_slice(b"FRAME\n");
        let picture = picture(frame);
        for plane in 0..3 {
            bytes.extend(picture.rgb().chunks_exact(3).map(|p| {
                let [r, g, b] = [p[0], p[1], p[2]].map(|v| f64::from(v) / 255.0);
                let y = kr * r + (1.0 - kr - kb) * g + kb * b;
                let value = [y, (b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr))][plane];
                let (scale, zero) = match (full_range, plane) {
                    (true, 0) => (255.0, 0.0),
                    (true, _) => (255.0, 128.0),
                    (false, 0) => (219.0, 16.0),
                    (false, _) => (224.0, 128.0),
                };
                (value * scale + zero).round() as u8
            }));
        }
    }
    std::fs::write(path, bytes).unwrap();
}

fn compare_files(a: &Path, b: &Path, options: &CompareOptions) -> Result<Comparison, QualityError> {
    let open = |path| open_frames(path, options.ffmpeg.clone(), &SourceOptions::default());
    let (mut a, mut b) = (open(a)?, open(b)?);
    Ok(compare(&mut *a, &mut *b, None, options, &mut |_| true)?.unwrap())
}

fn pooled(comparison: &Comparison, measure: Measure) -> f64 {
    let scores = &comparison.regions[0].scores;
    scores.iter().find(|s| s.measure == measure).unwrap().result.as_ref().unwrap().pooled
}

// Lossless 4:4:4 by both matrices in both ranges, and RGB itself. What comes back differs by rounding alone: to codes of
// variance 1/12 on both ways, which is 51 to 54 dB. A wrong matrix or range would be far off.
#[test]
fn lossless_files_come_back() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pngs = folder.path().join("png frames");
    save_pngs(&pngs, 3);
    let options =
        CompareOptions { ffmpeg: Ok(&ffmpeg), measures: vec![Measure::PsnrRgb], ..Default::default() };
    let score = |file: &Path| {
        let comparison = compare_files(&pngs, file, &options).unwrap();
        assert_eq!(comparison.frames, 3);
        pooled(&comparison, Measure::PsnrRgb)
    };
    for (matrix, weights) in [("bt709", [0.2126, 0.0722]), ("smpte170m", [0.299, 0.114])] {
        for range in ["tv", "pc"] {
            let planes = folder.path().join("planes.y4m");
            save_planes(&planes, 3, weights, range == "pc");
            let file = folder.path().join(format!("{matrix} {range}.mkv"));
            // The option `-colorspace` would convert from what untagged planes are taken for.
            let tags = format!("setparams=colorspace={matrix}:range={range}");
            if encode(&ffmpeg, &planes, &file, &["-vf", &tags, "-color_range", range, "-c:v", "ffv1"])
                .is_some()
            {
                let psnr = score(&file);
                assert!(psnr > 50.5, "{}: {psnr} dB", file.display());
            }
        }
    }
    let file = folder.path().join("rgb.mkv");
    if encode(&ffmpeg, &pngs.join("frame %d.png"), &file, &["-pix_fmt", "gbrp", "-c:v", "ffv1"]).is_some() {
        assert_eq!(score(&file), f64::INFINITY);
    }
}

#[test]
fn coded_files_are_scored_with_their_rates() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pngs = folder.path().join("a folder");
    save_pngs(&pngs, 12);
    let mut report = Report::new("rates", None, Interpolation::Piecewise);
    let measures: Vec<Measure> =
        Measure::ALL.into_iter().filter(|m| !m.is_by_ffmpeg() || ffmpeg.can(*m).is_ok()).collect();
    let options = CompareOptions { ffmpeg: Ok(&ffmpeg), measures, ..Default::default() };
    for (variant, encoder) in [("many", "8"), ("few", "20")] {
        for quality in ["3", "6", "12", "24"] {
            let file = folder.path().join(format!("it's [{variant}], {quality}.avi"));
            let arguments = ["-c:v", "mpeg4", "-q:v", quality, "-g", encoder, "-pix_fmt", "yuv420p"];
            if encode(&ffmpeg, &pngs.join("frame %d.png"), &file, &arguments).is_none() {
                return;
            }
            let rate = ffmpeg.stream_rate(&file, None).unwrap();
            assert_eq!(rate.packets, 12);
            assert!((rate.seconds - 12.0 / 25.0).abs() < 1e-9, "{rate:?}");
            let bytes = std::fs::metadata(&file).unwrap().len();
            assert!(rate.payload_bytes < bytes && rate.payload_bytes + 8192 > bytes, "{rate:?} of {bytes}");
            assert!((ffmpeg.stream_rate(&file, Some(50.0)).unwrap().seconds - 0.24).abs() < 1e-9);
            let labels = Labels {
                clip: "waves".into(),
                variant: variant.into(),
                point: format!("q {quality}"),
                kbit_per_s: Some(rate.kbit_per_s()),
                ..Labels::default()
            };
            report.add(&labels, &compare_files(&pngs, &file, &options).unwrap());
        }
    }
    println!("{}", report.table());
    // Fewer key frames cost fewer bits for the same look.
    for delta in report.deltas() {
        match delta.result {
            Ok(bd) => assert!(bd.percent < 0.0 && bd.percent > -60.0, "{}: {bd:?}", delta.measure),
            Err(reason) => panic!("{}: {reason}", delta.measure),
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_one_line() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad file.mp4");
    std::fs::write(&bad, b"no video at all").unwrap();
    let fault = |path: &Path, ffmpeg| {
        open_frames(path, ffmpeg, &SourceOptions::default()).err().map(|e| e.to_string()).unwrap()
    };
    let text = fault(&bad, Ok(&ffmpeg));
    assert!(text.contains("bad file.mp4: ffmpeg: ") && !text.contains('\n'), "{text}");
    let text = ffmpeg.stream_rate(&bad, None).unwrap_err().to_string();
    assert!(text.contains("bad file.mp4: ffmpeg: ") && !text.contains('\n'), "{text}");
    let text = fault(&folder.path().join("gone.mp4"), Ok(&ffmpeg));
    assert!(text.contains("gone.mp4: ") && !text.contains('\n'), "{text}");
    let text = fault(&bad, Err("there is none".into()));
    assert!(text.ends_with("bad file.mp4: ffmpeg must decode it: there is none"), "{text}");
}

/// A program that lists filters as FFmpeg does and fails at all else, as a file of its own.
#[cfg(unix)]
fn failing_ffmpeg(folder: &Path) -> PathBuf {
    let path = folder.join("ffmpeg that fails");
    // Written by a shell: a file that this process has open for writing cannot be run by another thread's child.
    let script = r##"printf '%s\n' '#!/bin/sh' \
        'case "$*" in *-filters*) echo " .. scale V->V x"; echo " .. libvmaf VV->V x"; exit 0;; esac' \
        'head -c 100000 > /dev/null' 'echo "[libvmaf @ 0x5] could not load model" >&2' 'echo more >&2' 'exit 3' \
        > "$0"; chmod +x "$0""##;
    assert!(Command::new("sh").arg("-c").arg(script).arg(&path).status().unwrap().success());
    path
}

#[cfg(unix)]
#[test]
fn a_child_that_dies_takes_only_its_own_measures() {
    let folder = tempfile::tempdir().unwrap();
    let ffmpeg = Ffmpeg::at(&failing_ffmpeg(folder.path())).unwrap();
    let options = CompareOptions { ffmpeg: Ok(&ffmpeg), ..Default::default() };
    let frames = |name: &str| Frames::new(name, Some(25.0), (0..8).map(picture).collect::<Vec<_>>());
    let comparison =
        compare(&mut frames("a"), &mut frames("b"), None, &options, &mut |_| true).unwrap().unwrap();
    let reason = |measure| {
        let score = comparison.regions[0].scores.iter().find(|s| s.measure == measure).unwrap();
        score.result.as_ref().unwrap_err().clone()
    };
    assert_eq!(reason(Measure::Vmaf), "ffmpeg: could not load model");
    assert_eq!(reason(Measure::VmafNeg), "ffmpeg: could not load model");
    assert!(reason(Measure::Xpsnr).ends_with("has no filter xpsnr"), "{}", reason(Measure::Xpsnr));
    assert_eq!(pooled(&comparison, Measure::Ssim), 1.0);
}
