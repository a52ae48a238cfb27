//! The CPU's planes against the formulas.

use effigy_splat::Frame;
use effigy_video::{
    Alpha, Association, Component, Layout, Matrix, PlaneFormat, Planes, PlanesError, Range, Shape, Signal,
};

use crate::formula::{planes, stored, stored_planes};
use crate::{formats, noise, picture};

/// Every way transparency leaves.
pub(crate) const ALPHAS: [Alpha; 5] = [
    Alpha::Over([0.1, 0.6, 0.3]),
    Alpha::Plane(Association::Premultiplied),
    Alpha::Plane(Association::Straight),
    Alpha::SideBySide(Association::Premultiplied),
    Alpha::SideBySide(Association::Straight),
];

/// Codes are the nearest ones: within half a code of the formula, but for what f64 rounds.
#[test]
fn codes_are_the_nearest() {
    let mut converted = Planes::default();
    for (width, height) in [(32, 24), (1, 1), (3, 5), (2, 1), (9, 2), (17, 6), (511, 333)] {
        let frame = noise(width, height);
        for format in formats() {
            // All of them for small pictures, one for the large one.
            for alpha in ALPHAS.iter().take(if width > 100 { 1 } else { ALPHAS.len() }) {
                let what = format!("{width}x{height} {format:?} {alpha:?}");
                let picture = converted.convert(&frame, format, *alpha).expect("planes");
                let wanted = planes(&frame, format, *alpha);
                for (found, wanted) in stored_planes(&picture).iter().zip(&wanted) {
                    assert_eq!(
                        (found.width, found.values.len()),
                        (wanted.width, wanted.values.len()),
                        "{what}"
                    );
                    for (found, wanted) in found.values.iter().zip(&wanted.values) {
                        assert!((found - wanted).abs() <= 0.5 + 1e-6, "{what}: {found} for {wanted}");
                    }
                }
                let plane = stored(&picture, Component::Alpha);
                assert_eq!(plane.is_some(), matches!(alpha, Alpha::Plane(_)), "{what}");
                let Some(plane) = plane else { continue };
                let largest = if format.layout == Layout::P010 { 1023.0 } else { 255.0 };
                for (at, found) in plane.values.iter().enumerate() {
                    let (x, y) = ((at % plane.width) as u32, (at / plane.width) as u32);
                    let source = y.min(height - 1) * width + x.min(width - 1);
                    let wanted = largest * f64::from(frame.color[source as usize][3]);
                    assert!((found - wanted).abs() <= 0.5 + 1e-6, "{what}: alpha {found} for {wanted}");
                }
            }
        }
    }
}

/// From the definitions of the standards, by hand.
#[test]
fn primaries_get_the_codes_of_the_standards() {
    let mut converted = Planes::default();
    let limited = |layout, matrix| PlaneFormat { layout, matrix, range: Range::Limited };
    let full = |layout, matrix| PlaneFormat { layout, matrix, range: Range::Full };
    use Layout::{I420, I444, Nv12, P010};
    use Matrix::{Bt601, Bt709};
    for (format, rgb, want) in [
        (limited(I420, Bt709), [1.0, 1.0, 1.0], [235.0, 128.0, 128.0]),
        (limited(Nv12, Bt709), [0.0, 0.0, 0.0], [16.0, 128.0, 128.0]),
        (limited(I420, Bt709), [1.0, 0.0, 0.0], [63.0, 102.0, 240.0]),
        (limited(I444, Bt709), [0.0, 1.0, 0.0], [173.0, 42.0, 26.0]),
        (limited(Nv12, Bt709), [0.0, 0.0, 1.0], [32.0, 240.0, 118.0]),
        (limited(I420, Bt601), [1.0, 0.0, 0.0], [81.0, 90.0, 240.0]),
        (limited(I420, Bt601), [0.0, 1.0, 0.0], [145.0, 54.0, 34.0]),
        (limited(I420, Bt601), [0.0, 0.0, 1.0], [41.0, 240.0, 110.0]),
        (limited(P010, Bt709), [1.0, 1.0, 1.0], [940.0, 512.0, 512.0]),
        (limited(P010, Bt709), [1.0, 0.0, 0.0], [250.0, 409.0, 960.0]),
        // JFIF's codes of red; 255.5 is clipped.
        (full(I420, Bt601), [1.0, 0.0, 0.0], [76.0, 85.0, 255.0]),
        (full(I444, Bt601), [0.0, 1.0, 0.0], [150.0, 44.0, 21.0]),
        (full(P010, Bt709), [1.0, 1.0, 1.0], [1023.0, 512.0, 512.0]),
    ] {
        let frame = picture(3, 1, |_, _| [rgb[0], rgb[1], rgb[2], 1.0]);
        let picture = converted.convert(&frame, format, Alpha::Over([0.5; 3])).expect("planes");
        for (plane, want) in stored_planes(&picture).iter().zip(want) {
            assert!(plane.values.iter().all(|v| *v == want), "{format:?} {rgb:?}: {:?}", plane.values);
        }
    }
}

/// Away from 0, as `Round` of Rec. ITU-T H.273 is.
#[test]
fn halves_are_rounded_as_the_standard_has_them() {
    let format = |range| PlaneFormat { layout: Layout::I444, matrix: Matrix::Bt601, range };
    let mut planes = Planes::default();
    // 0.5 · 255 = 127.5.
    let frame = picture(1, 1, |_, _| [0.5, 0.5, 0.5, 1.0]);
    let luma = |planes: &mut Planes, range| {
        let picture = planes.convert(&frame, format(range), Alpha::Over([0.0; 3])).expect("planes");
        picture.bytes()[0]
    };
    assert_eq!(luma(&mut planes, Range::Full), 128);
    // 16 + 109.5
    assert_eq!(luma(&mut planes, Range::Limited), 126);
}

#[test]
fn sizes_are_padded_and_shown() {
    let shape = |w, h, layout, alpha| {
        Shape::new(w, h, PlaneFormat { layout, ..PlaneFormat::VIDEO }, alpha).expect("a shape")
    };
    let over = Alpha::Over([0.0; 3]);
    let s = shape(511, 333, Layout::I420, over);
    assert_eq!((s.coded(), s.shown(), s.alpha_column()), ([512, 334], [511, 333], None));
    assert_eq!(s.size(), 512 * 334 * 3 / 2);
    let s = shape(3, 5, Layout::Nv12, Alpha::SideBySide(Association::Straight));
    assert_eq!((s.coded(), s.shown(), s.alpha_column()), ([8, 6], [7, 5], Some(4)));
    let s = shape(3, 5, Layout::I444, Alpha::Plane(Association::Straight));
    assert_eq!((s.coded(), s.shown(), s.size()), ([3, 5], [3, 5], 8 * 5 * 4));
    let s = shape(1280, 720, Layout::P010, over);
    assert_eq!(s.size(), 1280 * 720 * 3);
    // What is written has no gaps: 4 x 6 luma, 2 x 3 of each difference.
    let mut planes = Planes::default();
    let mut out = Vec::new();
    let picture = planes.convert(&noise(3, 5), PlaneFormat::VIDEO, over).expect("planes");
    picture.write_colour(&mut out).expect("memory");
    assert_eq!(out.len(), 24 + 6 + 6);
}

#[test]
fn streams_say_what_they_hold() {
    assert_eq!(
        PlaneFormat::VIDEO.signal(),
        Signal {
            primaries: 1,
            transfer: 13,
            matrix: 1,
            full_range: false,
            chroma_location: Some(0),
            bit_depth: 8
        }
    );
    let other = PlaneFormat { layout: Layout::I444, matrix: Matrix::Bt601, range: Range::Full }.signal();
    assert_eq!((other.matrix, other.full_range, other.chroma_location), (6, true, None));
}

#[test]
fn unusable_pictures_are_refused() {
    let over = Alpha::Over([0.0; 3]);
    let mut planes = Planes::default();
    let empty = planes.convert(&Frame::default(), PlaneFormat::VIDEO, over);
    assert!(matches!(empty, Err(PlanesError::Size { width: 0, height: 0 })));
    let short = Frame { width: 4, height: 4, color: vec![[0.0; 4]; 15], depth: Vec::new() };
    assert!(matches!(
        planes.convert(&short, PlaneFormat::VIDEO, over),
        Err(PlanesError::Frame { count: 15, .. })
    ));
    let nothing = Alpha::Over([f32::NAN, 0.0, 0.0]);
    assert!(matches!(
        planes.convert(&noise(2, 2), PlaneFormat::VIDEO, nothing),
        Err(PlanesError::Background)
    ));
    assert!(Shape::new(u32::MAX, 1, PlaneFormat::VIDEO, over).is_err());
    // What is no number is black.
    let strange = picture(2, 2, |x, _| if x == 0 { [f32::NAN; 4] } else { [f32::INFINITY; 4] });
    for alpha in ALPHAS {
        let picture = planes.convert(&strange, PlaneFormat::VIDEO, alpha).expect("planes");
        assert_eq!(picture.bytes()[0], 16, "{alpha:?}");
    }
}
