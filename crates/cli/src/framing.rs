//! Cameras: framing an avatar, circling it, or following a file of cameras.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use effigy_avatar::Avatar;
use effigy_rig::{Pose, PosedVertices, Poser};
use effigy_splat::{Camera, MAX_PICTURE_SIZE};
use glam::{Affine3A, Mat3, Mat4, Vec3};
use serde::Deserialize;

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
        Ok(Self { width: side(w)?, height: side(h)? })
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
    Orbit { subject: Subject, swing: Swing, yaw: f32, pitch: f32, size: Size },
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

/// What a camera is framed on: a box in world space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    low: Vec3,
    high: Vec3,
}

/// The lens of the framing cameras: a portrait's.
const VERTICAL_FOV_DEGREES: f32 = 22.0;
/// Room around the subject.
const MARGIN: f32 = 1.12;

impl Subject {
    /// The avatar at rest, without its outermost stragglers.
    pub(crate) fn of(avatar: &Avatar) -> anyhow::Result<Self> {
        let mut posed = effigy_avatar::PosedGaussians::default();
        let mut vertices = PosedVertices::default();
        if let Some(body) = &avatar.body {
            let mut poser = Poser::new(&body.rig, body.binding.frame)?;
            poser.pose(&body.rig, &Pose::rest(&body.rig), &mut vertices)?;
        }
        avatar.pose_gaussians(&vertices, &mut posed)?;
        let g = &posed.gaussians;
        // Trained scenes hold a few Gaussians far out, and faint ones anywhere.
        let solid: Vec<usize> = (0..g.len()).filter(|&i| g.opacity_logits[i] > 0.0).collect();
        if solid.is_empty() {
            return Ok(Self { low: Vec3::splat(-0.5), high: Vec3::splat(0.5) });
        }
        let (mut low, mut high) = (Vec3::ZERO, Vec3::ZERO);
        for axis in 0..3 {
            let mut values: Vec<f32> = solid.iter().map(|&i| g.positions[i][axis]).collect();
            values.sort_by(f32::total_cmp);
            let outliers = values.len() / 500;
            (low[axis], high[axis]) = (values[outliers], values[values.len() - 1 - outliers]);
        }
        Ok(Self { low, high })
    }

    fn camera(&self, yaw: f32, pitch: f32, size: Size) -> Camera {
        let (center, half) =
            (0.5 * (self.low + self.high), 0.5 * (self.high - self.low).max(Vec3::splat(1e-3)));
        let fov = VERTICAL_FOV_DEGREES.to_radians();
        let tan = (0.5 * fov).tan();
        // Wide enough for any turn about the vertical, from in front of the nearest point.
        let around = half.x.hypot(half.z);
        let aspect = size.width as f32 / size.height as f32;
        let distance = (half.y / tan).max(around / (tan * aspect)) * MARGIN + around;
        let pitch = pitch.clamp(-1.5, 1.5);
        let direction = Vec3::new(yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos());
        let mut camera =
            Camera::look_at(center + distance * direction, center, Vec3::Y, fov, size.width, size.height);
        camera.near = (0.02 * distance).max(1e-4);
        camera
    }
}

impl CameraPath {
    /// Resolves what `--camera`, `--yaw`, `--pitch` (degrees), `--size` and `--y-axis` say for `avatar`.
    pub(crate) fn new(
        choice: &CameraChoice,
        avatar: &Avatar,
        yaw: f32,
        pitch: f32,
        size: Option<Size>,
        y_axis: YAxis,
    ) -> anyhow::Result<Self> {
        let swing = match choice {
            CameraChoice::Front => Swing::Still,
            CameraChoice::Orbit(None) => Swing::Turn,
            CameraChoice::Orbit(Some(degrees)) => Swing::ToAndFro(degrees.to_radians()),
            CameraChoice::File(path) => {
                let cameras = read_cameras(path, y_axis)?;
                let fit = |camera: Camera| match size {
                    Some(size) => camera.resized(size.width, size.height),
                    None => camera,
                };
                return Ok(Self::Listed(cameras.into_iter().map(fit).collect()));
            }
        };
        Ok(Self::Orbit {
            subject: Subject::of(avatar)?,
            swing,
            yaw: yaw.to_radians(),
            pitch: pitch.to_radians(),
            size: size.unwrap_or(Size { width: 720, height: 720 }),
        })
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
            Self::Orbit { subject, swing, yaw, pitch, size } => {
                let phase = index as f32 / count as f32 * std::f32::consts::TAU;
                let turn = match swing {
                    Swing::Still => 0.0,
                    Swing::Turn => phase,
                    Swing::ToAndFro(angle) => angle * phase.sin(),
                };
                subject.camera(yaw + turn, *pitch, *size)
            }
        }
    }
}

/// A `transforms.json` of nerfstudio and instant-ngp.
#[derive(Deserialize)]
struct Transforms {
    #[serde(flatten)]
    shared: Intrinsics,
    frames: Vec<TransformsFrame>,
}

#[derive(Deserialize)]
struct TransformsFrame {
    #[serde(flatten)]
    own: Intrinsics,
    transform_matrix: [[f32; 4]; 4],
}

#[derive(Clone, Copy, Deserialize)]
struct Intrinsics {
    w: Option<f64>,
    h: Option<f64>,
    fl_x: Option<f32>,
    fl_y: Option<f32>,
    cx: Option<f32>,
    cy: Option<f32>,
    camera_angle_x: Option<f32>,
}

/// One entry of the `cameras.json` of 3D Gaussian Splatting: world-from-camera rotation with columns right, down and
/// forward.
#[derive(Deserialize)]
struct SplattingCamera {
    width: u32,
    height: u32,
    position: [f32; 3],
    rotation: [[f32; 3]; 3],
    fx: f32,
    fy: f32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CameraFile {
    Transforms(Box<Transforms>),
    Splatting(Vec<SplattingCamera>),
}

/// A file of cameras is read up to here; what is cut off is not JSON.
const MAX_CAMERA_BYTES: u64 = 256 << 20;

fn read_cameras(path: &Path, y_axis: YAxis) -> anyhow::Result<Vec<Camera>> {
    let name = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_CAMERA_BYTES).read_to_string(&mut text));
    read.map_err(|error| {
        bad_input(format!("{name}: {error} (--camera takes front, orbit, orbit:DEGREES or a file)"))
    })?;
    let file: CameraFile = serde_json::from_str(&text).map_err(|error| {
        bad_input(format!(
            "{name}: neither a transforms.json nor a cameras.json of 3D Gaussian Splatting ({error})"
        ))
    })?;
    // A cameras.json belongs to a .ply, and is turned upright with it.
    let file_from_world = match y_axis {
        YAxis::Down => Affine3A::from_rotation_x(std::f32::consts::PI),
        YAxis::Up => Affine3A::IDENTITY,
    };
    let cameras: Vec<Camera> = match file {
        CameraFile::Transforms(file) => file
            .frames
            .iter()
            .enumerate()
            .map(|(i, frame)| {
                transforms_camera(&file.shared, frame).ok_or_else(|| {
                    bad_input(format!("{name}: frame {i} lacks a size (w, h) or a focal length (fl_x)"))
                })
            })
            .collect::<Result<_, _>>()?,
        CameraFile::Splatting(entries) => entries
            .iter()
            .map(|entry| {
                // Rows of the file become the matrix; down and forward become up and backward.
                let m = Mat3::from_cols_array_2d(&entry.rotation).transpose();
                let m = Mat3::from_cols(m.x_axis, -m.y_axis, -m.z_axis);
                Camera {
                    width: entry.width,
                    height: entry.height,
                    fx: entry.fx,
                    fy: entry.fy,
                    cx: 0.5 * entry.width as f32,
                    cy: 0.5 * entry.height as f32,
                    camera_from_world: Affine3A::from_mat3_translation(m, entry.position.into()).inverse()
                        * file_from_world,
                    near: NEAR,
                }
            })
            .collect(),
    };
    if cameras.is_empty() {
        return Err(bad_input(format!("{name}: it lists no camera")));
    }
    for (i, camera) in cameras.iter().enumerate() {
        camera.validate().with_context(|| format!("{name}: entry {i}"))?;
    }
    Ok(cameras)
}

/// The near plane of cameras from files, metres.
const NEAR: f32 = 0.01;

fn transforms_camera(shared: &Intrinsics, frame: &TransformsFrame) -> Option<Camera> {
    let own = &frame.own;
    let (width, height) = (own.w.or(shared.w)? as u32, own.h.or(shared.h)? as u32);
    let by_angle = own.camera_angle_x.or(shared.camera_angle_x).map(|a| 0.5 * width as f32 / (0.5 * a).tan());
    let fx = own.fl_x.or(shared.fl_x).or(by_angle)?;
    let world_from_camera = Mat4::from_cols_array_2d(&frame.transform_matrix).transpose();
    Some(Camera {
        width,
        height,
        fx,
        fy: own.fl_y.or(shared.fl_y).unwrap_or(fx),
        cx: own.cx.or(shared.cx).unwrap_or(0.5 * width as f32),
        cy: own.cy.or(shared.cy).unwrap_or(0.5 * height as f32),
        camera_from_world: Affine3A::from_mat4(world_from_camera).inverse(),
        near: NEAR,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cameras_of(text: &str) -> anyhow::Result<Vec<Camera>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_cameras(file.path(), YAxis::Up)
    }

    #[test]
    fn both_camera_files_describe_the_same_view() {
        // A camera 2 m in front, looking at the origin, upright: the identity in OpenGL's axes.
        let transforms = cameras_of(
            r#"{"w": 100, "h": 80, "fl_x": 120, "frames": [{"transform_matrix":
                [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        let splatting = cameras_of(
            r#"[{"width": 100, "height": 80, "position": [0,0,2], "fx": 120, "fy": 120,
                "rotation": [[1,0,0],[0,-1,0],[0,0,-1]]}]"#,
        )
        .unwrap();
        assert_eq!(transforms[0].eye(), Vec3::new(0.0, 0.0, 2.0));
        assert_eq!(transforms, splatting);
    }

    #[test]
    fn camera_files_that_cannot_be_used_say_why() {
        for (text, why) in [
            ("{", "neither"),
            (r#"{"frames": []}"#, "no camera"),
            (
                r#"{"frames": [{"transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "lacks a size",
            ),
            (
                r#"{"w": 10, "h": 10, "fl_x": 9, "frames": [{"transform_matrix":
                    [[2,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "entry 0",
            ),
        ] {
            let error = format!("{:#}", cameras_of(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn sizes_and_cameras_are_parsed() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        assert_eq!("512".parse(), Ok(Size { width: 512, height: 512 }));
        for bad in ["0x10", "10x", "100000x10", "-1x2", "axb"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert_eq!("orbit:30".parse(), Ok(CameraChoice::Orbit(Some(30.0))));
        assert!("orbit:x".parse::<CameraChoice>().is_err());
        assert_eq!("a.json".parse(), Ok(CameraChoice::File("a.json".into())));
    }
}
