//! The 2D view in the interface, drawn off screen.

use std::sync::Arc;

use effigy_render::read_frame;
use effigy_rig::Pose;
use effigy_splat::Frame;
use effigy_video::{Alpha, Component, Planes};
use egui::{Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, pos2, vec2};

use super::layers;
use super::probe::Probe;
use super::setup::{FrameSize, Layer, Samples, Setup, Stage};
use super::shots::{Shot, Shots};
use super::zoom::Zoom;
use crate::action::Action;
use crate::command;
use crate::{Bundled, Centre, Offscreen, Options, Storage};

fn options() -> Options {
    let bundled = Bundled {
        avatar: include_bytes!("../../../../assets/head.glb"),
        track: include_bytes!("../../../../assets/greeting.json"),
    };
    Options { storage: Storage::Nowhere, centre: Centre::View2d, ..Options::new(bundled) }
}

pub(super) fn settled(change: impl FnOnce(&mut Setup)) -> Offscreen {
    let mut offscreen = Offscreen::open(options(), [1200, 900]).unwrap();
    change(&mut offscreen.state().document.frame);
    offscreen.settle().unwrap();
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    offscreen
}

/// Where the environment says, to be looked at.
pub(super) fn keep(offscreen: &Offscreen, name: &str) {
    if let Some(folder) = std::env::var_os("EFFIGY_PICTURES") {
        offscreen.picture().unwrap().save(std::path::Path::new(&folder).join(name)).unwrap();
    }
}

fn button(at: Pos2, pressed: bool) -> Event {
    Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
}

/// What the renderer makes of the pose and the camera, fetched in another way.
fn rendered(offscreen: &mut Offscreen) -> Frame {
    let state = offscreen.state();
    let renderer = state.graphics.renderer().unwrap();
    let [width, height] = state.view2d.frame;
    let mut view = renderer.create_view(width, height).unwrap();
    let camera = state.document.camera.camera([width, height]);
    let (device, queue) = (state.graphics.device(), state.graphics.queue());
    let mut encoder = device.create_command_encoder(&Default::default());
    renderer.record(&mut encoder, &[&state.scene.loaded().unwrap().gpu], &camera, &mut view).unwrap();
    queue.submit([encoder.finish()]);
    let mut frame = Frame::default();
    read_frame(device, queue, &view, &mut frame).unwrap();
    frame
}

#[test]
fn the_probe_reads_what_was_rendered_and_its_planes() {
    let mut offscreen = settled(|setup| (setup.size, setup.live) = (FrameSize::Square256, false));
    for (samples, bt601, full_range) in
        [(Samples::I420, false, false), (Samples::P010, true, true), (Samples::I444, false, true)]
    {
        let setup = &mut offscreen.state().document.frame;
        (setup.samples, setup.bt601, setup.full_range) = (samples, bt601, full_range);
        let (format, background) = (setup.format(), setup.background);
        offscreen.settle().unwrap();
        let frame = rendered(&mut offscreen);
        let mut planes = Planes::default();
        let over = Alpha::Over(background.map(|code| f32::from(code) / 255.0));
        let planes = planes.convert(&frame, format, over).unwrap();
        let rows = |component| planes.plane(component).unwrap();
        let shown = offscreen.state().view2d.shown.clone().unwrap();
        let mut covered = 0;
        for pixel in [[128_u32, 128], [90, 140], [160, 101], [3, 250], [127, 60]] {
            let probe = Probe::of(&shown.analysis, pixel).unwrap();
            let [x, y] = pixel.map(|at| at as usize);
            let color = frame.color[256 * y + x];
            assert_eq!((probe.rgba, probe.depth.unwrap_or(0.0)), (color, frame.depth[256 * y + x]));
            covered += usize::from(color[3] > 0.5);
            let (rgb, codes) = probe.stages[0].unwrap();
            for c in 0..3 {
                let seen = 255.0 * color[c] + (1.0 - color[3]) * f32::from(background[c]);
                assert!((seen - f32::from(rgb[c])).abs() <= 0.51, "{seen} {rgb:?}");
            }
            let wide = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]) >> 6;
            let expected = match samples {
                Samples::P010 => {
                    let (luma, both) = (rows(Component::Luma), rows(Component::CbCr));
                    let chroma = &both.bytes[y / 2 * both.stride..];
                    let at = x / 2 * 2;
                    [wide(&luma.bytes[y * luma.stride..], x), wide(chroma, at), wide(chroma, at + 1)]
                }
                _ => {
                    let half = if samples == Samples::I420 { 2 } else { 1 };
                    [(Component::Luma, 1), (Component::Cb, half), (Component::Cr, half)].map(
                        |(component, step)| {
                            let rows = rows(component);
                            u16::from(rows.bytes[y / step * rows.stride + x / step])
                        },
                    )
                }
            };
            assert_eq!(codes, expected, "{samples:?} {pixel:?}");
        }
        assert!((2..5).contains(&covered), "the avatar is among the pixels and not all of them");
        assert_eq!(Probe::of(&shown.analysis, [256, 0]), None);
    }
}

#[test]
fn what_the_frame_is_made_of_can_be_undone() {
    let mut offscreen = settled(|_| {});
    let state = offscreen.state();
    let before = state.document.frame.clone();
    state.actions.push(Action::NextLayer);
    offscreen.settle().unwrap();
    assert_eq!(offscreen.state().document.frame.layer, Layer::ALL[1]);
    assert_eq!(command::label(Action::Undo, offscreen.state()), "Undo: Frame");
    offscreen.state().actions.push(Action::Undo);
    offscreen.settle().unwrap();
    assert_eq!(offscreen.state().document.frame, before);
    assert_eq!(offscreen.state().settings.frame, before, "and so it is kept");
}

#[test]
fn layers_show_what_they_are_named_for() {
    let mut offscreen = settled(|setup| {
        (setup.size, setup.quality) = (FrameSize::Square256, 40.0);
    });
    let mut pictures = Vec::new();
    for &layer in Layer::ALL {
        offscreen.state().document.frame.layer = layer;
        offscreen.settle().unwrap();
        let shown = offscreen.state().view2d.shown.clone().unwrap();
        assert_eq!(shown.layer, layer);
        pictures.push(shown.pictures[0].clone().unwrap());
        keep(&offscreen, &format!("layer-{}.png", layer.name().to_lowercase()));
    }
    let at = |layer: Layer, x: usize, y: usize| pictures[layer as usize].pixels[256 * y + x];
    let (middle, corner) = ((128, 128), (2, 2));
    // The corner is background: no alpha, no importance, its luma the one of (58, 60, 64) by BT.709 in limited codes:
    // 16 + 219 / 255 (0.2126 58 + 0.7152 60 + 0.0722 64) = 67.4; Cb 128 + 224 / 255 (64 - 59.86) / 1.8556 = 129.96.
    let gray = |code| egui::Color32::from_gray(code);
    assert_eq!(at(Layer::Alpha, corner.0, corner.1), gray(0));
    assert_eq!(at(Layer::Alpha, middle.0, middle.1), gray(255));
    assert_eq!(at(Layer::Colour, corner.0, corner.1), egui::Color32::from_rgb(58, 60, 64));
    assert_eq!(at(Layer::Y, corner.0, corner.1), gray(67));
    assert_eq!(at(Layer::U, corner.0, corner.1), gray(130));
    // Skin: more red than blue.
    let (u, v) = (at(Layer::U, middle.0, middle.1), at(Layer::V, middle.0, middle.1));
    assert!(v.r() > 128 && u.r() < 128, "{u:?} {v:?}");
    assert_eq!(at(Layer::Importance, corner.0, corner.1), layers::heat(0.0));
    assert!(at(Layer::Importance, middle.0, middle.1).r() > 100);
    // Behind the avatar the encoder may be coarse: red; not on the face.
    let (face, behind) = (at(Layer::Quantiser, middle.0, middle.1), at(Layer::Quantiser, corner.0, corner.1));
    assert!(behind.r() > behind.b() && face.r() <= face.b(), "{face:?} {behind:?}");
    // Coarse coding leaves differences, and the most of them are not in the flat background.
    let difference = |x: usize, y: usize| {
        let pixel = |i: usize| at(Layer::Difference, x + i % 16, y + i / 16);
        (0..256).map(|i| u32::from(pixel(i).r()) + u32::from(pixel(i).g())).sum::<u32>()
    };
    assert!(difference(120, 120) > difference(0, 0) + 500);
    // It has stood still.
    assert_eq!(at(Layer::Motion, middle.0, middle.1), egui::Color32::BLACK);
    let state = offscreen.state();
    state.document.frame.layer = Layer::Motion;
    state.document.camera.orbit(4.0, 0.0);
    offscreen.settle().unwrap();
    let shown = offscreen.state().view2d.shown.clone().unwrap();
    keep(&offscreen, "moved.png");
    let moved = shown.pictures[0].as_ref().unwrap().pixels[256 * 128 + 128];
    assert!(moved != egui::Color32::BLACK);
    let probe = Probe::of(&shown.analysis, [128, 128]).unwrap();
    assert!(probe.motion.unwrap()[0].abs() > 0.2, "{probe:?}");
}

#[test]
fn live_encoding_says_its_rate_and_how_good_it_is() {
    let mut offscreen = settled(|setup| (setup.size, setup.quality) = (FrameSize::Square256, 36.0));
    for i in 0..8 {
        let state = offscreen.state();
        state.scene.clock.time = 0.1 * f64::from(i);
        offscreen.settle().unwrap();
    }
    keep(&offscreen, "live.png");
    let frame = rendered(&mut offscreen);
    let state = offscreen.state();
    let (readings, scores) = state.view2d.readings().unwrap();
    assert!(readings.fault.is_none() && readings.pictures >= 6, "{}", readings.pictures);
    let (bits, key) = readings.last.unwrap();
    let rate = readings.rate().unwrap();
    // The first picture costs more than those that follow it.
    assert!(!key && bits > 0.0 && rate > 30.0 * bits / 1000.0, "{rate} {bits}");
    let shown = state.view2d.shown.as_ref().unwrap();
    let decoded = shown.analysis.stage(Stage::Decoded).unwrap();
    let mut sum = 0.0;
    for (pixel, decoded) in frame.color.iter().zip(decoded.rgb.rgb().chunks_exact(3)) {
        for (c, under) in [58.0, 60.0, 64.0].into_iter().enumerate() {
            let seen = (255.0 * pixel[c] + (1.0 - pixel[3]) * under).round();
            sum += f64::from(seen - f32::from(decoded[c])).powi(2);
        }
    }
    let psnr = 10.0 * (255.0 * 255.0 / (sum / (3.0 * 256.0 * 256.0))).log10();
    let found = readings.psnr.unwrap()[0];
    assert!((found - psnr).abs() < 0.02 && (24.0..45.0).contains(&found), "{found} {psnr}");
    let (score, _) = scores.last.unwrap();
    assert!((10.0..95.0).contains(&score), "{score}");
    // Finer is better, and costs more.
    state.document.frame.quality = 20.0;
    offscreen.settle().unwrap();
    let (finer, finer_scores) = offscreen.state().view2d.readings().unwrap().clone();
    assert!(finer.psnr.unwrap()[0] > found + 3.0 && finer.pictures == 1);
    assert!(finer_scores.last.unwrap().0 > score && finer_scores.all.len() == 1);
}

#[test]
fn the_mouse_zooms_pans_reads_and_wipes() {
    let mut offscreen = settled(|setup| setup.stages = [true; 4]);
    keep(&offscreen, "stages.png");
    let state = offscreen.state();
    let (placing, view) = (state.view2d.placing(), state.view2d.view);
    assert_eq!(placing.scale, 1.0);
    // Where the view lies in the window is seen from a pixel that is pointed at.
    let middle = pos2(600.0, 380.0);
    offscreen.frame(vec![Event::PointerMoved(middle)]).unwrap();
    offscreen.frame(Vec::new()).unwrap();
    let pointed = offscreen.state().view2d.probe.clone().unwrap().pixel;
    for _ in 0..6 {
        let wheel = Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, 90.0),
            phase: TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        };
        offscreen.frame(vec![wheel]).unwrap();
        for _ in 0..8 {
            offscreen.frame(Vec::new()).unwrap();
        }
    }
    let zoomed = offscreen.state().view2d.placing();
    assert!(zoomed.scale >= 12.0, "{zoomed:?}");
    assert_eq!(offscreen.state().view2d.probe.clone().unwrap().pixel, pointed);
    keep(&offscreen, "far-in.png");
    // A hundred points to the left: what was there goes with the hand.
    offscreen.frame(vec![button(middle, true)]).unwrap();
    for i in 1..=10 {
        offscreen.frame(vec![Event::PointerMoved(middle - vec2(10.0 * i as f32, 0.0))]).unwrap();
    }
    offscreen.frame(vec![button(middle - vec2(100.0, 0.0), false)]).unwrap();
    let panned = offscreen.state().view2d.placing();
    assert!(
        (panned.origin[0] - (zoomed.origin[0] - 100.0)).abs() <= 1.0 && panned.origin[1] == zoomed.origin[1]
    );
    // Back, and the first divider from a third to a half of what is seen.
    let state = offscreen.state();
    state.view2d.fit();
    offscreen.frame(vec![Event::PointerMoved(middle)]).unwrap();
    offscreen.frame(Vec::new()).unwrap();
    let at = offscreen.state().view2d.probe.clone().unwrap().pixel;
    assert!(view[0] > 512 && at[0] < 512);
    let left = middle.x - at[0] as f32;
    let divider = |part: f32| pos2(left + 512.0 * part, middle.y + 80.0);
    offscreen.frame(vec![Event::PointerMoved(divider(1.0 / 3.0))]).unwrap();
    offscreen.frame(vec![button(divider(1.0 / 3.0), true)]).unwrap();
    for i in 1..=10 {
        let part = egui::lerp(1.0 / 3.0..=0.5, i as f32 / 10.0);
        offscreen.frame(vec![Event::PointerMoved(divider(part))]).unwrap();
    }
    offscreen.frame(vec![button(divider(0.5), false)]).unwrap();
    let [first, second, _] = offscreen.state().document.frame.dividers[1];
    assert!((first - 0.5).abs() < 0.01 && (second - 2.0 / 3.0).abs() < 1e-6, "{first} {second}");
    assert_eq!(offscreen.state().view2d.zoom, Zoom::default(), "the divider was dragged and not the frame");
    // A click holds a pixel.
    let place = middle + vec2(50.0, -60.0);
    offscreen.frame(vec![Event::PointerMoved(place)]).unwrap();
    offscreen.frame(vec![button(place, true)]).unwrap();
    offscreen.frame(vec![button(place, false)]).unwrap();
    offscreen.frame(vec![Event::PointerMoved(middle)]).unwrap();
    offscreen.frame(Vec::new()).unwrap();
    let held = offscreen.state().view2d.probe.clone().unwrap().pixel;
    assert_eq!(held, [at[0] + 50, at[1] - 60]);
    keep(&offscreen, "held.png");
}

#[test]
fn a_capture_is_compared_from_its_cameras_with_its_controls() {
    let mut offscreen = settled(|setup| setup.live = false);
    let state = offscreen.state();
    let renderer = state.graphics.renderer().unwrap();
    let rig = state.scene.loaded().unwrap().avatar.body.as_ref().unwrap().rig.clone();
    // Two pictures of the avatar itself, with its jaw open and shut; the second is lighter by 10 of 255.
    let jaw = rig.morph("jawOpen").unwrap();
    let camera = |yaw: f32| {
        let mut camera = state.document.camera;
        camera.yaw = yaw;
        camera.camera([192, 256])
    };
    let cameras = [camera(0.3), camera(-0.2)];
    let poses = move |rig: &effigy_rig::Rig| {
        let mut open = Pose::rest(rig);
        open.morph_weights[jaw] = 0.8;
        Ok(vec![open, Pose::rest(rig)])
    };
    let mut avatar = renderer.upload(&state.scene.loaded().unwrap().avatar).unwrap();
    let (device, queue) = (state.graphics.device(), state.graphics.queue());
    let pictures: Vec<Frame> = cameras
        .iter()
        .zip(poses(&rig).unwrap())
        .enumerate()
        .map(|(i, (camera, pose))| {
            avatar.set_pose(&pose).unwrap();
            let mut view = renderer.create_view(192, 256).unwrap();
            let mut encoder = device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &[&avatar], camera, &mut view).unwrap();
            queue.submit([encoder.finish()]);
            let mut frame = Frame::default();
            read_frame(device, queue, &view, &mut frame).unwrap();
            for pixel in frame.color.iter_mut().take(if i == 0 { 0 } else { usize::MAX }) {
                let lighter = |c: f32| c + 10.0 / 255.0;
                *pixel = [lighter(pixel[0]), lighter(pixel[1]), lighter(pixel[2]), pixel[3]];
            }
            frame
        })
        .collect();
    let lighter = pictures[1].clone();
    let list: Vec<Shot> = cameras
        .into_iter()
        .zip(pictures)
        .map(|(camera, picture)| Shot {
            name: "picture".into(),
            about: "camera, train".into(),
            camera,
            read: Arc::new(move || Ok(picture.clone())),
        })
        .collect();
    state.view2d.show_shots(|id| Shots::new(id, "capture".into(), list, Arc::new(poses)));
    offscreen.settle().unwrap();
    keep(&offscreen, "capture.png");
    let state = offscreen.state();
    assert_eq!((state.view2d.frame, state.scene.pose().unwrap().morph_weights[jaw]), ([192, 256], 0.8));
    assert_eq!(state.view2d.truth_psnr(), Some([f64::INFINITY; 2]));
    state.document.frame.layer = Layer::Difference;
    offscreen.frame(vec![key(egui::Key::PageDown)]).unwrap();
    offscreen.settle().unwrap();
    keep(&offscreen, "capture-difference.png");
    let state = offscreen.state();
    assert_eq!(state.scene.pose().unwrap().morph_weights[jaw], 0.0);
    // Ten codes off in every channel, but where white ends it: 10 log10(255^2 / 100) is 28.13.
    assert!(lighter.color.iter().all(|pixel| pixel[0] < 1.0));
    let [rgb, luma] = state.view2d.truth_psnr().unwrap();
    assert!((rgb - 28.13).abs() < 0.05 && (luma - 28.13).abs() < 0.05, "{rgb} {luma}");
    let shown = state.view2d.shown.clone().unwrap();
    let gain = state.document.frame.gain;
    let difference = shown.pictures[0].as_ref().unwrap().pixels[192 * 128 + 96];
    assert!((f32::from(difference.g()) - 10.0 * gain).abs() <= gain + 1.0, "{difference:?}");
    let probe = Probe::of(&shown.analysis, [96, 128]).unwrap();
    let (rendered, truth) = (probe.stages[0].unwrap().0, probe.stages[3].unwrap().0);
    assert!(truth[0].abs_diff(rendered[0]).abs_diff(10) <= 1, "{rendered:?} {truth:?}");
    // In the 3D view it is the user's again.
    state.centre = Centre::View3d;
    state.document.controls.morphs.insert("jawOpen".into(), 0.3);
    offscreen.settle().unwrap();
    assert_eq!(offscreen.state().scene.pose().unwrap().morph_weights[jaw], 0.3);
}

fn key(key: egui::Key) -> Event {
    Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE }
}
