//! From a picture's file to a picture.

use crate::undistortion::Undistortion;

/// How a picture's file becomes what its camera sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Width and height as it is decoded.
    pub(crate) size: (u32, u32),
    /// Whether it is turned as the camera that took it was held, which its EXIF record says.
    pub(crate) turned: bool,
    /// What straightens it.
    pub(crate) undistortion: Option<Undistortion>,
}
