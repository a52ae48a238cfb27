//! A real window and a real mouse: the example `viewer` under Xvfb, worked by xdotool and looked at by ImageMagick.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// That of the window when it is new.
const SIZE: (u32, u32) = (1440, 900);
/// The button that takes a step back. (Keys need a window manager, which gives the window the focus.)
const UNDO: (u32, u32) = (92, 38);
/// The longest that something takes to be seen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A display, a viewer in it, and the folder of its settings and pictures. Both programs end with it.
struct Desktop {
    display: String,
    folder: tempfile::TempDir,
    running: Vec<Child>,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn there(program: &str) -> bool {
    Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The example, which is built beside the tests.
fn window() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/viewer")
}

impl Desktop {
    /// Opens the viewer with files; nothing, and a line that says so, where one of the programs is not installed.
    fn open(files: &[&Path]) -> Option<Self> {
        for program in ["Xvfb", "xdotool", "import"] {
            if !there(program) {
                println!("skipped: there is no {program} here");
                return None;
            }
        }
        if !window().is_file() {
            println!("skipped: the example viewer is not built; cargo test builds it if no --test is given");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // A display that nobody has: Xvfb writes its number once it listens.
        let number = folder.path().join("display");
        let screen = format!("{}x{}x24", SIZE.0, SIZE.1);
        let xvfb = Command::new("sh")
            .args(["-c", "exec Xvfb -displayfd 3 -nolisten tcp -screen 0 \"$1\" 3>\"$2\"", "sh", &screen])
            .arg(&number)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut desktop = Self { display: String::new(), folder, running: vec![xvfb] };
        desktop.display = wait(|| {
            let text = std::fs::read_to_string(&number).ok()?;
            text.ends_with('\n').then(|| format!(":{}", text.trim()))
        });
        let viewer = Command::new(window())
            .args(files)
            .env("DISPLAY", &desktop.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", desktop.folder.path())
            .env("XDG_CONFIG_HOME", desktop.folder.path())
            .env("XDG_RUNTIME_DIR", desktop.folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        desktop.running.push(viewer);
        Some(desktop)
    }

    fn xdotool(&self, words: &[&str]) {
        let status =
            Command::new("xdotool").args(words).env("DISPLAY", &self.display).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "xdotool {words:?}");
    }

    /// Holds the left button from one place to the other.
    fn drag(&self, from: (u32, u32), to: (u32, u32)) {
        let place = |(x, y): (u32, u32)| [x.to_string(), y.to_string()];
        let go = |at: (u32, u32)| {
            let [x, y] = place(at);
            self.xdotool(&["mousemove", &x, &y]);
            sleep(Duration::from_millis(120));
        };
        go(from);
        self.xdotool(&["mousedown", "1"]);
        for step in 1..=5 {
            let along = |a: u32, b: u32| (a * (5 - step) + b * step) / 5;
            go((along(from.0, to.0), along(from.1, to.1)));
        }
        self.xdotool(&["mouseup", "1"]);
        self.xdotool(&["mousemove", "1439", "899"]);
    }

    fn click(&self, (x, y): (u32, u32)) {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
        sleep(Duration::from_millis(200));
        self.xdotool(&["click", "1"]);
        sleep(Duration::from_millis(200));
        // So that nothing is under the mouse.
        self.xdotool(&["mousemove", "1439", "899"]);
    }

    /// What is on the screen, once it stays as it is.
    fn picture(&self, name: &str) -> image::RgbImage {
        let shot = || {
            let path = self.folder.path().join("shot.png");
            let status = Command::new("import")
                .args(["-window", "root"])
                .arg(&path)
                .env("DISPLAY", &self.display)
                .status();
            assert!(status.unwrap().success());
            image::open(&path).unwrap().to_rgb8()
        };
        let mut before = shot();
        let picture = wait(|| {
            sleep(Duration::from_millis(700));
            let now = shot();
            let still = difference(&before, &now, (0, 0), SIZE) < 1e-4;
            before = now;
            still.then(|| before.clone())
        });
        if let Some(folder) = std::env::var_os("EFFIGY_PICTURES") {
            picture.save(Path::new(&folder).join(name)).unwrap();
        }
        picture
    }

    fn is_running(&mut self) -> bool {
        self.running[1].try_wait().unwrap().is_none()
    }
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "it has not come");
        sleep(Duration::from_millis(50));
    }
}

/// The part of the pixels in a rectangle that differ by more than can be rounding.
fn difference(a: &image::RgbImage, b: &image::RgbImage, low: (u32, u32), high: (u32, u32)) -> f64 {
    let mut differ = 0;
    for y in low.1..high.1 {
        for x in low.0..high.0 {
            let (a, b) = (a.get_pixel(x, y), b.get_pixel(x, y));
            differ += usize::from(a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 6));
        }
    }
    differ as f64 / f64::from((high.0 - low.0) * (high.1 - low.1))
}

/// A track that holds the mouth open.
const OPEN_MOUTH: &str = r#"{"names": ["jawOpen"], "frames": [
    {"time": 0.0, "weights": [1.0]}, {"time": 1.0, "weights": [1.0]}, {"time": 2.0, "weights": [1.0]}]}"#;

/// Where the avatar is drawn.
const VIEW: ((u32, u32), (u32, u32)) = ((330, 100), (1120, 660));

#[test]
fn a_mouse_turns_the_head_moves_a_slider_and_scrubs() {
    let Some(mut desktop) = Desktop::open(&[]) else { return };
    let skin = |picture: &image::RgbImage| {
        let [r, g, b] = picture.get_pixel(720, 380).0;
        r > g && g > b && r > 100
    };
    // The first picture of the avatar.
    let front = wait(|| Some(desktop.picture("desktop_front.png")).filter(|picture| skin(picture)));
    let changed = |a: &image::RgbImage, b: &image::RgbImage| difference(a, b, VIEW.0, VIEW.1);

    desktop.drag((720, 180), (880, 190));
    let turned = desktop.picture("desktop_turned.png");
    assert!(changed(&front, &turned) > 0.15, "{}", changed(&front, &turned));
    // What a step back takes away is the whole drag.
    desktop.click(UNDO);
    let back = desktop.picture("desktop_back.png");
    assert!(changed(&front, &back) < 0.01, "{}", changed(&front, &back));

    // The first slider shuts the right or the left eye.
    let slider = (139, 310);
    desktop.drag(slider, (slider.0 + 60, slider.1));
    let blinks = desktop.picture("desktop_blinks.png");
    assert!((0.0005..0.1).contains(&changed(&back, &blinks)), "{}", changed(&back, &blinks));
    assert!(difference(&back, &blinks, (0, 300), (270, 320)) > 0.01);
    desktop.click(UNDO);

    // In the middle of the track the mouth speaks.
    desktop.drag((300, 800), (690, 800));
    let later = desktop.picture("desktop_scrubbed.png");
    assert!(changed(&back, &later) > 0.001, "{}", changed(&back, &later));
    assert!(difference(&back, &later, (20, 760), (1400, 870)) > 0.001);
    assert!(desktop.is_running());
}

#[test]
fn files_are_opened_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let green = folder.path().join("wall.png");
    image::RgbImage::from_pixel(64, 64, image::Rgb([20, 160, 40])).save(&green).unwrap();
    let track = folder.path().join("open.json");
    std::fs::write(&track, OPEN_MOUTH).unwrap();
    let Some(plain) = Desktop::open(&[]) else { return };
    let skin = |picture: &image::RgbImage| {
        let [r, g, b] = picture.get_pixel(720, 380).0;
        r > g && g > b && r > 100
    };
    let before = wait(|| Some(plain.picture("desktop_plain.png")).filter(skin));
    drop(plain);
    let Some(mut desktop) = Desktop::open(&[&track, &green]) else { return };
    let after = wait(|| Some(desktop.picture("desktop_opened.png")).filter(skin));
    // The wall stands behind the head, and the mouth is open.
    let [r, g, b] = after.get_pixel(400, 200).0;
    assert!(g > 120 && r < 60 && b < 80, "{r} {g} {b}");
    let mouth = difference(&before, &after, (650, 420), (790, 540));
    assert!(mouth > 0.05, "{mouth}");
    assert!(desktop.is_running());
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.glb");
    std::fs::write(&path, &include_bytes!("../../../assets/head.glb")[..100_000]).unwrap();
    let Some(mut desktop) = Desktop::open(&[&path]) else { return };
    sleep(Duration::from_secs(2));
    let said = desktop.picture("desktop_fault.png");
    // A message in red stands in the lower right corner, over panels that have nothing red.
    let corner = (1100..1430).flat_map(|x| (760..890).map(move |y| (x, y)));
    let red =
        corner.filter(|&(x, y)| matches!(said.get_pixel(x, y).0, [r, g, b] if r > 180 && g < 150 && b < 150));
    let text = red.count();
    assert!(text > 100, "{text}");
    assert!(desktop.is_running());
}
