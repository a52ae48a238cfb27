//! A monkey at mouse and keyboard: whatever it does, the viewer goes on, its memory stays, and the graphics device has
//! nothing to complain about.
//!
//! `EFFIGY_SOAK_FRAMES=20000 cargo test --release -p effigy-viewer --test soak -- --nocapture` is half an hour of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod held;

use std::path::{Path, PathBuf};

use effigy_viewer::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, pos2, vec2,
};
use effigy_viewer::{Bundled, Dialogs, Offscreen, Options, Storage};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

const BUNDLED: Bundled = Bundled {
    avatar: include_bytes!("../../../../assets/head.glb"),
    track: include_bytes!("../../../../assets/greeting.json"),
};
/// What is done in a test that everyone runs.
const FRAMES: usize = 400;
/// How often memory is looked at.
const MARKS: usize = 20;
const SIZES: [[u32; 2]; 6] = [[640, 400], [641, 399], [320, 200], [900, 300], [200, 500], [64, 48]];

struct Monkey {
    random: SmallRng,
    at: Pos2,
    held: Option<PointerButton>,
    modifiers: Modifiers,
    /// What it drops on the window: whole files and broken ones.
    files: Vec<PathBuf>,
}

impl Monkey {
    fn new(seed: u64, folder: &Path) -> Self {
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let files = vec![
            write("head.glb", BUNDLED.avatar),
            write("track.json", BUNDLED.track),
            write("cut.glb", &BUNDLED.avatar[..BUNDLED.avatar.len() / 3]),
            write("nonsense.csv", b"Timecode,BlendShapeCount\n00:00:00:00.0,what\n"),
            write("cut.json", &BUNDLED.track[..40]),
            write("letter.txt", b"Dear Sir or Madam"),
            folder.join("not_there.glb"),
        ];
        let random = SmallRng::seed_from_u64(seed);
        Self { random, at: pos2(0.0, 0.0), held: None, modifiers: Modifiers::NONE, files }
    }

    fn place(&mut self, size: [u32; 2]) -> Pos2 {
        let [w, h] = size.map(|v| v as f32);
        match self.random.random_range(0..3) {
            // A little further, so that drags are drags.
            0 | 1 => {
                let step = vec2(self.random.random_range(-40.0..40.0), self.random.random_range(-40.0..40.0));
                (self.at + step).clamp(Pos2::ZERO, pos2(w, h))
            }
            _ => pos2(self.random.random_range(0.0..=w), self.random.random_range(0.0..=h)),
        }
    }

    /// Lets go of everything and starts over, so that memory is that of the same things.
    fn tidy_up(&mut self, offscreen: &mut Offscreen) {
        let mut events = vec![Event::PointerGone];
        if let Some(button) = self.held.take() {
            let modifiers = Modifiers::NONE;
            events.insert(0, Event::PointerButton { pos: self.at, button, pressed: false, modifiers });
        }
        self.modifiers = Modifiers::NONE;
        offscreen.resize(SIZES[0]).unwrap();
        offscreen.frame(events).unwrap();
        // What has the focus may take keys.
        for (key, modifiers) in [(Key::Escape, Modifiers::NONE), (Key::N, Modifiers::COMMAND)] {
            let press = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
            offscreen.frame(vec![Event::ModifiersChanged(modifiers), press(true), press(false)]).unwrap();
        }
        offscreen.frame(vec![Event::ModifiersChanged(Modifiers::NONE)]).unwrap();
        offscreen.settle().unwrap();
    }

    fn key(&mut self) -> Key {
        let key = Key::ALL[self.random.random_range(0..Key::ALL.len())];
        // Leaving is no adventure.
        if key == Key::Q { Key::Space } else { key }
    }

    /// What happens in the next frame.
    fn act(&mut self, size: [u32; 2]) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..self.random.random_range(0..3) {
            match self.random.random_range(0..100) {
                0..45 => {
                    self.at = self.place(size);
                    events.push(Event::PointerMoved(self.at));
                }
                45..70 => {
                    let button = self.held.take();
                    let pressed = button.is_none();
                    let button = button.unwrap_or_else(|| match self.random.random_range(0..6) {
                        0 => PointerButton::Secondary,
                        1 => PointerButton::Middle,
                        _ => PointerButton::Primary,
                    });
                    self.held = pressed.then_some(button);
                    events.push(Event::PointerButton {
                        pos: self.at,
                        button,
                        pressed,
                        modifiers: self.modifiers,
                    });
                }
                70..78 => events.push(Event::MouseWheel {
                    unit: MouseWheelUnit::Line,
                    delta: vec2(0.0, self.random.random_range(-3.0..3.0)),
                    phase: TouchPhase::Move,
                    modifiers: self.modifiers,
                    source: MouseWheelSource::Wheel,
                }),
                78..94 => {
                    let key = self.key();
                    for pressed in [true, false] {
                        let modifiers = self.modifiers;
                        events.push(Event::Key {
                            key,
                            physical_key: None,
                            pressed,
                            repeat: false,
                            modifiers,
                        });
                    }
                }
                94..97 => events.push(Event::Text(
                    ["a", "7", "ß", "eye", "-1e99", "\u{202e}"][self.random.random_range(0..6)].into(),
                )),
                97 => {
                    events.push(Event::PointerGone);
                    events.push(Event::WindowFocused(self.random.random()));
                }
                _ => {
                    self.modifiers = [Modifiers::NONE, Modifiers::SHIFT, Modifiers::COMMAND, Modifiers::ALT]
                        [self.random.random_range(0..4)];
                    events.push(Event::ModifiersChanged(self.modifiers));
                }
            }
        }
        events
    }
}

/// Memory at one moment, MiB.
struct Memory {
    /// What the program holds.
    program: f64,
    /// What buffers and textures hold; nothing where the driver does not say.
    device: f64,
    /// What the system has given, reserves of allocators and of the driver included; nothing where it does not say.
    resident: f64,
}

/// One of them.
type Part = fn(&Memory) -> f64;

impl Memory {
    fn now(offscreen: &Offscreen) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let mebibytes = |bytes: f64| bytes / f64::from(1 << 20);
        Self {
            program: mebibytes(held::bytes() as f64),
            device: mebibytes(offscreen.device_memory().unwrap_or(0) as f64),
            resident: kibibytes.unwrap_or(0.0) / 1024.0,
        }
    }
}

/// Says that the test runs in a home of its own.
const AT_HOME: &str = "EFFIGY_SOAK_AT_HOME";

#[test]
fn a_monkey_breaks_nothing() {
    if std::env::var_os(AT_HOME).is_none() {
        // A monkey also exports pictures, and they shall not lie among the user's.
        let home = tempfile::tempdir().unwrap();
        let again = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_monkey_breaks_nothing", "--nocapture"])
            .env(AT_HOME, "1")
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            // What was freed shall count as freed, and not lie about in the C library's pools, of which there is one for
            // each thread that ever ran beside the others.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "65536")
            .env("MALLOC_TRIM_THRESHOLD_", "65536")
            .status();
        assert!(again.unwrap().success());
        return;
    }
    let frames = std::env::var("EFFIGY_SOAK_FRAMES").ok().map_or(FRAMES, |frames| frames.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut monkey = Monkey::new(7, folder.path());
    let options = Options { storage: Storage::Nowhere, dialogs: Dialogs::Refuse, ..Options::new(BUNDLED) };
    let mut offscreen = Offscreen::open(options, SIZES[0]).unwrap();
    offscreen.settle().unwrap();
    let mut marks = Vec::new();
    for i in 0..frames {
        if monkey.random.random_range(0..150) == 0 {
            offscreen.resize(SIZES[monkey.random.random_range(0..SIZES.len())]).unwrap();
        }
        let dropped = match monkey.random.random_range(0..200) {
            0 => vec![monkey.files[monkey.random.random_range(0..monkey.files.len())].clone()],
            _ => Vec::new(),
        };
        let events = monkey.act(offscreen.size());
        offscreen.frame_with(events, dropped).unwrap();
        for fault in offscreen.viewer().faults() {
            assert!(!fault.contains("wgpu") && !fault.contains("alidation"), "frame {i}: {fault}");
        }
        if (i + 1) % (frames / MARKS).max(100) == 0 {
            monkey.tidy_up(&mut offscreen);
            let Memory { program, device, resident } = Memory::now(&offscreen);
            println!("frame {i}: {program:.1} MiB held, {device:.1} on the device, {resident:.1} resident");
            marks.push(Memory { program, device, resident });
        }
    }
    // After a quarter everything has been seen once. A short run has not seen it: only a long one tells of leaks.
    if frames >= 20_000 && marks.len() >= MARKS {
        let quarter = MARKS / 4;
        // What a job happens to hold while it is looked at is no growth.
        let median = |marks: &[Memory], of: Part| {
            let mut values: Vec<f64> = marks.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let kinds: [(&str, Part); 3] = [
            ("held", |memory| memory.program),
            ("on the device", |memory| memory.device),
            ("resident", |memory| memory.resident),
        ];
        let grown = kinds.map(|(kind, of)| {
            let (early, late) = (median(&marks[quarter..2 * quarter], of), median(&marks[3 * quarter..], of));
            println!("{kind}: from {early:.1} to {late:.1} MiB");
            late / early.max(1e-9)
        });
        // What is not known is 0 throughout.
        assert!(grown.iter().all(|grown| *grown < 1.02), "memory grew: {grown:?}");
    }
}
