//! Buttons with pictures that no font has.

use egui::{Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::action::Action;
use crate::command;
use crate::state::State;

/// What a button shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Start,
    Back,
    Play,
    Pause,
    Forward,
    End,
    Record,
    In,
    Out,
    Loop,
}

/// A button for an action, lit while it is switched on.
pub(crate) fn icon_button(ui: &mut Ui, state: &mut State, action: Action, icon: Icon) {
    let enabled = command::is_possible(action, state);
    let on = command::is_on(action, state) == Some(true);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(26.0, 22.0), sense);
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, action.name()));
    let visuals = ui.style().interact_selectable(&response, on && icon != Icon::Record);
    let painter = ui.painter();
    painter.rect_filled(rect, 3.0, visuals.weak_bg_fill);
    if response.has_focus() {
        painter.rect_stroke(
            rect,
            3.0,
            Stroke::new(1.0, ui.visuals().strong_text_color()),
            StrokeKind::Inside,
        );
    }
    let mut ink = if icon == Icon::Record { ui.visuals().error_fg_color } else { visuals.fg_stroke.color };
    if !enabled {
        ink = ink.gamma_multiply(0.35);
    }
    draw(painter, rect.center(), icon, ink, on);
    let keys =
        action.shortcut().map_or(String::new(), |keys| format!("  {}", ui.ctx().format_shortcut(&keys)));
    if response.on_hover_text(format!("{}{keys}", command::label(action, state))).clicked() {
        state.actions.push(action);
    }
}

fn draw(painter: &egui::Painter, c: Pos2, icon: Icon, ink: egui::Color32, on: bool) {
    let stroke = Stroke::new(1.5, ink);
    let arrow = |x: f32, size: f32| {
        // Pointing right where the size is positive.
        let points = vec![pos2(x - size, c.y - 4.5), pos2(x + size, c.y), pos2(x - size, c.y + 4.5)];
        painter.add(Shape::convex_polygon(points, ink, Stroke::NONE));
    };
    let bar = |x: f32, width: f32| {
        painter.rect_filled(Rect::from_center_size(pos2(x, c.y), vec2(width, 9.0)), 0.0, ink);
    };
    match icon {
        Icon::Start => {
            bar(c.x - 4.5, 1.8);
            arrow(c.x + 1.0, -4.0);
        }
        Icon::End => {
            arrow(c.x - 1.0, 4.0);
            bar(c.x + 4.5, 1.8);
        }
        Icon::Back => arrow(c.x - 0.5, -3.5),
        Icon::Forward => arrow(c.x + 0.5, 3.5),
        Icon::Play => arrow(c.x + 0.5, 4.8),
        Icon::Pause => {
            bar(c.x - 2.8, 2.8);
            bar(c.x + 2.8, 2.8);
        }
        Icon::Record if on => {
            painter.rect_filled(Rect::from_center_size(c, vec2(9.0, 9.0)), 1.0, ink);
        }
        Icon::Record => _ = painter.circle_filled(c, 5.0, ink),
        Icon::In | Icon::Out => {
            let side = if icon == Icon::In { 1.0 } else { -1.0 };
            let x = c.x - 3.0 * side;
            for (from, to) in [
                (pos2(x, c.y - 5.0), pos2(x, c.y + 5.0)),
                (pos2(x, c.y - 5.0), pos2(x + 4.0 * side, c.y - 5.0)),
                (pos2(x, c.y + 5.0), pos2(x + 4.0 * side, c.y + 5.0)),
            ] {
                painter.line_segment([from, to], stroke);
            }
        }
        Icon::Loop => {
            let circle = (3..=18).map(|i| {
                let angle = std::f32::consts::TAU * i as f32 / 20.0;
                c + 5.0 * vec2(angle.sin(), -angle.cos())
            });
            painter.add(Shape::line(circle.collect(), stroke));
            let tip = c + vec2(-1.5, -4.9);
            let points = vec![tip + vec2(-2.5, -2.8), tip + vec2(2.4, 0.2), tip + vec2(-2.5, 3.0)];
            painter.add(Shape::convex_polygon(points, ink, Stroke::NONE));
        }
    }
}
