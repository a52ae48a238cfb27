//! Which format a folder holds.

use std::path::Path;

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::options::CaptureOptions;
use crate::{colmap, transforms};

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
                colmap::open(model, options)?
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
}
