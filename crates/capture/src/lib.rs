//! Captures: pictures of a subject with, for each, its camera and what the rig's controls were at that instant.
//!
//! [`Capture::open`] reads this program's own format, nerfstudio's and instant-ngp's `transforms.json`, sparse models of
//! COLMAP, and the layout of VHAP and GaussianAvatars, and turns all of them into the same plain frames.
//! [`Capture::check`] then lists everything that is wrong with it at once, and a [`PictureCache`] decodes its pictures.
//!
//! Which format a folder holds is told by what is in it: a `transforms.json`, the three files `transforms_train.json`,
//! `transforms_val.json` and `transforms_test.json`, or a `cameras.bin` or `cameras.txt` in it, in `sparse`, or in a
//! numbered folder of `sparse`.

mod cache;
mod capture;
mod check;
mod colmap;
mod draft;
mod error;
mod files;
mod frame;
mod left_out;
mod lens;
mod limits;
mod models;
mod open;
mod options;
mod picture;
mod points;
mod poses;
mod problem;
mod reading;
mod subject;
mod timesteps;
mod transforms;
mod undistortion;
mod view;

pub use cache::{PictureCache, Preloaded};
pub use capture::{Capture, InitialPoint};
pub use error::CaptureError;
pub use frame::{CaptureFrame, Split};
pub use limits::CaptureLimits;
pub use options::{CaptureOptions, UpAxis};
pub use picture::Picture;
pub use poses::poses;
pub use problem::{Problem, Severity};
