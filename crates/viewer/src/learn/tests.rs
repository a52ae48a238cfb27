//! Training through the viewer's own state, on a small head.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

/// Makes a capture of a small head that is known exactly.
#[path = "../../../train/tests/synthetic/mod.rs"]
mod synthetic;

use std::time::{Duration, Instant};

use effigy_avatar::{Avatar, OpenOptions};
use effigy_train::session::Order;

use super::progress::smoothed;
use super::settings::Place;
use super::start;
use crate::{Bundled, Offscreen, Options, Storage};

const BUNDLED: Bundled = Bundled {
    avatar: include_bytes!("../../../../assets/head.glb"),
    track: include_bytes!("../../../../assets/greeting.json"),
};

/// A viewer, with a capture in a folder and the settings to learn it by in so many steps.
fn viewer(steps: usize) -> (Offscreen, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("ball");
    std::fs::create_dir(&capture).unwrap();
    synthetic::write(&capture);
    let mut offscreen =
        Offscreen::open(Options { storage: Storage::Nowhere, ..Options::new(BUNDLED) }, [1200, 860]).unwrap();
    offscreen.settle().unwrap();
    let settings = &mut offscreen.state().learning.settings;
    settings.choose_capture(capture);
    let config = folder.path().join("small.toml");
    std::fs::write(&config, synthetic::config(steps).to_toml()).unwrap();
    (settings.config, settings.place) = (Some(config), Place::Processor);
    assert_eq!(settings.output, folder.path().join("ball.glb"));
    (offscreen, folder)
}

/// Draws frames until `done`, and says the longest that one took.
fn draw_until(offscreen: &mut Offscreen, mut done: impl FnMut(&mut Offscreen) -> bool) -> Duration {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while !done(offscreen) {
        let frame = Instant::now();
        offscreen.frame(Vec::new()).unwrap();
        longest = longest.max(frame.elapsed());
        assert!(start.elapsed() < Duration::from_secs(120), "{:?}", offscreen.viewer().faults());
        std::thread::sleep(Duration::from_millis(2));
    }
    longest
}

/// Says how long frames take while the view stands, and while it turns. (What they may take depends on who else uses the
/// machine, and on whether it draws with a graphics device.)
fn pace(offscreen: &mut Offscreen, when: &str) {
    for turning in [false, true] {
        if turning {
            offscreen.state().actions.push(crate::action::Action::Turntable);
        }
        let mut times: Vec<f64> = (0..20)
            .map(|_| {
                let start = Instant::now();
                offscreen.frame(Vec::new()).unwrap();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let (half, most) = (times[10], times[18]);
        let interface = offscreen.viewer().interface_time();
        let what = if turning { "turning" } else { "standing" };
        println!(
            "{when}, {what}: a frame in {half:.1} ms, nine of ten in {most:.1} ms, {interface:.2} ms of it the interface"
        );
    }
    offscreen.state().actions.push(crate::action::Action::Turntable);
    offscreen.frame(Vec::new()).unwrap();
}

fn steps(offscreen: &mut Offscreen) -> usize {
    let run = offscreen.state().learning.run.as_ref().unwrap();
    run.shared.with_samples(|samples| samples.last().map_or(0, |sample| sample.step))
}

#[test]
fn a_capture_is_learned_paused_stopped_kept_and_gone_on_with() {
    let (mut offscreen, folder) = viewer(1200);
    start(offscreen.state(), false);
    // It is seen while it learns: another avatar than the bundled one.
    draw_until(&mut offscreen, |offscreen| {
        offscreen.state().scene.loaded().unwrap().avatar.gaussians.len() == 700 && steps(offscreen) > 20
    });
    assert_eq!(offscreen.state().scene.loaded().unwrap().name(), "Training");
    pace(&mut offscreen, "while it learns");
    let revision = offscreen.state().scene.revision();
    draw_until(&mut offscreen, |offscreen| offscreen.state().scene.revision() > revision);
    offscreen.state().inspector = crate::inspector_tab::Tab::Train;
    let shared = offscreen.state().learning.run.as_ref().unwrap().shared.clone();
    shared.order(Order::Pause);
    // A step that was under way is finished.
    for _ in 0..40 {
        offscreen.frame(Vec::new()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let paused = steps(&mut offscreen);
    pace(&mut offscreen, "while it rests");
    for _ in 0..20 {
        offscreen.frame(Vec::new()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(steps(&mut offscreen), paused);
    if let Some(pictures) = std::env::var_os("EFFIGY_PICTURES") {
        let path = std::path::Path::new(&pictures).join("train.png");
        offscreen.picture().unwrap().save(path).unwrap();
    }
    assert!(paused < 1200 && !shared.is_over());
    shared.order(Order::Resume);
    draw_until(&mut offscreen, |offscreen| steps(offscreen) > paused);
    shared.order(Order::Keep);
    offscreen.settle().unwrap();
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    let kept = Avatar::open(folder.path().join("ball.glb"), &OpenOptions::default()).unwrap();
    assert_eq!((kept.gaussians.len(), kept.name.as_str()), (700, "ball"));
    let shown = offscreen.state().scene.loaded().unwrap();
    assert_eq!(shown.path.as_deref(), Some(folder.path().join("ball.glb").as_path()));
    // A second run of the name would overwrite the first.
    let stopped = steps(&mut offscreen);
    start(offscreen.state(), false);
    assert!(offscreen.viewer().faults()[0].contains("there is a run already"));
    start(offscreen.state(), true);
    draw_until(&mut offscreen, |offscreen| steps(offscreen) > stopped);
    let run = &offscreen.state().learning.run.as_ref().unwrap().shared;
    assert_eq!(run.with_samples(|samples| samples[0].step), stopped + 1);
    run.order(Order::Discard);
    offscreen.settle().unwrap();
    assert!(!offscreen.state().learning.is_running());
}

#[test]
fn the_interface_goes_on_beside_a_whole_head() {
    let own = std::env::var_os("EFFIGY_DATA").map(std::path::PathBuf::from);
    let data = own.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let capture = data.join("capture_head");
    if !capture.is_dir() {
        println!("skipping: there is no {}", capture.display());
        return;
    }
    let (mut offscreen, folder) = viewer(10);
    pace(&mut offscreen, "before");
    let settings = &mut offscreen.state().learning.settings;
    settings.capture = capture;
    settings.output = folder.path().join("head.glb");
    settings.config = None;
    start(offscreen.state(), false);
    draw_until(&mut offscreen, |offscreen| steps(offscreen) > 2);
    pace(&mut offscreen, "while a head is learned");
    offscreen.state().learning.run.as_ref().unwrap().shared.order(Order::Discard);
    offscreen.settle().unwrap();
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    // The interface itself, without what draws the avatar, leaves time for thirty frames a second.
    assert!(offscreen.viewer().interface_time() < 33.0);
    assert!(!folder.path().join("head.glb").exists());
}

#[test]
fn a_short_run_ends_by_itself_and_has_learned() {
    let (mut offscreen, folder) = viewer(60);
    start(offscreen.state(), false);
    offscreen.settle().unwrap();
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    let run = offscreen.state().learning.run.as_ref().unwrap();
    let psnr = run.shared.with_samples(|samples| {
        assert_eq!(samples.len(), 60);
        smoothed(samples, 3, |sample| sample.psnr)
    });
    assert_eq!(psnr.len(), 3);
    assert!(psnr[2][1] > psnr[0][1] + 1.0, "{psnr:?}");
    assert!(folder.path().join("ball.glb").exists());
}

#[test]
fn what_is_wrong_with_a_capture_is_said_with_what_to_do() {
    let (mut offscreen, folder) = viewer(10);
    let capture = folder.path().join("ball");
    for entry in std::fs::read_dir(&capture).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "png") {
            std::fs::write(path, "no picture").unwrap();
        }
    }
    start(offscreen.state(), false);
    offscreen.settle().unwrap();
    let message = offscreen.state().messages.list().last().unwrap().clone();
    assert!(message.text.contains("no frame that can be used"), "{}", message.text);
    assert!(message.advice.unwrap().contains("Mend it"));
    let problems = &offscreen.state().learning.problems;
    assert!(problems.iter().any(|problem| problem.contains("01.png")), "{problems:?}");
    assert!(!offscreen.state().learning.is_running());
    // A folder without a capture, and a file that is no avatar.
    offscreen.state().learning.settings.capture = folder.path().join("empty");
    start(offscreen.state(), false);
    offscreen.settle().unwrap();
    let message = offscreen.state().messages.list().last().unwrap().clone();
    assert!(message.text.contains("empty") && message.advice.unwrap().contains("transforms.json"));
    offscreen.state().learning.settings.output = folder.path().join("a.obj");
    start(offscreen.state(), false);
    assert!(offscreen.viewer().faults().last().unwrap().contains(".glb"));
    assert!(!folder.path().join("ball.glb").exists());
}
