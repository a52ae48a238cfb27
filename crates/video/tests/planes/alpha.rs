//! Transparency on its way through planes and back.

use effigy_splat::Frame;
use effigy_video::{Alpha, Association, Component, Layout, Matrix, PlaneFormat, Planes, Range};

use crate::formula::{Samples, codes, r_g_b, stored, stored_planes};
use crate::{noise, picture};

const UNDER: [f64; 3] = [0.9, 0.2, 0.5];

/// Colour of a pixel of planes of full size.
fn rgb(format: PlaneFormat, planes: &[Samples; 3], x: usize, y: usize) -> [f64; 3] {
    let [[luma_scale, luma_offset], [scale, offset]] = codes(format);
    let [luma, blue, red] = planes;
    r_g_b(
        format.matrix,
        [
            (luma.at(x, y) - luma_offset) / luma_scale,
            (blue.at(x, y) - offset) / scale,
            (red.at(x, y) - offset) / scale,
        ],
    )
}

/// What a receiver shows over [`UNDER`] is what the frame shows over it, but for the rounding of codes: half a code of luma,
/// half of differences times 1.9, and half of alpha, each 1/219 at the most.
#[test]
fn colour_and_alpha_composite_to_the_frame() {
    let frame = noise(33, 12);
    let mut converted = Planes::default();
    for range in [Range::Limited, Range::Full] {
        let format = PlaneFormat { layout: Layout::I444, matrix: Matrix::Bt709, range };
        for association in [Association::Premultiplied, Association::Straight] {
            for alpha in [Alpha::Plane(association), Alpha::SideBySide(association)] {
                let picture = converted.convert(&frame, format, alpha).expect("planes");
                let column = picture.shape().alpha_column();
                let planes = stored_planes(&picture);
                let plane = stored(&picture, Component::Alpha);
                let mut worst = 0.0_f64;
                for y in 0..12 {
                    for x in 0..33 {
                        let a = match (&plane, column) {
                            (Some(plane), None) => plane.at(x, y) / 255.0,
                            (None, Some(column)) => {
                                // As a player has it: any component of the grey.
                                let grey = rgb(format, &planes, x + column as usize, y);
                                assert!(grey.iter().all(|c| (c - grey[0]).abs() < 1e-9), "{grey:?}");
                                grey[0]
                            }
                            other => panic!("{:?}", other.1),
                        };
                        let color = rgb(format, &planes, x, y);
                        let [r, g, b, exact] = frame.color[y * 33 + x].map(f64::from);
                        for (i, wanted) in [r, g, b].into_iter().enumerate() {
                            // Brighter than white is cut off: premultiplied above 1, straight above α.
                            let wanted = match association {
                                Association::Premultiplied => wanted.min(1.0),
                                Association::Straight => wanted.min(exact),
                            };
                            let wanted = wanted + (1.0 - exact) * UNDER[i];
                            let part = if association == Association::Straight { a } else { 1.0 };
                            worst = worst.max((part * color[i] + (1.0 - a) * UNDER[i] - wanted).abs());
                        }
                    }
                }
                let bound = (0.5 + 0.5 * 1.9 + 0.5) / 219.0;
                assert!(worst < bound, "{format:?} {alpha:?}: {} codes", 255.0 * worst);
            }
        }
    }
}

/// Over a colour is as if the renderer had drawn it over that colour.
#[test]
fn over_a_colour_is_composited_first() {
    let under = UNDER.map(|c| c as f32);
    let frame = noise(34, 12);
    let opaque = Frame {
        color: frame
            .color
            .iter()
            .map(|&[r, g, b, a]| {
                [r + (1.0 - a) * under[0], g + (1.0 - a) * under[1], b + (1.0 - a) * under[2], 1.0]
            })
            .collect(),
        ..frame.clone()
    };
    let (mut a, mut b) = (Planes::default(), Planes::default());
    let a = a.convert(&frame, PlaneFormat::VIDEO, Alpha::Over(under)).expect("planes");
    let b = b.convert(&opaque, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).expect("planes");
    let differ = a.bytes().iter().zip(b.bytes()).filter(|(a, b)| a.abs_diff(**b) > 0).count();
    assert!(differ < 2, "{differ}");
}

/// Straight red that fades out stays red to its edge at half size too: what is transparent has no part in it.
#[test]
fn straight_edges_keep_their_colour() {
    let frame = picture(32, 8, |x, _| {
        let a = (1.0 - x as f32 / 15.0).max(0.0);
        [0.8 * a, 0.1 * a, 0.1 * a, a]
    });
    let mut planes = Planes::default();
    let alpha = Alpha::SideBySide(Association::Straight);
    let picture = planes.convert(&frame, PlaneFormat::VIDEO, alpha).expect("planes");
    let [luma, blue, red] = stored_planes(&picture);
    // By hand: Y 0.24882, Pb −0.0802, Pr 0.35002.
    for y in 0..4 {
        for x in 0..8 {
            assert_eq!([blue.at(x, y), red.at(x, y)], [110.0, 206.0], "{x}");
        }
        // All transparent, and alpha's own half.
        for x in 8..32 {
            assert_eq!([blue.at(x, y), red.at(x, y)], [128.0, 128.0], "{x}");
        }
    }
    assert_eq!([luma.at(0, 0), luma.at(14, 0), luma.at(15, 0)], [70.0, 70.0, 16.0]);
    assert_eq!([luma.at(32, 0), luma.at(47, 0)], [235.0, 16.0]);
}

/// Beside the colour, alpha is not coloured by it, nor is the colour bleached, whatever meets at the seam.
#[test]
fn halves_do_not_mix() {
    let frame = picture(7, 4, |_, _| [1.0, 0.0, 0.0, 1.0]);
    let mut planes = Planes::default();
    for association in [Association::Premultiplied, Association::Straight] {
        let alpha = Alpha::SideBySide(association);
        let picture = planes.convert(&frame, PlaneFormat::VIDEO, alpha).expect("planes");
        let [_, blue, red] = stored_planes(&picture);
        let row = |plane: &Samples| (0..8).map(|x| plane.at(x, 0)).collect::<Vec<_>>();
        assert_eq!(row(&blue), [102.0, 102.0, 102.0, 102.0, 128.0, 128.0, 128.0, 128.0]);
        assert_eq!(row(&red), [240.0, 240.0, 240.0, 240.0, 128.0, 128.0, 128.0, 128.0]);
    }
}
