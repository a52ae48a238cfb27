//! A test chart as FFmpeg, an independent reader, decodes it from a losslessly coded stream, by what that stream says of
//! itself.

use std::fs;
use std::process::Command;

use effigy_splat::Frame;
use effigy_video::{Alpha, Layout, Matrix, PlaneFormat, Planes, Range};

use crate::formats;
use crate::formula::{Samples, codes, planes, r_g_b, stored_planes};
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

fn ffmpeg(arguments: &[&str]) {
    let run =
        Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).output().expect("ffmpeg runs");
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
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

/// By what FFmpeg makes RGB of what it has decoded. Nothing but the stream tells them the matrix and the range.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reader {
    /// Its own scaler.
    Swscale,
    /// The zimg library, if it is built in.
    Zimg,
}

/// Those that this machine's FFmpeg has; none, and a line, where there is no FFmpeg that codes without loss.
fn readers() -> Vec<Reader> {
    let lists = |list, name| {
        let run = Command::new("ffmpeg").args(["-v", "error", list]).output();
        run.is_ok_and(|run| String::from_utf8_lossy(&run.stdout).contains(name))
    };
    if !lists("-encoders", " libx264 ") {
        println!("skipped: there is no ffmpeg with libx264");
        return Vec::new();
    }
    if lists("-filters", " zscale ") {
        return vec![Reader::Swscale, Reader::Zimg];
    }
    println!("skipped in part: this ffmpeg has no zscale");
    vec![Reader::Swscale]
}

/// `frame` as FFmpeg shows it from a lossless H.264 stream that says what `format` says, in 8 bits.
fn decoded(frame: &Frame, format: PlaneFormat, reader: Reader) -> Vec<[f64; 3]> {
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
    // P010 has to be taken apart for libx264, which FFmpeg's scaler would do in limited range unless told.
    let apart = format!("scale=in_range={range}:out_range={range}:flags=neighbor+accurate_rnd");
    let mut encode = vec!["-f", "rawvideo", "-pix_fmt", pixel_format(format.layout), "-s", &size];
    encode.extend(coloured);
    encode.extend(["-i", &raw]);
    if format.layout == Layout::P010 {
        encode.extend(["-vf", &apart]);
    }
    encode.extend(["-pix_fmt", coded_format(format.layout), "-c:v", "libx264", "-qp", "0"]);
    encode.extend(["-preset", "ultrafast"]);
    encode.extend(coloured);
    encode.push(&stream);
    ffmpeg(&encode);
    let filter = match (reader, signal.chroma_location) {
        (Reader::Zimg, _) => "zscale=filter=bilinear:matrix=gbr:range=full,format=gbrp",
        (Reader::Swscale, None) => "scale=flags=bilinear+accurate_rnd+full_chroma_int",
        // Up to FFmpeg 7 it does not ask the stream for the siting.
        (Reader::Swscale, Some(_)) => {
            "scale=flags=bilinear+accurate_rnd+full_chroma_int:in_h_chr_pos=0:in_v_chr_pos=128"
        }
    };
    ffmpeg(&["-i", &stream, "-vf", filter, "-pix_fmt", "rgb24", "-f", "rawvideo", &rgb]);
    let bytes = fs::read(&rgb).expect("a file");
    assert_eq!(bytes.len(), (3 * width * height) as usize);
    let pixels = bytes.chunks_exact(3).map(|p| [0, 1, 2].map(|i| f64::from(p[i])));
    pixels.collect()
}

/// Colour of a pixel in 8 bits, with fractions.
fn rgb(format: PlaneFormat, [luma, blue, red]: &[Samples; 3], x: usize, y: usize) -> [f64; 3] {
    let [[luma_scale, luma_offset], [scale, offset]] = codes(format);
    let step = if format.layout == Layout::I444 { 1 } else { 2 };
    let difference = |plane: &Samples| (plane.at(x / step, y / step) - offset) / scale;
    let y_cb_cr = [(luma.at(x, y) - luma_offset) / luma_scale, difference(blue), difference(red)];
    r_g_b(format.matrix, y_cb_cr).map(|c| 255.0 * c.clamp(0.0, 1.0))
}

/// What FFmpeg shows is the exact colour of the codes, rounded: within 1 code of it (½ would do for exact arithmetic). From
/// the chart it is as far as rounding makes it: half a code of luma and half of a colour difference times at most 1.8556,
/// which are 255/219 and 255/224 codes of RGB at the most, and half a code of RGB: 2.2 at 8 bits, 0.9 at 10.
#[test]
fn ffmpeg_decodes_the_chart() {
    let chart = chart();
    let mut converted = Planes::default();
    let readers = readers();
    for (format, reader) in formats().into_iter().flat_map(|f| readers.iter().map(move |r| (f, *r))) {
        let shown = decoded(&chart, format, reader);
        let exact = planes(&chart, format, Alpha::Over([0.0; 3]));
        let converted = converted.convert(&chart, format, Alpha::Over([0.0; 3])).expect("planes");
        let converted = stored_planes(&converted);
        let (mut from_codes, mut from_chart) = (0.0_f64, 0.0_f64);
        let width = chart.width as usize;
        let inner = |i: &usize| (MARGIN..PATCH as usize - MARGIN).contains(&(i % PATCH as usize));
        for y in (0..chart.height as usize).filter(inner) {
            for x in (0..width).filter(inner) {
                let [rounded, unrounded] = [&converted, &exact].map(|planes| rgb(format, planes, x, y));
                let pixel = chart.color[y * width + x];
                for i in 0..3 {
                    let wanted = 255.0 * f64::from(pixel[i]);
                    // The formulas agree with one another; full range cuts half a code of a difference off.
                    let cut = if format.range == Range::Full { 1.0 } else { 1e-3 };
                    assert!((unrounded[i] - wanted).abs() < cut, "{format:?}: {unrounded:?} of {pixel:?}");
                    from_codes = from_codes.max((shown[y * width + x][i] - rounded[i]).abs());
                    from_chart = from_chart.max((shown[y * width + x][i] - wanted).abs());
                }
            }
        }
        println!(
            "{format:?}, {reader:?}: {from_codes:.2} from the codes' exact colours, {from_chart:.2} from the chart's"
        );
        // In full range of 10 bits, it takes 1020 for white: up to 0.75 of a code of RGB too bright.
        let dazzled =
            reader == Reader::Swscale && format.layout == Layout::P010 && format.range == Range::Full;
        let more = if dazzled { 0.75 } else { 0.0 };
        assert!(from_codes <= 1.0 + more, "{format:?}, {reader:?}: {from_codes} from what the codes mean");
        let bound = if format.layout == Layout::P010 { 0.95 } else { 2.2 };
        assert!(from_chart <= bound + more, "{format:?}, {reader:?}: {from_chart} from the chart");
    }
}

/// An edge of colour alone is shown by FFmpeg where it is, on the average over where edges may be. Sited in the middle of two
/// columns, or taken for it, it would be half a pixel away.
#[test]
fn ffmpeg_shows_edges_where_they_are() {
    let format = PlaneFormat { layout: Layout::I420, matrix: Matrix::Bt601, range: Range::Full };
    // Grey and red of the same luma.
    let red = [0.8, 0.3, 0.3, 1.0_f32];
    let grey = 0.299 * red[0] + 0.701 * red[1];
    for reader in readers() {
        let shifts = [14, 15, 16, 17].map(|edge| {
            let color = |x| if x < edge { [grey, grey, grey, 1.0] } else { red };
            let shown = decoded(&picture(32, 8, |x, _| color(x)), format, reader);
            let row: Vec<f64> = shown[3 * 32..4 * 32].iter().map(|[r, g, _]| r - g).collect();
            let middle = 0.5 * (row[0] + row[31]);
            let before = row.windows(2).position(|w| w[0] < middle && w[1] >= middle).expect("an edge");
            let crossing = before as f64 + (middle - row[before]) / (row[before + 1] - row[before]);
            crossing - (f64::from(edge) - 0.5)
        });
        let mean = shifts.iter().sum::<f64>() / 4.0;
        println!("{reader:?} shifts edges by {mean:.3} pixels on the average: {shifts:.3?}");
        assert!(mean.abs() < 0.1, "{reader:?}: {mean}, {shifts:?}");
    }
}
