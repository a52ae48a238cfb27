//! Mouse and keys that move the camera.

use egui::{Key, PointerButton, Response, Ui};

use crate::state::State;

/// Of the distance to the target, flown in a second.
const SPEED: f32 = 0.8;
const FASTER: f32 = 4.0;
/// Points of the wheel that are a step.
const WHEEL: f32 = 40.0;

/// Moves the camera by what the user does in the view.
pub(crate) fn navigate(ui: &Ui, response: &Response, state: &mut State) {
    let (time, shift) = ui.input(|input| (input.time, input.modifiers.shift));
    let drag = response.drag_delta();
    let by = |button| response.dragged_by(button) && drag != egui::Vec2::ZERO;
    let wheel = if response.hovered() { ui.input(|input| input.smooth_scroll_delta().y) } else { 0.0 };
    let flight = flight(ui, response, shift);
    let moved = by(PointerButton::Primary)
        || by(PointerButton::Middle)
        || by(PointerButton::Secondary)
        || wheel != 0.0
        || flight.is_some();
    if !moved {
        return;
    }
    let camera = &mut state.document.camera;
    if by(PointerButton::Primary) || by(PointerButton::Secondary) {
        // The hand stops it.
        state.view3d.turntable.stop(camera);
    }
    if by(PointerButton::Middle) || (by(PointerButton::Primary) && shift) {
        camera.pan(drag.x, drag.y, response.rect.width());
    } else if by(PointerButton::Primary) {
        camera.orbit(drag.x, drag.y);
    } else if by(PointerButton::Secondary) {
        camera.look_around(drag.x, drag.y);
    }
    if wheel != 0.0 {
        camera.dolly(wheel / WHEEL);
        state.view3d.nudged = Some(time);
    }
    if let Some([right, up, forward]) = flight {
        let metres = camera.distance * SPEED * ui.input(|input| input.stable_dt.min(0.1));
        camera.fly(right * metres, up * metres, forward * metres);
        state.view3d.nudged = Some(time);
        ui.request_repaint();
    }
}

/// Which way the keys fly while the right button is down: right, up and forward.
fn flight(ui: &Ui, response: &Response, faster: bool) -> Option<[f32; 3]> {
    if !response.is_pointer_button_down_on() || !ui.input(|input| input.pointer.secondary_down()) {
        return None;
    }
    let speed = if faster { FASTER } else { 1.0 };
    let axis = |forth: Key, back: Key| {
        let down = |key| f32::from(u8::from(ui.input(|input| input.key_down(key))));
        speed * (down(forth) - down(back))
    };
    let way = [axis(Key::D, Key::A), axis(Key::E, Key::Q), axis(Key::W, Key::S)];
    (way != [0.0; 3]).then_some(way)
}
