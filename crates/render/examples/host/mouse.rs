//! What a mouse does in a window.

use winit::event::{ElementState, MouseButton, MouseScrollDelta, WindowEvent};

/// A drag that stays within this many pixels is a click.
const CLICK: f32 = 4.0;

pub(crate) enum Gesture {
    /// Dragged so far right and down, pixels.
    Drag(f32, f32),
    /// Steps away from whoever turns the wheel.
    Wheel(f32),
    /// At so many pixels from the left and the top.
    Click([u32; 2]),
}

#[derive(Default)]
pub(crate) struct Mouse {
    at: [f32; 2],
    /// How far it has come since the button went down, pixels.
    dragged: Option<f32>,
}

impl Mouse {
    pub(crate) fn event(&mut self, event: &WindowEvent) -> Option<Gesture> {
        match event {
            WindowEvent::CursorMoved { position, .. } => {
                let [x, y] = std::mem::replace(&mut self.at, [position.x as f32, position.y as f32]);
                let (right, down) = (self.at[0] - x, self.at[1] - y);
                let dragged = self.dragged.as_mut()?;
                *dragged += right.abs() + down.abs();
                Some(Gesture::Drag(right, down))
            }
            WindowEvent::MouseInput { state: ElementState::Pressed, button: MouseButton::Left, .. } => {
                self.dragged = Some(0.0);
                None
            }
            WindowEvent::MouseInput { state: ElementState::Released, button: MouseButton::Left, .. } => {
                (self.dragged.take()? < CLICK).then(|| Gesture::Click(self.at.map(|at| at as u32)))
            }
            WindowEvent::MouseWheel { delta: MouseScrollDelta::LineDelta(_, lines), .. } => {
                Some(Gesture::Wheel(*lines))
            }
            WindowEvent::MouseWheel { delta: MouseScrollDelta::PixelDelta(pixels), .. } => {
                Some(Gesture::Wheel(pixels.y as f32 / 40.0))
            }
            _ => None,
        }
    }
}
