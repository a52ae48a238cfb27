//! Camera files: nerfstudio's `transforms.json`, which Blender's add-ons read and write too, and its `camera_path.json`,
//! the `cameras.json` of 3D Gaussian Splatting, and the cameras of glTF.

mod camera_path;
mod gltf;
mod splatting;
mod transforms;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use effigy_avatar::splat_file::UpAxis;
use effigy_splat::{Camera, SplatError};
use serde::de::DeserializeOwned;

/// A file of cameras is read up to here; what is cut off is not JSON.
const MAX_BYTES: u64 = 256 << 20;
/// The near plane of cameras from files, metres.
const NEAR: f32 = 0.01;

/// Why a file of cameras cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CameraFileError {
    /// The system does not give it, or does not take it.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is of none of the kinds.
    #[error("{path}: {fault}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// One of its cameras cannot project.
    #[error("{path}: entry {entry}: {source}")]
    Camera {
        /// The file.
        path: PathBuf,
        /// Which one, from 0.
        entry: usize,
        /// What is wrong with it.
        source: SplatError,
    },
}

/// A camera and what it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCamera {
    /// For people.
    pub name: String,
    /// The camera.
    pub camera: Camera,
}

/// The cameras listed in `path`, at least one; what kind of file it is is told by its content. Those of a `cameras.json`
/// belong to a `.ply`, and are turned upright with it as `up` says. A glTF has no picture size: its pictures are taken to
/// be 1080 pixels high, where [`write_cameras`] has not said otherwise. A `camera_path.json` is a camera for each picture of
/// a video; it stands in the space of the splats that nerfstudio exported from the same run.
///
/// # Errors
/// [`CameraFileError`], naming the file and what is wrong.
pub fn read_cameras(path: &Path, up: UpAxis) -> Result<Vec<Camera>, CameraFileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|source| CameraFileError::Io { path: path.into(), source })?;
    let cameras =
        cameras_of(&bytes, up).map_err(|fault| CameraFileError::Format { path: path.into(), fault })?;
    for (entry, camera) in cameras.iter().enumerate() {
        camera.validate().map_err(|source| CameraFileError::Camera { path: path.into(), entry, source })?;
    }
    Ok(cameras)
}

fn cameras_of(bytes: &[u8], up: UpAxis) -> Result<Vec<Camera>, String> {
    let text = bytes.trim_ascii_start();
    let cameras = if text.starts_with(b"[") {
        splatting::read(text, up)?
    } else if text.starts_with(b"glTF") || gltf::is_gltf(text) {
        gltf::read(bytes)?
    } else if camera_path::is_it(text) {
        camera_path::read(text)?
    } else {
        transforms::read(text)?
    };
    if cameras.is_empty() {
        return Err("it lists no camera".into());
    }
    Ok(cameras)
}

fn parse<T: DeserializeOwned>(json: &[u8], kind: &str) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("not {kind}: {error}"))
}

/// Writes cameras: as glTF with a node for each if the name ends in `.gltf`, otherwise as a `transforms.json`. A glTF holds
/// no principal point, which must be the middle of the picture.
///
/// # Errors
/// [`CameraFileError::Camera`] for a camera that the file cannot hold, [`CameraFileError::Io`] if it cannot be written.
pub fn write_cameras(path: &Path, cameras: &[NamedCamera]) -> Result<(), CameraFileError> {
    for (entry, NamedCamera { camera, .. }) in cameras.iter().enumerate() {
        camera.validate().map_err(|source| CameraFileError::Camera { path: path.into(), entry, source })?;
    }
    let is_gltf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gltf"));
    if let Some(entry) = cameras.iter().position(|named| is_gltf && !gltf::holds(&named.camera)) {
        let source = SplatError::Camera("glTF cannot say where its principal point is".into());
        return Err(CameraFileError::Camera { path: path.into(), entry, source });
    }
    let json = if is_gltf { gltf::write(cameras) } else { transforms::write(cameras) };
    std::fs::write(path, format!("{json:#}\n"))
        .map_err(|source| CameraFileError::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use glam::{Quat, Vec3};

    use super::*;

    fn cameras_of_text(text: &str) -> Result<Vec<Camera>, String> {
        let cameras = cameras_of(text.as_bytes(), UpAxis::YUp)?;
        cameras.iter().try_for_each(|camera| camera.validate().map_err(|error| error.to_string()))?;
        Ok(cameras)
    }

    #[test]
    fn all_camera_files_describe_the_same_view() {
        // A camera 2 m in front, looking at the origin, upright: the identity in OpenGL's axes.
        let transforms = cameras_of_text(
            r#"{"w": 100, "h": 80, "fl_x": 120, "frames": [{"transform_matrix":
                [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        let splatting = cameras_of_text(
            r#"[{"width": 100, "height": 80, "position": [0,0,2], "fx": 120, "fy": 120,
                "rotation": [[1,0,0],[0,-1,0],[0,0,-1]]}]"#,
        )
        .unwrap();
        assert_eq!(transforms[0].eye(), Vec3::new(0.0, 0.0, 2.0));
        assert_eq!(transforms, splatting);
        // 2 atan(40 / 120), at the end of a chain of nodes that turn and turn back.
        let gltf = cameras_of_text(
            r#"{"asset": {"version": "2.0"}, "nodes": [
                {"camera": 0, "translation": [2, 0, 0], "rotation": [0, -0.70710678, 0, 0.70710678]},
                {"children": [0], "rotation": [0, -0.70710678, 0, 0.70710678]},
                {"children": [1], "matrix": [-1,0,0,0, 0,1,0,0, 0,0,-1,0, 0,0,0,1], "scale": [1,1,1]}],
               "scenes": [{"nodes": [2]}],
               "cameras": [{"type": "perspective", "perspective": {"yfov": 0.6435011, "aspectRatio": 1.25,
                "znear": 0.01}}]}"#,
        )
        .unwrap();
        assert_eq!((gltf[0].width, gltf[0].height), (1350, 1080));
        let small = gltf[0].resized(100, 80);
        assert!((small.fx - 120.0).abs() < 1e-2 && (small.fy - 120.0).abs() < 1e-2, "{small:?}");
        // (2, 0, 0) turned by −90° about y is (0, 0, 2), and half a turn later on the other side.
        assert!((gltf[0].eye() - Vec3::new(0.0, 0.0, -2.0)).length() < 1e-5, "{}", gltf[0].eye());
        // Turned by −90°, −90° and 180° about y: not at all.
        let forward = gltf[0].camera_from_world.inverse().transform_vector3(Vec3::NEG_Z);
        assert!((forward - Vec3::NEG_Z).length() < 1e-5, "{forward}");
    }

    #[test]
    fn a_path_of_nerfstudio_is_a_camera_for_each_picture() {
        // 1 m to the right and 2 m in front, turned by a right angle about y to look along −x: rows of the matrix.
        let rows = "0,0,1,1, 0,1,0,0, -1,0,0,2, 0,0,0,1";
        let path = |matrix: &str, more: &str| {
            cameras_of_text(&format!(
                r#"{{"camera_type": "perspective", "render_height": 80, "render_width": 100, "fps": 24, "seconds": 4,
                    "keyframes": [], "camera_path": [{{"camera_to_world": {matrix}, "fov": 90, "aspect": 1.25}},
                    {{"camera_to_world": [1,0,0,0, 0,1,0,0, 0,0,1,3, 0,0,0,1], "fov": 60}}]{more}}}"#
            ))
        };
        let cameras = path(&format!("[{rows}]"), "").unwrap();
        assert_eq!((cameras.len(), cameras[0].width, cameras[0].height), (2, 100, 80));
        // The field of view is across the height: 40 pixels at 45 degrees, and at 30.
        assert!((cameras[0].fx - 40.0).abs() < 1e-3 && cameras[0].fy == cameras[0].fx);
        assert!((cameras[1].fy - 40.0 * 3.0_f32.sqrt()).abs() < 1e-3);
        assert!((cameras[0].eye() - Vec3::new(1.0, 0.0, 2.0)).length() < 1e-6);
        let forward = cameras[0].camera_from_world.inverse().transform_vector3(Vec3::NEG_Z);
        assert!((forward - Vec3::NEG_X).length() < 1e-6, "{forward}");
        // Some writers keep the rows apart.
        let nested = path("[[0,0,1,1],[0,1,0,0],[-1,0,0,2],[0,0,0,1]]", "").unwrap();
        assert_eq!(nested, cameras);
        assert_eq!(path("[[0,0,1,1],[0,1,0,0],[-1,0,0,2]]", "").unwrap(), cameras);
        for (matrix, more, why) in [
            ("[1,2]", "", "entry 0 of camera_path is not a matrix"),
            (&*format!("[{rows}]"), r#", "camera_type": "fisheye""#, "not a camera_path.json"),
        ] {
            let error = path(matrix, more).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let sphere =
            r#"{"camera_type": "equirectangular", "render_height": 8, "render_width": 9, "camera_path": []}"#;
        assert!(cameras_of_text(sphere).unwrap_err().contains("equirectangular"));
        let blank = r#"{"render_height": 8, "render_width": 9, "camera_path": [], "keyframes": [{}]}"#;
        assert!(cameras_of_text(blank).unwrap_err().contains("no camera"));
        let lens = path("[1,0,0,0, 0,1,0,0, 0,0,1,3, 0,0,0,1]", "").unwrap();
        assert_eq!(lens[0].eye(), Vec3::new(0.0, 0.0, 3.0));
    }

    #[test]
    fn a_frame_overrides_shared_intrinsics() {
        let cameras = cameras_of_text(
            r#"{"w": 100, "h": 80, "fl_x": 120, "fl_y": 121, "frames": [
                {"camera_angle_x": 1.5707963, "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]},
                {"w": 50, "cx": 3, "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        // A right angle across 100 pixels: a focal length of 50.
        assert!((cameras[0].fx - 50.0).abs() < 1e-3 && cameras[0].fy == cameras[0].fx);
        assert_eq!((cameras[1].width, cameras[1].cx, cameras[1].fx, cameras[1].fy), (50, 3.0, 120.0, 121.0));
    }

    #[test]
    fn camera_files_that_cannot_be_used_say_why() {
        for (text, why) in [
            ("{", "not a transforms.json"),
            (r#"[{"width": 10}]"#, "missing field `height`"),
            (r#"{"frames": []}"#, "no camera"),
            (r#"{"asset": {"version": "2.0"}, "nodes": [{"camera": 3}]}"#, "no camera"),
            (r#"{"asset": {"version": "2.0"}, "nodes": 7}"#, "not a glTF"),
            ("glTF\u{2}", "glTF"),
            (
                r#"{"frames": [{"transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "lacks a size",
            ),
            (
                r#"{"w": 10, "h": 10, "fl_x": 9, "frames": [{"transform_matrix":
                    [[2,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]}]}"#,
                "not a rotation",
            ),
            (
                r#"{"asset": {"version": "2.0"}, "nodes": [{"camera": 0, "children": [0]}],
                    "cameras": [{"type": "perspective", "perspective": {"yfov": 0.5, "znear": 0.1}}]}"#,
                "its own",
            ),
            (
                r#"{"asset": {"version": "2.0"}, "nodes": [{"camera": 0}],
                    "cameras": [{"type": "perspective", "perspective": {"yfov": 4.5, "znear": 0.1}}]}"#,
                "focal length",
            ),
        ] {
            let error = cameras_of_text(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let error = read_cameras(Path::new("no/such/file.json"), UpAxis::YUp).unwrap_err();
        assert!(matches!(error, CameraFileError::Io { .. }));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = Camera::look_at(Vec3::new(0.3, 1.7, 1.2), Vec3::Y, Vec3::Y, 0.5, 640, 480);
        let other = Camera {
            camera_from_world: glam::Affine3A::from_rotation_translation(
                Quat::from_euler(glam::EulerRot::XYZ, 2.0, -1.0, 0.4),
                Vec3::new(-3.0, 0.1, 5.0),
            ),
            ..camera
        };
        let named = |camera| NamedCamera { name: "a \"camera\"".into(), camera };
        for name in ["cameras.gltf", "cameras.json"] {
            let path = folder.path().join(name);
            write_cameras(&path, &[named(camera), named(other)]).unwrap();
            let back = read_cameras(&path, UpAxis::YUp).unwrap();
            assert_eq!(back.len(), 2);
            for (back, camera) in back.iter().zip([camera, other]) {
                assert_eq!((back.width, back.height), (640, 480), "{name}");
                assert!((back.fx - camera.fx).abs() < 0.01 && (back.fy - camera.fy).abs() < 0.01, "{name}");
                let (back, camera) = (back.camera_from_world, camera.camera_from_world);
                assert!(back.abs_diff_eq(camera, 1e-5), "{name}");
            }
        }
        camera.cx += 20.0;
        assert!(write_cameras(&folder.path().join("a.gltf"), &[named(camera)]).is_err());
        let path = folder.path().join("a.json");
        write_cameras(&path, &[named(camera)]).unwrap();
        assert_eq!(read_cameras(&path, UpAxis::YUp).unwrap()[0].cx, 340.0);
    }
}
