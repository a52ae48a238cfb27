//! Captures in JSON: this program's format, nerfstudio's, instant-ngp's, VHAP's and that of the NeRF synthetic scenes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use glam::{DAffine3, DMat3, DVec3};
use serde::Deserialize;

use super::error::within;
use super::files::{read_within, resolve, resolve_picture};
use super::problem::{counted, file_name};
use super::timesteps::{RawControls, RawJoints, Timesteps, controls, joints};
use super::view::{Pinhole, from_opengl};
use super::{Capture, CaptureError, CaptureFrame, CaptureLimits, CaptureOptions, Problem, Split, picture};

/// Structures that may each hold intrinsics. (`serde(flatten)` would keep every unknown field in memory.)
macro_rules! with_intrinsics {
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Deserialize)]
        struct $name {
            w: Option<f64>,
            h: Option<f64>,
            fl_x: Option<f64>,
            fl_y: Option<f64>,
            cx: Option<f64>,
            cy: Option<f64>,
            camera_angle_x: Option<f64>,
            camera_angle_y: Option<f64>,
            k1: Option<f64>,
            k2: Option<f64>,
            k3: Option<f64>,
            k4: Option<f64>,
            p1: Option<f64>,
            p2: Option<f64>,
            is_fisheye: Option<bool>,
            camera_model: Option<String>,
            $($field: $type,)*
        }

        impl $name {
            fn intrinsics(&self) -> Intrinsics {
                Intrinsics {
                    size: [self.w, self.h],
                    focal: [self.fl_x, self.fl_y],
                    center: [self.cx, self.cy],
                    angle: [self.camera_angle_x, self.camera_angle_y],
                    distortion: [self.k1, self.k2, self.k3, self.k4, self.p1, self.p2],
                    fisheye: self.is_fisheye,
                }
            }
        }
    };
}

with_intrinsics! {
    /// A whole file.
    struct Document {
        rig: Option<String>,
        train_filenames: Option<Vec<String>>,
        val_filenames: Option<Vec<String>>,
        test_filenames: Option<Vec<String>>,
        frames: Vec<RawFrame>,
    }
}

with_intrinsics! {
    /// One picture of it.
    struct RawFrame {
        file_path: Option<String>,
        transform_matrix: Option<Vec<Vec<f64>>>,
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

#[derive(Clone, Copy, Default)]
struct Intrinsics {
    size: [Option<f64>; 2],
    focal: [Option<f64>; 2],
    center: [Option<f64>; 2],
    angle: [Option<f64>; 2],
    distortion: [Option<f64>; 6],
    fisheye: Option<bool>,
}

const DISTORTION_NAMES: [&str; 6] = ["k1", "k2", "k3", "k4", "p1", "p2"];

impl Intrinsics {
    /// Focal length along an axis of so many pixels; an own length goes before a field of view.
    fn focal(&self, axis: usize, pixels: f64) -> Option<f64> {
        self.focal[axis].or_else(|| self.angle[axis].map(|angle| 0.5 * pixels / (0.5 * angle).tan()))
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
pub(super) fn is_in(folder: &Path) -> bool {
    folder.join("transforms.json").is_file() || folder.join(PARTS[0].0).is_file()
}

/// Reads one file.
pub(super) fn open_file(path: &Path, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let document = parse(path, &options.limits)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut reader = Reader::new(folder, &document.frames, options)?;
    reader.add(path, document, [Split::Train; 2])?;
    Ok(reader.finish())
}

/// Reads the file or files in a folder.
pub(super) fn open_folder(folder: &Path, options: &CaptureOptions) -> Result<Capture, CaptureError> {
    let whole = folder.join("transforms.json");
    let has_parts = folder.join(PARTS[0].0).is_file();
    if whole.is_file() {
        // VHAP writes all frames once more, without splits, beside the parts.
        let document = parse(&whole, &options.limits)?;
        let splits = |frame: &RawFrame| frame.split.is_some() || frame.timestep_index.is_none();
        if !has_parts || document.frames.iter().any(splits) {
            let mut reader = Reader::new(folder, &document.frames, options)?;
            reader.add(&whole, document, [Split::Train; 2])?;
            return Ok(reader.finish());
        }
    }
    let mut parts = Vec::new();
    for (name, static_split, split) in PARTS {
        let path = folder.join(name);
        if path.is_file() {
            let document = parse(&path, &options.limits)?;
            parts.push((path, document, [static_split, split]));
        }
    }
    let all = parts.iter().flat_map(|(_, document, _)| &document.frames);
    let mut reader = Reader::new(folder, all, options)?;
    for (path, document, splits) in parts {
        reader.add(&path, document, splits)?;
    }
    Ok(reader.finish())
}

fn parse(path: &Path, limits: &CaptureLimits) -> Result<Document, CaptureError> {
    let bytes = read_within(path, limits.json_bytes)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // Each frame, its controls and its joints begin with a brace: bounds what parsing can take, before it does.
    let objects = text.iter().filter(|&&b| b == b'{').count() as u64;
    within(path, "objects in the file", objects, limits.frames.saturating_mul(4).saturating_add(64))?;
    let document: Document = serde_json::from_slice(text)
        .map_err(|error| CaptureError::format(path, format!("not a transforms.json: {error}")))?;
    within(path, "frames", document.frames.len() as u64, limits.frames)?;
    Ok(document)
}

/// What is common to all files of a capture while they are read.
struct Reader<'a> {
    options: &'a CaptureOptions,
    capture: Capture,
    camera_ids: HashMap<String, usize>,
    timesteps: Option<Timesteps>,
    /// Instants of frames that got no controls, and how many those frames are.
    uncontrolled: (BTreeSet<u64>, usize),
    /// Lens faults, and how many frames have each.
    bent: BTreeMap<String, usize>,
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
        let mut capture = Capture {
            folder: folder.to_owned(),
            rig: None,
            camera_names: Vec::new(),
            frames: Vec::new(),
            points: Vec::new(),
            limits: options.limits.clone(),
            problems: Vec::new(),
        };
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
            camera_ids: HashMap::new(),
            timesteps,
            uncontrolled: Default::default(),
            bent: BTreeMap::new(),
            unlisted: 0,
            values: 0,
        })
    }

    /// Adds the frames of one file. `splits` is what they are for unless they say so: without timesteps, and with.
    fn add(&mut self, path: &Path, document: Document, splits: [Split; 2]) -> Result<(), CaptureError> {
        let file = file_name(path);
        let limits = &self.options.limits;
        if let (None, Some(rig)) = (&self.capture.rig, &document.rig) {
            match resolve(&self.capture.folder, rig, limits) {
                Ok(rig) => self.capture.rig = Some(rig),
                Err(fault) => {
                    self.capture
                        .problems
                        .push(Problem::error(&file, format!("the rig's path {rig:?} {fault}")));
                }
            }
        }
        let shared = document.intrinsics();
        let lists = Lists::new(&document);
        within(path, "frames", (self.capture.frames.len() + document.frames.len()) as u64, limits.frames)?;
        for (number, frame) in document.frames.into_iter().enumerate() {
            let split = match lists.split(&frame) {
                Listed::Unknown => splits[usize::from(frame.timestep_index.is_some())],
                Listed::As(split) => split,
                Listed::LeftOut => {
                    self.unlisted += 1;
                    continue;
                }
            };
            let model = frame.camera_model.as_deref().or(document.camera_model.as_deref());
            if let Some(lens) = lens_fault(&shared, &frame.intrinsics(), model) {
                *self.bent.entry(lens).or_default() += 1;
            }
            let subject = match &frame.file_path {
                Some(name) => name.clone(),
                None => format!("{file}, frame {number}"),
            };
            match self.add_frame(&shared, frame, split, &subject) {
                Ok(values) => self.values += values as u64,
                Err(faults) => {
                    let problems = faults.into_iter().map(|fault| Problem::error(&subject, fault));
                    self.capture.problems.extend(problems);
                }
            }
            within(path, "controls and joints", self.values, limits.values)?;
        }
        Ok(())
    }

    /// Adds one frame and returns how many controls and joints it has, or says all that keeps it from being one.
    fn add_frame(
        &mut self,
        shared: &Intrinsics,
        frame: RawFrame,
        split: Split,
        subject: &str,
    ) -> Result<usize, Vec<String>> {
        let (folder, limits) = (self.capture.folder.clone(), &self.options.limits);
        let mut faults = Vec::new();
        let picture = match &frame.file_path {
            None => Err("has no file_path".to_owned()),
            Some(text) => resolve_picture(&folder, text, limits).map_err(|e| format!("its file_path {e}")),
        };
        let picture = picture.map_err(|fault| faults.push(fault)).ok();
        let world_from_camera = rigid(frame.transform_matrix.as_deref()).map_err(|e| faults.push(e)).ok();
        let pinhole = picture
            .as_deref()
            .and_then(|p| pinhole(shared, &frame.intrinsics(), p, limits).map_err(|e| faults.push(e)).ok());
        let split = match frame.split.as_deref() {
            None => Some(split),
            Some(name) => Split::ALL.into_iter().find(|split| split.name() == name).or_else(|| {
                faults.push(format!("split {name:?} is none of train, novel_view and novel_expression"));
                None
            }),
        };
        let mask = frame.mask_path.or(frame.fg_mask_path).and_then(|text| {
            resolve_picture(&folder, &text, limits)
                .map_err(|e| faults.push(format!("its mask_path {e}")))
                .ok()
        });
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
        let (Some(picture), Some(world_from_camera), Some(pinhole), Some(split), true) =
            (picture, world_from_camera, pinhole, split, faults.is_empty())
        else {
            return Err(faults);
        };
        let camera_name = frame.camera.or(frame.camera_index).map(|id| id.name());
        let camera_id = self.camera_id(camera_name.as_deref().unwrap_or(UNNAMED_CAMERA));
        let own_controls = own_controls.unwrap_or_default();
        let values = own_controls.len() + own_joints.len();
        self.capture.frames.push(CaptureFrame {
            name: subject.to_owned(),
            picture,
            mask,
            split,
            camera: from_opengl(&pinhole, world_from_camera, self.options.up_axis),
            camera_id,
            time: frame.time,
            controls: own_controls,
            joints: own_joints,
        });
        Ok(values)
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

    fn finish(mut self) -> Capture {
        let problems = &mut self.capture.problems;
        for (lens, count) in &self.bent {
            let frames = counted(*count, "frame");
            problems.push(Problem::error(
                "capture",
                format!("{frames} with a lens that bends lines ({lens}): undistort the pictures first"),
            ));
        }
        let (timesteps, frames) = &self.uncontrolled;
        if *frames > 0 {
            let (of, at) = (counted(*frames, "frame"), counted(timesteps.len(), "timestep"));
            if self.timesteps.is_some() {
                problems.push(Problem::error(
                    "capture",
                    format!("{of} at {at} without controls: the file of controls has nothing for them"),
                ));
            } else if timesteps.len() > 1 {
                problems.push(Problem::error(
                    "capture",
                    format!(
                        "{of} at {at} without controls: FLAME parameters are not read; give a controls.json by timestep or a track"
                    ),
                ));
            }
        }
        if self.unlisted > 0 {
            let line = format!(
                "{} in none of train_filenames, val_filenames and test_filenames, left out",
                counted(self.unlisted, "frame")
            );
            problems.push(Problem::warning("capture", line));
        }
        self.capture
    }
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
        Path::new(name).components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
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

/// A 4×4 matrix (its last row may be missing) given as rows, as a transform. Whether it is rigid shows in the camera.
fn rigid(rows: Option<&[Vec<f64>]>) -> Result<DAffine3, String> {
    let rows = rows.ok_or("has no transform_matrix")?;
    if !(3..=4).contains(&rows.len()) || rows.iter().any(|row| row.len() != 4) {
        return Err("its transform_matrix is not four rows of four numbers".into());
    }
    if let Some(last) = rows.get(3)
        && last.iter().zip([0.0, 0.0, 0.0, 1.0]).any(|(&x, expected)| !((x - expected).abs() < 1e-6))
    {
        return Err("the last row of its transform_matrix is not 0 0 0 1".into());
    }
    let column = |i: usize| DVec3::new(rows[0][i], rows[1][i], rows[2][i]);
    Ok(DAffine3 { matrix3: DMat3::from_cols(column(0), column(1), column(2)), translation: column(3) })
}

/// A frame's intrinsics: its own before the shared ones, whichever way they are given. The size is the picture's where
/// neither has one, and zero where that cannot be read.
fn pinhole(
    shared: &Intrinsics,
    own: &Intrinsics,
    picture: &Path,
    limits: &CaptureLimits,
) -> Result<Pinhole, String> {
    let size = match (own.size[0].or(shared.size[0]), own.size[1].or(shared.size[1])) {
        (Some(w), Some(h)) => {
            let whole =
                |x: f64| (x.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&x)).then_some(x as u32);
            [w, h].map(whole)
        }
        _ => {
            let (w, h) = picture::size(picture, limits).unwrap_or((0, 0));
            [Some(w), Some(h)]
        }
    };
    let [Some(width), Some(height)] = size else {
        return Err("its size (w, h) is not a whole number of pixels".into());
    };
    let (w, h) = (f64::from(width), f64::from(height));
    let own_fx = own.focal(0, w);
    let fx = own_fx.or_else(|| shared.focal(0, w)).ok_or("has no focal length (fl_x or camera_angle_x)")?;
    let fy = own.focal(1, h).or(own_fx).or_else(|| shared.focal(1, h)).unwrap_or(fx);
    Ok(Pinhole {
        width,
        height,
        fx,
        fy,
        cx: own.center[0].or(shared.center[0]).unwrap_or(0.5 * w),
        cy: own.center[1].or(shared.center[1]).unwrap_or(0.5 * h),
    })
}

/// What keeps a camera from being a pinhole camera.
fn lens_fault(shared: &Intrinsics, own: &Intrinsics, model: Option<&str>) -> Option<String> {
    if let Some(model) = model
        && ![
            "",
            "PINHOLE",
            "SIMPLE_PINHOLE",
            "PERSPECTIVE",
            "SIMPLE_RADIAL",
            "RADIAL",
            "OPENCV",
            "FULL_OPENCV",
        ]
        .contains(&model.to_ascii_uppercase().as_str())
    {
        return Some(format!("camera_model {model}"));
    }
    if own.fisheye.or(shared.fisheye) == Some(true) {
        return Some("is_fisheye".into());
    }
    let bent: Vec<&str> = (0..DISTORTION_NAMES.len())
        .filter(|&i| own.distortion[i].or(shared.distortion[i]).is_some_and(|k| k != 0.0))
        .map(|i| DISTORTION_NAMES[i])
        .collect();
    (!bent.is_empty()).then(|| bent.join(", "))
}
