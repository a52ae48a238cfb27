//! Exports by the viewer's own jobs, read back by other means.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

/// Reads MP4 by its specification, and its pictures by openh264's decoder.
#[allow(dead_code, reason = "each test program uses some of it")]
#[path = "../../../cli/tests/support/video.rs"]
mod video;

use std::path::Path;
use std::time::{Duration, Instant};

use effigy_avatar::{Avatar, OpenOptions};
use egui::{Event, Key, Modifiers};

use crate::action::Action;
use crate::look::Background;
use crate::{Bundled, Offscreen, Options, Storage};

const BUNDLED: Bundled = Bundled {
    avatar: include_bytes!("../../../../assets/head.glb"),
    track: include_bytes!("../../../../assets/greeting.json"),
};
const BLUE: [u8; 3] = [40, 60, 120];

/// A viewer that shows nothing but the avatar, before blue.
fn plain() -> Offscreen {
    let mut offscreen =
        Offscreen::open(Options { storage: Storage::Nowhere, ..Options::new(BUNDLED) }, [360, 300]).unwrap();
    let state = offscreen.state();
    state.settings.show_controls = false;
    state.settings.show_inspector = false;
    state.settings.show_timeline = false;
    let look = &mut state.document.look;
    (look.grid, look.shadow, look.background, look.colour) = (false, false, Background::Colour, BLUE);
    offscreen.settle().unwrap();
    offscreen
}

/// Performs an action and waits for what it starts.
fn perform(offscreen: &mut Offscreen, action: Action) {
    offscreen.state().actions.push(action);
    offscreen.settle().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_picture_is_what_the_view_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    offscreen.state().export.picture.path = folder.path().join("a.png");
    perform(&mut offscreen, Action::SavePicture);
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    assert_eq!(names(folder.path()), ["a.png"]);
    let saved = image::open(folder.path().join("a.png")).unwrap().into_rgba8();
    let [width, height] = offscreen.state().view3d.size();
    assert_eq!((saved.width(), saved.height()), (width, height));
    assert_eq!(width, 360);
    // Nothing in a corner, and all there in the middle.
    assert_eq!(saved.get_pixel(2, 2).0[3], 0);
    assert!(saved.get_pixel(width / 2, height / 2).0[3] > 250);
    // Put over blue by hand, it is found in the window, which has other things above and below the view.
    // The note that says so lies over it.
    while !offscreen.state().messages.list().is_empty() {
        offscreen.state().messages.close(0);
    }
    offscreen.settle().unwrap();
    let window = offscreen.picture().unwrap();
    let error = |down: u32| {
        let mut sum = 0.0;
        let mut count = 0.0;
        for (x, y, pixel) in saved.enumerate_pixels().filter(|(x, y, _)| (x + y) % 3 == 0) {
            let [r, g, b, a] = pixel.0.map(f32::from);
            let at = 4 * ((y + down) * window.width + x) as usize;
            for (c, over) in [r, g, b].into_iter().zip(BLUE).enumerate() {
                let expected = over.0 * a / 255.0 + f32::from(over.1) * (1.0 - a / 255.0);
                sum += (expected - f32::from(window.rgba[at + c])).abs();
                count += 1.0;
            }
        }
        sum / count
    };
    let best = (0..=window.height - height).map(error).fold(f32::INFINITY, f32::min);
    assert!(best < 1.0, "{best} levels from what is shown");
    // The next has another name, and is as large as was asked for.
    let state = offscreen.state();
    assert_eq!(state.export.picture.path, folder.path().join("a 2.png"));
    state.export.picture.size = Some([64, 200]);
    state.export.picture.background = Some(BLUE);
    perform(&mut offscreen, Action::SavePicture);
    let tall = image::open(folder.path().join("a 2.png")).unwrap().into_rgba8();
    assert_eq!((tall.dimensions(), tall.get_pixel(0, 0).0), ((64, 200), [40, 60, 120, 255]));
}

#[test]
fn a_video_is_the_turntable_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    let state = offscreen.state();
    state.export.picture.path = folder.path().join("first.png");
    state.export.picture.size = Some([128, 96]);
    state.export.picture.background = Some(BLUE);
    let settings = &mut state.export.video;
    settings.path = folder.path().join("a.mp4");
    (settings.size, settings.fps, settings.turntable) = ([128, 96], 25.0, true);
    (settings.range, settings.background) = (Some([0.0, 0.4]), BLUE);
    (settings.quality, settings.filtering) = (14.0, effigy_video::Filtering::Focus);
    assert_eq!(settings.frames(9.0), Some(10));
    perform(&mut offscreen, Action::SavePicture);
    perform(&mut offscreen, Action::ExportVideo);
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    assert_eq!(names(folder.path()), ["a.mp4", "first.png"]);
    let file = std::fs::read(folder.path().join("a.mp4")).unwrap();
    let video = video::read(&file, 1);
    assert_eq!((video.width, video.height, video.count), (128, 96, 10));
    assert!((video.seconds - 0.4).abs() < 1e-6 && video.fast_start);
    // The first picture is that of the view, and the sixth, half a turn on, is not.
    let first = image::open(folder.path().join("first.png")).unwrap().into_rgb8();
    let psnr = |frame: &[[f64; 3]]| {
        let pairs = frame.iter().flatten().zip(first.as_raw());
        let squares: f64 = pairs.map(|(a, b)| (a * 255.0 - f64::from(*b)).powi(2)).sum();
        10.0 * (255.0 * 255.0 * first.as_raw().len() as f64 / squares).log10()
    };
    let [same, back] = [0, 5].map(|i| psnr(&video.frames[i]));
    assert!(same > 36.0 && back < 30.0, "{same} {back}");
}

#[test]
fn a_video_has_the_sound_that_was_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    let sound = folder.path().join("a.aac");
    // ADTS (ISO/IEC 14496-3, 1.A.2.2): AAC-LC of 48 kHz, one channel, packets of 9 bytes that say nothing.
    std::fs::write(&sound, [0xff, 0xf1, 0x4c, 0x40, 0x01, 0x3f, 0xfc, 0x00, 0x00].repeat(40)).unwrap();
    offscreen.frame_with(Vec::new(), vec![sound]).unwrap();
    let settings = &mut offscreen.state().export.video;
    (settings.path, settings.size) = (folder.path().join("a.mp4"), [64, 48]);
    settings.range = Some([0.0, 0.2]);
    perform(&mut offscreen, Action::ExportVideo);
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    let file = std::fs::read(folder.path().join("a.mp4")).unwrap();
    assert!(file.windows(4).any(|name| name == b"mp4a") && file.windows(4).any(|name| name == b"avc1"));
}

#[test]
fn a_cancelled_video_leaves_nothing_behind_and_the_interface_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    let settings = &mut offscreen.state().export.video;
    settings.path = folder.path().join("long.mp4");
    (settings.size, settings.range) = ([640, 480], Some([0.0, 600.0]));
    offscreen.state().actions.push(Action::ExportVideo);
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut frames = 0;
    loop {
        let frame = Instant::now();
        offscreen.frame(Vec::new()).unwrap();
        slowest = slowest.max(frame.elapsed());
        frames += 1;
        let state = offscreen.state();
        let done = state.jobs.list().first().map_or(0.0, |job| job.progress.done());
        // Some are drawn, of 18,000.
        if done > 2.5 / 18_000.0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no progress");
    }
    println!("{frames} frames of the interface beside it, the slowest after {slowest:?}");
    assert_eq!(names(folder.path()).len(), 1);
    assert!(!folder.path().join("long.mp4").exists());
    offscreen.state().jobs.cancel(super::VIDEO_JOB);
    let cancelled = Instant::now();
    while !names(folder.path()).is_empty() {
        offscreen.frame(Vec::new()).unwrap();
        assert!(cancelled.elapsed() < Duration::from_secs(30), "{:?}", names(folder.path()));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(offscreen.state().jobs.is_idle() && offscreen.viewer().faults().is_empty());
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    let nowhere = folder.path().join("no such folder");
    let state = offscreen.state();
    state.export.picture.path = nowhere.join("a.png");
    state.export.video.path = nowhere.join("a.mp4");
    state.export.avatar_path = nowhere.join("a.glb");
    for action in [Action::SavePicture, Action::ExportVideo, Action::ExportAvatar] {
        perform(&mut offscreen, action);
        let last = offscreen.state().messages.list().last().unwrap().clone();
        assert!(last.text.contains("no such folder"), "{}", last.text);
        assert!(last.advice.unwrap().contains("folder"));
    }
    let state = offscreen.state();
    state.export.video.path = folder.path().join("a.mp4");
    for (name, text) in [("none.opus", None), ("letter.aac", Some("Dear all"))] {
        let sound = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&sound, text).unwrap();
        }
        offscreen.state().export.video.sound = Some(sound.clone());
        perform(&mut offscreen, Action::ExportVideo);
        let last = offscreen.viewer().faults().last().unwrap().clone();
        assert!(last.contains(name), "{last}");
        let _ = std::fs::remove_file(sound);
    }
    offscreen.state().export.avatar_path = folder.path().join("a.obj");
    perform(&mut offscreen, Action::ExportAvatar);
    assert!(offscreen.viewer().faults().last().unwrap().contains("a.obj"));
    // No file stands for a folder, and an end before the start is no length.
    offscreen.state().export.video.range = Some([2.0, 1.0]);
    perform(&mut offscreen, Action::ExportVideo);
    assert!(offscreen.viewer().faults().last().unwrap().contains("length"));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn the_avatar_is_written_whole_and_as_gaussians() {
    let folder = tempfile::tempdir().unwrap();
    let mut offscreen = plain();
    let avatar = offscreen.state().scene.loaded().unwrap().avatar.clone();
    for name in ["a.glb", "a.ply"] {
        offscreen.state().export.avatar_path = folder.path().join(name);
        perform(&mut offscreen, Action::ExportAvatar);
    }
    assert_eq!(names(folder.path()), ["a.glb", "a.ply"]);
    let open = |name| Avatar::open(folder.path().join(name), &OpenOptions::default()).unwrap();
    let (whole, gaussians) = (open("a.glb"), open("a.ply"));
    assert_eq!(whole.gaussians.len(), avatar.gaussians.len());
    assert_eq!(whole.body.unwrap().rig.morphs.len(), avatar.body.as_ref().unwrap().rig.morphs.len());
    assert_eq!(gaussians.gaussians.len(), avatar.gaussians.len());
    assert!(gaussians.body.is_none());
}

#[test]
fn the_panel_of_exports_is_a_key_away() {
    let mut offscreen =
        Offscreen::open(Options { storage: Storage::Nowhere, ..Options::new(BUNDLED) }, [1200, 860]).unwrap();
    offscreen.settle().unwrap();
    for pressed in [true, false] {
        let modifiers = if pressed { Modifiers::COMMAND } else { Modifiers::NONE };
        let key = Event::Key { key: Key::E, physical_key: None, pressed, repeat: false, modifiers };
        offscreen.frame(vec![Event::ModifiersChanged(modifiers), key]).unwrap();
    }
    assert_eq!(offscreen.state().inspector, crate::inspector_tab::Tab::Export);
    offscreen.settle().unwrap();
    if let Some(folder) = std::env::var_os("EFFIGY_PICTURES") {
        offscreen.picture().unwrap().save(Path::new(&folder).join("export.png")).unwrap();
    }
}
