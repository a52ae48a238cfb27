//! The 2D view: the frame that the renderer made, pixel for pixel.

use egui::{Sense, Ui, pos2, vec2};

use crate::state::State;
use crate::{theme, view3d};

/// All the room that there is.
pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let (room, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let fill = theme::deepest(ui, state.settings.high_contrast);
    ui.painter().rect_filled(room, 0.0, fill);
    let scale = ui.pixels_per_point();
    // Whole pixels, so that none is drawn in between.
    let size = (room.size() * scale).floor().max(vec2(1.0, 1.0));
    let low = (room.min.to_vec2() * scale).round();
    let rect = egui::Rect::from_min_size(pos2(low.x, low.y) / scale, size / scale);
    view3d::show_plain(ui, state, rect, [size.x as u32, size.y as u32]);
}
