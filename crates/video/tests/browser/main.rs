//! What Chromium, an independent player, shows of our files: the page beside this file plays them and says what colours it
//! sees. `EFFIGY_CHROMIUM` names the browser, `chromium` otherwise.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod visit;

use effigy_splat::Frame;
use effigy_video::container::{Container, FragmentedMp4, Mp4};
use effigy_video::encoder::{EncoderChoice, EncoderConfig, FrameRequest, Packet, Picture, Rate, open};
use effigy_video::{Alpha, Matrix, PlaneFormat, Planes, Range};

const PATCH: u32 = 32;
const COLUMNS: u32 = 6;
const ROWS: u32 = 4;
const FRAMES: usize = 12;
/// 8-bit codes of red and green: rounding to limited range and back is worth 2, what is left is the encoder's. The wrong
/// matrix or range is off by more than twice as much, as [`colours_tell_matrices_and_ranges_apart`] shows.
const TOLERANCE: f64 = 5.0;
/// Without a GPU Chromium converts by libyuv, whose factor of Cb in blue ends at 2 where BT.709 asks for 2.11: up to a
/// twentieth of the range is missing in saturated blues.
const TOLERANCE_OF_BLUE: f64 = 12.0;

/// Red, green and blue of each patch.
fn patches() -> Vec<[u8; 3]> {
    let levels = [16, 96, 176, 240];
    (0..(COLUMNS * ROWS) as usize)
        .map(|i| match i {
            0..4 => [levels[i]; 3],
            _ => [levels[i % 4], levels[(i / 2 + 1) % 4], levels[(i / 3 + i) % 4]],
        })
        .collect()
}

fn chart() -> Frame {
    let (width, height) = (COLUMNS * PATCH, ROWS * PATCH);
    let patches = patches();
    let mut frame = Frame::default();
    frame.reset(width, height);
    for (i, pixel) in frame.color.iter_mut().enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        let [r, g, b] = patches[(y / PATCH * COLUMNS + x / PATCH) as usize].map(|v| f32::from(v) / 255.0);
        *pixel = [r, g, b, 1.0];
    }
    frame
}

fn film(choice: &EncoderChoice, format: PlaneFormat) -> (EncoderConfig, Vec<Packet>) {
    let frame = chart();
    let mut planes = Planes::default();
    let picture = planes.convert(&frame, format, Alpha::Over([0.0; 3])).unwrap();
    let picture = Picture::of(&picture);
    let mut config = EncoderConfig::new(picture.width, picture.height);
    config.codec = choice.codec().unwrap();
    config.color = picture.color;
    config.rate = Rate::Quality(8.0);
    let mut encoder = open(choice, &config).unwrap();
    let mut packets = Vec::new();
    for _ in 0..FRAMES {
        packets.extend(encoder.encode(&picture, FrameRequest::default()).unwrap());
    }
    packets.extend(encoder.finish().unwrap());
    assert_eq!(packets.len(), FRAMES);
    (config, packets)
}

fn whole(config: &EncoderConfig, packets: &[Packet]) -> Vec<u8> {
    let mut file = Mp4::new(std::io::Cursor::new(Vec::new()), config).unwrap();
    packets.iter().for_each(|packet| file.write(packet).unwrap());
    file.finish().unwrap();
    file.into_writer().unwrap().into_inner()
}

fn fragmented(config: &EncoderConfig, packets: &[Packet]) -> Vec<u8> {
    let mut file = FragmentedMp4::new(Vec::new(), config, 5).unwrap();
    packets.iter().for_each(|packet| file.write(packet).unwrap());
    file.finish().unwrap();
    file.into_writer()
}

/// The largest differences on the chart: of red and green, and of blue.
fn furthest(seen: &[[f64; 3]]) -> [f64; 2] {
    let patches = patches();
    assert_eq!(seen.len(), patches.len());
    let of = |channels: std::ops::Range<usize>| {
        let pairs = patches.iter().zip(seen);
        let differences = pairs.flat_map(|(patch, seen)| {
            channels.clone().map(|channel| (f64::from(patch[channel]) - seen[channel]).abs())
        });
        differences.fold(0.0, f64::max)
    };
    [of(0..2), of(2..3)]
}

#[test]
fn files_play_in_chromium_with_the_right_colours() {
    let Some(browser) = visit::Browser::find() else {
        println!("skipped: there is no Chromium here");
        return;
    };
    let mut choices = vec![EncoderChoice::OpenH264];
    if cfg!(feature = "av1") {
        choices.push("rav1e".parse().unwrap());
    }
    let mut films = Vec::new();
    for choice in choices {
        for (matrix, range) in [
            (Matrix::Bt709, Range::Limited),
            (Matrix::Bt709, Range::Full),
            (Matrix::Bt601, Range::Limited),
            (Matrix::Bt601, Range::Full),
        ] {
            let (config, packets) = film(&choice, PlaneFormat { matrix, range, ..PlaneFormat::VIDEO });
            let name = format!("{:?} {matrix:?} {range:?}", config.codec);
            films.push((format!("{name} whole"), whole(&config, &packets)));
            films.push((format!("{name} fragmented"), fragmented(&config, &packets)));
        }
    }
    let pages: Vec<&[u8]> = films.iter().map(|(_, file)| file.as_slice()).collect();
    let seen = browser.watch(&pages, [COLUMNS, ROWS]);
    assert_eq!(seen.len(), films.len());
    for ((name, _), seen) in films.iter().zip(seen) {
        assert_eq!(seen.size, [COLUMNS * PATCH, ROWS * PATCH], "{name}");
        let length = FRAMES as f64 / 30.0;
        assert!((seen.duration - length).abs() < 0.034, "{name}: {} s and not {length}", seen.duration);
        let off = furthest(&seen.patches);
        println!("{name}: red and green {:.1}, blue {:.1} codes off at most", off[0], off[1]);
        assert!(
            off[0] <= TOLERANCE && off[1] <= TOLERANCE_OF_BLUE,
            "{name}: {off:?} codes off: {:?}",
            seen.patches
        );
    }
}

/// Decoded by the wrong matrix or range, the chart is further off than the tolerance: by the formulas of BT.601 and BT.709.
#[test]
fn colours_tell_matrices_and_ranges_apart() {
    let decoded = |wrong_matrix: bool, wrong_range: bool| -> Vec<[f64; 3]> {
        let [kr, kb] = [0.2126, 0.0722];
        let [wr, wb] = if wrong_matrix { [0.299, 0.114] } else { [kr, kb] };
        let convert = |rgb: [u8; 3]| {
            let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
            let y = kr * r + (1.0 - kr - kb) * g + kb * b;
            let (cb, cr) = ((b - y) / (2.0 - 2.0 * kb), (r - y) / (2.0 - 2.0 * kr));
            // Limited range read as if it were full.
            let (y, cb, cr) = match wrong_range {
                true => ((16.0 + 219.0 * y) / 255.0, cb * 224.0 / 255.0, cr * 224.0 / 255.0),
                false => (y, cb, cr),
            };
            let (r, b) = (y + (2.0 - 2.0 * wr) * cr, y + (2.0 - 2.0 * wb) * cb);
            let g = (y - wr * r - wb * b) / (1.0 - wr - wb);
            [r, g, b].map(|v| 255.0 * v.clamp(0.0, 1.0))
        };
        patches().into_iter().map(convert).collect()
    };
    assert!(furthest(&decoded(false, false)).iter().all(|off| *off < 1e-9));
    for (matrix, range) in [(true, false), (false, true), (true, true)] {
        assert!(furthest(&decoded(matrix, range))[0] > 2.0 * TOLERANCE);
    }
}
