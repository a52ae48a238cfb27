//! Turning harmonics: the coefficients of a pattern of colour that was turned with what it is on.

use glam::{DMat3, DVec3, Quat, Vec3};

use crate::sh::sh_basis;
use crate::{MAX_SH_DEGREE, sh_coefficients};

/// A rotation of harmonics of degree 1 to [`MAX_SH_DEGREE`]; that of degree 0 stays.
///
/// Within each degree a turned harmonic is a sum of the others of that degree: the matrix is what takes their values in
/// as many directions as there are of them to those in the same directions turned back.
#[derive(Clone, Debug)]
pub struct ShTurn {
    /// (2·degree + 1)² numbers of each degree from 1 on, row-major.
    degrees: Vec<Vec<f64>>,
}

impl ShTurn {
    /// For colours that are turned by `rotation` (new from old), a unit quaternion.
    pub fn new(rotation: Quat) -> Self {
        Self::of_matrix(DMat3::from_quat(rotation.as_dquat().normalize()))
    }

    /// For colours that are turned, or mirrored, by an orthogonal matrix.
    pub fn of_matrix(turn: DMat3) -> Self {
        let back = turn.transpose();
        let degrees = (1..=MAX_SH_DEGREE).map(|degree| {
            let (first, end) = (sh_coefficients(degree - 1), sh_coefficients(degree));
            let n = end - first;
            let directions: Vec<DVec3> = spread(n).collect();
            let values = |turn: DMat3| -> Vec<f64> {
                let rows = directions.iter().map(|&d| sh_basis(turn * d));
                rows.flat_map(|basis| basis[first..end].to_vec()).collect()
            };
            // A colour in direction d after the turn is the old one in the direction turned back: Y(d)·new = Y(Rᵀd)·old.
            solve(values(DMat3::IDENTITY), values(back), n)
        });
        Self { degrees: degrees.collect() }
    }

    /// Turns the coefficients of one Gaussian: (degree + 1)² × 3 values, coefficient-major.
    pub fn apply(&self, sh: &mut [f32]) {
        let mut rest = sh.get_mut(3..).unwrap_or_default();
        for matrix in &self.degrees {
            let n = matrix.len().isqrt();
            let Some((these, others)) = rest.split_at_mut_checked(3 * n) else { return };
            let mut old = [Vec3::ZERO; 2 * MAX_SH_DEGREE as usize + 1];
            for (old, c) in old.iter_mut().zip(these.chunks_exact(3)) {
                *old = Vec3::from_slice(c);
            }
            for (new, row) in these.chunks_exact_mut(3).zip(matrix.chunks_exact(n)) {
                let sum: DVec3 = row.iter().zip(&old).map(|(&m, c)| m * c.as_dvec3()).sum();
                new.copy_from_slice(&sum.as_vec3().to_array());
            }
            rest = others;
        }
    }
}

/// `count` directions, far from each other, no two opposite: harmonics of one degree are as good as independent there.
fn spread(count: usize) -> impl Iterator<Item = DVec3> {
    // A spiral over half the sphere by the golden angle.
    let golden = std::f64::consts::PI * (3.0 - 5f64.sqrt());
    (0..count).map(move |i| {
        let z = (i as f64 + 0.5) / count as f64;
        let r = (1.0 - z * z).sqrt();
        let phi = golden * i as f64;
        DVec3::new(r * phi.cos(), r * phi.sin(), z)
    })
}

/// The n × n matrix X with A·X = B, by Gauss's elimination with pivots; all row-major.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>, n: usize) -> Vec<f64> {
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i * n + k].abs().total_cmp(&a[j * n + k].abs())).unwrap_or(k);
        for c in 0..n {
            a.swap(k * n + c, pivot * n + c);
            b.swap(k * n + c, pivot * n + c);
        }
        let scale = 1.0 / a[k * n + k];
        for c in 0..n {
            a[k * n + c] *= scale;
            b[k * n + c] *= scale;
        }
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[i * n + k];
            for c in 0..n {
                a[i * n + c] -= factor * a[k * n + c];
                b[i * n + c] -= factor * b[k * n + c];
            }
        }
    }
    b
}

#[cfg(test)]
mod tests {
    use glam::{Quat, Vec3};

    use super::ShTurn;
    use crate::sh_color;

    /// A turned colour in a turned direction is the colour as it was, whatever the rotation.
    #[test]
    fn what_is_turned_looks_the_same_from_where_it_was_turned_to() {
        let sh: Vec<f32> = (0..48).map(|i| 0.12 * ((i * 37 % 23) as f32 / 11.0 - 1.0)).collect();
        for rotation in [
            Quat::IDENTITY,
            Quat::from_rotation_x(std::f32::consts::PI),
            Quat::from_rotation_z(0.5),
            Quat::from_euler(glam::EulerRot::YXZ, 1.1, -0.7, 2.3),
        ] {
            let turn = ShTurn::new(rotation);
            for degree in 0..=3 {
                let mut turned = sh[..3 * crate::sh_coefficients(degree)].to_vec();
                turn.apply(&mut turned);
                for d in [Vec3::X, Vec3::new(0.36, -0.48, 0.8), Vec3::new(-0.6, 0.64, 0.48)] {
                    let (was, is) = (sh_color(degree, &sh, d), sh_color(degree, &turned, rotation * d));
                    assert!(was.abs_diff_eq(is, 2e-6), "degree {degree}, {rotation}: {was} {is}");
                }
            }
        }
    }

    /// Half a turn about X negates y and z: the signs follow from the polynomials.
    #[test]
    fn half_a_turn_changes_signs_alone() {
        let turn = ShTurn::new(Quat::from_xyzw(1.0, 0.0, 0.0, 0.0));
        for (k, sign) in [-1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0]
            .into_iter()
            .enumerate()
        {
            let mut sh = [0.0; 48];
            sh[3 * (k + 1)] = 1.0;
            turn.apply(&mut sh);
            for (at, value) in sh.iter().enumerate() {
                let want = if at == 3 * (k + 1) { sign } else { 0.0 };
                assert!((value - want).abs() < 1e-6, "harmonic {}: {sh:?}", k + 1);
            }
        }
    }
}
