//! Which format a folder holds.

use std::path::Path;

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::options::CaptureOptions;
use crate::{colmap, transforms};

impl Capture {
    /// Reads the capture at `path`, a folder or a JSON file in one. Of pictures only the headers are read.
    ///
    /// Frames that cannot be used, since their picture is missing or their camera is none, are left out:
    /// [`Capture::problems`] counts them. A picture that is larger or smaller than its camera says stretches the camera; one
    /// that was taken through a lens that bends lines is straightened when it is decoded, and its camera is the pinhole
    /// camera that sees it so. A picture lies as it does in its file, unless it fits its camera only when turned as its
    /// EXIF record says. One that is not found is looked for with another extension, and in `images_2`, `images_4` and
    /// `images_8`.
    ///
    /// - `transforms.json` of this program, a superset of nerfstudio's and instant-ngp's: matrices are camera to world
    ///   with OpenGL's axes; intrinsics are `w`, `h`, `fl_x`, `fl_y`, `cx`, `cy` in pixels, or `camera_angle_x` and
    ///   `camera_angle_y` in radians, shared or a frame's own; a frame has `file_path` (the extension may be left out),
    ///   `transform_matrix`, and may have `split`, `time`, `camera`, `mask_path`, `controls` and `joints`. `camera_model`,
    ///   `is_fisheye` and OpenCV's coefficients `k1` to `k6`, `p1` and `p2` say how lines are bent. `ply_file_path` names
    ///   points in the world of the cameras; without it, those of `colmap/sparse/0` are taken through
    ///   `applied_transform`. Frames without `split` go by nerfstudio's `train_filenames`, `val_filenames` and
    ///   `test_filenames` (the last two are [`NovelView`](crate::Split::NovelView)), otherwise they are trained on. Only
    ///   frames that name a `camera` get one of their own; all others share one, whatever their intrinsics.
    /// - `transforms_train.json`, `transforms_val.json` and `transforms_test.json`. With a `timestep_index` in their
    ///   frames they are VHAP's and GaussianAvatars': val is [`NovelView`](crate::Split::NovelView), test
    ///   [`NovelExpression`](crate::Split::NovelExpression), `fg_mask_path` the mask, `camera_index` the camera. FLAME's parameters are not read; controls come
    ///   from [`CaptureOptions::controls`] or a `controls.json` in the folder: `{"0": {"jawOpen": 0.3}, ...}` by
    ///   timestep, or a list of such, each also as `{"controls": {...}, "joints": {...}}`; or a track, whose n-th
    ///   frame is timestep n (frames with a `time` and no timestep take the track's value at that time). Without
    ///   timesteps they are the NeRF synthetic scenes', and both val and test are
    ///   [`NovelView`](crate::Split::NovelView).
    /// - A sparse model of COLMAP, text or binary, in `sparse` or numbered folders of it (of several, the one with most
    ///   pictures), by any of its camera models but that of panoramas, with pictures in `images/` and masks, if any, in
    ///   `masks/` (`NAME.png`, with or without the picture's own extension). Every eighth picture by name is
    ///   [`NovelView`](crate::Split::NovelView), as in 3D Gaussian Splatting.
    ///
    /// Paths in a capture are relative to the folder of the file they stand in; they may lead out of it by
    /// [`folders_up`](crate::CaptureLimits::folders_up) folders, as exports that join several sequences do, and may be absolute only inside
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
