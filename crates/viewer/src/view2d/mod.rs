//! The 2D view: the frame as an encoder sees it, pixel for pixel.

mod analysis;
pub(crate) mod capture;
pub(crate) mod follow;
mod grab;
mod layers;
pub(crate) mod live;
mod overlay;
pub(crate) mod probe;
pub(crate) mod setup;
mod shots;
pub(crate) mod view;
pub(crate) mod worker;
mod zoom;

#[cfg(test)]
mod tests;

use effigy_render::RenderError;
use egui::{CursorIcon, Frame, Margin, Panel, PointerButton, Rect, Sense, TextureOptions, Ui};
use egui::{Vec2, pos2, vec2};

use crate::action::Action;
use crate::action_button::button;
use crate::state::State;
use crate::theme;
use follow::{Ready, follow};
use grab::Wanted;
use probe::Probe;
use setup::{Layer, Stage};
use shots::Shots;
use worker::Worker;
use zoom::Placing;

/// Points of the wheel that are a step.
const WHEEL: f32 = 40.0;
/// Points left and right of a divider where it can be taken.
const GRIP: f32 = 5.0;

/// All the room that there is.
pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let fill = theme::deepest(ui, state.settings.high_contrast);
    let strip = Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::symmetric(8, 3));
    Panel::top("layers").frame(strip).resizable(false).show(ui, |ui| choose_layer(ui, state));
    Panel::bottom("zoom").frame(strip).resizable(false).show(ui, |ui| choose_zoom(ui, state));
    let (room, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    ui.painter().rect_filled(room, 0.0, fill);
    let scale = ui.pixels_per_point();
    // Whole pixels, so that none is drawn in between.
    let low = (room.min.to_vec2() * scale).round();
    let view = ((room.max.to_vec2() * scale).round() - low).max(vec2(1.0, 1.0));
    let screen = Screen { low, scale };
    state.view2d.view = [view.x as u32, view.y as u32];
    let shot = state.view2d.shots.as_ref().and_then(Shots::shot);
    state.view2d.frame = match shot {
        Some(shot) => [shot.camera.width, shot.camera.height],
        None => state.document.frame.frame_size(state.view2d.view),
    };
    state.view3d.set_size(state.view2d.frame);
    if let Err(error) = drive(ui, state) {
        state.messages.fault(error.to_string(), "Choose a smaller frame, or open a smaller avatar.");
        // Trying again would not help.
        (state.view2d.current, state.view2d.waiting) = (true, false);
    }
    navigate(ui, &response, &screen, state);
    paint(ui, room, &screen, state);
    look_closely(ui, &response, &screen, state);
}

/// From places in the view, pixels of the screen, to egui's points.
struct Screen {
    low: Vec2,
    scale: f32,
}

impl Screen {
    fn point(&self, [x, y]: [f32; 2]) -> egui::Pos2 {
        pos2(self.low.x + x, self.low.y + y) / self.scale
    }

    fn place(&self, point: egui::Pos2) -> [f32; 2] {
        let place = point.to_vec2() * self.scale - self.low;
        [place.x, place.y]
    }

    /// Where a rectangle of the frame's pixels lies.
    fn rect(&self, placing: &Placing, [x, y]: [f32; 2], [width, height]: [f32; 2]) -> Rect {
        let at = |x, y| [placing.origin[0] + x * placing.scale, placing.origin[1] + y * placing.scale];
        Rect::from_min_max(self.point(at(x, y)), self.point(at(x + width, y + height)))
    }
}

/// Has the frame rendered, fetched and taken apart.
fn drive(ui: &Ui, state: &mut State) -> Result<(), RenderError> {
    let ready = follow(ui, state);
    let view = &mut state.view2d;
    let (Some(loaded), Some(renderer)) = (state.scene.loaded(), state.graphics.renderer()) else {
        // The job that loads the avatar says when it is there; when there is none there is nothing to wait for.
        (view.current, view.waiting) = (state.jobs.is_idle(), false);
        return Ok(());
    };
    let worker = match view.worker.take() {
        Some(worker) => worker,
        None => Worker::start(ui.ctx()),
    };
    let worker = view.worker.insert(worker);
    let (camera, shot, truth) = match (&view.shots, ready) {
        (Some(_), Ready::Picture { camera, shot, truth }) => (camera, Some(shot), Some(truth)),
        (Some(_), Ready::Soon) => {
            // The job that reads it says when it is there.
            (view.current, view.waiting) = (false, false);
            return Ok(());
        }
        _ => (state.view3d.shown_camera(&state.document.camera).camera(view.frame), None, None),
    };
    let wanted = Wanted { revision: state.scene.revision(), camera, shot };
    let setup = state.document.frame.of_pictures();
    if view.told.as_ref() != Some(&setup) {
        worker.set_up(setup.clone());
        view.told = Some(setup);
    }
    if let Some(frame) = view.grabber.take() {
        worker.take_frame(frame.0, frame.1);
    }
    if worker.has_room()
        && let Some(time) = view.grabber.render(&state.graphics, &renderer, &loaded.gpu, &wanted, truth)?
    {
        view.recording += time;
        state.meter.recording.add(time);
    }
    view.waiting = view.grabber.is_waiting() || !view.grabber.has(&wanted);
    // Asked before the latest is taken: what it was busy with then is the latest.
    let idle = worker.is_idle();
    view.judged = worker.has_judged();
    let (shown, readings) = worker.latest();
    view.readings = readings;
    if let Some(shown) = shown
        && view.shown.as_ref().is_none_or(|old| old.number != shown.number)
    {
        let options = TextureOptions {
            magnification: egui::TextureFilter::Nearest,
            minification: egui::TextureFilter::Linear,
            ..TextureOptions::default()
        };
        for (texture, picture) in view.textures.iter_mut().zip(&shown.pictures) {
            match (&mut *texture, picture) {
                (Some(texture), Some(picture)) => texture.set(picture.clone(), options),
                (texture, Some(picture)) => {
                    *texture = Some(ui.ctx().load_texture("frame", picture.clone(), options));
                }
                (texture, None) => *texture = None,
            }
        }
        view.shown = Some(shown);
        state.meter.seen();
    }
    view.current = idle && !view.waiting;
    Ok(())
}

/// Moves the frame in the view, and with the right button the camera, by what the user does.
fn navigate(ui: &Ui, response: &egui::Response, screen: &Screen, state: &mut State) {
    let view = &mut state.view2d;
    let drag = response.drag_delta();
    if response.dragged_by(PointerButton::Primary) || response.dragged_by(PointerButton::Middle) {
        if drag != Vec2::ZERO {
            view.zoom.pan([drag.x, drag.y].map(|by| by * screen.scale), view.view, view.frame);
        }
        ui.set_cursor_icon(CursorIcon::Grabbing);
    } else if response.dragged_by(PointerButton::Secondary) && drag != Vec2::ZERO && view.shots.is_none() {
        state.view3d.turntable.stop(&mut state.document.camera);
        state.document.camera.orbit(drag.x, drag.y);
    }
    if let Some(pointer) = response.hover_pos() {
        let wheel = ui.input(|input| input.smooth_scroll_delta().y);
        view.turned = if wheel == 0.0 { 0.0 } else { view.turned + wheel };
        let steps = (view.turned / WHEEL).trunc();
        if steps != 0.0 {
            view.turned -= steps * WHEEL;
            view.zoom.step(steps as i32, screen.place(pointer), view.view, view.frame);
        }
    }
}

/// Draws the frame: its stages side by side, and what is over them.
fn paint(ui: &mut Ui, room: Rect, screen: &Screen, state: &mut State) {
    let placing = state.view2d.placing();
    let frame = state.view2d.frame.map(|side| side as f32);
    let rect = screen.rect(&placing, [0.0, 0.0], frame);
    let seen = rect.intersect(room);
    let Some(shown) = &state.view2d.shown else { return };
    let layer = shown.layer;
    let setup = &state.document.frame;
    let stages: Vec<Stage> = if layer.has_stages() {
        setup.shown_stages().filter(|stage| state.view2d.textures[*stage as usize].is_some()).collect()
    } else {
        vec![Stage::Rendered]
    };
    let cuts: Vec<f32> = match stages.len() {
        count @ 2.. => setup.dividers.get(count - 2).map_or(Vec::new(), |cuts| cuts[..count - 1].to_vec()),
        _ => Vec::new(),
    };
    let across = |part: f32| egui::lerp(seen.x_range().min..=seen.x_range().max, part);
    let ends: Vec<f32> = cuts.iter().copied().chain([1.0]).map(across).collect();
    let mut left = seen.left();
    for (stage, right) in stages.iter().zip(&ends) {
        let part = Rect::from_min_max(pos2(left, seen.top()), pos2(*right, seen.bottom()));
        if let Some(texture) = &state.view2d.textures[*stage as usize] {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let painter = ui.painter().with_clip_rect(part);
            painter.image(texture.id(), rect, whole, egui::Color32::WHITE);
        }
        left = *right;
    }
    let painter = ui.painter().with_clip_rect(room);
    if setup.pixel_grid {
        overlay::pixel_grid(&painter, seen, rect, placing.scale, screen.scale);
    }
    overlay::frame_edge(&painter, rect);
    if layer == Layer::Quantiser
        && let Some(map) = &shown.analysis.map
    {
        let block = |column: u32, row: u32| {
            let at = [column, row].map(|at| (at * map.block) as f32);
            screen.rect(&placing, at, [map.block as f32; 2])
        };
        overlay::offsets(&painter, map, seen, block);
    }
    if layer == Layer::Difference && state.view2d.textures[0].is_none() {
        let text = "Nothing to compare with: switch encoding on, or show the pre-filtered picture";
        overlay::notice(&painter, seen, text);
    }
    if layer.has_stages() && stages.len() > 1 {
        let mut left = seen.left();
        for (stage, right) in stages.iter().zip(&ends) {
            overlay::label(&painter, pos2(left, seen.top()), *right - left, stage.name());
            left = *right;
        }
    }
    overlay::legend(&painter, room, layer, setup.gain);
    divide(ui, seen, &cuts, state);
}

/// The dividers between stages, which can be dragged.
fn divide(ui: &mut Ui, seen: Rect, cuts: &[f32], state: &mut State) {
    if seen.width() <= 0.0 || seen.height() <= 0.0 {
        return;
    }
    let setup = &mut state.document.frame;
    for i in 0..cuts.len() {
        let x = egui::lerp(seen.x_range().min..=seen.x_range().max, cuts[i]);
        let grip = Rect::from_x_y_ranges(x - GRIP..=x + GRIP, seen.y_range());
        let id = ui.scope_id().with(("divider", i));
        let response = ui.interact(grip, id, Sense::drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
        if response.dragged()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            let part = ((pointer.x - seen.left()) / seen.width()).clamp(0.0, 1.0);
            // One does not pass the other.
            let low = if i > 0 { cuts[i - 1] } else { 0.0 };
            let high = cuts.get(i + 1).copied().unwrap_or(1.0);
            if let Some(slot) = setup.dividers.get_mut(cuts.len() - 1).and_then(|cuts| cuts.get_mut(i)) {
                *slot = part.max(low).min(high);
            }
        }
        overlay::divider(ui.painter(), x, seen, response.hovered() || response.dragged());
    }
}

/// Reads the pixel under the pointer, or the one that was clicked on.
fn look_closely(ui: &Ui, response: &egui::Response, screen: &Screen, state: &mut State) {
    let view = &mut state.view2d;
    let placing = view.placing();
    let pointed = response.hover_pos().and_then(|at| placing.pixel(screen.place(at), view.frame));
    if response.clicked() {
        view.pinned = if view.pinned == pointed { None } else { pointed };
    }
    let painter = ui.painter().with_clip_rect(response.rect);
    for (pixel, pinned) in [(pointed, false), (view.pinned, true)] {
        if let Some(pixel) = pixel.filter(|_| pinned || placing.scale >= 4.0) {
            let rect = screen.rect(&placing, pixel.map(|at| at as f32), [1.0, 1.0]);
            overlay::mark(&painter, rect, pinned);
        }
    }
    let analysis = view.shown.as_ref().map(|shown| &shown.analysis);
    let pixel = view.pinned.or(pointed);
    view.probe = analysis.zip(pixel).and_then(|(analysis, pixel)| Probe::of(analysis, pixel));
}

fn choose_layer(ui: &mut Ui, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        let setup = &mut state.document.frame;
        for layer in Layer::ALL {
            ui.selectable_value(&mut setup.layer, *layer, layer.name()).on_hover_text(layer.explanation());
        }
        if matches!(setup.layer, Layer::Difference | Layer::Motion) {
            ui.separator();
            let gain = egui::DragValue::new(&mut setup.gain).range(1.0..=64.0).speed(0.1);
            ui.add(gain.custom_formatter(|gain, _| format!("Gain × {gain:.0}")))
                .on_hover_text("What it is multiplied with; drag it");
        }
        let has_truth = state.view2d.shots.is_some();
        if setup.layer == Layer::Difference && has_truth {
            ui.separator();
            ui.selectable_value(&mut setup.from_truth, true, "From the ground truth");
            ui.selectable_value(&mut setup.from_truth, false, "From rendered");
        }
        if setup.layer.has_stages() {
            ui.separator();
            for stage in Stage::ALL.iter().filter(|stage| has_truth || **stage != Stage::Truth) {
                ui.toggle_value(&mut setup.stages[*stage as usize], stage.name())
                    .on_hover_text("Side by side with the others; drag what divides them");
            }
        }
    });
}

fn choose_zoom(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        button(ui, state, Action::FitFrame, "Fit");
        button(ui, state, Action::ActualPixels, "1:1");
        if ui.button("−").on_hover_text("Smaller").clicked() {
            state.view2d.nearer(-1);
        }
        let percent = 100.0 * state.view2d.placing().scale;
        ui.add_sized([46.0, ui.spacing().interact_size.y], egui::Label::new(format!("{percent:.0} %")));
        if ui.button("+").on_hover_text("Larger").clicked() {
            state.view2d.nearer(1);
        }
        ui.separator();
        let [width, height] = state.view2d.frame;
        ui.label(format!("{width} × {height}"));
        ui.separator();
        match &state.view2d.probe {
            Some(probe) => {
                let pinned = if state.view2d.pinned.is_some() { "Held " } else { "" };
                let text = egui::RichText::new(format!("{pinned}{}", probe.line())).monospace();
                ui.add(egui::Label::new(text).truncate());
            }
            None => _ = ui.weak("Point at a pixel to read it, click to hold it"),
        }
    });
}
