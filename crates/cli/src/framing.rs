//! Cameras: framing an avatar, circling it, or following a file of cameras.

use std::path::PathBuf;
use std::str::FromStr;

use effigy_avatar::{Avatar, Extents};
use effigy_render::OrbitCamera;
use effigy_render::camera_file::{CameraFileError, read_cameras};
use effigy_splat::{Camera, MAX_PICTURE_PIXELS, MAX_PICTURE_SIZE};

use crate::failure::bad_input;
use crate::source::YAxis;

/// Width and height in pixels, written `WxH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (w, h) = text.split_once(['x', 'X']).unwrap_or((text, text));
        let side = |s: &str| {
            s.parse::<u32>().ok().filter(|n| (1..=MAX_PICTURE_SIZE).contains(n)).ok_or_else(|| {
                format!("a size is WxH with both from 1 to {MAX_PICTURE_SIZE}, such as 1280x720")
            })
        };
        let size = Self { width: side(w)?, height: side(h)? };
        if u64::from(size.width) * u64::from(size.height) > MAX_PICTURE_PIXELS {
            return Err(format!("a picture has at most {MAX_PICTURE_PIXELS} pixels"));
        }
        Ok(size)
    }
}

/// What `--camera` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CameraChoice {
    /// From the front.
    Front,
    /// Around the avatar: a full turn, or to and fro by this many degrees.
    Orbit(Option<f32>),
    /// The cameras of a file.
    File(PathBuf),
}

impl FromStr for CameraChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            _ if text == "front" => Ok(Self::Front),
            _ if text == "orbit" => Ok(Self::Orbit(None)),
            Some(("orbit", degrees)) => match degrees.parse::<f32>() {
                Ok(degrees) if degrees.is_finite() => Ok(Self::Orbit(Some(degrees))),
                _ => Err(format!("orbit takes degrees, such as orbit:30, not {degrees:?}")),
            },
            _ => Ok(Self::File(text.into())),
        }
    }
}

/// The camera at every instant.
pub(crate) enum CameraPath {
    Orbit { camera: OrbitCamera, swing: Swing, size: Size },
    Listed(Vec<Camera>),
}

/// How an orbiting camera moves.
#[derive(Clone, Copy)]
pub(crate) enum Swing {
    Still,
    Turn,
    /// To and fro by this angle, radians.
    ToAndFro(f32),
}

/// The lens of the framing cameras: a portrait's.
const VERTICAL_FOV_DEGREES: f32 = 22.0;
impl CameraPath {
    /// Resolves what `--camera`, `--yaw`, `--pitch` (degrees), `--size` and `--y-axis` say for `avatar`.
    pub(crate) fn new(
        choice: &CameraChoice,
        avatar: &Avatar,
        yaw: f32,
        pitch: f32,
        size: Option<Size>,
        y_axis: Option<YAxis>,
    ) -> anyhow::Result<Self> {
        let swing = match choice {
            CameraChoice::Front => Swing::Still,
            CameraChoice::Orbit(None) => Swing::Turn,
            CameraChoice::Orbit(Some(degrees)) => Swing::ToAndFro(degrees.to_radians()),
            CameraChoice::File(path) => {
                let up = y_axis.map(YAxis::up_axis).unwrap_or_default();
                let cameras = read_cameras(path, up).map_err(|error| {
                    let hint = match error {
                        CameraFileError::Io { .. } => {
                            " (--camera takes front, orbit, orbit:DEGREES or a file)"
                        }
                        _ => "",
                    };
                    bad_input(format!("{error}{hint}"))
                })?;
                let fit = |camera: Camera| match size {
                    Some(size) => camera.resized(size.width, size.height),
                    None => camera,
                };
                return Ok(Self::Listed(cameras.into_iter().map(fit).collect()));
            }
        };
        let size = size.unwrap_or(Size { width: 720, height: 720 });
        let mut camera = OrbitCamera {
            yaw: yaw.to_radians(),
            pitch: pitch.to_radians().clamp(-1.5, 1.5),
            lens: OrbitCamera::lens_of(VERTICAL_FOV_DEGREES.to_radians(), [size.width, size.height]),
            ..OrbitCamera::default()
        };
        camera.frame(&Extents::of(avatar)?.whole, size.width as f32 / size.height as f32);
        Ok(Self::Orbit { camera, swing, size })
    }

    /// How many cameras a file lists.
    pub(crate) fn listed(&self) -> Option<usize> {
        match self {
            Self::Orbit { .. } => None,
            Self::Listed(cameras) => Some(cameras.len()),
        }
    }

    /// Whether the camera moves by itself.
    pub(crate) fn moves(&self) -> bool {
        match self {
            Self::Orbit { swing, .. } => !matches!(swing, Swing::Still),
            Self::Listed(cameras) => cameras.len() > 1,
        }
    }

    /// The camera of frame `index` of `count`.
    pub(crate) fn at(&self, index: usize, count: usize) -> Camera {
        match self {
            Self::Listed(cameras) => cameras[index % cameras.len()],
            Self::Orbit { camera, swing, size } => {
                let phase = index as f32 / count as f32 * std::f32::consts::TAU;
                let turn = match swing {
                    Swing::Still => 0.0,
                    Swing::Turn => phase,
                    Swing::ToAndFro(angle) => angle * phase.sin(),
                };
                OrbitCamera { yaw: camera.yaw + turn, ..*camera }.camera([size.width, size.height])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_cameras_are_parsed() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        assert_eq!("512".parse(), Ok(Size { width: 512, height: 512 }));
        for bad in ["0x10", "10x", "100000x10", "16384x16384", "-1x2", "axb"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert_eq!("orbit:30".parse(), Ok(CameraChoice::Orbit(Some(30.0))));
        assert!("orbit:x".parse::<CameraChoice>().is_err());
        assert_eq!("a.json".parse(), Ok(CameraChoice::File("a.json".into())));
    }
}
