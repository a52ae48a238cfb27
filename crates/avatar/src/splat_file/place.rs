//! Placing Gaussians by an affine transform: turned, scaled unevenly, even sheared.

use effigy_splat::{Gaussians, ShTurn, sh_coefficients};
use glam::{Affine3A, DMat3, DQuat, DVec3};

/// How far columns may be from orthogonal and of one length for a matrix to count as a rotation and a scale.
const EVEN: f64 = 1e-5;

/// Takes Gaussians to the space that `to` leads to. A covariance Σ becomes M·Σ·Mᵀ with the linear part M, whatever
/// that is; harmonics are turned by what of M is a rotation.
pub(super) fn place(gaussians: &mut Gaussians, to: &Affine3A) {
    if *to == Affine3A::IDENTITY {
        return;
    }
    for position in &mut gaussians.positions {
        *position = to.transform_point3(*position);
    }
    let linear = DMat3::from_cols(
        to.matrix3.x_axis.as_dvec3(),
        to.matrix3.y_axis.as_dvec3(),
        to.matrix3.z_axis.as_dvec3(),
    );
    let even = even_scale(linear);
    for (rotation, log_scale) in gaussians.rotations.iter_mut().zip(&mut gaussians.log_scales) {
        let local = rotation.as_dquat();
        // What is none cannot be placed; it stays what it is.
        if !(local.length_squared() > 0.0 && local.is_finite()) {
            continue;
        }
        match even {
            Some((turn, scale)) => {
                *rotation = (turn * local.normalize()).as_quat();
                *log_scale += scale.ln() as f32;
            }
            None => {
                let axes =
                    DMat3::from_quat(local.normalize()) * DMat3::from_diagonal(log_scale.as_dvec3().exp());
                let (turn, scale) = ellipsoid(linear * axes);
                *rotation = turn.as_quat();
                *log_scale = scale.map(f64::ln).as_vec3();
            }
        }
    }
    if let Some(turn) = orthogonal_part(linear)
        && gaussians.sh_degree > 0
        && !turn.abs_diff_eq(DMat3::IDENTITY, 1e-9)
    {
        let turn = ShTurn::of_matrix(turn);
        let width = 3 * sh_coefficients(gaussians.sh_degree);
        gaussians.sh.chunks_exact_mut(width).for_each(|sh| turn.apply(sh));
    }
}

/// Rotation and scale of a matrix that is nothing else.
fn even_scale(m: DMat3) -> Option<(DQuat, f64)> {
    let scale = m.determinant().cbrt();
    if !(scale > 0.0 && scale.is_finite()) {
        return None;
    }
    let turn = m * (1.0 / scale);
    let gram = turn.transpose() * turn;
    gram.abs_diff_eq(DMat3::IDENTITY, EVEN).then(|| (DQuat::from_mat3(&turn).normalize(), scale))
}

/// The ellipsoid that `axes` makes of the unit ball: a rotation, and the half lengths of its axes.
///
/// Columns are turned in pairs until they are orthogonal (Hestenes's one-sided Jacobi method), which keeps A·Aᵀ and
/// finds small axes as precisely as large ones.
fn ellipsoid(axes: DMat3) -> (DQuat, DVec3) {
    let mut c = [axes.x_axis, axes.y_axis, axes.z_axis];
    for _ in 0..30 {
        let mut turned = false;
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let (a, b, both) = (c[p].length_squared(), c[q].length_squared(), c[p].dot(c[q]));
            if !(both.abs() > 1e-14 * (a * b).sqrt()) {
                continue;
            }
            turned = true;
            let zeta = (b - a) / (2.0 * both);
            let tangent = 1f64.copysign(zeta) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
            let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
            let sine = cosine * tangent;
            (c[p], c[q]) = (cosine * c[p] - sine * c[q], sine * c[p] + cosine * c[q]);
        }
        if !turned {
            break;
        }
    }
    let lengths = DVec3::new(c[0].length(), c[1].length(), c[2].length());
    // The longest axis is sure of its direction, the others are made to fit where they have none.
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| lengths[j].total_cmp(&lengths[i]));
    let [first, second, third] = order;
    let unit = c[first].try_normalize().unwrap_or(DVec3::X);
    let across = (c[second] - unit * unit.dot(c[second])).try_normalize();
    let across = across.unwrap_or_else(|| unit.any_orthonormal_vector());
    let mut turn = [DVec3::ZERO; 3];
    (turn[first], turn[second], turn[third]) = (unit, across, unit.cross(across));
    let turn = DMat3::from_cols(turn[0], turn[1], turn[2]);
    // An ellipsoid is its own mirror image.
    let turn = if turn.determinant() < 0.0 { turn * -1.0 } else { turn };
    (DQuat::from_mat3(&turn).normalize(), lengths)
}

/// The orthogonal matrix that is nearest to `m` with its columns brought to unit length; none of one without volume.
fn orthogonal_part(m: DMat3) -> Option<DMat3> {
    let columns = [m.x_axis, m.y_axis, m.z_axis].map(DVec3::try_normalize);
    let [Some(x), Some(y), Some(z)] = columns else { return None };
    let mut q = DMat3::from_cols(x, y, z);
    if !(q.determinant().abs() > 1e-9) {
        return None;
    }
    // Newton's iteration for the polar decomposition, which converges quadratically.
    for _ in 0..20 {
        q = (q + q.inverse().transpose()) * 0.5;
    }
    q.is_finite().then_some(q)
}

#[cfg(test)]
mod tests {
    use effigy_splat::{Gaussians, sh_color};
    use glam::{Affine3A, DMat3, EulerRot, Mat3, Quat, Vec3};

    use super::place;

    fn covariance(g: &Gaussians, i: usize) -> DMat3 {
        let r = DMat3::from_quat(g.rotations[i].as_dquat().normalize());
        let s = DMat3::from_diagonal(g.log_scales[i].as_dvec3().exp());
        r * s * s * r.transpose()
    }

    fn some() -> Gaussians {
        Gaussians {
            positions: vec![Vec3::new(0.3, -0.2, 0.7), Vec3::ZERO],
            rotations: vec![Quat::from_euler(EulerRot::YXZ, 0.4, 1.2, -0.3), Quat::IDENTITY],
            log_scales: vec![Vec3::new(-1.0, -3.0, -2.0), Vec3::new(-2.0, -2.0, -9.0)],
            opacity_logits: vec![0.0, 1.0],
            sh_degree: 3,
            sh: (0..96).map(|i| 0.1 * ((i * 29 % 17) as f32 / 8.0 - 1.0)).collect(),
        }
    }

    /// Σ' = M·Σ·Mᵀ, for even and uneven scales, shear, and a mirror.
    #[test]
    fn covariances_follow_the_matrix() {
        let turn = Quat::from_euler(EulerRot::XYZ, 0.5, -1.0, 2.0);
        for linear in [
            Mat3::from_quat(turn),
            Mat3::from_quat(turn) * 2.5,
            Mat3::from_quat(turn) * Mat3::from_diagonal(Vec3::new(2.0, 0.5, 1.5)),
            Mat3::from_cols(Vec3::X, Vec3::new(0.6, 1.0, 0.0), Vec3::new(0.2, -0.3, 0.8)),
            Mat3::from_diagonal(Vec3::new(-1.0, 1.0, 1.0)),
        ] {
            let before = some();
            let mut after = before.clone();
            let to = Affine3A::from_mat3_translation(linear, Vec3::new(1.0, 2.0, 3.0));
            place(&mut after, &to);
            after.validate().expect("sound Gaussians");
            let m = linear.as_dmat3();
            for i in 0..2 {
                let (want, got) = (m * covariance(&before, i) * m.transpose(), covariance(&after, i));
                assert!(want.abs_diff_eq(got, 1e-6), "{linear}: {want} {got}");
                let at = linear * before.positions[i] + Vec3::new(1.0, 2.0, 3.0);
                assert!(at.abs_diff_eq(after.positions[i], 1e-6));
            }
        }
    }

    #[test]
    fn colours_turn_along() {
        let turn = Quat::from_euler(EulerRot::XYZ, 0.5, -1.0, 2.0);
        let before = some();
        let mut after = before.clone();
        place(
            &mut after,
            &Affine3A::from_scale_rotation_translation(Vec3::new(2.0, 0.5, 1.5), turn, Vec3::X),
        );
        let d = Vec3::new(0.36, -0.48, 0.8);
        for i in 0..2 {
            let (was, is) = (sh_color(3, before.sh_of(i), d), sh_color(3, after.sh_of(i), turn * d));
            assert!(was.abs_diff_eq(is, 1e-5), "{was} {is}");
        }
    }
}
