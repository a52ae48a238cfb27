//! The middle of the window: tabs, and what they show.

use egui::{Frame, Margin, Panel, Ui};

use crate::action::Action;
use crate::options::Centre;
use crate::state::State;
use crate::{theme, view2d, view3d};

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let fill = theme::deepest(ui, state.settings.high_contrast);
    let frame = Frame::new().fill(fill).inner_margin(Margin::symmetric(6, 3));
    Panel::top("tabs").frame(frame).show_separator_line(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            for (centre, name, action) in
                [(Centre::View3d, "3D", Action::Show3d), (Centre::View2d, "2D", Action::Show2d)]
            {
                if ui.selectable_label(state.centre == centre, name).on_hover_text(action.name()).clicked() {
                    state.actions.push(action);
                }
            }
        });
    });
    match state.centre {
        Centre::View3d => {
            // The capture's pose is the 2D view's.
            view2d::follow::hold(ui, state, None);
            view3d::show(ui, state);
        }
        Centre::View2d => view2d::show(ui, state),
    }
}
