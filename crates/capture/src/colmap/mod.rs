//! Sparse models of COLMAP, as captures of static subjects.
//!
//! Format: COLMAP's documentation, "Output Format". Poses are world to camera with OpenCV's axes, quaternions wxyz;
//! pixel centres are at half integers, as ours.

mod binary;
mod raw;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use glam::DAffine3;

use self::raw::{Cameras, RawImage};
use crate::capture::{Capture, InitialPoint};
use crate::draft::{self, Draft};
use crate::error::{CaptureError, within};
use crate::files::{find_picture, read_within, resolve};
use crate::frame::Split;
use crate::left_out::{LeftOut, Reason};
use crate::limits::CaptureLimits;
use crate::options::CaptureOptions;
use crate::problem::{Problem, counted, file_name, listed};
use crate::view::from_opencv;

/// Every picture whose place by name is a multiple of this is held out (Mip-NeRF 360 and 3D Gaussian Splatting).
const HELD_OUT_EVERY: usize = 8;
/// More models than this in one folder are not looked at.
const MOST_MODELS: usize = 256;

/// The files of one model.
pub(crate) struct Model {
    folder: PathBuf,
    binary: bool,
}

/// The models of a capture, and its folder.
pub(crate) struct Found {
    root: PathBuf,
    /// At least one.
    models: Vec<Model>,
}

/// The models in a folder, which may be the capture's or a model's own: in numbered folders, for COLMAP begins anew where
/// pictures do not fit together, or in one.
pub(crate) fn find(folder: &Path) -> Option<Found> {
    let in_root = |models| Found { root: folder.to_owned(), models };
    for sparse in ["sparse", "colmap/sparse"].map(|part| folder.join(part)) {
        let numbered = numbered_models(&sparse);
        if !numbered.is_empty() {
            return Some(in_root(numbered));
        }
        if let Some(model) = Model::at(&sparse) {
            return Some(in_root(vec![model]));
        }
    }
    let model = Model::at(folder)?;
    // A model's own folder: the pictures are in a folder beside or above it.
    let above = folder.canonicalize().ok()?;
    let with_pictures = above.ancestors().take(3).find(|f| f.join("images").is_dir());
    let root = with_pictures.map_or_else(|| folder.to_owned(), Path::to_owned);
    Some(Found { root, models: vec![model] })
}

/// The models in the folders `0`, `1` and so on, by number.
fn numbered_models(sparse: &Path) -> Vec<Model> {
    let Ok(entries) = sparse.read_dir() else { return Vec::new() };
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok().map(|number| (number, name))
    };
    let mut numbers: Vec<_> = entries.filter_map(number).take(MOST_MODELS).collect();
    numbers.sort();
    numbers.into_iter().filter_map(|(_, name)| Model::at(&sparse.join(name))).collect()
}

/// The points of the model in a folder, if there is one, in the model's own world.
pub(crate) fn points(folder: &Path, limits: &CaptureLimits) -> Result<Vec<InitialPoint>, CaptureError> {
    Model::at(folder).map_or(Ok(Vec::new()), |model| model.points(limits))
}

impl Model {
    fn at(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).is_file();
        // Of cameras in both forms, those whose pictures are there too.
        let binary = has("cameras.bin") && (has("images.bin") || !has("images.txt"));
        (binary || has("cameras.txt")).then(|| Self { folder: folder.to_owned(), binary })
    }

    fn file(&self, stem: &str) -> PathBuf {
        self.folder.join(format!("{stem}.{}", if self.binary { "bin" } else { "txt" }))
    }

    fn read<T>(
        &self,
        stem: &str,
        limits: &CaptureLimits,
        parse: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, CaptureError> {
        let path = self.file(stem);
        parse(&read_within(&path, limits.model_bytes)?).map_err(|fault| CaptureError::format(&path, fault))
    }

    fn cameras(&self, limits: &CaptureLimits) -> Result<Cameras, CaptureError> {
        let parse = if self.binary { binary::cameras } else { text::cameras };
        self.read("cameras", limits, |bytes| parse(bytes, limits.frames))
    }

    fn images(&self, limits: &CaptureLimits) -> Result<Vec<RawImage>, CaptureError> {
        let parse = if self.binary { binary::images } else { text::images };
        let images = self.read("images", limits, |bytes| parse(bytes, limits.frames))?;
        within(&self.file("images"), "frames", images.len() as u64, limits.frames)?;
        Ok(images)
    }

    fn points(&self, limits: &CaptureLimits) -> Result<Vec<InitialPoint>, CaptureError> {
        if !self.file("points3D").is_file() {
            return Ok(Vec::new());
        }
        let parse = if self.binary { binary::points } else { text::points };
        let points = self.read("points3D", limits, |bytes| parse(bytes, limits.points))?;
        let point = |p: raw::RawPoint| InitialPoint { position: p.position.as_vec3(), color: p.color };
        Ok(points.into_iter().map(point).filter(|p| p.position.is_finite()).collect())
    }
}

/// Reads the model that has most pictures.
pub(crate) fn open(found: Found, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let limits = &options.limits;
    let mut capture = Capture::new(&found.root, limits);
    let (model, images) = largest(found, limits, &mut capture.problems)?;
    let cameras = model.cameras(limits)?;
    capture.add_points(model.points(limits)?, &DAffine3::IDENTITY, options.up_axis);
    if options.controls.is_some() {
        capture.problems.push(Problem::warning(
            file_name(&model.folder),
            "a COLMAP model has neither timesteps nor times: the given controls are not used",
        ));
    }
    add_frames(&mut capture, &cameras, images, options, &file_name(&model.file("images")));
    Ok(capture)
}

/// The model with the most pictures, the first of several, and these pictures. The others are named.
fn largest(
    Found { root, models }: Found,
    limits: &CaptureLimits,
    problems: &mut Vec<Problem>,
) -> Result<(Model, Vec<RawImage>), CaptureError> {
    let name =
        |model: &Model| model.folder.strip_prefix(&root).unwrap_or(&model.folder).display().to_string();
    let mut best: Option<(Model, Vec<RawImage>)> = None;
    let mut others = Vec::new();
    let mut first_error = None;
    let about = |model: &Model, images: &[RawImage]| {
        format!("{} ({})", name(model), counted(images.len(), "picture"))
    };
    for model in models {
        match model.images(limits) {
            Ok(images) => {
                let loser = match &best {
                    Some((_, most)) if most.len() >= images.len() => Some((model, images)),
                    _ => best.replace((model, images)),
                };
                others.extend(loser.map(|(model, images)| about(&model, &images)));
            }
            Err(error) => {
                others.push(format!("{} (cannot be read)", name(&model)));
                first_error.get_or_insert(error);
            }
        }
    }
    let Some((model, images)) = best else {
        return Err(first_error.unwrap_or(CaptureError::NotACapture { path: root }));
    };
    if !others.is_empty() {
        others.sort();
        let line = format!(
            "of several models the one with most pictures is read, {}; left out: {}",
            about(&model, &images),
            listed(others.iter().map(String::as_str))
        );
        problems.push(Problem::warning("capture", line));
    }
    Ok((model, images))
}

fn add_frames(
    capture: &mut Capture,
    cameras: &Cameras,
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
    let several = images.len() > 1;
    let mut left_out = LeftOut::default();
    let mut drafts = Vec::with_capacity(images.len());
    for (place, image) in images.into_iter().enumerate() {
        let mut leave_out = |reason, detail: &str| left_out.add(reason, &image.name, detail);
        let picture = match resolve(&pictures, &image.name, &options.limits) {
            Ok(path) => find_picture(&capture.folder, path),
            Err(fault) => {
                leave_out(Reason::Entry, &format!("its name in {file} {fault}"));
                continue;
            }
        };
        let camera = match cameras.get(&image.camera) {
            Some(Ok(camera)) => camera,
            Some(Err(model)) => {
                leave_out(Reason::Model(model.clone()), "");
                continue;
            }
            None => {
                leave_out(Reason::Entry, &format!("its camera {} is not in the model", image.camera));
                continue;
            }
        };
        let Some((intrinsics, lens)) = camera.optics() else {
            leave_out(Reason::Panorama, "");
            continue;
        };
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
        let held_out = several && place % HELD_OUT_EVERY == 0;
        drafts.push(Draft {
            picture,
            mask: masks.as_deref().and_then(|folder| mask(folder, &image.name, options)),
            split: if held_out { Split::NovelView } else { Split::Train },
            intrinsics,
            lens,
            camera_from_world: from_opencv(image.rotation, image.translation, options.up_axis),
            camera_id,
            time: None,
            controls: BTreeMap::new(),
            joints: BTreeMap::new(),
            name: image.name,
        });
    }
    draft::finish(drafts, left_out, capture);
}

/// The mask of a picture: COLMAP's `NAME.png` with the picture's whole name, or with its stem.
fn mask(folder: &Path, name: &str, options: &CaptureOptions) -> Option<PathBuf> {
    let whole = resolve(folder, &format!("{name}.png"), &options.limits).ok()?;
    let stem = resolve(folder, name, &options.limits).ok()?.with_extension("png");
    [whole, stem].into_iter().map(|path| find_picture(folder, path)).find(|path| path.is_file())
}
