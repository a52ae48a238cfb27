//! A test chart as FFmpeg, an independent reader, decodes it from a losslessly coded stream, by what that stream says of
//! itself.

use std::fs;
use std::process::Command;

use effigy_splat::Frame;
use effigy_video::{Alpha, Layout, Matrix, PlaneFormat, Planes, Range};

use crate::formats;
use crate::formula::{codes, planes, r_g_b, stored_planes};
use crate::picture;

/// Width and height of a patch, and how far its colour is free of its neighbours'.
const PATCH: u32 = 12;
const MARGIN: usize = 4;
const COLUMNS: u32 = 9;

/// Patches of all combinations of nine reds, greens and blues in steps: corners, edges and the inside of the cube.
fn chart() -> Frame {
    let levels = [0.0, 0.11, 0.25, 0.37, 0.5, 0.63, 0.75, 0.89, 1.0];
    picture(COLUMNS * PATCH, 9 * PATCH, |x, y| {
        let (i, j) = ((x / PATCH) as usize, (y / PATCH) as usize);
        [levels[i], levels[j], levels[(i * 2 + j * 5) % 9], 1.0]
    })
}

/// Runs FFmpeg; `None`, and a line, where there is none.
fn ffmpeg(arguments: &[&str]) -> Option<()> {
    let run = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).output();
    let Ok(output) = run else {
        println!("skipped: there is no ffmpeg");
        return None;
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

fn pixel_format(layout: Layout) -> &'static str {
    match layout {
        Layout::I420 => "yuv420p",
        Layout::Nv12 => "nv12",
        Layout::P010 => "p010le",
        Layout::I444 => "yuv444p",
    }
}

/// What libx264 codes without loss of each.
fn coded_format(layout: Layout) -> &'static str {
    if layout == Layout::P010 { "yuv420p10le" } else { pixel_format(layout) }
}

/// `frame` through a lossless H.264 stream that says what `format` says, and through FFmpeg's decoder and scaler to 16 bits
/// a component of RGB, as codes of 8 bits with fractions.
fn decoded(frame: &Frame, format: PlaneFormat) -> Option<Vec<[f64; 3]>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (raw, stream, rgb) = (path("raw.yuv"), path("stream.mkv"), path("rgb.raw"));
    let mut converted = Planes::default();
    let converted = converted.convert(frame, format, Alpha::Over([0.0; 3])).expect("planes");
    let mut bytes = Vec::new();
    converted.write_colour(&mut bytes).expect("memory");
    fs::write(&raw, bytes).expect("a file");
    let [width, height] = converted.shape().coded();
    let size = format!("{width}x{height}");
    let signal = format.signal();
    let number = |code: u8| code.to_string();
    let range = if signal.full_range { "pc" } else { "tv" };
    let [matrix, primaries, transfer] = [signal.matrix, signal.primaries, signal.transfer].map(number);
    let coloured = [
        "-color_range",
        range,
        "-colorspace",
        &matrix,
        "-color_primaries",
        &primaries,
        "-color_trc",
        &transfer,
    ];
    let mut encode = vec!["-f", "rawvideo", "-pix_fmt", pixel_format(format.layout), "-s", &size];
    encode.extend(coloured);
    encode.extend(["-i", &raw, "-pix_fmt", coded_format(format.layout), "-c:v", "libx264", "-qp", "0"]);
    encode.extend(["-preset", "ultrafast"]);
    encode.extend(coloured);
    encode.push(&stream);
    ffmpeg(&encode)?;
    // The matrix and range are the stream's; nothing is said of them here.
    let scale = "scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp";
    ffmpeg(&["-i", &stream, "-vf", scale, "-pix_fmt", "rgb24", "-f", "rawvideo", &rgb])?;
    let bytes = fs::read(&rgb).expect("a file");
    assert_eq!(bytes.len(), (3 * width * height) as usize);
    let pixels = bytes.chunks_exact(3).map(|p| [0, 1, 2].map(|i| f64::from(p[i])));
    Some(pixels.collect())
}

/// What FFmpeg shows is within 1 code of the exact decoding of the exact codes, and as far from the chart as rounding them
/// makes it: half a code of luma and half of a colour difference times at most 1.8556, each 255/219 or 255/224 of a code of
/// RGB in limited range, and half a code of RGB: 2.2 codes at 8 bits, 0.9 at 10; and FFmpeg's own arithmetic, a code at most.
#[test]
fn ffmpeg_decodes_the_chart() {
    let chart = chart();
    for format in formats() {
        let Some(shown) = decoded(&chart, format) else { return };
        let exact = planes(&chart, format, Alpha::Over([0.0; 3]));
        let mut converted = Planes::default();
        let converted = converted.convert(&chart, format, Alpha::Over([0.0; 3])).expect("planes");
        let converted = stored_planes(&converted);
        let [[luma_scale, luma_offset], [scale, offset]] = codes(format);
        let step = if format.layout == Layout::I444 { 1 } else { 2 };
        let (mut from_codes, mut from_chart) = (0.0_f64, 0.0_f64);
        let width = chart.width as usize;
        let inner = |i: usize| (MARGIN..PATCH as usize - MARGIN).contains(&(i % PATCH as usize));
        for y in (0..chart.height as usize).filter(|y| inner(*y)) {
            for x in (0..width).filter(|x| inner(*x)) {
                let decode = |planes: &[crate::formula::Samples; 3]| {
                    let [luma, blue, red] = planes;
                    let difference =
                        |plane: &crate::formula::Samples| (plane.at(x / step, y / step) - offset) / scale;
                    let y_cb_cr =
                        [(luma.at(x, y) - luma_offset) / luma_scale, difference(blue), difference(red)];
                    r_g_b(format.matrix, y_cb_cr).map(|c| 255.0 * c.clamp(0.0, 1.0))
                };
                let [rounded, unrounded] = [decode(&converted), decode(&exact)];
                let pixel = chart.color[y * width + x];
                for i in 0..3 {
                    // The formulas of the test agree with one another.
                    let clipped = if format.range == Range::Full { 1.0 } else { 0.01 };
                    assert!((unrounded[i] - 255.0 * f64::from(pixel[i])).abs() < clipped);
                    from_codes = from_codes.max((shown[y * width + x][i] - rounded[i]).abs());
                    from_chart =
                        from_chart.max((shown[y * width + x][i] - 255.0 * f64::from(pixel[i])).abs());
                }
            }
        }
        println!(
            "{format:?}: {from_codes:.2} from the codes' exact colours, {from_chart:.2} from the chart's"
        );
        assert!(from_codes <= 1.0, "{format:?}: {from_codes} codes from what the codes mean");
        let bound = if format.layout == Layout::P010 { 1.4 } else { 2.7 };
        assert!(from_chart <= bound, "{format:?}: {from_chart} codes from the chart");
    }
}

/// An edge of colour alone is shown by FFmpeg, told of the siting by the stream, where it is, on the average over where
/// edges may be: sited otherwise it would be half a pixel away.
#[test]
fn ffmpeg_shows_edges_where_they_are() {
    let format = PlaneFormat { layout: Layout::I420, matrix: Matrix::Bt601, range: Range::Full };
    let mut shifts = Vec::new();
    // Grey and red of the same luma.
    let red = [0.8, 0.3, 0.3, 1.0_f32];
    let grey = 0.299 * red[0] + 0.701 * red[1];
    for at in [14, 15, 16, 17] {
        let frame = picture(32, 8, |x, _| if x < at { [grey, grey, grey, 1.0] } else { red });
        let Some(shown) = decoded(&frame, format) else { return };
        let row: Vec<f64> = (0..32).map(|x| shown[3 * 32 + x][0] - shown[3 * 32 + x][1]).collect();
        let middle = 0.5 * (row[0] + row[31]);
        let before = row.windows(2).position(|w| w[0] < middle && w[1] >= middle).expect("an edge");
        let crossing = before as f64 + (middle - row[before]) / (row[before + 1] - row[before]);
        shifts.push(crossing - (f64::from(at) - 0.5));
    }
    let mean = shifts.iter().sum::<f64>() / shifts.len() as f64;
    println!("edges are shifted by {mean:.3} pixels on the average: {shifts:.3?}");
    assert!(mean.abs() < 0.15, "{mean}: {shifts:?}");
}
