//! Captures in JSON: this program's format, nerfstudio's, instant-ngp's, VHAP's and that of the NeRF synthetic scenes.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use effigy_splat::transforms::{LensFields, Transforms, TransformsFrame, parse_json};
use glam::{DAffine3, DMat3, DVec3};
use serde::Deserialize;

use crate::capture::Capture;
use crate::draft::{self, Draft};
use crate::error::{CaptureError, within};
use crate::files::{read_within, resolve, resolve_picture};
use crate::frame::Split;
use crate::left_out::{LeftOut, Reason};
use crate::lens::Lens;
use crate::limits::CaptureLimits;
use crate::models::EQUIRECTANGULAR;
use crate::options::CaptureOptions;
use crate::problem::{Problem, counted, file_name};
use crate::timesteps::{RawControls, RawJoints, Timesteps, controls, joints};
use crate::view::from_opengl;
use crate::{colmap, picture, points};

/// Where nerfstudio leaves the model that it made a capture from.
const NERFSTUDIO_MODEL: &str = "colmap/sparse/0";

/// A whole file, but for its cameras.
#[derive(Deserialize)]
struct Document {
    rig: Option<String>,
    train_filenames: Option<Vec<String>>,
    val_filenames: Option<Vec<String>>,
    test_filenames: Option<Vec<String>>,
    ply_file_path: Option<String>,
    applied_transform: Option<Vec<Vec<f64>>>,
    frames: Vec<RawFrame>,
}

/// One picture of it, but for its camera.
#[derive(Deserialize)]
struct RawFrame {
    file_path: Option<String>,
    split: Option<String>,
    time: Option<f64>,
    camera: Option<Id>,
    camera_index: Option<Id>,
    mask_path: Option<String>,
    fg_mask_path: Option<String>,
    timestep_index: Option<u64>,
    controls: Option<RawControls>,
    joints: Option<RawJoints>,
}

/// A file that was parsed.
struct File {
    path: PathBuf,
    document: Document,
    cameras: Transforms,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    fn name(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The name of the only camera of captures that name none.
const UNNAMED_CAMERA: &str = "camera";

/// The files of a capture in three parts, and what they are for: without timesteps, and with.
const PARTS: [(&str, Split, Split); 3] = [
    ("transforms_train.json", Split::Train, Split::Train),
    ("transforms_val.json", Split::NovelView, Split::NovelView),
    ("transforms_test.json", Split::NovelView, Split::NovelExpression),
];

/// Whether a folder holds such a capture.
pub(crate) fn is_in(folder: &Path) -> bool {
    folder.join("transforms.json").is_file() || folder.join(PARTS[0].0).is_file()
}

/// Reads one file.
pub(crate) fn open_file(path: &Path, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let file = File::parse(path, &options.limits)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut reader = Reader::new(folder, &file.document.frames, options)?;
    reader.add(file, [Split::Train; 2])?;
    Ok(reader.finish())
}

/// Reads the file or files in a folder.
pub(crate) fn open_folder(folder: &Path, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let whole = folder.join("transforms.json");
    let has_parts = folder.join(PARTS[0].0).is_file();
    if whole.is_file() {
        // VHAP writes all frames once more, without splits, beside the parts.
        let file = File::parse(&whole, &options.limits)?;
        let splits = |frame: &RawFrame| frame.split.is_some() || frame.timestep_index.is_none();
        if !has_parts || file.document.frames.iter().any(splits) {
            let mut reader = Reader::new(folder, &file.document.frames, options)?;
            reader.add(file, [Split::Train; 2])?;
            return Ok(reader.finish());
        }
    }
    let mut parts = Vec::new();
    for (name, static_split, split) in PARTS {
        let path = folder.join(name);
        if path.is_file() {
            parts.push((File::parse(&path, &options.limits)?, [static_split, split]));
        }
    }
    let all = parts.iter().flat_map(|(file, _)| &file.document.frames);
    let mut reader = Reader::new(folder, all, options)?;
    for (file, splits) in parts {
        reader.add(file, splits)?;
    }
    Ok(reader.finish())
}

impl File {
    fn parse(path: &Path, limits: &CaptureLimits) -> Result<Self, CaptureError> {
        let text = read_within(path, limits.json_bytes)?;
        // Each frame, its controls and its joints begin with a brace: bounds what parsing can take, before it does.
        let objects = text.iter().filter(|&&b| b == b'{').count() as u64;
        within(path, "objects in the file", objects, limits.frames.saturating_mul(4).saturating_add(64))?;
        let format = |error| CaptureError::format(path, format!("not a transforms.json: {error}"));
        let document: Document = parse_json(&text).map_err(format)?;
        let cameras = Transforms::from_json(&text).map_err(format)?;
        within(path, "frames", document.frames.len() as u64, limits.frames)?;
        Ok(Self { path: path.to_owned(), document, cameras })
    }
}

/// What is common to all files of a capture while they are read.
struct Reader<'a> {
    options: &'a CaptureOptions,
    capture: Capture,
    drafts: Vec<Draft>,
    left_out: LeftOut,
    camera_ids: HashMap<String, usize>,
    timesteps: Option<Timesteps>,
    /// Instants of frames that got no controls, and how many those frames are.
    uncontrolled: (BTreeSet<u64>, usize),
    /// Frames that nerfstudio's lists leave out.
    unlisted: usize,
    values: u64,
}

impl<'a> Reader<'a> {
    fn new<'f>(
        folder: &Path,
        frames: impl IntoIterator<Item = &'f RawFrame>,
        options: &'a CaptureOptions,
    ) -> Result<Self, CaptureError> {
        let mut capture = Capture::new(folder, &options.limits);
        let beside = || {
            let wanted = frames.into_iter().any(|f| f.timestep_index.is_some() && f.controls.is_none());
            Some(folder.join("controls.json")).filter(|path| wanted && path.is_file())
        };
        let timesteps = match options.controls.clone().or_else(beside) {
            Some(path) => Some(Timesteps::open(&path, &options.limits, &mut capture.problems)?),
            None => None,
        };
        Ok(Self {
            options,
            capture,
            drafts: Vec::new(),
            left_out: LeftOut::default(),
            camera_ids: HashMap::new(),
            timesteps,
            uncontrolled: Default::default(),
            unlisted: 0,
            values: 0,
        })
    }

    /// Adds the frames of one file. `splits` is what they are for unless they say so: without timesteps, and with.
    fn add(&mut self, file: File, splits: [Split; 2]) -> Result<(), CaptureError> {
        let File { path, document, cameras } = file;
        let name = file_name(&path);
        let limits = &self.options.limits;
        if let (None, Some(rig)) = (&self.capture.rig, &document.rig) {
            match resolve(&self.capture.folder, rig, limits) {
                Ok(rig) => self.capture.rig = Some(rig),
                Err(fault) => {
                    self.capture
                        .problems
                        .push(Problem::error(&name, format!("the rig's path {rig:?} {fault}")));
                }
            }
        }
        if self.capture.points.is_empty()
            && let Err(fault) = self.add_points(&document)
        {
            let line = format!("{fault}; training starts without them");
            self.capture.problems.push(Problem::warning(&name, line));
        }
        let lists = Lists::new(&document);
        let limits = &self.options.limits;
        within(&path, "frames", (self.drafts.len() + document.frames.len()) as u64, limits.frames)?;
        for (number, (frame, camera)) in document.frames.into_iter().zip(cameras.frames()).enumerate() {
            let split = match lists.split(&frame) {
                Listed::Unknown => splits[usize::from(frame.timestep_index.is_some())],
                Listed::As(split) => split,
                Listed::LeftOut => {
                    self.unlisted += 1;
                    continue;
                }
            };
            let subject = match &frame.file_path {
                Some(name) => name.clone(),
                None => format!("{name}, frame {number}"),
            };
            match self.draft(camera, frame, split, &subject) {
                Ok(draft) => {
                    self.values += (draft.controls.len() + draft.joints.len()) as u64;
                    self.drafts.push(draft);
                }
                Err((reason, detail)) => self.left_out.add(reason, &subject, &detail),
            }
            within(&path, "controls and joints", self.values, limits.values)?;
        }
        Ok(())
    }

    /// The points that the file names, which are in the world of its cameras; or those of the model that nerfstudio made
    /// it from, which are not.
    fn add_points(&mut self, document: &Document) -> Result<(), String> {
        let Self { capture, options, .. } = self;
        let limits = &options.limits;
        if let Some(name) = &document.ply_file_path {
            let cannot =
                |fault: &str| format!("the points of its ply_file_path {name:?} cannot be read: {fault}");
            let path =
                resolve(&capture.folder, name, limits).map_err(|fault| cannot(&format!("it {fault}")))?;
            let points = points::read_ply(&path, limits).map_err(|error| cannot(&error.fault()))?;
            capture.add_points(points, &DAffine3::IDENTITY, options.up_axis);
            return Ok(());
        }
        let Some(rows) = &document.applied_transform else { return Ok(()) };
        let rows: Vec<&[f64; 4]> =
            rows.iter().take(3).filter_map(|row| row.as_slice().try_into().ok()).collect();
        let [x, y, z] = rows[..] else {
            return Err("its applied_transform is not three rows of four numbers".into());
        };
        let column = |i: usize| DVec3::new(x[i], y[i], z[i]);
        let applied =
            DAffine3 { matrix3: DMat3::from_cols(column(0), column(1), column(2)), translation: column(3) };
        let points = colmap::points(&capture.folder.join(NERFSTUDIO_MODEL), limits)
            .map_err(|error| format!("the points of {NERFSTUDIO_MODEL} cannot be read: {}", error.fault()))?;
        capture.add_points(points, &applied, options.up_axis);
        Ok(())
    }

    /// A frame, or what keeps it from being one.
    fn draft(
        &mut self,
        camera: TransformsFrame<'_>,
        frame: RawFrame,
        split: Split,
        subject: &str,
    ) -> Result<Draft, (Reason, String)> {
        let (folder, limits) = (&self.capture.folder, &self.options.limits);
        let faulty = |fault: String| (Reason::Entry, fault);
        let text = frame.file_path.as_deref().ok_or_else(|| faulty("has no file_path".into()))?;
        let picture = resolve_picture(folder, text, limits)
            .map_err(|fault| faulty(format!("its file_path {fault}")))?;
        let world_from_camera = camera.world_from_camera().map_err(|fault| faulty(fault.into()))?;
        // A picture that cannot be read is told of when its size is needed otherwise.
        let size = || Some(picture::header(&picture, limits).map_or((1, 1), |header| header.size));
        let intrinsics = camera.intrinsics(size).map_err(|fault| faulty(fault.into()))?;
        let lens = lens(&camera.lens())?;
        let split = match frame.split.as_deref() {
            None => split,
            Some(name) => Split::ALL.into_iter().find(|split| split.name() == name).ok_or_else(|| {
                faulty(format!("split {name:?} is none of train, novel_view and novel_expression"))
            })?,
        };
        let mask = frame.mask_path.or(frame.fg_mask_path);
        let mask = mask.map(|text| resolve_picture(folder, &text, limits)).transpose();
        let mask = mask.map_err(|fault| faulty(format!("its mask_path {fault}")))?;
        let problems = &mut self.capture.problems;
        let mut own_controls = frame.controls.map(|raw| controls(raw, subject, problems));
        let mut own_joints = joints(frame.joints.unwrap_or_default());
        if own_controls.is_none() {
            let found = self.timesteps.as_ref().and_then(|t| t.at(frame.timestep_index, frame.time));
            match found {
                Some(values) => {
                    own_controls = Some(values.controls);
                    own_joints.extend(values.joints);
                }
                None if frame.timestep_index.is_some() || self.timesteps.is_some() => {
                    self.uncontrolled.0.extend(frame.timestep_index);
                    self.uncontrolled.1 += 1;
                }
                None => {}
            }
        }
        let camera_name = frame.camera.or(frame.camera_index).map(|id| id.name());
        let camera_id = self.camera_id(camera_name.as_deref().unwrap_or(UNNAMED_CAMERA));
        Ok(Draft {
            name: subject.to_owned(),
            picture,
            mask,
            split,
            intrinsics,
            lens,
            camera_from_world: from_opengl(&world_from_camera, self.options.up_axis),
            camera_id,
            time: frame.time,
            controls: own_controls.unwrap_or_default(),
            joints: own_joints,
        })
    }

    fn camera_id(&mut self, name: &str) -> usize {
        if let Some(&id) = self.camera_ids.get(name) {
            return id;
        }
        let id = self.capture.camera_names.len();
        self.capture.camera_names.push(name.to_owned());
        self.camera_ids.insert(name.to_owned(), id);
        id
    }

    fn finish(self) -> Capture {
        let Self { mut capture, drafts, left_out, timesteps, uncontrolled, unlisted, .. } = self;
        let problems = &mut capture.problems;
        let (instants, frames) = uncontrolled;
        if frames > 0 {
            let (of, at) = (counted(frames, "frame"), counted(instants.len(), "timestep"));
            if timesteps.is_some() {
                problems.push(Problem::error(
                    "capture",
                    format!("{of} at {at} without controls: the file of controls has nothing for them"),
                ));
            } else if instants.len() > 1 {
                problems.push(Problem::error(
                    "capture",
                    format!(
                        "{of} at {at} without controls: FLAME parameters are not read; give a controls.json by timestep or a track"
                    ),
                ));
            }
        }
        if unlisted > 0 {
            let line = format!(
                "{} in none of train_filenames, val_filenames and test_filenames, left out",
                counted(unlisted, "frame")
            );
            problems.push(Problem::warning("capture", line));
        }
        draft::finish(drafts, left_out, &mut capture);
        capture
    }
}

/// The lens that a frame was taken through; none where nothing is said of one. The coefficients are those of OpenCV, and
/// of COLMAP's models of these names.
fn lens(fields: &LensFields) -> Result<Option<Lens>, (Reason, String)> {
    let LensFields { model, is_fisheye, k, p, s } = fields;
    let [k1, k2, k3, k4, k5, k6] = *k;
    let model = model.as_deref().unwrap_or_default().to_ascii_uppercase();
    let lens = match model.as_str() {
        "" | "PERSPECTIVE" | "PINHOLE" | "SIMPLE_PINHOLE" | "SIMPLE_RADIAL" | "RADIAL" | "OPENCV" => {
            // nerfstudio's fourth coefficient is the next of the same series.
            if *is_fisheye { Lens::fisheye([k1, k2, k3, k4]) } else { Lens::radial([k1, k2, k3, k4], *p) }
        }
        "FULL_OPENCV" => Lens::Radial { over: [k1, k2, k3, 0.0], under: [k4, k5, k6], tangential: *p },
        "OPENCV_FISHEYE" | "FISHEYE" | "SIMPLE_FISHEYE" | "SIMPLE_RADIAL_FISHEYE" | "RADIAL_FISHEYE" => {
            Lens::fisheye([k1, k2, k3, k4])
        }
        "THIN_PRISM_FISHEYE" => Lens::Fisheye { k: [k1, k2, k3, k4], tangential: *p, prism: *s },
        EQUIRECTANGULAR => return Err((Reason::Panorama, String::new())),
        _ => return Err((Reason::Model(model), String::new())),
    };
    Ok(Some(lens))
}

/// What nerfstudio's lists say of a frame.
enum Listed {
    /// There are no lists, or no list of those that are trained on.
    Unknown,
    As(Split),
    LeftOut,
}

/// nerfstudio's lists of files: data parser `nerfstudio`, `{train,val,test}_filenames`.
struct Lists {
    splits: HashMap<PathBuf, Split>,
    complete: bool,
}

impl Lists {
    fn new(document: &Document) -> Self {
        let lists = [
            (&document.test_filenames, Split::NovelView),
            (&document.val_filenames, Split::NovelView),
            (&document.train_filenames, Split::Train),
        ];
        let mut splits = HashMap::new();
        for (list, split) in lists {
            for name in list.iter().flatten() {
                splits.insert(Self::key(name), split);
            }
        }
        Self { splits, complete: document.train_filenames.is_some() }
    }

    /// Without `./`.
    fn key(name: &str) -> PathBuf {
        Path::new(name).components().filter(|c| !matches!(c, Component::CurDir)).collect()
    }

    fn split(&self, frame: &RawFrame) -> Listed {
        let Some(name) = frame.file_path.as_ref().filter(|_| frame.split.is_none()) else {
            return Listed::Unknown;
        };
        match self.splits.get(&Self::key(name)) {
            Some(&split) => Listed::As(split),
            None if self.complete => Listed::LeftOut,
            None => Listed::Unknown,
        }
    }
}
