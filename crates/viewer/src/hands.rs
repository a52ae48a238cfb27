//! What a user does with the mouse and the keys, off screen: the panels and what they change together.

use std::path::{Path, PathBuf};

use egui::accesskit::{Node, Role};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, pos2};

use crate::action::Action;
use crate::expression::Expression;
use crate::{Bundled, Centre, Offscreen, Options, Storage, command, open, saving};

const BUNDLED: Bundled = Bundled {
    avatar: include_bytes!("../../../assets/head.glb"),
    track: include_bytes!("../../../assets/greeting.json"),
};

/// Pixels of the window: small, for it is drawn in software.
const SIZE: [u32; 2] = [1000, 640];

/// A user in front of a viewer that nobody sees.
struct Hands {
    screen: Offscreen,
    nodes: Vec<Node>,
    /// What the keys go to.
    focus: Option<Node>,
    folder: tempfile::TempDir,
}

impl Hands {
    fn new() -> Self {
        let options = Options { storage: Storage::Nowhere, ..Options::new(BUNDLED) };
        let screen = Offscreen::open(options, SIZE).unwrap();
        screen.viewer().context().enable_accesskit();
        let mut hands = Self { screen, nodes: Vec::new(), focus: None, folder: tempfile::tempdir().unwrap() };
        hands.settle();
        hands
    }

    fn settle(&mut self) {
        self.screen.settle().unwrap();
        self.frame(Vec::new());
    }

    fn frame(&mut self, events: Vec<Event>) {
        let frame = self.screen.frame(events).unwrap();
        if let Some(update) = frame.platform.accesskit_update {
            let focused = update.nodes.iter().find(|(id, _)| *id == update.focus);
            self.focus = focused.map(|(_, node)| node.clone());
            self.nodes = update.nodes.into_iter().map(|(_, node)| node).collect();
        }
    }

    /// Where the widget is that is told to those who cannot see as this.
    fn find(&self, role: Role, label: &str) -> Rect {
        let named = |node: &&Node| node.role() == role && node.label() == Some(label);
        let found = self.nodes.iter().find(named).and_then(Node::bounds);
        let bounds = found.unwrap_or_else(|| panic!("there is no {role:?} called {label}"));
        let at = |x: f64, y: f64| pos2(x as f32, y as f32);
        Rect::from_min_max(at(bounds.x0, bounds.y0), at(bounds.x1, bounds.y1))
    }

    /// The slider beside a name.
    fn slider(&self, name: &str) -> Rect {
        let row = self.find(Role::CheckBox, &format!("{name} by hand"));
        let beside = |node: &&Node| {
            let bounds = node.bounds();
            node.role() == Role::Slider
                && bounds.is_some_and(|b| {
                    ((b.y0 + b.y1) / 2.0 - f64::from(row.center().y)).abs() < 4.0 && b.x0 < 400.0
                })
        };
        let found = self.nodes.iter().find(beside).and_then(Node::bounds);
        let bounds = found.unwrap_or_else(|| panic!("there is no slider beside {name}"));
        let at = |x: f64, y: f64| pos2(x as f32, y as f32);
        Rect::from_min_max(at(bounds.x0, bounds.y0), at(bounds.x1, bounds.y1))
    }

    fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> Event {
        Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }
    }

    fn click(&mut self, at: Pos2) {
        self.frame(vec![Event::PointerMoved(at)]);
        self.frame(vec![Self::button(at, true, Modifiers::NONE)]);
        self.frame(vec![Self::button(at, false, Modifiers::NONE)]);
        self.frame(Vec::new());
    }

    fn press(&mut self, from: Pos2) {
        self.frame(vec![Event::PointerMoved(from)]);
        self.frame(vec![Self::button(from, true, Modifiers::NONE)]);
    }

    /// In ten steps, a frame each.
    fn drag(&mut self, from: Pos2, to: Pos2) {
        self.press(from);
        for i in 1..=10 {
            self.frame(vec![Event::PointerMoved(from + (to - from) * (i as f32 / 10.0))]);
        }
        self.frame(vec![Self::button(to, false, Modifiers::NONE)]);
        self.frame(Vec::new());
    }

    fn key(&mut self, key: Key, modifiers: Modifiers) {
        for pressed in [true, false] {
            let event = Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
            self.frame(vec![Event::ModifiersChanged(modifiers), event]);
        }
        self.frame(vec![Event::ModifiersChanged(Modifiers::NONE)]);
    }

    fn type_into(&mut self, at: Pos2, text: &str) {
        self.click(at);
        self.frame(vec![Event::Text(text.into())]);
        self.frame(Vec::new());
    }

    fn search(&mut self, text: &str) {
        self.screen.state().controls.filter = text.into();
        self.frame(Vec::new());
        self.frame(Vec::new());
    }

    fn weight(&mut self, name: &str) -> f32 {
        let scene = &self.screen.state().scene;
        scene.pose().unwrap().morph_weights[scene.rig().unwrap().morph(name).unwrap()]
    }

    fn time(&mut self) -> f64 {
        self.screen.state().scene.clock.time
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&mut self, path: &Path) {
        open::files(self.screen.state(), &[path.to_owned()]);
        self.settle();
    }

    fn motion_name(&mut self) -> String {
        self.screen.state().scene.motion.name().to_owned()
    }

    /// Where the environment says, to be looked at.
    fn keep(&self, name: &str) {
        if let Some(folder) = std::env::var_os("EFFIGY_PICTURES") {
            self.screen.picture().unwrap().save(Path::new(&folder).join(name)).unwrap();
        }
    }
}

const UNDO: Modifiers = Modifiers::COMMAND;

#[test]
fn a_slider_moves_the_face_and_undo_takes_the_whole_drag_back() {
    let mut hands = Hands::new();
    hands.keep("controls.png");
    let before = hands.weight("browInnerUp");
    hands.search("brow");
    let rail = hands.slider("browInnerUp");
    hands.drag(rail.left_center() + egui::vec2(4.0, 0.0), rail.right_center() + egui::vec2(8.0, 0.0));
    assert_eq!(hands.weight("browInnerUp"), 1.0);
    assert_eq!(hands.slider("browInnerUp"), rail, "nothing moves under the hand");
    hands.keep("slider.png");
    hands.key(Key::Z, UNDO);
    assert_eq!(hands.weight("browInnerUp"), before);
    assert!(hands.screen.state().document.controls.is_empty());
    assert!(!command::is_possible(Action::Undo, hands.screen.state()), "one drag is one step");
    hands.key(Key::Z, UNDO | Modifiers::SHIFT);
    assert_eq!(hands.weight("browInnerUp"), 1.0);
    // The mark beside it lets it follow the track again.
    let mark = hands.find(Role::CheckBox, "browInnerUp by hand").center();
    hands.click(mark);
    assert_eq!(hands.weight("browInnerUp"), before);
    // With both sides, the other one moves too.
    hands.key(Key::M, Modifiers::NONE);
    let rail = hands.slider("browDownLeft");
    hands.drag(rail.left_center() + egui::vec2(4.0, 0.0), rail.right_center() + egui::vec2(8.0, 0.0));
    assert_eq!((hands.weight("browDownLeft"), hands.weight("browDownRight")), (1.0, 1.0));
    let group = hands.find(Role::Button, "Reset Brows").center();
    hands.click(group);
    assert_eq!((hands.weight("browDownLeft"), hands.weight("browDownRight")), (0.0, 0.0));
    assert!(hands.screen.viewer().faults().is_empty());
}

#[test]
fn sliders_are_reached_by_keys_and_numbers_and_searched() {
    let mut hands = Hands::new();
    let search = hands.nodes.iter().find(|node| node.placeholder() == Some("Search controls"));
    let bounds = search.and_then(Node::bounds).unwrap();
    hands.type_into(pos2(bounds.x0 as f32 + 20.0, (bounds.y0 + bounds.y1) as f32 / 2.0), "JAWop");
    let rows =
        hands.nodes.iter().filter(|node| node.label().is_some_and(|label| label.ends_with(" by hand")));
    assert_eq!(rows.count(), 1);
    hands.keep("search.png");
    // From the search on: its cross, the group, the mark, the slider.
    for _ in 0..4 {
        hands.key(Key::Tab, Modifiers::NONE);
    }
    assert_eq!(hands.focus.as_ref().map(Node::role), Some(Role::Slider));
    hands.key(Key::ArrowRight, Modifiers::NONE);
    let pushed = hands.weight("jawOpen");
    assert!(pushed > 0.0 && pushed < 0.5, "{pushed}");
    hands.key(Key::ArrowRight, Modifiers::NONE);
    assert!(hands.weight("jawOpen") > pushed);
    // The number beside the slider is typed.
    let rail = hands.slider("jawOpen");
    hands.click(rail.right_center() + egui::vec2(30.0, 0.0));
    hands.frame(vec![Event::Text("0.37".into())]);
    hands.key(Key::Enter, Modifiers::NONE);
    assert_eq!(hands.weight("jawOpen"), 0.37);
}

#[test]
fn presets_blend_and_what_is_kept_is_a_track_of_one_frame() {
    let mut hands = Hands::new();
    let chip = hands.find(Role::Button, "Surprise").center();
    hands.click(chip);
    // `surprised` is 0.8 of it.
    assert_eq!((hands.weight("browInnerUp"), hands.weight("browOuterUpLeft")), (0.8, 0.8));
    hands.keep("surprise.png");
    hands.screen.state().blend_amount = 0.5;
    hands.screen.state().apply_blend();
    hands.frame(Vec::new());
    let followed = hands.screen.state().scene.followed().unwrap();
    let at_rest =
        followed.morph_weights[hands.screen.state().scene.rig().unwrap().morph("browInnerUp").unwrap()];
    assert!((hands.weight("browInnerUp") - 0.5 * (0.8 + at_rest)).abs() < 1e-6);
    hands.screen.state().blend_amount = 1.0;
    let chip = hands.find(Role::Button, "Anger").center();
    hands.click(chip);
    assert_eq!((hands.weight("browDownLeft"), hands.weight("browInnerUp")), (0.9, at_rest));
    hands.key(Key::Z, UNDO);
    assert!(
        (hands.weight("browInnerUp") - 0.5 * (0.8 + at_rest)).abs() < 1e-6,
        "the amount is in the step before"
    );
    hands.key(Key::Z, UNDO);
    hands.click(chip);
    // To a file and back, on a face that shows something else.
    let angry = hands.screen.state().scene.pose().unwrap().clone();
    let path = hands.path("angry.json");
    saving::save_expression(hands.screen.state(), &path);
    let played = effigy_rig::Track::open(&path, &Default::default()).unwrap();
    assert_eq!(played.frame_count(), 1);
    let column = played.names.iter().position(|name| name == "browDownLeft").unwrap();
    assert_eq!(played.weights[column], 0.9);
    hands.key(Key::Backspace, UNDO);
    assert_eq!(hands.weight("browDownLeft"), 0.0);
    hands.open(&path);
    assert_eq!(hands.screen.state().scene.pose().unwrap(), &angry);
    assert_eq!(hands.motion_name(), "Greeting", "the track plays on");
    assert_eq!(hands.screen.state().document.expressions[0].name, "angry");
    let kept = hands.find(Role::Button, "angry").center();
    hands.key(Key::Backspace, UNDO);
    hands.click(kept);
    assert_eq!(hands.screen.state().scene.pose().unwrap(), &angry);
}

#[test]
fn the_timeline_is_scrubbed_stepped_and_looped() {
    let mut hands = Hands::new();
    let area = hands.find(Role::Slider, "Timeline");
    let duration = hands.screen.state().scene.motion.duration();
    let x = |part: f64| pos2(area.left() + 8.0 + part as f32 * (area.width() - 16.0), area.center().y);
    hands.drag(x(0.1), x(0.5));
    assert!((hands.time() - 0.5 * duration).abs() < 0.01, "{}", hands.time());
    let jaw = hands.weight("jawOpen");
    hands.screen.state().controls.selected = Some("jawOpen".into());
    hands.frame(Vec::new());
    hands.keep("timeline.png");
    // While it plays, holding it still holds it.
    hands.key(Key::Space, Modifiers::NONE);
    hands.press(x(0.25));
    for _ in 0..5 {
        hands.frame(Vec::new());
    }
    assert!((hands.time() - 0.25 * duration).abs() < 0.01);
    assert!(hands.weight("jawOpen") != jaw);
    hands.frame(vec![Hands::button(x(0.25), false, Modifiers::NONE)]);
    for _ in 0..6 {
        hands.frame(Vec::new());
    }
    let moved = hands.time() - 0.25 * duration;
    assert!((0.05..0.2).contains(&moved), "six frames of a sixtieth: {moved}");
    hands.key(Key::Space, Modifiers::NONE);
    // Frames of a thirtieth.
    hands.key(Key::Home, Modifiers::NONE);
    hands.key(Key::Period, Modifiers::NONE);
    hands.key(Key::Period, Modifiers::NONE);
    hands.key(Key::Period, Modifiers::NONE);
    hands.key(Key::Comma, Modifiers::NONE);
    assert!((hands.time() - 2.0 / 30.0).abs() < 1e-6, "{}", hands.time());
    // From 1 s to 1.5 s.
    hands.screen.state().scene.clock.time = 1.0;
    hands.key(Key::I, Modifiers::NONE);
    hands.screen.state().scene.clock.time = 1.5;
    hands.key(Key::O, Modifiers::NONE);
    hands.keep("range.png");
    hands.key(Key::Space, Modifiers::NONE);
    for _ in 0..90 {
        hands.frame(Vec::new());
        assert!((1.0..=1.5).contains(&hands.time()));
    }
    hands.key(Key::P, Modifiers::NONE);
    assert_eq!(hands.screen.state().scene.clock.range, None);
}

#[test]
fn what_is_done_is_recorded_kept_in_files_and_undone() {
    let mut hands = Hands::new();
    hands.key(Key::R, Modifiers::NONE);
    for _ in 0..20 {
        hands.frame(Vec::new());
    }
    assert!(!hands.screen.state().recorder.is_running(), "it waits for the first move");
    hands.search("brow");
    let rail = hands.slider("browDownLeft");
    hands.drag(rail.left_center() + egui::vec2(4.0, 0.0), rail.right_center() + egui::vec2(8.0, 0.0));
    assert!(hands.screen.state().recorder.is_running());
    hands.keep("recording.png");
    hands.key(Key::R, Modifiers::NONE);
    assert_eq!(hands.motion_name(), "Take 1");
    assert!(hands.screen.state().document.controls.is_empty());
    let track = hands.screen.state().scene.motion.playing().unwrap().player.track().clone();
    let column = track.names.iter().position(|name| name == "browDownLeft").unwrap();
    let values: Vec<f32> = (0..track.frame_count()).map(|i| track.frame(i)[column]).collect();
    // A frame for each of the ten of the drag and some before and after; up and never down.
    assert!((10..24).contains(&values.len()), "{values:?}");
    assert!(values.is_sorted() && values[0] < 0.2 && values.last() == Some(&1.0), "{values:?}");
    assert!((track.frame_interval() - 1.0 / 60.0).abs() < 1e-9);
    // What stood still in the greeting at its start is in it too.
    assert!(
        (track.frame(0)[track.names.iter().position(|n| n == "mouthSmileLeft").unwrap()] - 0.05).abs() < 1e-6
    );
    hands.keep("take.png");
    hands.key(Key::Home, Modifiers::NONE);
    assert_eq!(hands.weight("browDownLeft"), values[0]);
    hands.key(Key::End, Modifiers::NONE);
    assert_eq!(hands.weight("browDownLeft"), 1.0);
    for name in ["take.json", "take.csv"] {
        let path = hands.path(name);
        saving::save_track(hands.screen.state(), &path);
        let back = effigy_rig::Track::open(&path, &Default::default()).unwrap();
        assert_eq!(back.frame_count(), track.frame_count());
        for (c, control) in track.names.iter().enumerate() {
            let column = back.names.iter().position(|other| other == control).unwrap();
            for frame in 0..track.frame_count() {
                assert_eq!(back.frame(frame)[column], track.frame(frame)[c], "{name}: {control} in {frame}");
            }
        }
    }
    assert!(hands.screen.viewer().faults().is_empty(), "{:?}", hands.screen.viewer().faults());
    // One step back: the greeting, and nothing set by hand.
    hands.key(Key::Z, UNDO);
    assert_eq!(hands.motion_name(), "Greeting");
    assert!(hands.screen.state().document.controls.is_empty());
    assert!(!command::is_possible(Action::Undo, hands.screen.state()));
    hands.key(Key::Z, UNDO | Modifiers::SHIFT);
    assert_eq!(hands.motion_name(), "Take 1");
    // Files come back as they were opened.
    let path = hands.path("take.csv");
    hands.open(&path);
    assert_eq!(hands.motion_name(), "take.csv");
    hands.key(Key::End, Modifiers::NONE);
    assert_eq!(hands.weight("browDownLeft"), 1.0);
    hands.key(Key::Z, UNDO);
    assert_eq!(hands.motion_name(), "Take 1");
}

#[test]
fn tracks_of_every_kind_open_and_bad_ones_say_why() {
    let mut hands = Hands::new();
    let track = effigy_rig::Track {
        names: vec!["jawOpen".into(), "browInnerUp".into()],
        times: vec![0.0, 0.5, 1.0],
        weights: vec![0.0, 1.0, 0.5, 0.5, 1.0, 0.25],
        ..Default::default()
    };
    std::fs::write(hands.path("a.json"), track.to_json().unwrap()).unwrap();
    std::fs::write(hands.path("a.csv"), track.to_live_link().unwrap().0).unwrap();
    let (layout, frames) = effigy_stream::stream_frames(&track);
    let configuration = effigy_stream::Configuration::new(layout, 2.0).unwrap();
    let mut encoder = effigy_stream::StreamEncoder::new(configuration, None, Default::default()).unwrap();
    let mut file = effigy_stream::StreamFile::default();
    for frame in &frames {
        file.packets.extend(encoder.push(frame).unwrap());
    }
    file.packets.extend(encoder.flush().unwrap());
    file.write(&mut std::fs::File::create(hands.path("a.effs")).unwrap()).unwrap();
    for name in ["a.json", "a.csv", "a.effs"] {
        let path = hands.path(name);
        hands.open(&path);
        assert!(hands.screen.viewer().faults().is_empty(), "{:?}", hands.screen.viewer().faults());
        assert_eq!(hands.motion_name(), name);
        hands.screen.state().scene.clock.time = 1.0;
        hands.screen.state().scene.clock.looping = false;
        hands.frame(Vec::new());
        let jaw = hands.weight("jawOpen");
        assert!((jaw - 1.0).abs() < 0.02, "{name}: {jaw}");
    }
    for (name, text, part) in [
        ("b.json", "{\"names\": [", "EOF"),
        ("c.csv", "Dear all,\nplease find attached\n", "not a track"),
        ("d.effs", "EFFT", "not a stream"),
        (
            "e.json",
            "{\"names\": [\"wings\"], \"frames\": [{\"weights\": [1]}]}",
            "not a single known control",
        ),
        ("f.doc", "x", "no file that the viewer knows"),
        ("g.glb", "glTF", "g.glb"),
    ] {
        let path = hands.path(name);
        std::fs::write(&path, text).unwrap();
        hands.open(&path);
        let faults = hands.screen.viewer().faults();
        assert!(
            faults.last().is_some_and(|fault| fault.contains(name) && fault.contains(part)),
            "{faults:?}"
        );
        assert_eq!(hands.motion_name(), "a.effs", "what played plays on");
    }
}

#[test]
fn animations_of_gltf_files_play_as_tracks_and_as_the_avatars_own() {
    let mut hands = Hands::new();
    let mut avatar = effigy_avatar::Avatar::from_glb(BUNDLED.avatar).unwrap();
    let rig = &mut avatar.body.as_mut().unwrap().rig;
    let jaw = rig.morph("jawOpen").unwrap();
    rig.animations.push(effigy_rig::Animation {
        name: "yawn".into(),
        channels: vec![effigy_rig::Channel {
            interpolation: effigy_rig::Interpolation::Linear,
            times: vec![0.0, 2.0],
            values: effigy_rig::ChannelValues::Weights(vec![jaw], vec![0.0, 1.0]),
        }],
    });
    let path = hands.path("yawn.glb");
    avatar.save(&path).unwrap();
    open::track(hands.screen.state(), path.clone());
    hands.settle();
    assert_eq!(hands.motion_name(), "yawn.glb");
    for own in [false, true] {
        assert!((hands.screen.state().scene.motion.duration() - 2.0).abs() < 1e-6);
        hands.screen.state().scene.clock.time = 0.5;
        hands.frame(Vec::new());
        assert!((hands.weight("jawOpen") - 0.25).abs() < 1e-3);
        // What is saved of it is a track of the same.
        let saved = hands.path("yawn.json");
        saving::save_track(hands.screen.state(), &saved);
        let track = effigy_rig::Track::open(&saved, &Default::default()).unwrap();
        assert_eq!(track.frame_count(), 121);
        let column = track.names.iter().position(|name| name == "jawOpen").unwrap();
        assert!((track.frame(60)[column] - 0.5).abs() < 1e-3);
        if !own {
            hands.open(&path);
        }
    }
    assert_eq!(hands.motion_name(), "The avatar's animation");
    assert!(hands.screen.viewer().faults().is_empty(), "{:?}", hands.screen.viewer().faults());
}

#[test]
fn a_new_start_is_as_the_first() {
    let mut hands = Hands::new();
    let first = hands.screen.state().document.clone();
    hands.key(Key::B, UNDO);
    let name = hands.path("a.png");
    image::RgbaImage::from_pixel(2, 2, image::Rgba([9, 90, 9, 255])).save(&name).unwrap();
    hands.open(&name);
    hands.key(Key::Num5, Modifiers::NONE);
    hands.key(Key::Num2, UNDO);
    hands.settle();
    hands.key(Key::L, Modifiers::SHIFT);
    hands.search("brow");
    let rail = hands.slider("browDownLeft");
    hands.drag(rail.left_center() + egui::vec2(4.0, 0.0), rail.right_center() + egui::vec2(8.0, 0.0));
    hands.screen.state().scene.clock.time = 2.0;
    let changed = hands.screen.state().document.clone();
    assert!(changed.controls != first.controls && changed.look != first.look);
    assert!(changed.frame != first.frame && changed.camera != first.camera);
    hands.key(Key::N, UNDO);
    hands.settle();
    hands.keep("again.png");
    assert_eq!((hands.motion_name(), hands.time()), ("Greeting".into(), 0.0));
    let state = hands.screen.state();
    assert!(!command::is_possible(Action::Undo, state) && !command::is_possible(Action::Redo, state));
    assert_eq!(state.centre, Centre::View3d);
    let mut again = state.document.clone();
    assert_eq!(again.bookmarks.len(), 1, "what is kept for good stays");
    again.bookmarks.clear();
    // It was read again, and panels may be a pixel wider.
    again.motion = first.motion.clone();
    assert!((again.camera.distance / first.camera.distance - 1.0).abs() < 0.01);
    again.camera.distance = first.camera.distance;
    assert_eq!(again, first);
}

#[test]
fn kept_expressions_replace_those_of_the_same_name_and_can_be_undone() {
    let mut hands = Hands::new();
    let named = |name: &str, jaw: f32| Expression {
        name: name.into(),
        morphs: [("jawOpen".to_owned(), jaw)].into(),
        ..Expression::default()
    };
    for jaw in [0.25, 0.5] {
        hands.screen.state().keep_expression(named("open", jaw));
        hands.frame(Vec::new());
    }
    assert_eq!(hands.screen.state().document.expressions, [named("open", 0.5)]);
    hands.key(Key::Z, UNDO);
    assert_eq!(hands.screen.state().document.expressions, [named("open", 0.25)]);
    hands.key(Key::Z, UNDO);
    assert!(hands.screen.state().document.expressions.is_empty());
}
