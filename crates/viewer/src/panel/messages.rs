//! Messages in a corner.

use egui::{Align2, Area, Frame, Id, Order, RichText, Ui, vec2};

use crate::message::Kind;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    if state.messages.list().is_empty() {
        return;
    }
    let area = Area::new(Id::unique("messages")).order(Order::Foreground);
    area.anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -72.0)).show(ui.ctx(), |ui| {
        let mut closed = None;
        for (i, message) in state.messages.list().iter().enumerate() {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(380.0);
                ui.horizontal_top(|ui| {
                    let fault = message.kind == Kind::Fault;
                    let color = if fault { ui.visuals().error_fg_color } else { ui.visuals().text_color() };
                    ui.label(RichText::new(if fault { "!" } else { "•" }).color(color));
                    ui.vertical(|ui| {
                        ui.set_width(320.0);
                        ui.label(RichText::new(&message.text).color(color));
                        if let Some(advice) = &message.advice {
                            ui.label(advice);
                        }
                    });
                    if ui.button("×").on_hover_text("Close").clicked() {
                        closed = Some(i);
                    }
                });
            });
        }
        if let Some(i) = closed {
            state.messages.close(i);
        }
    });
}
