//! Lenses: where the ray through a point at depth 1 falls, both in units of the focal length from the principal point.
//!
//! Formulas: COLMAP 4.2, `src/colmap/sensor/models.h`, whose parameters they take, and the papers named at each.

use effigy_splat::transforms::Intrinsics;
use glam::{DMat2, DVec2};

/// A lens that bends straight lines. x is to the right, y down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lens {
    /// Brown (1971), with OpenCV's denominator: (1 + k₁r² + k₂r⁴ + ...) over (1 + ...), then tangential terms.
    Radial { over: [f64; 4], under: [f64; 3], tangential: [f64; 2] },
    /// By the angle θ from the axis, θ(1 + k₁θ² + ...) (Kannala and Brandt 2006), with tangential and thin-prism terms
    /// of the equidistant picture (Weng et al. 1992).
    Fisheye { k: [f64; 4], tangential: [f64; 2], prism: [f64; 2] },
    /// The same with six terms, then tangential and thin-prism terms of what they give: `FISHEYE624` of Project Aria.
    Fisheye624 { k: [f64; 6], tangential: [f64; 2], prism: [f64; 4] },
    /// Devernay and Faugeras (2001): the angle ω.
    Fov(f64),
    /// Fitzgibbon (2001): straight is bent over 1 + kr².
    Division(f64),
    /// The enhanced unified camera of Khomutenko et al. (2016): α and β.
    Unified { alpha: f64, beta: f64 },
}

/// Corners that move by less, pixels, are where they should be.
const STRAIGHT: f64 = 0.1;
/// The reach of a lens is sought in so many steps up to this angle from the axis.
const STEPS: u32 = 512;
const WIDEST: f64 = 89.5;

impl Lens {
    /// Brown's lens without a denominator.
    pub(crate) fn radial(over: [f64; 4], tangential: [f64; 2]) -> Self {
        Self::Radial { over, under: [0.0; 3], tangential }
    }

    /// A fisheye without tangential and prism terms.
    pub(crate) fn fisheye(k: [f64; 4]) -> Self {
        Self::Fisheye { k, tangential: [0.0; 2], prism: [0.0; 2] }
    }

    /// Where the ray through `p` falls; not finite where it falls nowhere.
    pub(crate) fn bend(&self, p: DVec2) -> DVec2 {
        let r2 = p.length_squared();
        match self {
            Self::Radial { over, under, tangential } => {
                p * (series(over, r2) / series(under, r2)) + shifted(p, *tangential)
            }
            Self::Fisheye { k, tangential, prism } => {
                let q = equidistant(p);
                let r2 = q.length_squared();
                q * series(k, r2) + shifted(q, *tangential) + DVec2::from(*prism) * r2
            }
            Self::Fisheye624 { k, tangential: [px, py], prism } => {
                let q = equidistant(p);
                let q = q * series(k, q.length_squared());
                let r2 = q.length_squared();
                let [sx1, sx2, sy1, sy2] = *prism;
                // Its tangential terms are the other way round.
                q + shifted(q, [*py, *px]) + DVec2::new(sx1, sy1) * r2 + DVec2::new(sx2, sy2) * (r2 * r2)
            }
            Self::Fov(omega) => {
                let r = p.length();
                // Nearly no lens at all, and the middle of any.
                if omega.abs() < 1e-6 || r < 1e-9 {
                    let limit = if omega.abs() < 1e-6 { 1.0 } else { 2.0 * (0.5 * omega).tan() / omega };
                    return p * limit;
                }
                p * ((2.0 * r * (0.5 * omega).tan()).atan() / (r * omega))
            }
            Self::Division(k) => p * (2.0 / (1.0 + (1.0 - 4.0 * k * r2).sqrt())),
            Self::Unified { alpha, beta } => p / (alpha * (beta * r2 + 1.0).sqrt() + 1.0 - alpha),
        }
    }

    /// The point whose ray falls on `target`, by Newton's method; none beyond the lens's `reach`.
    pub(crate) fn straighten(&self, target: DVec2, reach: f64) -> Option<DVec2> {
        const H: f64 = 1e-7;
        let miss = |p: DVec2| self.bend(p) - target;
        let mut p = DVec2::ZERO;
        let mut off = miss(p);
        for _ in 0..25 {
            if off.length() < 1e-12 {
                break;
            }
            let slope = |e: DVec2| (self.bend(p + e * H) - self.bend(p - e * H)) / (2.0 * H);
            let step = DMat2::from_cols(slope(DVec2::X), slope(DVec2::Y)).inverse() * off;
            // Shorter while that leads farther away, or over the edge.
            let shorter = (0..10).map(|i| p - step * 0.5_f64.powi(i));
            let (next, next_off) = shorter
                .filter(|next| next.length() <= reach)
                .map(|next| (next, miss(next)))
                .find(|(_, next_off)| next_off.length() < off.length())?;
            (p, off) = (next, next_off);
        }
        (off.length() < 1e-9).then_some(p)
    }

    /// How far from the axis points at depth 1 may be: beyond, the lens folds the picture over, or shows nothing.
    pub(crate) fn reach(&self) -> f64 {
        let along = |axis: DVec2| {
            let radius = |i: u32| (f64::from(i) / f64::from(STEPS) * WIDEST.to_radians()).tan();
            let falls = |i: u32| self.bend(axis * radius(i)).dot(axis);
            let outwards = |&i: &u32| falls(i + 1) > falls(i);
            radius((0..STEPS).take_while(outwards).count() as u32)
        };
        [DVec2::X, DVec2::NEG_X, DVec2::Y, DVec2::NEG_Y].map(along).into_iter().fold(f64::INFINITY, f64::min)
    }

    /// Whether a picture looks other than without a lens: a corner, or the middle of a side, moves.
    pub(crate) fn shows(&self, picture: &Intrinsics) -> bool {
        let focal = DVec2::new(picture.fx, picture.fy);
        let middle = DVec2::new(picture.cx, picture.cy);
        let (w, h) = (f64::from(picture.width), f64::from(picture.height));
        let moved = |x: f64, y: f64| {
            let p = (DVec2::new(x, y) - middle) / focal;
            ((self.bend(p) - p) * focal).length()
        };
        let places = [0.0, 0.5, 1.0];
        places.iter().any(|x| places.iter().any(|y| !(moved(x * w, y * h) < STRAIGHT)))
    }

    /// Whether all its numbers are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        let all = |values: &[f64]| values.iter().all(|x| x.is_finite());
        match self {
            Self::Radial { over, under, tangential } => all(over) && all(under) && all(tangential),
            Self::Fisheye { k, tangential, prism } => all(k) && all(tangential) && all(prism),
            Self::Fisheye624 { k, tangential, prism } => all(k) && all(tangential) && all(prism),
            Self::Fov(value) | Self::Division(value) => value.is_finite(),
            Self::Unified { alpha, beta } => all(&[*alpha, *beta]),
        }
    }
}

/// 1 + k₁x + k₂x² + ...
fn series(k: &[f64], x: f64) -> f64 {
    k.iter().rev().fold(0.0, |sum, k| (sum + k) * x) + 1.0
}

/// Tangential terms (p₁, p₂): a lens that is not centred.
fn shifted(p: DVec2, [p1, p2]: [f64; 2]) -> DVec2 {
    let (r2, xy) = (p.length_squared(), p.x * p.y);
    DVec2::new(2.0 * p1 * xy + p2 * (r2 + 2.0 * p.x * p.x), 2.0 * p2 * xy + p1 * (r2 + 2.0 * p.y * p.y))
}

/// As far from the middle as the angle from the axis.
fn equidistant(p: DVec2) -> DVec2 {
    let r = p.length();
    if r < 1e-9 { p } else { p * (r.atan() / r) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{MODELS, by_name};

    /// Points at depth 1, and where pycolmap 4.2.1's `Camera.img_from_cam` sees them, for cameras of 640x480.
    const POINTS: [[f64; 2]; 3] = [[0.3, -0.2], [-0.5, 0.35], [0.6, 0.45]];
    type Seen = (&'static str, &'static [f64], [[f64; 2]; 3]);
    #[rustfmt::skip]
    const SEEN: [Seen; 17] = [
        ("SIMPLE_PINHOLE", &[500.0, 320.0, 240.0], [[470.0, 140.0], [70.0, 415.0], [620.0, 465.0]]),
        ("PINHOLE", &[500.0, 510.0, 320.0, 240.0], [[470.0, 138.0], [70.0, 418.5], [620.0, 469.5]]),
        ("SIMPLE_RADIAL", &[500.0, 320.0, 240.0, -0.12], [[467.66, 141.56], [81.175, 407.1775], [599.75, 449.8125]]),
        ("RADIAL", &[500.0, 320.0, 240.0, -0.12, 0.03],
            [[467.73605, 141.5093], [80.134328, 407.90597], [602.597656, 451.948242]]),
        ("OPENCV", &[500.0, 510.0, 320.0, 240.0, -0.12, 0.03, 0.002, -0.003],
            [[467.15105, 139.937286], [78.475578, 412.42944], [601.213906, 456.347857]]),
        ("OPENCV_FISHEYE", &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.003, -0.0005],
            [[406.573459, 180.360506], [184.625694, 337.920748], [475.485125, 360.500972]]),
        ("FULL_OPENCV", &[500.0, 510.0, 320.0, 240.0, 0.12, 0.03, 0.002, -0.003, 0.01, 0.2, 0.05, 0.02],
            [[467.843267, 139.466579], [75.983943, 414.208467], [604.540222, 458.892488]]),
        ("FOV", &[500.0, 510.0, 320.0, 240.0, 0.9],
            [[474.942377, 134.639184], [77.521058, 413.129965], [598.68202, 453.191745]]),
        ("SIMPLE_RADIAL_FISHEYE", &[300.0, 320.0, 240.0, 0.02],
            [[406.585409, 182.276394], [184.51465, 334.839745], [475.719321, 356.789491]]),
        ("RADIAL_FISHEYE", &[300.0, 320.0, 240.0, 0.02, -0.01],
            [[406.573023, 182.284651], [184.636086, 334.75474], [475.454497, 356.590872]]),
        ("THIN_PRISM_FISHEYE",
            &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.002, -0.003, 0.003, -0.0005, 0.001, -0.002],
            [[406.286062, 180.508994], [183.913484, 338.305591], [474.998151, 360.31612]]),
        ("RAD_TAN_THIN_PRISM_FISHEYE",
            &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.003, -0.0005, 0.0002, -0.0001, 0.002, -0.003, 0.001, -0.002,
                0.0015, 0.0005],
            [[406.872904, 180.169129], [185.344384, 337.431645], [475.717178, 360.302112]]),
        ("SIMPLE_DIVISION", &[500.0, 320.0, 240.0, -0.15],
            [[467.183801, 141.877466], [82.596549, 406.182416], [598.228179, 448.671134]]),
        ("DIVISION", &[500.0, 510.0, 320.0, 240.0, -0.15],
            [[467.183801, 139.915015], [82.596549, 409.506064], [598.228179, 452.844557]]),
        ("SIMPLE_FISHEYE", &[300.0, 320.0, 240.0],
            [[406.378535, 182.41431], [185.323466, 334.273574], [474.440266, 355.8302]]),
        ("FISHEYE", &[300.0, 310.0, 320.0, 240.0],
            [[406.378535, 180.494787], [185.323466, 337.416026], [474.440266, 359.691206]]),
        ("EUCM", &[300.0, 310.0, 320.0, 240.0, 0.6, 1.1],
            [[406.416559, 180.468593], [185.156099, 337.537089], [474.721502, 359.909164]]),
    ];

    #[test]
    fn lenses_bend_as_colmap_says() {
        for (name, parameters, seen) in SEEN {
            let model = by_name(name).unwrap();
            assert_eq!(parameters.len(), model.parameters, "{name}");
            let (focal, rest) = parameters.split_at(model.focal_lengths);
            let focal = DVec2::new(focal[0], *focal.last().unwrap());
            let lens = (model.lens)(&rest[2..]);
            for (point, expected) in POINTS.map(DVec2::from).into_iter().zip(seen) {
                let bent = lens.as_ref().map_or(point, |lens| lens.bend(point));
                let pixel = bent * focal + DVec2::new(rest[0], rest[1]);
                assert!(
                    pixel.abs_diff_eq(expected.into(), 1e-6 * 1.01),
                    "{name}: {pixel} is not {expected:?}"
                );
                if let Some(lens) = lens.as_ref().filter(|lens| lens.reach() > point.length()) {
                    let back = lens.straighten(bent, lens.reach()).unwrap();
                    assert!(back.abs_diff_eq(point, 1e-8), "{name}: {back} is not {point}");
                }
            }
        }
    }

    #[test]
    fn all_models_are_known_by_number() {
        // pycolmap 4.2.1, `CameraModelId`.
        let names = [
            "SIMPLE_PINHOLE",
            "PINHOLE",
            "SIMPLE_RADIAL",
            "RADIAL",
            "OPENCV",
            "OPENCV_FISHEYE",
            "FULL_OPENCV",
            "FOV",
            "SIMPLE_RADIAL_FISHEYE",
            "RADIAL_FISHEYE",
            "THIN_PRISM_FISHEYE",
            "RAD_TAN_THIN_PRISM_FISHEYE",
            "SIMPLE_DIVISION",
            "DIVISION",
            "SIMPLE_FISHEYE",
            "FISHEYE",
            "EUCM",
            "EQUIRECTANGULAR",
        ];
        for (number, name) in names.into_iter().enumerate() {
            assert_eq!(crate::models::by_id(number as i32).unwrap().name, name);
        }
        assert_eq!(MODELS.len(), names.len());
        assert!(crate::models::by_id(18).is_none() && crate::models::by_id(-1).is_none());
    }

    #[test]
    fn a_lens_reaches_as_far_as_it_does_not_fold() {
        // r - 0.12 r³ grows up to r = √(1 / 0.36).
        let reach = Lens::radial([-0.12, 0.0, 0.0, 0.0], [0.0; 2]).reach();
        let fold = (1.0 / 0.36_f64).sqrt();
        assert!((reach - fold).abs() < 0.02, "{reach} is not {fold}");
        // Half a division by zero: r²k = 1/4.
        assert!((Lens::Division(0.25).reach() - 1.0).abs() < 0.02);
        assert!(Lens::fisheye([0.0; 4]).reach() > 50.0);
        assert_eq!(Lens::radial([-1e9, 0.0, 0.0, 0.0], [0.0; 2]).straighten(DVec2::splat(0.5), 1e-5), None);
    }

    #[test]
    fn a_tenth_of_a_pixel_shows() {
        let picture = Intrinsics { width: 640, height: 480, fx: 500.0, fy: 500.0, cx: 320.0, cy: 240.0 };
        // A corner is 400 pixels from the middle: r = 0.8, and k r³ f = 256 k.
        let shows = |k: f64| Lens::radial([k, 0.0, 0.0, 0.0], [0.0; 2]).shows(&picture);
        assert!(!shows(0.0) && !shows(0.099 / 256.0) && !shows(-0.099 / 256.0));
        assert!(shows(0.101 / 256.0) && shows(-0.101 / 256.0) && shows(f64::NAN));
    }
}
