//! The curves under a ruler, and the handle on time: dragging anywhere on them moves through it.

use egui::{
    Align2, Color32, CursorIcon, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, TextureOptions, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::control_groups::Group;
use crate::curves::{Curves, Scale};
use crate::panel_memory::PictureKey;
use crate::state::State;

/// Of the ruler, points.
const RULER: f32 = 18.0;
/// Left and right of the curves.
const MARGIN: f32 = 8.0;
/// How near to a curve counts as on it.
const REACH: f32 = 6.0;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let size = ui.available_size().max(vec2(80.0, RULER + 12.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Timeline"));
    let visuals = ui.visuals();
    let plot = Rect::from_min_max(pos2(rect.left(), rect.top() + RULER), rect.max);
    ui.painter().rect_filled(rect, 3.0, visuals.extreme_bg_color);
    let duration = state.scene.motion.duration();
    if duration <= 0.0 {
        let text = "Nothing to play. Drop a track here (.json, .csv, .effs), or record one: press R and move a control.";
        ui.painter().text(
            rect.center(),
            Align2::CENTER_CENTER,
            text,
            FontId::proportional(12.0),
            visuals.weak_text_color(),
        );
        return;
    }
    let key = (state.scene.generation(), state.scene.motion.id());
    let mut kept = std::mem::take(&mut state.timeline.curves);
    if kept.curves.as_ref().is_none_or(|(of, _)| *of != key) {
        let track = state.scene.rig().and_then(|rig| state.scene.motion.to_track(rig).ok());
        kept.curves = Some((key, track.map(Curves::new).filter(|curves| !curves.is_empty())));
    }
    let curves = kept.curves.as_ref().and_then(|(_, curves)| curves.as_ref());
    let (low, high) = curves.map_or((0.0, 1.0), |curves| (curves.low, curves.high));
    let scale = Scale { area: plot.shrink2(vec2(MARGIN, 0.0)), duration, low, high };
    ruler(ui, rect, &scale, state.scene.motion.frame_interval());
    let mut told = None;
    match curves {
        Some(curves) => {
            let picture =
                PictureKey { motion: key, size: pixels(ui, scale.area), dark: ui.visuals().dark_mode };
            if kept.picture.as_ref().is_none_or(|(of, _)| *of != picture) {
                let image = curves.picture(picture.size, picture.dark);
                let texture = ui.ctx().load_texture("curves", image, TextureOptions::LINEAR);
                kept.picture = Some((picture, texture));
            }
            if let Some((_, texture)) = &kept.picture {
                let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
                ui.painter().image(texture.id(), scale.area, whole, Color32::WHITE);
            }
            told = strong_curve(ui, state, curves, &scale, &response, plot);
        }
        None => {
            let text = "This moves joints, and no control.";
            let font = FontId::proportional(12.0);
            let color = ui.visuals().weak_text_color();
            ui.painter().text(plot.center(), Align2::CENTER_CENTER, text, font, color);
        }
    }
    range(ui, state, rect, &scale);
    scrub(ui, state, &response, &scale);
    playhead(ui, state, rect, &scale);
    if let (Some(column), Some(curves)) = (told, curves) {
        name(ui, state, curves, column, &scale, plot);
    }
    state.timeline.curves = kept;
}

fn pixels(ui: &Ui, area: Rect) -> [usize; 2] {
    let size = area.size() * ui.pixels_per_point();
    // No larger than any device takes as a texture.
    [size.x, size.y].map(|side| (side.round() as usize).clamp(1, 4096))
}

fn ruler(ui: &Ui, rect: Rect, scale: &Scale, interval: f64) {
    let visuals = ui.visuals();
    let painter = ui.painter().with_clip_rect(rect);
    let (line, ink) = (visuals.widgets.noninteractive.bg_stroke.color, visuals.weak_text_color());
    let grid = if visuals.dark_mode { Color32::from_gray(36) } else { Color32::from_gray(226) };
    painter.hline(rect.x_range(), rect.top() + RULER, Stroke::new(1.0, line));
    for value in [0.0, 0.5, 1.0] {
        painter.hline(scale.area.x_range(), scale.y(value), Stroke::new(1.0, grid));
    }
    let font = FontId::proportional(10.5);
    let tick = scale.tick(64.0, interval);
    let decimals = if tick < 0.1 { 2 } else { usize::from(tick < 1.0) };
    let count = (scale.duration / tick + 1e-9) as usize;
    for i in 0..=count.min(400) {
        let time = i as f64 * tick;
        let x = scale.x(time);
        painter.vline(x, rect.top() + RULER - 5.0..=rect.top() + RULER, Stroke::new(1.0, ink));
        painter.vline(x, scale.area.y_range(), Stroke::new(1.0, grid));
        let text = if tick >= 60.0 {
            format!("{}:{:02}", time as u64 / 60, time as u64 % 60)
        } else {
            format!("{time:.decimals$} s")
        };
        painter.text(pos2(x + 3.0, rect.top() + 2.0), Align2::LEFT_TOP, text, font.clone(), ink);
    }
    let small = scale.tick(7.0, interval);
    for i in 0..=((scale.duration / small + 1e-9) as usize).min(2000) {
        let x = scale.x(i as f64 * small);
        painter.vline(
            x,
            rect.top() + RULER - 3.0..=rect.top() + RULER,
            Stroke::new(1.0, line.gamma_multiply(0.8)),
        );
    }
}

/// The curve that is pointed at, and that of the control that was touched last. Says which is to be named.
fn strong_curve(
    ui: &Ui,
    state: &mut State,
    curves: &Curves,
    scale: &Scale,
    response: &egui::Response,
    plot: Rect,
) -> Option<usize> {
    let pointed = response.hover_pos().filter(|at| plot.contains(*at) && !response.dragged());
    let hovered = pointed.and_then(|at| curves.nearest(scale, at, REACH));
    if let Some(column) = hovered
        && response.double_clicked()
    {
        state.controls.selected = Some(curves.name(column).to_owned());
    }
    let selected = state.controls.selected.as_ref().and_then(|name| curves.column(name));
    let painter = ui.painter().with_clip_rect(plot);
    let dark = ui.visuals().dark_mode;
    for (column, width) in [(selected, 2.0), (hovered.filter(|_| hovered != selected), 1.5)] {
        if let Some(column) = column {
            let color = Group::of_morph(curves.name(column)).color(dark);
            painter.add(Shape::line(curves.line(column, scale), Stroke::new(width, color)));
        }
    }
    hovered.or(selected)
}

/// Its name and value, and where on it time is.
fn name(ui: &Ui, state: &State, curves: &Curves, column: usize, scale: &Scale, plot: Rect) {
    let painter = ui.painter().with_clip_rect(plot);
    let dark = ui.visuals().dark_mode;
    let time = state.scene.clock.time.min(scale.duration);
    let value = curves.value(column, time);
    let color = Group::of_morph(curves.name(column)).color(dark);
    painter.circle_filled(pos2(scale.x(time), scale.y(value)), 3.5, color);
    let text = format!("{}  {value:.2}", curves.name(column));
    let galley = painter.layout_no_wrap(text, FontId::proportional(12.0), ui.visuals().strong_text_color());
    let at = plot.left_top() + vec2(MARGIN + 6.0, 5.0);
    let ground = Rect::from_min_size(at, galley.size()).expand2(vec2(5.0, 2.0));
    painter.rect_filled(ground, 3.0, ui.visuals().panel_fill.gamma_multiply(0.9));
    painter.rect_filled(Rect::from_min_size(ground.min, vec2(3.0, ground.height())), 1.0, color);
    painter.galley(at, galley, Color32::PLACEHOLDER);
}

/// What is not played is dim, and the ends of what is can be dragged.
fn range(ui: &Ui, state: &mut State, rect: Rect, scale: &Scale) {
    let [start, end] = state.scene.clock.span(scale.duration);
    let accent = ui.visuals().selection.bg_fill;
    let shade = ui.visuals().panel_fill.gamma_multiply(0.72);
    for (i, (time, name)) in [(start, "In"), (end, "Out")].into_iter().enumerate() {
        let x = scale.x(time);
        let side = if i == 0 { -1.0 } else { 1.0 };
        if state.scene.clock.range.is_some() {
            let outside = if i == 0 { rect.left()..=x } else { x..=rect.right() };
            ui.painter().rect_filled(Rect::from_x_y_ranges(outside, scale.area.y_range()), 0.0, shade);
        }
        let handle = Rect::from_min_size(
            pos2(if i == 0 { x - 7.0 } else { x }, rect.top() + RULER - 9.0),
            vec2(7.0, 9.0),
        );
        let response = ui.interact(handle.expand(2.0), ui.scope_id().with(("range", i)), Sense::DRAG);
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, name));
        let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
        let lit = response.hovered() || response.dragged();
        let color = if lit { ui.visuals().strong_text_color() } else { accent };
        let points = vec![
            pos2(x, rect.top() + RULER - 9.0),
            pos2(x + 6.0 * side, rect.top() + RULER - 9.0),
            pos2(x, rect.top() + RULER),
        ];
        ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
        if let (true, Some(at)) = (response.dragged(), response.interact_pointer_pos()) {
            let time = scale.time(at.x);
            let clock = &mut state.scene.clock;
            // Dragged over the other end it stops there.
            if i == 0 && time < end {
                clock.set_in(time, scale.duration);
            } else if i == 1 && time > start {
                clock.set_out(time, scale.duration);
            }
        }
    }
}

fn scrub(ui: &Ui, state: &mut State, response: &egui::Response, scale: &Scale) {
    let clock = &mut state.scene.clock;
    clock.held = response.is_pointer_button_down_on();
    if let (true, Some(at)) = (clock.held, response.interact_pointer_pos()) {
        clock.time = scale.time(at.x);
    }
    if response.has_focus() {
        // Focus would otherwise go elsewhere with the arrows.
        ui.memory_mut(|memory| {
            let arrows = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
            memory.set_focus_lock_filter(response.id, arrows);
        });
        let steps = ui.input(|input| {
            i64::from(input.key_pressed(egui::Key::ArrowRight))
                - i64::from(input.key_pressed(egui::Key::ArrowLeft))
        });
        if steps != 0 {
            state.scene.clock.time = state.scene.motion.stepped(state.scene.clock.time, steps);
        }
    }
}

fn playhead(ui: &Ui, state: &State, rect: Rect, scale: &Scale) {
    let time = state.scene.clock.time.min(scale.duration);
    let x = scale.x(time);
    let color = ui.visuals().strong_text_color();
    let painter = ui.painter();
    painter.vline(x, rect.top() + RULER - 4.0..=rect.bottom(), Stroke::new(1.5, color));
    let text = format!("{}", state.scene.motion.frame_at(time) + 1);
    let galley = painter.layout_no_wrap(text, FontId::proportional(10.5), ui.visuals().panel_fill);
    let width = galley.size().x + 8.0;
    let left = (x - 0.5 * width).clamp(rect.left(), rect.right() - width);
    let flag = Rect::from_min_size(pos2(left, rect.top() + 1.0), vec2(width, 13.0));
    painter.rect_filled(flag, 3.0, color);
    painter.galley(flag.center() - 0.5 * galley.size(), galley, Color32::PLACEHOLDER);
}
