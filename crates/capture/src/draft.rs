//! From what a capture's files say of a frame to a frame that can be used, as its picture turns out to be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use effigy_splat::transforms::Intrinsics;
use glam::DAffine3;
use rayon::prelude::*;

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::frame::{CaptureFrame, Split};
use crate::left_out::{LeftOut, Reason};
use crate::lens::Lens;
use crate::limits::CaptureLimits;
use crate::picture::{Header, alike, header};
use crate::problem::{Problem, counted, listed};
use crate::reading::Reading;
use crate::undistortion::Undistortion;
use crate::view::NEAR;

/// A frame as a capture's files describe it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) picture: PathBuf,
    pub(crate) mask: Option<PathBuf>,
    pub(crate) split: Split,
    pub(crate) intrinsics: Intrinsics,
    pub(crate) lens: Option<Lens>,
    /// With OpenGL's axes, from a world in which +Y is up.
    pub(crate) camera_from_world: DAffine3,
    pub(crate) camera_id: usize,
    pub(crate) time: Option<f64>,
    pub(crate) controls: BTreeMap<String, f32>,
    pub(crate) joints: BTreeMap<String, [f32; 4]>,
}

/// Why a frame cannot be used, and what else there is to say.
type Fault = (Reason, String);

/// A frame that can be used, with a word about its picture's size if its camera has another.
struct Finished {
    frame: CaptureFrame,
    other_size: Option<String>,
}

/// Adds the frames that can be used to `capture`, and notes what becomes of the others. The headers of all pictures are
/// read.
pub(crate) fn finish(drafts: Vec<Draft>, mut left_out: LeftOut, capture: &mut Capture) {
    let limits = &capture.limits;
    let finish = |draft: Draft| {
        let name = draft.name.clone();
        draft.finish(limits).map_err(|fault| (name, fault))
    };
    let finished: Vec<Result<Finished, (String, Fault)>> = drafts.into_par_iter().map(finish).collect();
    let mut stretched = Vec::new();
    for result in finished {
        match result {
            Ok(Finished { frame, other_size }) => {
                stretched.extend(other_size);
                capture.frames.push(frame);
            }
            Err((name, (reason, detail))) => left_out.add(reason, &name, &detail),
        }
    }
    if !stretched.is_empty() {
        let line = format!(
            "{} of another size than the camera, which is taken to be of that size: {}",
            counted(stretched.len(), "picture"),
            listed(stretched.iter().map(String::as_str))
        );
        capture.problems.push(Problem::warning("capture", line));
    }
    capture.problems.extend(left_out.problems());
}

impl Draft {
    fn finish(self, limits: &CaptureLimits) -> Result<Finished, Fault> {
        let header = read_header(&self.picture, limits, [Reason::MissingPicture, Reason::Picture])?;
        let wanted = (self.intrinsics.width, self.intrinsics.height);
        let cannot = |fault: String| (Reason::Camera, fault);
        if wanted.0 == 0 || wanted.1 == 0 {
            return Err(cannot(format!("its size is {}x{}", wanted.0, wanted.1)));
        }
        let turned = header.turned().filter(|&turned| {
            // As it lies in the file, unless it only fits when turned as the camera was.
            header.size != wanted
                && (turned == wanted || !alike(header.size, wanted) && alike(turned, wanted))
        });
        let size = turned.unwrap_or(header.size);
        let says = |(w, h): (u32, u32)| format!("{w}x{h}");
        if !alike(size, wanted) {
            return Err((Reason::Shape, format!("{}, not {}", says(size), says(wanted))));
        }
        let pixels = u64::from(size.0) * u64::from(size.1);
        if pixels > limits.picture_pixels {
            return Err((Reason::Picture, format!("more than {} pixels", limits.picture_pixels)));
        }
        if let Some(mask) = &self.mask {
            let mask = read_header(mask, limits, [Reason::MissingMask, Reason::Mask])?;
            if !(alike(mask.size, size) || alike(mask.size, header.size)) {
                return Err((Reason::Mask, format!("{}, not {}", says(mask.size), says(size))));
            }
        }
        let taken = if size == wanted { self.intrinsics } else { self.intrinsics.stretched(size.0, size.1) };
        let camera = taken.camera(&self.camera_from_world, NEAR);
        let valid = |camera: &effigy_splat::Camera| {
            camera.validate().map_err(|error| match error {
                effigy_splat::SplatError::Camera(fault) => cannot(fault),
                error => cannot(error.to_string()),
            })
        };
        valid(&camera)?;
        if self.lens.as_ref().is_some_and(|lens| !lens.is_finite()) {
            return Err(cannot("a number of its lens is none".into()));
        }
        let undistortion = match self.lens.filter(|lens| lens.shows(&taken)) {
            Some(lens) => Some(Undistortion::new(lens, taken).map_err(|fault| cannot(fault.into()))?),
            None => None,
        };
        let camera = match &undistortion {
            Some(undistortion) => undistortion.to.camera(&self.camera_from_world, NEAR),
            None => camera,
        };
        valid(&camera)?;
        let other_size =
            (size != wanted).then(|| format!("{} ({}, not {})", self.name, says(size), says(wanted)));
        let frame = CaptureFrame {
            name: self.name,
            picture: self.picture,
            mask: self.mask,
            split: self.split,
            camera,
            camera_id: self.camera_id,
            time: self.time,
            controls: self.controls,
            joints: self.joints,
            reading: Reading { size, turned: turned.is_some(), undistortion },
        };
        Ok(Finished { frame, other_size })
    }
}

/// What a picture's header says, or the first reason if there is no such file, otherwise the second.
fn read_header(
    path: &Path,
    limits: &CaptureLimits,
    [missing, unreadable]: [Reason; 2],
) -> Result<Header, Fault> {
    header(path, limits).map_err(|error| match &error {
        CaptureError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            (missing, String::new())
        }
        error => (unreadable, error.fault()),
    })
}
