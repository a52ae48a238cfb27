//! The 3D view: the avatar, drawn again when something has changed, with what is around it and over it.

mod background;
mod bones;
mod covering;
mod ground;
mod navigate;
mod overlay;
mod pace;
mod picture;
mod pipeline;
mod shade;
mod turntable;
mod variant;
pub(crate) mod view;

use std::sync::Arc;
use std::time::Instant;

use effigy_render::RenderError;
use egui::{Rect, Sense, Ui, pos2, vec2};
use egui_wgpu::{CallbackResources, CallbackTrait};
use glam::Vec3;

use crate::job::Fault;
use crate::look::{Background, Look, Shading};
use crate::state::{Outcome, State};
use covering::Covering;
use ground::Ground;
use overlay::Overlays;
use picture::Wanted;
use variant::Variant;

/// All the room that there is.
pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let (room, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let (rect, size) = whole_pixels(ui, room);
    state.view3d.size = size;
    navigate::navigate(ui, &response, state);
    state.view3d.backgrounds.draw(ui, room, &state.document.look, &mut state.messages);
    let look = state.document.look.clone();
    tell(state, |state| draw(ui, state, rect, size, &look, true));
    if response.double_clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let at = (pointer - rect.min) / rect.size() * vec2(size[0] as f32, size[1] as f32);
        ask_for_focus(state, [at.x as u32, at.y as u32]);
    }
    answer_focus(state);
}

fn tell(state: &mut State, work: impl FnOnce(&mut State) -> Result<(), RenderError>) {
    if let Err(error) = work(state) {
        state.messages.fault(error.to_string(), "Make the window smaller, or open a smaller avatar.");
        // Trying again would not help.
        state.view3d.current = true;
    }
}

/// Draws the avatar as `look` says, and if `around` is set what is around it and over it.
fn draw(
    ui: &mut Ui,
    state: &mut State,
    rect: Rect,
    size: [u32; 2],
    look: &Look,
    around: bool,
) -> Result<(), RenderError> {
    let (Some(loaded), Some(renderer)) = (state.scene.loaded(), state.graphics.renderer()) else {
        // The job that loads the avatar says when it is there; when there is none there is nothing to wait for.
        state.view3d.current = state.jobs.is_idle();
        return Ok(());
    };
    let (view, graphics, revision) = (&mut state.view3d, &state.graphics, state.scene.revision());
    let orbit = view.turntable.turned(&state.document.camera);
    let changed = view.last.replace((revision, orbit)) != Some((revision, orbit));
    let part = if look.adaptive { view.pace.scale(changed, Instant::now()) } else { 1.0 };
    let coarse = part < 1.0;
    let fewer = size.map(|side| ((side as f32 * part) as u32).max(1));

    // Other Gaussians, where they are wanted and there.
    let wants_variant = variant::is_needed(look.shading);
    if view
        .variant
        .as_ref()
        .is_some_and(|v| !wants_variant || v.shading != look.shading || !Arc::ptr_eq(&v.of, &loaded.avatar))
    {
        view.variant = None;
    }
    if wants_variant && view.variant.is_none() && view.preparing != Some(look.shading) {
        view.preparing = Some(look.shading);
        let (graphics, avatar, parts) = (graphics.clone(), loaded.avatar.clone(), loaded.parts.clone());
        let shading = look.shading;
        state.jobs.start(format!("Preparing {}", shading.name()), move |_| -> Result<Outcome, Fault> {
            let other = Arc::new(variant::variant(&avatar, &parts, shading));
            let made = graphics.build_renderer().and_then(|renderer| renderer.upload(&other));
            let advice = "Choose another shading.";
            let gpu = made.map_err(|error| Fault::new(error, advice))?;
            Ok(Box::new(move |state| {
                state.view3d.preparing = None;
                state.view3d.variant = Some(Variant { shading, of: avatar, gpu, posed: 0 });
            }))
        });
    }
    if let (Some(variant), Some(pose)) = (&mut view.variant, state.scene.pose())
        && variant.posed != revision
    {
        variant.gpu.set_pose(pose)?;
        variant.posed = revision;
    }
    let shown = view.variant.as_ref().map_or(&loaded.gpu, |variant| &variant.gpu);
    let shading = if wants_variant && view.variant.is_none() { Shading::Colour } else { look.shading };
    let wanted = Wanted {
        revision,
        camera: orbit.camera(fewer),
        variant: view.variant.as_ref().map(|variant| variant.shading),
        guided: matches!(shading, Shading::Motion | Shading::Importance),
    };
    if let Some(time) = view.pictures.render(graphics, &renderer, shown, &wanted, coarse)? {
        view.recording += time;
        state.meter.recording.add(time);
    }
    if std::mem::take(&mut view.measure) && !coarse {
        state.meter.stages = view.pictures.measure(graphics, &renderer, shown)?;
    }

    let (center, radius) = shown.bounding_sphere();
    let subject = (-wanted.camera.camera_from_world.transform_point3(center).z, 0.6 * radius);
    let camera = orbit.camera(size);
    let mut drawings = Vec::new();
    if around && (look.grid || look.shadow) {
        let ground = match &mut view.ground {
            Some(ground) => ground,
            None => view.ground.insert(Ground::new(graphics)?),
        };
        let whole = &loaded.extents.whole;
        // The variant's mesh is posed when the variant is drawn.
        let mesh = shown.mesh();
        let dark_ink = match look.background {
            Background::Colour => look.colour.iter().map(|&c| u32::from(c)).sum::<u32>() > 3 * 140,
            Background::Checks => true,
            Background::Studio | Background::Picture => false,
        };
        let under = ground.drawing(graphics, look, &camera, orbit.target, whole, mesh, revision, dark_ink);
        drawings.push(Layer::Ground(under));
    }
    drawings.extend(view.pictures.drawing(graphics, shading, coarse, subject).map(Layer::Picture));
    if around
        && (look.wireframe || look.anchors)
        && let (Some(mesh), Some(picture)) = (shown.mesh(), view.pictures.view(coarse))
    {
        let overlays = match &mut view.overlays {
            Some(overlays) => overlays,
            None => view.overlays.insert(Overlays::new(graphics)?),
        };
        let wanted = [look.wireframe, look.anchors];
        let over = overlays.drawings(graphics, &loaded.avatar, &loaded.parts, mesh, &camera, picture, wanted);
        drawings.extend(over.into_iter().map(Layer::Overlay));
    }
    ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, Layers(drawings)));
    if around
        && look.bones
        && let (Some(body), Some(pose)) = (&loaded.avatar.body, state.scene.pose())
    {
        bones::draw(ui, rect, &body.rig, pose, &camera);
    }
    view.current = !coarse;
    state.meter.seen();
    Ok(())
}

/// Asks what is seen at a pixel, to turn around it.
fn ask_for_focus(state: &mut State, pixel: [u32; 2]) {
    let (Some(loaded), Some(renderer)) = (state.scene.loaded(), state.graphics.renderer()) else { return };
    let view = &mut state.view3d;
    let shown = view.variant.as_ref().map_or(&loaded.gpu, |variant| &variant.gpu);
    let asked = view.pictures.pick(&state.graphics, &renderer, shown, pixel);
    view.focus = asked.map(|(pending, camera)| (pending, camera, pixel));
}

/// Turns around what was clicked, once it is known.
fn answer_focus(state: &mut State) {
    let Some((pending, camera, pixel)) = &mut state.view3d.focus else { return };
    let Some(answer) = pending.poll() else { return };
    if let Ok(Some(pick)) = answer {
        let [x, y] = pixel.map(|at| at as f32 + 0.5);
        let place = Vec3::new((x - camera.cx) / camera.fx, (camera.cy - y) / camera.fy, -1.0) * pick.depth;
        state.document.camera.aim_at(camera.camera_from_world.inverse().transform_point3(place));
    }
    state.view3d.focus = None;
}

/// Something that is drawn in the interface's own pass.
enum Layer {
    Ground(Covering),
    Picture(picture::Drawing),
    Overlay(overlay::Drawing),
}

/// Layers, the lowest first.
struct Layers(Vec<Layer>);

impl CallbackTrait for Layers {
    fn paint(&self, _: egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _: &CallbackResources) {
        for layer in &self.0 {
            match layer {
                Layer::Ground(drawing) => drawing.draw(pass),
                Layer::Picture(drawing) => drawing.draw(pass),
                Layer::Overlay(drawing) => drawing.draw(pass),
            }
        }
    }
}

/// The pixels that lie within `room`, and how many they are.
fn whole_pixels(ui: &Ui, room: Rect) -> (Rect, [u32; 2]) {
    let scale = ui.pixels_per_point();
    let low = (room.min.to_vec2() * scale).round();
    let size = ((room.max.to_vec2() * scale).round() - low).max(vec2(1.0, 1.0));
    let rect = Rect::from_min_size(pos2(low.x, low.y) / scale, size / scale);
    (rect, [size.x as u32, size.y as u32])
}
