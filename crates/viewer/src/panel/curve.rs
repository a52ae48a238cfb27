//! A value and how it came to be: a small curve under its name.

use std::collections::VecDeque;

use egui::{Align2, Color32, FontId, Response, Sense, Stroke, Ui, pos2, vec2};

const HEIGHT: f32 = 44.0;

/// The name and the value, over the curve of the values so far, the oldest on the left.
pub(crate) fn show(
    ui: &mut Ui,
    name: &str,
    value: &str,
    values: &VecDeque<f32>,
    colour: Color32,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let visuals = ui.visuals();
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, 3.0, visuals.extreme_bg_color);
    let (weak, strong) = (visuals.weak_text_color(), visuals.strong_text_color());
    let top = rect.shrink2(vec2(6.0, 3.0));
    painter.text(top.left_top(), Align2::LEFT_TOP, name, FontId::proportional(11.0), weak);
    painter.text(top.right_top(), Align2::RIGHT_TOP, value, FontId::proportional(12.0), strong);
    let plot = egui::Rect::from_min_max(pos2(top.left(), top.top() + 17.0), top.max);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if values.len() < 2 || low > high {
        return response;
    }
    // What hardly changes looks flat.
    let margin = (0.02 * high.abs() - 0.5 * (high - low)).max(0.0);
    let (low, span) = (low - margin, (high - low + 2.0 * margin).max(f32::MIN_POSITIVE));
    let last = (values.len() - 1) as f32;
    let points = values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(|(i, value)| {
        let part = (value - low) / span;
        pos2(plot.left() + plot.width() * i as f32 / last, plot.bottom() - plot.height() * part)
    });
    painter.line(points.collect(), Stroke::new(1.25, colour));
    response
}
