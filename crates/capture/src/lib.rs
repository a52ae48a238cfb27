//! Captures: pictures of a subject with, for each, its camera and what the rig's controls were at that instant.
//!
//! [`Capture::open`] reads this program's own format, nerfstudio's and instant-ngp's `transforms.json`, sparse models of
//! COLMAP, and the layout of VHAP and GaussianAvatars, and turns all of them into the same plain frames.
//! [`Capture::check`] then lists everything that is wrong with it at once, and a [`PictureCache`] decodes its pictures.
//!
//! Which format a folder holds is told by what is in it: a `transforms.json`, the three files `transforms_train.json`,
//! `transforms_val.json` and `transforms_test.json`, or a `cameras.bin` or `cameras.txt` in it, in `sparse/0` or in
//! `sparse`.

mod cache;
mod check;
mod colmap;
mod error;
mod files;
mod picture;
mod poses;
mod problem;
mod timesteps;
mod transforms;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use effigy_splat::Camera;
use glam::Vec3;
use serde::{Deserialize, Serialize};

pub use cache::{PictureCache, Preloaded};
pub use error::CaptureError;
pub use picture::Picture;
pub use poses::poses;
pub use problem::{Problem, Severity};

/// What a picture of a capture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Trained on.
    Train,
    /// Judged: expressions that were trained on, seen from cameras that were not.
    NovelView,
    /// Judged: expressions that were not trained on.
    NovelExpression,
}

impl Split {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::NovelView, Self::NovelExpression];

    /// As capture files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::NovelView => "novel_view",
            Self::NovelExpression => "novel_expression",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One picture of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFrame {
    /// The picture's path as the capture writes it.
    pub name: String,
    /// The picture.
    pub picture: PathBuf,
    /// A picture of the same size whose brightness (or alpha, where that is not opaque throughout) is the coverage of
    /// the subject. Without it, the picture's own alpha is.
    pub mask: Option<PathBuf>,
    /// What it is for.
    pub split: Split,
    /// The camera that took it, in the capture's world turned so that +Y is up; lengths as in the capture.
    pub camera: Camera,
    /// Index into [`Capture::camera_names`]. Frames with the same index were taken by one physical camera, whose
    /// exposure and colours are the same in all of them.
    pub camera_id: usize,
    /// When it was taken, seconds.
    pub time: Option<f64>,
    /// Values of named controls. ARKit shapes have their camelCase name, whatever the file writes; a control that is
    /// not listed is 0.
    pub controls: BTreeMap<String, f32>,
    /// Rotations of named joints, xyzw.
    pub joints: BTreeMap<String, [f32; 4]>,
}

impl CaptureFrame {
    /// The camera of this frame's picture after halving it `level` times (see [`Picture::halved`]).
    pub fn camera_at(&self, level: u32) -> Camera {
        let mut camera = self.camera;
        for _ in 0..level.min(u32::BITS) {
            if camera.width < 2 || camera.height < 2 {
                break;
            }
            camera.width /= 2;
            camera.height /= 2;
            camera.fx *= 0.5;
            camera.fy *= 0.5;
            camera.cx *= 0.5;
            camera.cy *= 0.5;
        }
        camera
    }
}

/// A point of the subject that came with the capture, to start Gaussians from where there is no rig.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitialPoint {
    /// In the world of the cameras.
    pub position: Vec3,
    /// sRGB.
    pub color: [u8; 3],
}

/// A capture, with its pictures still on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// The folder that it is in.
    pub folder: PathBuf,
    /// The rig, if the capture or the caller names one; a static subject needs none.
    pub rig: Option<PathBuf>,
    /// One name for each camera id; `camera` where the capture gives none.
    pub camera_names: Vec<String>,
    /// Its pictures.
    pub frames: Vec<CaptureFrame>,
    /// Points of the subject, from COLMAP.
    pub points: Vec<InitialPoint>,
    limits: CaptureLimits,
    /// What was found wrong while reading, which did not stand in the way of reading on.
    problems: Vec<Problem>,
}

/// Which axis of a capture's world points up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpAxis {
    /// +Y, as in glTF: the world is taken as it is. A capture with a rig is in the rig's world, so this is what it needs.
    #[default]
    Y,
    /// +Z, as in Blender and nerfstudio: turned by −90° about x.
    Z,
    /// −Y, as in OpenCV: turned by 180° about x.
    MinusY,
}

/// How a capture is to be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureOptions {
    /// The rig, in place of the one that the capture names.
    pub rig: Option<PathBuf>,
    /// Controls for frames that have none: a file of controls by timestep, or a track (see
    /// [`Capture::open`]). A `controls.json` in the folder is found without this.
    pub controls: Option<PathBuf>,
    /// Which axis of the capture's world points up.
    pub up_axis: UpAxis,
    /// Upper bounds on what reading may take.
    pub limits: CaptureLimits,
}

/// Upper bounds on what a capture may ask for. Parsed JSON takes some 20 times the bytes of its text at
/// worst, and some 3 KiB for each of [`CaptureLimits::frames`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Bytes of each JSON file.
    pub json_bytes: u64,
    /// Bytes of each file of a COLMAP model.
    pub model_bytes: u64,
    /// Frames.
    pub frames: u64,
    /// Controls and joints of all frames together.
    pub values: u64,
    /// Points that come with the capture.
    pub points: u64,
    /// Bytes of an encoded picture.
    pub picture_bytes: u64,
    /// Pixels of a picture.
    pub picture_pixels: u64,
    /// How many folders up from the capture's own a path in it may lead.
    pub folders_up: u32,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            json_bytes: 64 << 20,
            model_bytes: 1 << 30,
            frames: 1 << 17,
            values: 8 << 20,
            points: 8 << 20,
            picture_bytes: 256 << 20,
            picture_pixels: effigy_splat::MAX_PICTURE_PIXELS,
            folders_up: 2,
        }
    }
}

impl Capture {
    /// Reads the capture at `path`, a folder or a JSON file in one. Pictures are not read, except for the size of those
    /// whose camera lacks one.
    ///
    /// - `transforms.json` of this program, a superset of nerfstudio's and instant-ngp's: matrices are camera to world
    ///   with OpenGL's axes; intrinsics are `w`, `h`, `fl_x`, `fl_y`, `cx`, `cy` in pixels, or `camera_angle_x` and
    ///   `camera_angle_y` in radians, shared or a frame's own; a frame has `file_path` (the extension may be left out),
    ///   `transform_matrix`, and may have `split`, `time`, `camera`, `mask_path`, `controls` and `joints`. Frames
    ///   without `split` go by nerfstudio's `train_filenames`, `val_filenames` and `test_filenames` (the last two are
    ///   [`Split::NovelView`]), otherwise they are trained on. Only frames that name a `camera` get one of their own;
    ///   all others share one, whatever their intrinsics.
    /// - `transforms_train.json`, `transforms_val.json` and `transforms_test.json`. With a `timestep_index` in their
    ///   frames they are VHAP's and GaussianAvatars': val is [`Split::NovelView`], test [`Split::NovelExpression`],
    ///   `fg_mask_path` the mask, `camera_index` the camera. FLAME's parameters are not read; controls come
    ///   from [`CaptureOptions::controls`] or a `controls.json` in the folder: `{"0": {"jawOpen": 0.3}, ...}` by
    ///   timestep, or a list of such, each also as `{"controls": {...}, "joints": {...}}`; or a track, whose n-th
    ///   frame is timestep n (frames with a `time` and no timestep take the track's value at that time). Without
    ///   timesteps they are the NeRF synthetic scenes', and both val and test are [`Split::NovelView`].
    /// - A sparse model of COLMAP, text or binary, with pictures in `images/` and masks, if any, in `masks/`
    ///   (`NAME.png`, with or without the picture's own extension). Every eighth picture by name is
    ///   [`Split::NovelView`], as in 3D Gaussian Splatting.
    ///
    /// Paths in a capture are relative to the folder of the file they stand in; they may lead out of it by
    /// [`CaptureLimits::folders_up`] folders, as exports that join several sequences do, and may be absolute only inside
    /// of it.
    ///
    /// # Errors
    /// [`CaptureError`] if there is no capture, if its files cannot be read or parsed, or if it is over the limits.
    /// Whatever else is wrong is left for [`Capture::check`].
    pub fn open(path: impl AsRef<Path>, options: &CaptureOptions) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let mut capture = if path.is_dir() {
            if transforms::is_in(path) {
                transforms::open_folder(path, options)?
            } else if let Some(model) = colmap::find(path) {
                colmap::open(&model, options)?
            } else {
                return Err(CaptureError::NotACapture { path: path.to_owned() });
            }
        } else {
            transforms::open_file(path, options)?
        };
        if let Some(rig) = &options.rig {
            capture.rig = Some(rig.clone());
        }
        Ok(capture)
    }

    /// The frames of one split, with their indices.
    pub fn split(&self, split: Split) -> impl Iterator<Item = (usize, &CaptureFrame)> {
        self.frames.iter().enumerate().filter(move |(_, frame)| frame.split == split)
    }

    /// Everything that is wrong with the capture, worst first: what reading it found, pictures and masks that are
    /// missing, unreadable or of another size than their camera (only headers are read), one picture in two frames or
    /// splits, cameras that cannot be, look away from the subject or stand inside it, controls and joints that the rig
    /// does not have or whose values mean nothing, splits without pictures.
    ///
    /// `rig` is the rig at [`Capture::rig`], loaded by the caller; the subject is then where it stands at rest.
    /// Without it the subject is where the cameras look.
    pub fn check(&self, rig: Option<&effigy_rig::Rig>) -> Vec<Problem> {
        check::check(self, rig)
    }
}
