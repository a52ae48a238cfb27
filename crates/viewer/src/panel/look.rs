//! How the 3D view shows the avatar, and the interface itself.

use egui::{ComboBox, Slider, Ui};

use crate::look::{Background, Shading};
use crate::open;
use crate::panel::row::{heading, row};
use crate::state::State;
use crate::theme::ThemeChoice;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let rigged = state.scene.loaded().is_some_and(|loaded| loaded.avatar.body.is_some());
    let look = &mut state.document.look;
    heading(ui, "Avatar");
    row(ui, "Shading", |ui| {
        ComboBox::from_id_salt("shading").selected_text(look.shading.name()).show_ui(ui, |ui| {
            for choice in Shading::ALL {
                ui.selectable_value(&mut look.shading, choice, choice.name())
                    .on_hover_text(choice.explanation());
            }
        });
    });
    ui.weak(look.shading.explanation());
    ui.add_enabled_ui(rigged, |ui| {
        row(ui, "Over it", |ui| {
            ui.toggle_value(&mut look.wireframe, "Mesh");
            ui.toggle_value(&mut look.bones, "Bones");
            ui.toggle_value(&mut look.anchors, "Anchors");
        });
    });
    row(ui, "Moving", |ui| {
        ui.checkbox(&mut look.adaptive, "Fewer pixels").on_hover_text(
            "Draw fewer pixels while something moves, where a frame takes too long with all of them",
        );
    });
    heading(ui, "Around it");
    let mut ask = false;
    row(ui, "Background", |ui| {
        ComboBox::from_id_salt("background").selected_text(look.background.name()).show_ui(ui, |ui| {
            for choice in Background::ALL {
                ui.selectable_value(&mut look.background, choice, choice.name());
            }
        });
    });
    match look.background {
        Background::Colour => row(ui, "Colour", |ui| {
            ui.color_edit_button_srgb(&mut look.colour);
        }),
        Background::Picture => row(ui, "Picture", |ui| {
            let name = look.picture.as_ref().and_then(|path| path.file_name());
            let name = name.map_or("Choose…".into(), |name| name.to_string_lossy().into_owned());
            ask = ui.button(name).clicked();
        }),
        Background::Studio | Background::Checks => {}
    }
    row(ui, "Ground", |ui| {
        ui.toggle_value(&mut look.grid, "Grid");
        ui.toggle_value(&mut look.shadow, "Shadow");
    });
    heading(ui, "Interface");
    let settings = &mut state.settings;
    row(ui, "Theme", |ui| {
        ComboBox::from_id_salt("theme").selected_text(settings.theme.name()).show_ui(ui, |ui| {
            for choice in ThemeChoice::ALL {
                ui.selectable_value(&mut settings.theme, choice, choice.name());
            }
        });
    });
    row(ui, "Contrast", |ui| ui.checkbox(&mut settings.high_contrast, "High"));
    row(ui, "Size", |ui| {
        // Only when it is let go: it would move under the mouse.
        let id = ui.scope_id().with("scale");
        let mut scale = ui.data(|data| data.get_temp(id)).unwrap_or(settings.interface_scale);
        let slider = ui.add(Slider::new(&mut scale, 0.75..=2.0).step_by(0.05).fixed_decimals(2));
        if slider.dragged() {
            ui.data_mut(|data| data.insert_temp(id, scale));
        } else {
            ui.data_mut(|data| data.remove::<f32>(id));
            settings.interface_scale = scale;
        }
    });
    if ask {
        open::ask_for_picture(state);
    }
}
