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
