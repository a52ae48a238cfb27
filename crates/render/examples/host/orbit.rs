//! A camera that turns around a point.

use effigy_splat::Camera;
use glam::{Quat, Vec3};

/// Vertical field of view, radians.
pub(crate) const FIELD_OF_VIEW: f32 = 0.6;

#[derive(Clone, Copy)]
pub(crate) struct Orbit {
    target: Vec3,
    /// Metres, before zooming.
    distance: f32,
    zoom: f32,
    yaw: f32,
    pitch: f32,
}

impl Orbit {
    /// Turns around `target`, at first from so many metres.
    pub(crate) fn new(target: Vec3, distance: f32) -> Self {
        Self { target, distance, zoom: 1.0, yaw: 0.2, pitch: 0.15 }
    }

    /// By a drag of so many pixels right and down.
    pub(crate) fn turn(&mut self, right: f32, down: f32) {
        self.yaw -= 0.008 * right;
        self.pitch = (self.pitch + 0.008 * down).clamp(-0.3, 1.4);
    }

    /// By so many steps of a wheel.
    pub(crate) fn dolly(&mut self, steps: f32) {
        self.zoom = (self.zoom * 0.9_f32.powf(steps)).clamp(0.3, 4.0);
    }

    pub(crate) fn camera(&self, [width, height]: [u32; 2]) -> Camera {
        let back = Quat::from_rotation_y(self.yaw) * Quat::from_rotation_x(-self.pitch) * Vec3::Z;
        let eye = self.target + self.zoom * self.distance * back;
        Camera::look_at(eye, self.target, Vec3::Y, FIELD_OF_VIEW, width, height)
    }
}
