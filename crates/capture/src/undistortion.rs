//! Pictures as a pinhole camera would have taken them.

use effigy_splat::transforms::Intrinsics;
use glam::DVec2;
use rayon::prelude::*;

use crate::lens::Lens;

/// What becomes of a picture that was taken through a [`Lens`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Undistortion {
    lens: Lens,
    /// Of the picture as it was taken.
    from: Intrinsics,
    /// Of the picture as it becomes.
    pub(crate) to: Intrinsics,
    /// Farther from the axis nothing is seen, at depth 1.
    reach: f64,
}

/// The new picture is this much as large as the old one at least and at most, along either side. A fisheye's edges are
/// thereby left out: no flat picture holds them.
const LEAST: f64 = 0.2;
const MOST: f64 = 2.0;
/// Each side of a picture is looked at in so many places.
const PLACES: u32 = 32;

impl Undistortion {
    /// What straightens pictures of `from`, taken through `lens`: the focal lengths stay, and the picture becomes the
    /// largest in which every pixel was seen, with its principal point where it was, in parts of a side (COLMAP's
    /// `image_undistorter` without blank pixels).
    ///
    /// # Errors
    /// If the lens shows nothing.
    pub(crate) fn new(lens: Lens, from: Intrinsics) -> Result<Self, &'static str> {
        let reach = lens.reach();
        if !(reach > 0.0) {
            return Err("its lens shows nothing");
        }
        let focal = DVec2::new(from.fx, from.fy);
        let middle = DVec2::new(from.cx, from.cy);
        // Pixel centres at the picture's edge.
        let last = DVec2::new(f64::from(from.width), f64::from(from.height)) - 1.0;
        // The old distance of a side from the principal point in parts of the new one, where the side comes in most.
        let mut part = DVec2::splat(1.0 / MOST);
        for i in 0..=PLACES {
            let along = last * (f64::from(i) / f64::from(PLACES));
            for (place, axis) in [
                (DVec2::new(0.0, along.y), 0),
                (DVec2::new(last.x, along.y), 0),
                (DVec2::new(along.x, 0.0), 1),
                (DVec2::new(along.x, last.y), 1),
            ] {
                let away = place + 0.5 - middle;
                // Where the lens shows nothing, nothing is lost.
                let Some(p) = lens.straighten(away / focal, reach) else { continue };
                let there = (p * focal)[axis];
                if away[axis] * there > 0.0 {
                    part[axis] = part[axis].max(away[axis] / there);
                }
            }
        }
        let side = |pixels: u32, part: f64| (f64::from(pixels) / part.min(1.0 / LEAST)).max(1.0) as u32;
        let (width, height) = (side(from.width, part.x), side(from.height, part.y));
        let moved = |c: f64, old: u32, new: u32| c * f64::from(new) / f64::from(old);
        let to = Intrinsics {
            width,
            height,
            cx: moved(from.cx, from.width, width),
            cy: moved(from.cy, from.height, height),
            ..from
        };
        Ok(Self { lens, from, to, reach })
    }

    /// Where in the picture as it was taken a place of the new one comes from, both in pixels; `None` if it was not seen.
    fn source(&self, place: DVec2) -> Option<DVec2> {
        let Self { lens, from, to, reach } = self;
        let p = (place - DVec2::new(to.cx, to.cy)) / DVec2::new(to.fx, to.fy);
        if !(p.length() <= *reach) {
            return None;
        }
        let source = lens.bend(p) * DVec2::new(from.fx, from.fy) + DVec2::new(from.cx, from.cy);
        let size = DVec2::new(f64::from(from.width), f64::from(from.height));
        (source.cmpge(DVec2::ZERO).all() && source.cmple(size).all()).then_some(source)
    }

    /// The new picture of pixels as they were taken, with straight alpha, by bilinear interpolation of premultiplied
    /// colours. What was not seen is transparent.
    pub(crate) fn apply(&self, rgba: &[[u8; 4]]) -> Vec<[u8; 4]> {
        let (width, height) = (self.to.width as usize, self.to.height as usize);
        let mut out = vec![[0; 4]; width * height];
        out.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
            for (x, out) in row.iter_mut().enumerate() {
                if let Some(source) = self.source(DVec2::new(x as f64, y as f64) + 0.5) {
                    *out = self.between(rgba, source);
                }
            }
        });
        out
    }

    /// The colour at a place between pixel centres.
    fn between(&self, rgba: &[[u8; 4]], place: DVec2) -> [u8; 4] {
        let (width, height) = (self.from.width as usize, self.from.height as usize);
        let last = DVec2::new((width - 1) as f64, (height - 1) as f64);
        let place = (place - 0.5).clamp(DVec2::ZERO, last);
        let (x, y) = (place.x as usize, place.y as usize);
        let t = (place - place.floor()).as_vec2();
        let mut sum = [0.0_f32; 4];
        for (column, row, weight) in [
            (x, y, (1.0 - t.x) * (1.0 - t.y)),
            (x + 1, y, t.x * (1.0 - t.y)),
            (x, y + 1, (1.0 - t.x) * t.y),
            (x + 1, y + 1, t.x * t.y),
        ] {
            let index = row.min(height - 1) * width + column.min(width - 1);
            let [r, g, b, a] = rgba.get(index).copied().unwrap_or_default().map(f32::from);
            let weight = weight * a;
            for (sum, color) in sum.iter_mut().zip([r, g, b, 1.0]) {
                *sum += weight * color;
            }
        }
        let [r, g, b, a] = sum;
        if a == 0.0 {
            return [0; 4];
        }
        [r / a, g / a, b / a, a].map(|value| (value + 0.5) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::by_name;

    #[test]
    fn the_new_picture_is_as_large_as_colmap_s() {
        // pycolmap 4.2.1: `undistort_camera(UndistortCameraOptions(), camera)` of cameras of 640x480.
        #[rustfmt::skip]
        let cases: [(&str, &[f64], (u32, u32)); 7] = [
            ("SIMPLE_RADIAL", &[500.0, 500.0, -0.12], (676, 493)),
            ("OPENCV", &[500.0, 510.0, -0.12, 0.03, 0.002, -0.003], (666, 491)),
            ("FULL_OPENCV", &[500.0, 510.0, 0.12, 0.03, 0.002, -0.003, 0.01, 0.2, 0.05, 0.02], (658, 487)),
            ("FOV", &[500.0, 510.0, 0.9], (670, 474)),
            ("FISHEYE", &[300.0, 310.0], (1083, 604)),
            ("DIVISION", &[500.0, 510.0, -0.15], (680, 495)),
            ("EUCM", &[300.0, 310.0, 0.6, 1.1], (1066, 601)),
        ];
        for (name, numbers, (width, height)) in cases {
            let lens = (by_name(name).unwrap().lens)(&numbers[2..]).unwrap();
            let from =
                Intrinsics { width: 640, height: 480, fx: numbers[0], fy: numbers[1], cx: 320.0, cy: 240.0 };
            let undistortion = Undistortion::new(lens, from).unwrap();
            let to = undistortion.to;
            assert!(
                to.width.abs_diff(width) <= 4 && to.height.abs_diff(height) <= 4,
                "{name}: {}x{} is not {width}x{height}",
                to.width,
                to.height
            );
            assert_eq!((to.fx, to.fy), (from.fx, from.fy));
            assert_eq!((to.cx, to.cy), (0.5 * f64::from(to.width), 0.5 * f64::from(to.height)));
            // Every pixel was seen.
            let opaque = vec![[9, 9, 9, 255]; 640 * 480];
            assert!(undistortion.apply(&opaque).iter().all(|&pixel| pixel == [9, 9, 9, 255]), "{name}");
        }
    }

    /// A picture whose colour is where in it a ray went through, seen through a lens: straightened, it is where the
    /// pinhole camera's own rays go through.
    #[test]
    fn a_picture_is_straightened() {
        let lens = Lens::radial([-0.2, 0.05, 0.0, 0.0], [0.01, -0.02]);
        let from = Intrinsics { width: 200, height: 160, fx: 150.0, fy: 140.0, cx: 104.0, cy: 77.0 };
        let reach = lens.reach();
        // Fixed-point iteration, not the method under test.
        let ray = |target: DVec2| (0..200).fold(target, |p, _| p + (target - lens.bend(p)));
        let shade =
            |p: DVec2| [(128.0 + 100.0 * p.x).round() as u8, (128.0 + 100.0 * p.y).round() as u8, 7, 255];
        let pixels: Vec<[u8; 4]> = (0..160 * 200)
            .map(|i| DVec2::new(f64::from(i % 200) + 0.5, f64::from(i / 200) + 0.5))
            .map(|place| shade(ray((place - DVec2::new(104.0, 77.0)) / DVec2::new(150.0, 140.0))))
            .collect();
        let undistortion = Undistortion { reach, ..Undistortion::new(lens, from).unwrap() };
        let to = undistortion.to;
        let straight = undistortion.apply(&pixels);
        for (i, pixel) in straight.iter().enumerate() {
            let place = DVec2::new((i as u32 % to.width).into(), (i as u32 / to.width).into()) + 0.5;
            let expected = shade((place - DVec2::new(to.cx, to.cy)) / DVec2::new(to.fx, to.fy));
            let near = pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{place}: {pixel:?} is not {expected:?}");
        }
    }

    #[test]
    fn what_was_not_seen_is_transparent_and_alpha_weighs() {
        // A pincushion so strong that the least part of the picture still shows more than the lens does.
        let lens = Lens::radial([500.0, 0.0, 0.0, 0.0], [0.0; 2]);
        let from = Intrinsics { width: 100, height: 100, fx: 50.0, fy: 50.0, cx: 50.0, cy: 50.0 };
        let undistortion = Undistortion::new(lens, from).unwrap();
        let (width, height) = (undistortion.to.width as usize, undistortion.to.height as usize);
        let out = undistortion.apply(&[[1, 2, 3, 255]; 100 * 100]);
        assert_eq!(out.len(), width * height);
        assert_eq!(out[height / 2 * width + width / 2], [1, 2, 3, 255]);
        assert_eq!(out[0], [0; 4], "{width}x{height}");
        // Half way between an opaque and a nearly transparent pixel: the colour of the former, mostly.
        let two = Undistortion {
            from: Intrinsics { width: 2, height: 1, fx: 1.0, fy: 1.0, cx: 1.0, cy: 0.5 },
            to: Intrinsics { width: 1, height: 1, fx: 1.0, fy: 1.0, cx: 0.5, cy: 0.5 },
            lens: Lens::radial([0.0; 4], [0.0; 2]),
            reach: 9.0,
        };
        assert_eq!(two.apply(&[[200, 0, 0, 255], [0, 200, 0, 51]]), [[167, 33, 0, 153]]);
    }
}
