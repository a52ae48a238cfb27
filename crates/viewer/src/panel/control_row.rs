//! One line of the panel of controls: a group's name, or a slider.

use std::ops::RangeInclusive;

use egui::{
    Align, Align2, DragValue, FontId, Layout, PointerButton, Rect, RichText, Role, Sense, Slider, Stroke,
    StrokeKind, TextStyle, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::control_groups::Group;

/// Of every line, points.
pub(crate) const HEIGHT: f32 = 22.0;
/// Of the number at the end of a slider's line.
const NUMBER: f32 = 46.0;

/// What the user did with a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RowEvent {
    Set(f32),
    Reset,
    /// Changed between following the track and being held.
    Hold,
    Pick,
}

/// A group's line: opens and closes it, counts what is set, and resets it.
pub(crate) fn header(ui: &mut Ui, group: Group, count: usize, set: usize, open: bool) -> Option<RowEvent> {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Button, true, format!("{} group", group.name()));
        info.selected = Some(open);
        info
    });
    if !ui.is_rect_visible(rect) {
        return response.clicked().then_some(RowEvent::Pick);
    }
    let visuals = ui.visuals();
    let ground = rect.shrink2(vec2(0.0, 1.0));
    let fill = if response.hovered() || response.has_focus() {
        visuals.widgets.inactive.bg_fill
    } else {
        visuals.faint_bg_color
    };
    let painter = ui.painter();
    painter.rect_filled(ground, 3.0, fill);
    if response.has_focus() {
        painter.rect_stroke(ground, 3.0, Stroke::new(1.0, visuals.strong_text_color()), StrokeKind::Inside);
    }
    let middle = rect.center().y;
    let x = rect.left() + 9.0;
    let ink = visuals.text_color();
    let arrow = if open {
        [pos2(x - 4.0, middle - 2.0), pos2(x + 4.0, middle - 2.0), pos2(x, middle + 3.0)]
    } else {
        [pos2(x - 2.0, middle - 4.0), pos2(x + 3.0, middle), pos2(x - 2.0, middle + 4.0)]
    };
    painter.add(egui::Shape::convex_polygon(arrow.into(), ink, Stroke::NONE));
    let mark = Rect::from_center_size(pos2(rect.left() + 21.0, middle), vec2(3.0, 12.0));
    painter.rect_filled(mark, 1.0, group.color(visuals.dark_mode));
    let font = TextStyle::Body.resolve(ui.style());
    painter.text(
        pos2(rect.left() + 29.0, middle),
        Align2::LEFT_CENTER,
        group.name(),
        font,
        visuals.strong_text_color(),
    );
    let small = FontId::proportional(10.5);
    let mut reset = false;
    if set > 0 {
        let area = Rect::from_min_max(pos2(rect.right() - 46.0, rect.top() + 2.0), rect.max - vec2(2.0, 2.0));
        let button =
            egui::Button::new(RichText::new("Reset").small()).frame(false).min_size(vec2(40.0, 16.0));
        let response = ui.put(area, button);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Reset {}", group.name())));
        reset = response.on_hover_text(format!("Let all of {} follow the track", group.name())).clicked();
    }
    let text = if set > 0 { format!("{set} of {count} set") } else { format!("{count}") };
    let right = rect.right() - if set > 0 { 52.0 } else { 8.0 };
    let color = if set > 0 { ui.visuals().text_color() } else { ui.visuals().weak_text_color() };
    ui.painter().text(pos2(right, middle), Align2::RIGHT_CENTER, text, small, color);
    match (reset, response.clicked()) {
        (true, _) => Some(RowEvent::Reset),
        (_, true) => Some(RowEvent::Pick),
        _ => None,
    }
}

/// A slider's line.
pub(crate) struct Row<'a> {
    pub(crate) label: &'a str,
    /// Of the morph or node.
    pub(crate) name: &'a str,
    pub(crate) group: Group,
    pub(crate) value: f32,
    pub(crate) range: RangeInclusive<f32>,
    pub(crate) unit: &'a str,
    /// By hand; otherwise it follows the track.
    pub(crate) set: bool,
    pub(crate) selected: bool,
}

impl Row<'_> {
    pub(crate) fn show(self, ui: &mut Ui) -> Option<RowEvent> {
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
        if self.selected {
            ui.painter().rect_filled(rect, 3.0, ui.visuals().faint_bg_color);
        }
        let mut event = self.holder(ui, rect);
        let name_width = ((rect.width() - NUMBER - 26.0) * 0.54).clamp(70.0, 150.0);
        let name_rect = Rect::from_min_size(pos2(rect.left() + 20.0, rect.top()), vec2(name_width, HEIGHT));
        let mut place =
            ui.new_child(UiBuilder::new().max_rect(name_rect).layout(Layout::left_to_right(Align::Center)));
        let text = RichText::new(self.label);
        let rests = self.value == 0.0 && !self.set;
        let text = if self.set {
            text.strong()
        } else if rests {
            text.weak()
        } else {
            text
        };
        let label = place.add(egui::Label::new(text).truncate().sense(Sense::CLICK));
        if label.double_clicked() {
            event = Some(RowEvent::Reset);
        } else if label.clicked() {
            event = event.or(Some(RowEvent::Pick));
        }
        let name = label.on_hover_text(self.hint()).id;
        let rail_left = name_rect.right() + 6.0;
        let rail =
            Rect::from_min_max(pos2(rail_left, rect.top()), pos2(rect.right() - NUMBER - 6.0, rect.bottom()));
        let mut place =
            ui.new_child(UiBuilder::new().max_rect(rail).layout(Layout::left_to_right(Align::Center)));
        place.spacing_mut().slider_width = rail.width();
        place.spacing_mut().interact_size.y = 14.0;
        if self.set {
            place.visuals_mut().selection.bg_fill = self.group.color(ui.visuals().dark_mode);
        }
        let mut value = self.value;
        let slider = Slider::new(&mut value, self.range.clone())
            .show_value(false)
            .clamping(egui::SliderClamping::Edits);
        let slider = place.add(slider).labelled_by(name);
        let hovered = slider.contains_pointer();
        if slider.gained_focus() {
            slider.scroll_to_me(None);
        }
        if slider.changed() {
            event = Some(RowEvent::Set(value));
        }
        if hovered && ui.input(|input| input.pointer.button_double_clicked(PointerButton::Primary)) {
            event = Some(RowEvent::Reset);
        }
        let number =
            Rect::from_min_max(pos2(rect.right() - NUMBER, rect.top() + 2.0), rect.max - vec2(0.0, 2.0));
        let mut value = self.value;
        let degrees = !self.unit.is_empty();
        let drag = DragValue::new(&mut value)
            .range(if degrees { -180.0..=180.0 } else { -1.0..=2.0 })
            .clamp_existing_to_range(false)
            .speed(if degrees { 0.5 } else { 0.005 })
            .fixed_decimals(if degrees { 1 } else { 2 })
            .suffix(self.unit);
        if ui.put(number, drag).labelled_by(name).changed() {
            event = Some(RowEvent::Set(value));
        }
        event
    }

    /// The mark that says whether the control is held or follows, and changes it.
    fn holder(&self, ui: &mut Ui, rect: Rect) -> Option<RowEvent> {
        let place = Rect::from_center_size(pos2(rect.left() + 9.0, rect.center().y), vec2(16.0, 16.0));
        let id = ui.scope_id().with(("held", self.name, self.label));
        let response = ui.interact(place, id, Sense::click());
        response.widget_info(|| {
            WidgetInfo::selected(Role::CheckBox, true, self.set, format!("{} by hand", self.full_name()))
        });
        if response.gained_focus() {
            response.scroll_to_me(None);
        }
        let visuals = ui.visuals();
        let color = self.group.color(visuals.dark_mode);
        let painter = ui.painter();
        if response.has_focus() {
            painter.rect_stroke(
                place,
                3.0,
                Stroke::new(1.0, visuals.strong_text_color()),
                StrokeKind::Inside,
            );
        }
        if self.set {
            painter.circle_filled(place.center(), 4.0, color);
        } else {
            let ink = if response.hovered() || response.has_focus() {
                color
            } else {
                visuals.widgets.hovered.bg_fill
            };
            painter.circle_stroke(place.center(), 3.5, Stroke::new(1.2, ink));
        }
        let what = if self.set {
            "Set by hand. Click: follow the track"
        } else {
            "Follows the track. Click: hold it"
        };
        response.on_hover_text(what).clicked().then_some(RowEvent::Hold)
    }

    fn hint(&self) -> String {
        let state = if self.set { "set by hand" } else { "follows the track" };
        format!("{}: {state}. Double click resets it", self.full_name())
    }

    /// As files have it; of a joint, with the axis.
    fn full_name(&self) -> &str {
        if self.unit.is_empty() { self.name } else { self.label }
    }
}
