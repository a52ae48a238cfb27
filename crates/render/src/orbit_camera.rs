//! A camera that is turned around a point by hand or by a program, with a lens.

use effigy_avatar::Extent;
use effigy_splat::Camera;
use glam::{Affine3A, Quat, Vec3};
use serde::{Deserialize, Serialize};

/// The width of the film that lenses are measured against, millimetres.
const FILM_WIDTH: f32 = 36.0;
/// The lenses there are, millimetres.
const LENSES: std::ops::RangeInclusive<f32> = 12.0..=300.0;
/// The greatest angle above and below the horizon, radians; straight up there is no side.
const STEEPEST: f32 = 1.553;
/// How near and how far the camera may be from what it turns around, metres.
const DISTANCES: std::ops::RangeInclusive<f32> = 0.001..=100_000.0;
/// Nothing is looked at farther from the origin, metres.
const FARTHEST: f32 = 1e6;
/// Room around what is framed.
const MARGIN: f32 = 1.12;
/// The near plane, as a part of the distance.
const NEAR: f32 = 0.02;
/// Radians that a drag of one point turns.
const TURN: f32 = 0.008;
/// How much nearer a step of the wheel comes.
const STEP: f32 = 0.9;

/// A camera that turns around a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrbitCamera {
    /// What it looks at, metres.
    pub target: [f32; 3],
    /// From the target, metres.
    pub distance: f32,
    /// To the right of the front, radians; the front is seen along −Z.
    pub yaw: f32,
    /// Above the horizon, radians.
    pub pitch: f32,
    /// Focal length for a film 36 mm wide, millimetres.
    pub lens: f32,
}

impl Default for OrbitCamera {
    fn default() -> Self {
        Self { target: [0.0; 3], distance: 2.0, yaw: 0.0, pitch: 0.0, lens: 70.0 }
    }
}

impl OrbitCamera {
    /// The width of the film that lenses are measured against, millimetres.
    pub const FILM_WIDTH: f32 = FILM_WIDTH;
    /// The lenses that [`OrbitCamera::set_lens`] gives, millimetres.
    pub const LENSES: std::ops::RangeInclusive<f32> = LENSES;

    /// From the target to the camera.
    fn backward(&self) -> Vec3 {
        self.rotation() * Vec3::Z
    }

    /// World from camera.
    fn rotation(&self) -> Quat {
        Quat::from_rotation_y(self.yaw) * Quat::from_rotation_x(-self.pitch)
    }

    /// Where it stands.
    pub fn eye(&self) -> Vec3 {
        Vec3::from_array(self.target) + self.distance * self.backward()
    }

    /// As a renderer wants it, for a picture of so many pixels.
    pub fn camera(&self, size: [u32; 2]) -> Camera {
        let focal = self.lens / FILM_WIDTH * size[0] as f32;
        let world_from_camera =
            Affine3A::from_mat3_translation(glam::Mat3::from_quat(self.rotation()), self.eye());
        let near = (NEAR * self.distance).max(1e-4);
        Camera::centered(size, focal, world_from_camera.inverse(), near)
    }

    /// Turns around the target by a drag of so many points right and down.
    pub fn orbit(&mut self, right: f32, down: f32) {
        self.yaw = wrapped(self.yaw - TURN * right);
        self.pitch = (self.pitch + TURN * down).clamp(-STEEPEST, STEEPEST);
    }

    /// Moves the target with what is seen there, by a drag of so many points in a view that is `width` points wide.
    pub fn pan(&mut self, right: f32, down: f32, width: f32) {
        let metres = self.distance * FILM_WIDTH / (self.lens * width.max(1.0));
        self.shift(self.rotation() * Vec3::new(-right * metres, down * metres, 0.0));
    }

    /// Comes nearer by so many steps of the wheel.
    pub fn dolly(&mut self, steps: f32) {
        self.distance = (self.distance * STEP.powf(steps)).clamp(*DISTANCES.start(), *DISTANCES.end());
    }

    /// Moves by so many metres to the right, up and forward, without turning.
    pub fn fly(&mut self, right: f32, up: f32, forward: f32) {
        self.shift(self.rotation() * Vec3::new(right, up, -forward));
    }

    /// Looks elsewhere from where it stands, by a drag of so many points.
    pub fn look_around(&mut self, right: f32, down: f32) {
        let eye = self.eye();
        self.yaw = wrapped(self.yaw - 0.5 * TURN * right);
        self.pitch = (self.pitch + 0.5 * TURN * down).clamp(-STEEPEST, STEEPEST);
        self.aim_at(eye - self.distance * self.backward());
    }

    /// Turns by this angle to the right, radians.
    pub fn turn(&mut self, angle: f32) {
        self.yaw = wrapped(self.yaw + angle);
    }

    fn shift(&mut self, by: Vec3) {
        self.aim_at(Vec3::from_array(self.target) + by);
    }

    /// Turns around another point.
    pub fn aim_at(&mut self, target: Vec3) {
        if target.is_finite() {
            self.target = target.clamp(Vec3::splat(-FARTHEST), Vec3::splat(FARTHEST)).to_array();
        }
    }

    /// The lens that shows this angle from the lower to the upper edge of pictures of so many pixels, millimetres. The angle
    /// is in radians.
    pub fn lens_of(vertical_angle: f32, [width, height]: [u32; 2]) -> f32 {
        0.5 * FILM_WIDTH * height as f32 / (width as f32 * (0.5 * vertical_angle).tan())
    }

    /// The angle from the lower to the upper edge of pictures of so many pixels, radians.
    pub fn vertical_angle(&self, [width, height]: [u32; 2]) -> f32 {
        2.0 * (0.5 * FILM_WIDTH * height as f32 / (width as f32 * self.lens)).atan()
    }

    /// Sets the lens, and the distance so that what is at the target keeps its size.
    pub fn set_lens(&mut self, lens: f32) {
        let lens = lens.clamp(*LENSES.start(), *LENSES.end());
        self.distance = (self.distance * lens / self.lens).clamp(*DISTANCES.start(), *DISTANCES.end());
        self.lens = lens;
    }

    /// Comes to where `extent` fills a picture of the given width over height, from the side that it is on.
    pub fn frame(&mut self, extent: &Extent, aspect: f32) {
        let half = extent.half().max(Vec3::splat(1e-3));
        let tan = 0.5 * FILM_WIDTH / self.lens;
        let aspect = if aspect.is_finite() { aspect.clamp(0.05, 20.0) } else { 1.0 };
        // Wide enough for any turn about the vertical, from in front of the nearest point.
        let around = half.x.hypot(half.z);
        let distance = (half.y * aspect / tan).max(around / tan) * MARGIN + around;
        self.distance = distance.clamp(*DISTANCES.start(), *DISTANCES.end());
        self.aim_at(extent.center());
    }

    /// The nearest camera of this kind to `camera`: it stands there and looks that way, upright, and turns around the point
    /// at `distance` before it.
    pub fn nearest(camera: &Camera, distance: f32) -> Self {
        let world_from_camera = camera.camera_from_world.inverse();
        let backward: Vec3 = (world_from_camera.matrix3 * glam::Vec3A::Z).into();
        let mut out = Self {
            distance: distance.clamp(*DISTANCES.start(), *DISTANCES.end()),
            yaw: backward.x.atan2(backward.z),
            pitch: backward.y.clamp(-1.0, 1.0).asin().clamp(-STEEPEST, STEEPEST),
            lens: (camera.fx / camera.width.max(1) as f32 * FILM_WIDTH).clamp(*LENSES.start(), *LENSES.end()),
            ..Self::default()
        };
        let eye: Vec3 = world_from_camera.translation.into();
        out.aim_at(eye - out.distance * out.backward());
        out
    }

    /// Whether every number is one that the other functions can have made; what comes from a file may not be.
    pub fn is_sound(&self) -> bool {
        Vec3::from_array(self.target).abs().max_element() <= FARTHEST
            && DISTANCES.contains(&self.distance)
            && LENSES.contains(&self.lens)
            && self.yaw.abs() <= 7.0
            && self.pitch.abs() <= STEEPEST
    }
}

/// The same angle from −π to π.
fn wrapped(angle: f32) -> f32 {
    (angle + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a point lands, pixels.
    fn project(camera: &Camera, point: Vec3) -> [f32; 2] {
        let p = camera.camera_from_world.transform_point3(point);
        [camera.cx - camera.fx * p.x / p.z, camera.cy + camera.fy * p.y / p.z]
    }

    fn near(a: [f32; 2], b: [f32; 2], tolerance: f32) {
        assert!((a[0] - b[0]).abs() < tolerance && (a[1] - b[1]).abs() < tolerance, "{a:?} {b:?}");
    }

    #[test]
    fn lenses_are_those_of_a_camera_with_film() {
        // 50 mm before 36 mm of film: 39.6 degrees across. A metre at two metres covers 50/36 of half the width.
        let camera = OrbitCamera { distance: 2.0, lens: 50.0, ..OrbitCamera::default() }.camera([360, 200]);
        assert_eq!(camera.eye(), Vec3::new(0.0, 0.0, 2.0));
        near(project(&camera, Vec3::ZERO), [180.0, 100.0], 1e-3);
        near(project(&camera, Vec3::X), [180.0 + 250.0, 100.0], 1e-2);
        near(project(&camera, Vec3::Y * 0.1), [180.0, 100.0 - 25.0], 1e-2);
        camera.validate().unwrap();
        // 200 of 360 pixels are 20 mm of film: 22.6 degrees.
        let orbit = OrbitCamera { lens: 50.0, ..OrbitCamera::default() };
        assert!((orbit.vertical_angle([360, 200]).to_degrees() - 22.62).abs() < 0.01);
        assert!((OrbitCamera::lens_of(22.62_f32.to_radians(), [360, 200]) - 50.0).abs() < 0.01);
        // The picture is the same from twice as far with twice the lens.
        let mut tele = OrbitCamera { distance: 2.0, lens: 50.0, ..OrbitCamera::default() };
        tele.set_lens(100.0);
        assert_eq!((tele.distance, tele.lens), (4.0, 100.0));
    }

    #[test]
    fn a_quarter_turn_sees_the_side() {
        let mut camera = OrbitCamera::default();
        camera.orbit(-std::f32::consts::FRAC_PI_2 / TURN, 0.0);
        assert!((camera.eye() - 2.0 * Vec3::X).length() < 1e-4, "{}", camera.eye());
        camera.orbit(0.0, 1e6);
        assert!(camera.eye().y > 1.99 && camera.camera([8, 8]).validate().is_ok());
        // From the right, the front is to the left.
        let mut side = OrbitCamera { yaw: std::f32::consts::FRAC_PI_2, ..OrbitCamera::default() };
        assert!(project(&side.camera([100, 100]), 0.1 * Vec3::Z)[0] < 50.0);
        for _ in 0..10_000 {
            side.orbit(37.0, 0.0);
        }
        assert!(side.is_sound());
    }

    #[test]
    fn panning_holds_what_is_under_the_mouse() {
        let mut camera = OrbitCamera { yaw: 0.4, pitch: 0.3, ..OrbitCamera::default() };
        let held = Vec3::from_array(camera.target);
        camera.pan(30.0, -20.0, 640.0);
        near(project(&camera.camera([640, 480]), held), [320.0 + 30.0, 240.0 - 20.0], 0.05);
    }

    #[test]
    fn looking_around_stays_and_flying_goes() {
        let mut camera = OrbitCamera { yaw: 0.4, pitch: 0.3, ..OrbitCamera::default() };
        let eye = camera.eye();
        camera.look_around(50.0, -70.0);
        assert!((camera.eye() - eye).length() < 1e-5);
        let mut ahead = OrbitCamera::default();
        ahead.fly(0.25, 0.5, 1.0);
        assert!((ahead.eye() - Vec3::new(0.25, 0.5, 1.0)).length() < 1e-6);
    }

    #[test]
    fn what_is_framed_fits() {
        let extent = Extent { low: Vec3::new(-0.1, 1.4, -0.12), high: Vec3::new(0.1, 1.7, 0.12) };
        for (size, lens) in [([640, 480], 85.0), ([300, 900], 35.0), ([1000, 200], 50.0)] {
            for yaw in [0.0, 0.8, 2.5] {
                let mut orbit = OrbitCamera { yaw, lens, ..OrbitCamera::default() };
                orbit.frame(&extent, size[0] as f32 / size[1] as f32);
                let camera = orbit.camera(size);
                let mut most = 0.0_f32;
                for corner in 0..8 {
                    let pick = |bit: usize, axis: usize| {
                        if corner >> bit & 1 == 0 { extent.low[axis] } else { extent.high[axis] }
                    };
                    let [x, y] = project(&camera, Vec3::new(pick(0, 0), pick(1, 1), pick(2, 2)));
                    let [w, h] = size.map(|pixels| pixels as f32);
                    most = most.max((2.0 * x / w - 1.0).abs()).max((2.0 * y / h - 1.0).abs());
                }
                assert!((0.45..1.0).contains(&most), "{size:?} {yaw}: {most}");
            }
        }
    }

    #[test]
    fn a_camera_comes_back_from_a_renderers() {
        let orbit =
            OrbitCamera { target: [0.1, 1.5, -0.2], distance: 1.3, yaw: -2.0, pitch: 0.7, lens: 85.0 };
        let back = OrbitCamera::nearest(&orbit.camera([800, 600]), 1.3);
        assert!((back.eye() - orbit.eye()).length() < 1e-5);
        assert!((back.yaw - orbit.yaw).abs() < 1e-5 && (back.pitch - orbit.pitch).abs() < 1e-5);
        assert!((back.lens - orbit.lens).abs() < 1e-3);
        assert!((Vec3::from_array(back.target) - Vec3::from_array(orbit.target)).length() < 1e-5);
    }
}
