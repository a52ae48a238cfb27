//! Turning around the avatar by itself.

use std::f32::consts::TAU;

use effigy_render::OrbitCamera;

/// Turns the camera around its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turntable {
    /// Seconds of a turn.
    pub(crate) period: f32,
    /// How far it has turned, radians, while it turns.
    turned: Option<f32>,
}

impl Default for Turntable {
    fn default() -> Self {
        Self { period: 12.0, turned: None }
    }
}

impl Turntable {
    pub(crate) fn is_turning(&self) -> bool {
        self.turned.is_some()
    }

    pub(crate) fn advance(&mut self, seconds: f64) {
        if let Some(turned) = &mut self.turned {
            *turned = (*turned + TAU * seconds as f32 / self.period.max(0.1)).rem_euclid(TAU);
        }
    }

    /// `camera` as far as it has been turned.
    pub(crate) fn turned(&self, camera: &OrbitCamera) -> OrbitCamera {
        let turned = self.turned.unwrap_or(0.0);
        // Seen from a camera that goes left, the avatar turns to the right.
        let mut camera = *camera;
        camera.turn(-turned);
        camera
    }

    /// Starts it, or stops it where it is. Says whether `camera` was changed.
    pub(crate) fn toggle(&mut self, camera: &mut OrbitCamera) -> bool {
        if self.is_turning() {
            self.stop(camera);
            return true;
        }
        self.turned = Some(0.0);
        false
    }

    /// Stops it where it is.
    pub(crate) fn stop(&mut self, camera: &mut OrbitCamera) {
        *camera = self.turned(camera);
        self.turned = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_its_period_and_stops_where_it_is() {
        let mut camera = OrbitCamera { yaw: 1.0, ..OrbitCamera::default() };
        let mut turntable = Turntable { period: 8.0, ..Turntable::default() };
        assert!(!turntable.toggle(&mut camera));
        for _ in 0..20 {
            turntable.advance(0.1);
        }
        // A quarter.
        let expected = 1.0 - TAU / 4.0;
        assert!((turntable.turned(&camera).yaw - expected).abs() < 1e-5);
        assert_eq!(camera.yaw, 1.0);
        assert!(turntable.toggle(&mut camera) && !turntable.is_turning());
        assert!((camera.yaw - expected).abs() < 1e-5);
        assert_eq!(turntable.turned(&camera), camera);
    }
}
