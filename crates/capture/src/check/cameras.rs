//! Cameras: possible, outside of the subject, and looking at it.

use std::collections::BTreeMap;

use effigy_rig::Rig;
use effigy_splat::Camera;
use glam::{Affine3A, DMat3, DVec3, Mat3A, Vec3};
use rayon::prelude::*;

use crate::capture::Capture;
use crate::frame::CaptureFrame;
use crate::options::UpAxis;
use crate::problem::{Problem, counted};
use crate::subject::meeting_point;
use crate::view;

/// A subject less wide than this in a picture is most likely in other units than its camera, pixels.
const FEWEST_PIXELS: f64 = 8.0;
/// Places inside the subject's box are tested against its surface while places times triangles are no more than this.
const MOST_SOLID_ANGLES: usize = 200 << 20;
/// Cameras may miss the point that the others look at by this part of their distance from it.
const SLACK: f64 = 0.25;

/// A sphere around the subject.
#[derive(Clone, Copy)]
struct Ball {
    center: DVec3,
    radius: f64,
}

/// Checks all cameras. `rest` is the rig with its world positions at rest. What is wrong with single ones goes to
/// `of_frames`.
pub(super) fn check(
    capture: &Capture,
    rest: Option<(&Rig, &[Vec3])>,
    problems: &mut Vec<Problem>,
    of_frames: &mut Vec<Problem>,
) {
    let cameras: Vec<&CaptureFrame> = capture.frames.iter().collect();
    match rest {
        Some((rig, positions)) if !positions.is_empty() => {
            let (least, greatest) = positions
                .iter()
                .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), &p| (lo.min(p), hi.max(p)));
            let center = (0.5 * (least + greatest)).as_dvec3();
            let ball = Ball { center, radius: 0.5 * (greatest - least).as_dvec3().length() };
            looking_at_rig(&cameras, ball, problems, of_frames);
            let in_box = |eye: Vec3| eye.cmpge(least).all() && eye.cmple(greatest).all();
            inside(&cameras, in_box, rig, positions, of_frames);
        }
        _ => looking_together(&cameras, of_frames),
    }
}

/// Whether any of the ball is in the camera's pyramid of view.
fn sees(camera: &Camera, ball: Ball) -> bool {
    let m = &camera.camera_from_world;
    let p = DMat3::from_cols(
        m.matrix3.x_axis.as_dvec3(),
        m.matrix3.y_axis.as_dvec3(),
        m.matrix3.z_axis.as_dvec3(),
    ) * ball.center
        + m.translation.as_dvec3();
    let depth = -p.z;
    let (fx, fy) = (f64::from(camera.fx), f64::from(camera.fy));
    let (left, top) = (f64::from(camera.cx), f64::from(camera.cy));
    let (right, bottom) = (f64::from(camera.width) - left, f64::from(camera.height) - top);
    // Distance inside of each of the four sides; a side's normal is (±f, edge) over depth.
    let inside = |edge: f64, f: f64, across: f64| (edge * depth - f * across) / edge.hypot(f) > -ball.radius;
    depth > -ball.radius
        && inside(right, fx, p.x)
        && inside(left, fx, -p.x)
        && inside(top, fy, p.y)
        && inside(bottom, fy, -p.y)
}

fn looking_at_rig(
    cameras: &[&CaptureFrame],
    ball: Ball,
    problems: &mut Vec<Problem>,
    of_frames: &mut Vec<Problem>,
) {
    let away: Vec<&&CaptureFrame> = cameras.iter().filter(|frame| !sees(&frame.camera, ball)).collect();
    if away.len() > 1 && away.len() == cameras.len() {
        let hint =
            convention(cameras, ball).map_or(String::new(), |hint| format!("; they would not if {hint}"));
        let line = format!("all {} cameras look away from the rig{hint}", cameras.len());
        problems.push(Problem::error("capture", line));
    } else {
        for frame in away {
            let c = ball.center;
            let line = format!(
                "the camera looks away from the rig, which is around {:.2} {:.2} {:.2}",
                c.x, c.y, c.z
            );
            of_frames.push(Problem::error(&frame.name, line));
        }
    }
    let small = cameras.iter().filter(|frame| {
        let distance = frame.camera.eye().as_dvec3().distance(ball.center);
        2.0 * ball.radius * f64::from(frame.camera.fx) < FEWEST_PIXELS * distance
    });
    let small = small.count();
    if small > 0 {
        let line = format!(
            "the rig is less than {FEWEST_PIXELS} pixels wide for {}: are both in metres?",
            counted(small, "camera")
        );
        problems.push(Problem::warning("capture", line));
    }
}

/// The mistake in conventions that makes all cameras look away, if one alone does.
fn convention(cameras: &[&CaptureFrame], ball: Ball) -> Option<&'static str> {
    let flip = Affine3A::from_mat3(glam::Mat3::from_diagonal(Vec3::new(1.0, -1.0, -1.0)));
    let turned = |up: UpAxis| {
        let upright = view::upright_from_capture(up);
        let axis = |v: DVec3| upright.apply(v).as_vec3a();
        let upright_from_capture = Affine3A {
            matrix3: Mat3A::from_cols(axis(DVec3::X), axis(DVec3::Y), axis(DVec3::Z)),
            translation: glam::Vec3A::ZERO,
        };
        upright_from_capture.inverse()
    };
    let all = |change: &dyn Fn(Affine3A) -> Affine3A| {
        cameras.iter().all(|frame| {
            let camera_from_world = change(frame.camera.camera_from_world);
            sees(&Camera { camera_from_world, ..frame.camera }, ball)
        })
    };
    if all(&|m| flip * m) {
        return Some("the matrices had OpenCV's axes, which should be turned into OpenGL's");
    }
    if all(&|m| m.inverse()) {
        return Some("the matrices were world to camera, which should be camera to world");
    }
    if all(&|m| flip * m.inverse()) {
        return Some(
            "the matrices were world to camera with OpenCV's axes, which should be camera to world with OpenGL's",
        );
    }
    if all(&|m| m * turned(UpAxis::Z)) {
        return Some("the capture's +Z were up");
    }
    all(&|m| m * turned(UpAxis::MinusY)).then_some("the capture's -Y were up")
}

fn inside(
    cameras: &[&CaptureFrame],
    in_box: impl Fn(Vec3) -> bool,
    rig: &Rig,
    positions: &[Vec3],
    problems: &mut Vec<Problem>,
) {
    let mut places: BTreeMap<[u32; 3], Vec<&CaptureFrame>> = BTreeMap::new();
    for frame in cameras {
        let eye = frame.camera.eye();
        if in_box(eye) {
            places.entry(eye.to_array().map(f32::to_bits)).or_default().push(frame);
        }
    }
    let most = (MOST_SOLID_ANGLES / rig.triangles.len().max(1)).max(1);
    let places: Vec<([u32; 3], Vec<&CaptureFrame>)> = places.into_iter().take(most).collect();
    let within: Vec<bool> = places
        .par_iter()
        .map(|(eye, _)| winding_number(Vec3::from_array(eye.map(f32::from_bits)), rig, positions) > 0.5)
        .collect();
    for ((_, frames), within) in places.iter().zip(within) {
        for frame in frames.iter().filter(|_| within) {
            problems.push(Problem::error(&frame.name, "the camera is inside the rig"));
        }
    }
}

/// How often the surface encloses a point: the sum of its triangles' solid angles over that of the sphere (Jacobson et
/// al. 2013, with the formula of Van Oosterom and Strackee 1983). For a surface with holes it is not a whole number.
fn winding_number(point: Vec3, rig: &Rig, positions: &[Vec3]) -> f64 {
    let corner = |v: u32| Some((positions.get(v as usize)?.as_dvec3()) - point.as_dvec3());
    let mut sum = 0.0;
    for &[a, b, c] in &rig.triangles {
        let (Some(a), Some(b), Some(c)) = (corner(a), corner(b), corner(c)) else { continue };
        let (la, lb, lc) = (a.length(), b.length(), c.length());
        let numerator = a.dot(b.cross(c));
        let denominator = la * lb * lc + a.dot(b) * lc + b.dot(c) * la + c.dot(a) * lb;
        sum += 2.0 * numerator.atan2(denominator);
    }
    sum / (4.0 * std::f64::consts::PI)
}

/// Without a rig, the subject is where the cameras look, if they look at one place.
fn looking_together(cameras: &[&CaptureFrame], problems: &mut Vec<Problem>) {
    let Some(center) = meeting_point(cameras.iter().map(|frame| &frame.camera)) else { return };
    let away = |frame: &&&CaptureFrame| {
        let distance = frame.camera.eye().as_dvec3().distance(center);
        !sees(&frame.camera, Ball { center, radius: SLACK * distance })
    };
    let away: Vec<&&CaptureFrame> = cameras.iter().filter(away).collect();
    // Cameras that look outwards, as in a room, have no subject.
    if 2 * away.len() > cameras.len() {
        return;
    }
    for frame in away {
        let (x, y, z) = (center.x, center.y, center.z);
        let line = format!("the camera looks away from where the others look, {x:.2} {y:.2} {z:.2}");
        problems.push(Problem::warning(&frame.name, line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_is_seen_where_it_touches_the_pyramid() {
        // Half the field of view is 45° both ways: at depth 2 the edge is 2 off the axis.
        let camera = Camera::look_at(Vec3::ZERO, Vec3::NEG_Z, Vec3::Y, std::f32::consts::FRAC_PI_2, 64, 64);
        let ball = |x: f64, y: f64, z: f64, radius: f64| Ball { center: DVec3::new(x, y, z), radius };
        assert!(sees(&camera, ball(0.0, 0.0, -2.0, 0.0)));
        assert!(!sees(&camera, ball(0.0, 0.0, 2.0, 1.9)));
        assert!(sees(&camera, ball(1.9, -1.9, -2.0, 0.0)));
        for (x, y) in [(3.0, 0.0), (-3.0, 0.0), (0.0, 3.0), (0.0, -3.0)] {
            // 1 beyond the edge is √½ away from it.
            assert!(!sees(&camera, ball(x, y, -2.0, 0.70)), "{x} {y}");
            assert!(sees(&camera, ball(x, y, -2.0, 0.72)), "{x} {y}");
        }
    }
}
