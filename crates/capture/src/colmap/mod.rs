//! Sparse models of COLMAP, as captures of static subjects.
//!
//! Format: COLMAP's documentation, "Output Format". Poses are world to camera with OpenCV's axes, quaternions wxyz;
//! pixel centres are at half integers, as ours.

mod binary;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use glam::{DQuat, DVec3};

use super::error::within;
use super::files::{read_within, resolve};
use super::problem::{counted, file_name};
use super::view::{Pinhole, from_opencv, upright_from_capture};
use super::{Capture, CaptureError, CaptureFrame, CaptureOptions, InitialPoint, Problem, Split};

/// Every picture whose place by name is a multiple of this is held out (Mip-NeRF 360 and 3D Gaussian Splatting).
const HELD_OUT_EVERY: usize = 8;

/// A camera as COLMAP has it.
struct RawCamera {
    lens: Lens,
    width: u64,
    height: u64,
    parameters: Vec<f64>,
}

/// A picture as COLMAP has it.
struct RawImage {
    name: String,
    /// World to camera.
    rotation: DQuat,
    translation: DVec3,
    camera: u32,
}

/// A triangulated point.
struct RawPoint {
    position: DVec3,
    color: [u8; 3],
}

/// One of COLMAP's camera models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lens {
    id: i32,
    name: &'static str,
    parameters: usize,
    /// Focal lengths at the front of the parameters, and whether what follows the principal point is distortion that
    /// vanishes where it is zero.
    focal_lengths: usize,
    straight_at_zero: bool,
}

const fn lens(id: i32, name: &'static str, parameters: usize, focal_lengths: usize, straight: bool) -> Lens {
    Lens { id, name, parameters, focal_lengths, straight_at_zero: straight }
}

/// COLMAP, `src/colmap/sensor/models.h`.
const LENSES: [Lens; 12] = [
    lens(0, "SIMPLE_PINHOLE", 3, 1, true),
    lens(1, "PINHOLE", 4, 2, true),
    lens(2, "SIMPLE_RADIAL", 4, 1, true),
    lens(3, "RADIAL", 5, 1, true),
    lens(4, "OPENCV", 8, 2, true),
    lens(5, "OPENCV_FISHEYE", 8, 2, false),
    lens(6, "FULL_OPENCV", 12, 2, true),
    lens(7, "FOV", 5, 2, false),
    lens(8, "SIMPLE_RADIAL_FISHEYE", 4, 1, false),
    lens(9, "RADIAL_FISHEYE", 5, 1, false),
    lens(10, "THIN_PRISM_FISHEYE", 12, 2, false),
    lens(11, "RAD_TAN_THIN_PRISM_FISHEYE", 16, 2, false),
];

impl RawCamera {
    /// As a pinhole camera without whatever bends its lines, and whether anything does. `None` for too few parameters.
    fn pinhole(&self) -> Option<(Pinhole, bool)> {
        let (fx, rest) = self.parameters.split_first()?;
        let (fy, rest) = if self.lens.focal_lengths == 2 { rest.split_first()? } else { (fx, rest) };
        let (&cx, rest) = rest.split_first()?;
        let (&cy, distortion) = rest.split_first()?;
        // Sizes that do not fit are far beyond what a camera may have, and are named as such later.
        let size = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let pinhole =
            Pinhole { width: size(self.width), height: size(self.height), fx: *fx, fy: *fy, cx, cy };
        Some((pinhole, !self.lens.straight_at_zero || distortion.iter().any(|&k| k != 0.0)))
    }
}

/// Where a model is, in which form, and the folder of the whole capture.
pub(super) struct Found {
    root: PathBuf,
    model: PathBuf,
    binary: bool,
}

/// The model in a folder, which may be the capture's or the model's own.
pub(super) fn find(folder: &Path) -> Option<Found> {
    ["sparse/0", "sparse", ""].into_iter().find_map(|part| {
        let model = if part.is_empty() { folder.to_owned() } else { folder.join(part) };
        let has = |name: &str| model.join(name).is_file();
        // Of cameras in both forms, those whose pictures are there too.
        let binary = has("cameras.bin") && (has("images.bin") || !has("images.txt"));
        if !binary && !has("cameras.txt") {
            return None;
        }
        let root = if part.is_empty() {
            // A model's own folder: the pictures are in a folder beside or above it.
            let above = folder.canonicalize().ok()?;
            let with_pictures = above.ancestors().take(3).find(|f| f.join("images").is_dir());
            with_pictures.map_or_else(|| folder.to_owned(), Path::to_owned)
        } else {
            folder.to_owned()
        };
        Some(Found { root, model, binary })
    })
}

/// Reads a model.
pub(super) fn open(found: &Found, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let limits = &options.limits;
    let extension = if found.binary { "bin" } else { "txt" };
    let file = |stem: &str| found.model.join(format!("{stem}.{extension}"));
    let read = |path: &Path| read_within(path, limits.model_bytes);

    let path = file("cameras");
    let bytes = read(&path)?;
    let parsed = if found.binary {
        binary::cameras(&bytes, limits.frames)
    } else {
        text::cameras(&bytes, limits.frames)
    };
    let cameras = parsed.map_err(|fault| CaptureError::format(&path, fault))?;

    let path = file("images");
    let bytes = read(&path)?;
    let parsed = if found.binary {
        binary::images(&bytes, limits.frames)
    } else {
        text::images(&bytes, limits.frames)
    };
    let images = parsed.map_err(|fault| CaptureError::format(&path, fault))?;
    within(&path, "frames", images.len() as u64, limits.frames)?;

    let mut capture = Capture {
        folder: found.root.clone(),
        rig: None,
        camera_names: Vec::new(),
        frames: Vec::new(),
        points: Vec::new(),
        limits: limits.clone(),
        problems: Vec::new(),
    };
    let path = file("points3D");
    if path.is_file() {
        let bytes = read(&path)?;
        let parsed = if found.binary {
            binary::points(&bytes, limits.points)
        } else {
            text::points(&bytes, limits.points)
        };
        let points = parsed.map_err(|fault| CaptureError::format(&path, fault))?;
        let upright = upright_from_capture(options.up_axis);
        let placed =
            |p: RawPoint| InitialPoint { position: upright.apply(p.position).as_vec3(), color: p.color };
        capture.points = points.into_iter().map(placed).filter(|p| p.position.is_finite()).collect();
    }
    if options.controls.is_some() {
        capture.problems.push(Problem::warning(
            file_name(&found.model),
            "a COLMAP model has neither timesteps nor times: the given controls are not used",
        ));
    }
    add_frames(&mut capture, cameras, images, options, &file_name(&file("images")));
    Ok(capture)
}

fn add_frames(
    capture: &mut Capture,
    cameras: BTreeMap<u32, RawCamera>,
    mut images: Vec<RawImage>,
    options: &CaptureOptions,
    file: &str,
) {
    images.sort_by(|a, b| a.name.cmp(&b.name));
    // Where every picture has its own camera, COLMAP was not told which were taken by the same one.
    let mut used: BTreeMap<u32, usize> = BTreeMap::new();
    for image in &images {
        *used.entry(image.camera).or_default() += 1;
    }
    let one_camera = images.len() > 1 && used.values().all(|&n| n == 1);
    let mut camera_ids: HashMap<u32, usize> = HashMap::new();
    let pictures = capture.folder.join("images");
    let masks = Some(capture.folder.join("masks")).filter(|folder| folder.is_dir());
    let mut bent: BTreeMap<&str, usize> = BTreeMap::new();
    let several = images.len() > 1;
    for (place, image) in images.into_iter().enumerate() {
        let mut fail = |fault: String| capture.problems.push(Problem::error(&image.name, fault));
        let picture = match resolve(&pictures, &image.name, &options.limits) {
            Ok(path) => path,
            Err(fault) => {
                fail(format!("its name in {file} {fault}"));
                continue;
            }
        };
        let Some(camera) = cameras.get(&image.camera) else {
            fail(format!("its camera {} is not in the model", image.camera));
            continue;
        };
        let Some((pinhole, bends)) = camera.pinhole() else {
            fail(format!("its camera {} has too few parameters", image.camera));
            continue;
        };
        if bends {
            *bent.entry(camera.lens.name).or_default() += 1;
        }
        let camera_id = if one_camera {
            0
        } else {
            let next = camera_ids.len();
            *camera_ids.entry(image.camera).or_insert(next)
        };
        if camera_id == capture.camera_names.len() {
            let name = if one_camera { "camera".to_owned() } else { image.camera.to_string() };
            capture.camera_names.push(name);
        }
        let mask = masks.as_deref().and_then(|folder| mask(folder, &image.name, options));
        let held_out = several && place % HELD_OUT_EVERY == 0;
        capture.frames.push(CaptureFrame {
            picture,
            mask,
            split: if held_out { Split::NovelView } else { Split::Train },
            camera: from_opencv(&pinhole, image.rotation, image.translation, options.up_axis),
            camera_id,
            time: None,
            controls: BTreeMap::new(),
            joints: BTreeMap::new(),
            name: image.name,
        });
    }
    for (name, count) in bent {
        let line = format!(
            "{} by a {name} camera, which bends lines: undistort them first (colmap image_undistorter)",
            counted(count, "picture")
        );
        capture.problems.push(Problem::error("capture", line));
    }
}

/// The mask of a picture: COLMAP's `NAME.png` with the picture's whole name, or with its stem.
fn mask(folder: &Path, name: &str, options: &CaptureOptions) -> Option<PathBuf> {
    let whole = resolve(folder, &format!("{name}.png"), &options.limits).ok()?;
    let stem = resolve(folder, name, &options.limits).ok()?.with_extension("png");
    [whole, stem].into_iter().find(|path| path.is_file())
}

fn lens_by_id(id: i32) -> Result<Lens, String> {
    let known = LENSES.into_iter().find(|lens| lens.id == id);
    known.ok_or_else(|| format!("camera model {id} is not known"))
}

fn lens_by_name(name: &str) -> Result<Lens, String> {
    let known = LENSES.into_iter().find(|lens| lens.name == name);
    known.ok_or_else(|| format!("camera model {name:?} is not known"))
}
