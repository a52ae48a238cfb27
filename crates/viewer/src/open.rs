//! Opening files: what kind they are, and loading them beside the interface.

use std::path::{Path, PathBuf};

use effigy_avatar::Avatar;
use effigy_render::camera_file::NamedCamera;
use effigy_rig::{Track, TrackLimits};

use crate::bookmark::Bookmark;
use crate::dialog::{self, Wanted};
use crate::export::settings::SOUNDS;
use crate::job::Fault;
use crate::look::Background;
use crate::motion::{Motion, open_track};
use crate::saving;
use crate::scene::Loaded;
use crate::settings::MOST_BOOKMARKS;
use crate::state::{Outcome, State};
use crate::view2d::capture;
use effigy_render::OrbitCamera;

/// The job that brings an avatar; there is never more than one.
const AVATAR_JOB: &str = "Opening the avatar";

/// What a file is taken for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Avatar,
    Track,
    Picture,
    Sound,
    /// A folder, or the list of its cameras and pictures.
    Capture,
}

fn kind(path: &Path) -> Option<Kind> {
    let is_list = path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.starts_with("transforms") && name.ends_with(".json")
    });
    if is_list || path.is_dir() {
        return Some(Kind::Capture);
    }
    let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
    Some(match extension.as_str() {
        "glb" | "gltf" | "vrm" | "ply" | "splat" | "ksplat" | "spz" | "sog" | "zip" => Kind::Avatar,
        "json" | "jsonl" | "csv" | "tsv" | "txt" | "vrma" | "effs" => Kind::Track,
        "png" => Kind::Picture,
        other if SOUNDS.contains(&other) => Kind::Sound,
        _ => return None,
    })
}

/// Opens files as they were named or dropped: the last avatar, then the last track.
pub(crate) fn files(state: &mut State, paths: &[PathBuf]) {
    let last = |wanted| paths.iter().rev().find(|path| kind(path) == Some(wanted)).cloned();
    for path in paths.iter().filter(|path| kind(path).is_none()) {
        state.messages.fault(
            format!("{} is no file that the viewer knows", path.display()),
            "It opens avatars (.glb, .gltf, .vrm, .ply, .spz, .splat, .ksplat, .sog, .zip), tracks (.json, .csv, .effs), PNG pictures, sound (.aac, .opus) and folders of captures.",
        );
    }
    if let Some(path) = last(Kind::Capture) {
        capture::open(state, &path);
    }
    if let Some(path) = last(Kind::Sound) {
        state.messages.note(format!("Exported videos have the sound of {}", path.display()));
        state.export.video.sound = Some(path);
    }
    if let Some(path) = last(Kind::Picture) {
        state.document.look.picture = Some(path);
        state.document.look.background = Background::Picture;
    }
    match (last(Kind::Avatar), last(Kind::Track)) {
        (Some(avatar), track) => self::avatar(state, Some(avatar), track),
        (None, Some(path)) => self::track(state, path),
        (None, None) => {}
    }
}

/// Opens what the program was started with; without an avatar among it the bundled one.
pub(crate) fn at_start(state: &mut State, paths: &[PathBuf], moved_by: Option<PathBuf>) {
    let (mut chosen, mut track) = (None, moved_by);
    let mut others = Vec::new();
    for path in paths {
        match kind(path) {
            // What is no file that is known is tried as an avatar, which is told by its content.
            Some(Kind::Avatar) | None => chosen = Some(path.clone()),
            Some(Kind::Track) => _ = track.get_or_insert(path.clone()),
            Some(Kind::Picture | Kind::Sound | Kind::Capture) => others.push(path.clone()),
        }
    }
    files(state, &others);
    avatar(state, chosen, track);
}

/// Opens the avatar that comes with the program, and its track.
pub(crate) fn bundled(state: &mut State) {
    avatar(state, None, None);
}

/// Begins again: the bundled avatar, shown as a new viewer shows it.
pub(crate) fn afresh(state: &mut State) {
    state.clear();
    bundled(state);
}

/// Opens an avatar, or the bundled one, and what moves it.
pub(crate) fn avatar(state: &mut State, path: Option<PathBuf>, track: Option<PathBuf>) {
    state.jobs.cancel(AVATAR_JOB);
    let (graphics, options, bundled) = (state.graphics.clone(), state.open.clone(), state.bundled);
    state.jobs.start(AVATAR_JOB, move |progress| -> Result<Outcome, Fault> {
        // The renderer is built beside the reading.
        let building = std::thread::spawn({
            let graphics = graphics.clone();
            move || graphics.build_renderer().map(drop)
        });
        progress.say("reading");
        let advice = "Check that the file is whole and of a kind that the viewer opens.";
        let opened = match &path {
            Some(path) => Avatar::open(path, &options),
            None => Avatar::from_glb(bundled.avatar),
        };
        let opened = opened.map_err(|error| Fault::new(error, advice))?;
        let moved = match (&track, &path) {
            (Some(track), _) => Some(open_track(track).map_err(|error| Fault::new(error, TRACK_ADVICE))),
            (None, None) => Some(
                Track::from_bytes(bundled.track, &TrackLimits::default())
                    .map_err(|error| Fault::new(error, TRACK_ADVICE)),
            ),
            (None, Some(_)) => None,
        };
        progress.say("putting it on the graphics device");
        let _ = building.join();
        let advice =
            "The graphics device may lack the memory: close other programs, or open a smaller avatar.";
        let loaded =
            Loaded::new(opened, path.clone(), &graphics).map_err(|error| Fault::new(error, advice))?;
        Ok(Box::new(move |state| {
            state.show(loaded);
            if let Some(path) = path {
                state.settings.remember(&path);
            }
            match moved {
                Some(Ok(moved)) => use_track(state, &moved, track),
                Some(Err(fault)) => state.messages.fault(fault.text, fault.advice),
                None => {}
            }
        }))
    });
}

/// A file of cameras gives at most this many.
const MOST_CAMERAS: usize = 64;
const TRACK_ADVICE: &str =
    "A track is JSON with named weights, a CSV of Live Link Face, or a stream of controls.";

/// Opens what moves the avatar.
pub(crate) fn track(state: &mut State, path: PathBuf) {
    state.jobs.start("Opening the track", move |_| -> Result<Outcome, Fault> {
        let track = open_track(&path).map_err(|error| Fault::new(error, TRACK_ADVICE))?;
        Ok(Box::new(move |state| {
            state.settings.remember(&path);
            use_track(state, &track, Some(path));
        }))
    });
}

/// Moves the avatar by `track`, from its start; the bundled track has no path.
pub(crate) fn use_track(state: &mut State, track: &Track, path: Option<PathBuf>) {
    let rig = state.scene.loaded().and_then(|loaded| loaded.avatar.body.as_ref()).map(|body| &body.rig);
    let Some(rig) = rig else {
        state.messages.fault(
            "The avatar has no rig that a track could move",
            "Open an avatar with a rig (.glb, .vrm) first.",
        );
        return;
    };
    if let (1, Some(path)) = (track.frame_count(), &path) {
        // One frame moves nothing: it is an expression.
        saving::use_expression(state, track, path);
        return;
    }
    let name = path
        .as_ref()
        .and_then(|path| path.file_name())
        .map_or("Greeting".into(), |name| name.to_string_lossy().into_owned());
    match Motion::track(track, rig, name, path) {
        Ok(motion) => {
            if let Some([first, rest @ ..]) = motion.playing().map(|playing| playing.player.unmatched()) {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                state.messages.note(format!("The avatar has no control called {first}{more}"));
            }
            state.scene.set_motion(motion);
        }
        Err(error) => state.messages.fault(error, TRACK_ADVICE),
    }
}

/// Asks for files to open.
pub(crate) fn ask(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Open an avatar or a track")
        .add_filter(
            "Avatars and tracks",
            &[
                "glb", "gltf", "vrm", "ply", "spz", "splat", "ksplat", "sog", "zip", "json", "csv", "txt",
                "vrma", "effs",
            ],
        )
        .add_filter("All files", &["*"]);
    dialog::ask(state, dialog, Wanted::Files, files);
}

/// Asks for a track to open, which may also be the animation of a glTF file.
pub(crate) fn ask_for_track(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Open a track").add_filter(
        "Tracks and animations",
        &["json", "jsonl", "csv", "tsv", "txt", "vrma", "effs", "glb", "gltf", "vrm"],
    );
    dialog::ask(state, dialog, Wanted::File, |state, paths| track(state, paths[0].clone()));
}

/// Asks for a picture to put behind the avatar.
pub(crate) fn ask_for_picture(state: &mut State) {
    let dialog =
        rfd::AsyncFileDialog::new().set_title("Choose a background").add_filter("PNG pictures", &["png"]);
    dialog::ask(state, dialog, Wanted::File, files);
}

/// Asks for a file with cameras, and stands where the first of them does.
pub(crate) fn ask_for_camera(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Import a camera")
        .add_filter("Cameras", &["gltf", "glb", "json"]);
    dialog::ask(state, dialog, Wanted::File, |state, paths| import_camera(state, &paths[0]));
}

/// Stands where the first camera of a file does; the others become bookmarks.
pub(crate) fn import_camera(state: &mut State, path: &Path) {
    let up = state.open.splat.up.unwrap_or_default();
    let read = effigy_render::camera_file::read_cameras(path, up);
    match read {
        Ok(cameras) => {
            let distance = state.document.camera.distance;
            let name = path.file_stem().map_or("Camera".into(), |name| name.to_string_lossy().into_owned());
            let cameras = cameras.iter().map(|camera| OrbitCamera::nearest(camera, distance));
            for (i, camera) in cameras.take(MOST_CAMERAS).enumerate() {
                if i == 0 {
                    state.document.camera = camera;
                } else if state.document.bookmarks.len() < MOST_BOOKMARKS {
                    let name = format!("{name} {}", i + 1);
                    state.document.bookmarks.push(Bookmark { name, camera });
                }
            }
        }
        Err(error) => state.messages.fault(
            error.to_string(),
            "A camera file is a glTF with cameras, a transforms.json, a camera_path.json, or a cameras.json.",
        ),
    }
}

/// Asks where the camera and the bookmarks are to be written.
pub(crate) fn ask_where_to_export_camera(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Export the camera and the bookmarks")
        .set_file_name("camera.gltf")
        .add_filter("glTF camera", &["gltf"])
        .add_filter("transforms.json", &["json"]);
    dialog::ask(state, dialog, Wanted::NewFile, |state, paths| export_cameras(state, &paths[0]));
}

/// Writes the camera and the bookmarks.
pub(crate) fn export_cameras(state: &mut State, path: &Path) {
    let size = state.view3d.size();
    let own = std::iter::once(("view", &state.document.camera));
    let bookmarks =
        state.document.bookmarks.iter().map(|bookmark| (bookmark.name.as_str(), &bookmark.camera));
    let cameras: Vec<NamedCamera> = own
        .chain(bookmarks)
        .map(|(name, camera)| NamedCamera { name: name.into(), camera: camera.camera(size) })
        .collect();
    match effigy_render::camera_file::write_cameras(path, &cameras) {
        Ok(()) => state.messages.note(format!("Wrote {}", path.display())),
        Err(error) => state.messages.fault(error.to_string(), "Choose a folder that can be written to."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for (name, expected) in [
            ("a.GLB", Some(Kind::Avatar)),
            ("b.take.csv", Some(Kind::Track)),
            ("c.effs", Some(Kind::Track)),
            ("d.png", Some(Kind::Picture)),
            ("take.opus", Some(Kind::Sound)),
            ("head/transforms_train.json", Some(Kind::Capture)),
            (env!("CARGO_MANIFEST_DIR"), Some(Kind::Capture)),
            ("e.txt", Some(Kind::Track)),
            ("f.doc", None),
            ("glb", None),
        ] {
            assert_eq!(kind(Path::new(name)), expected, "{name}");
        }
    }
}
