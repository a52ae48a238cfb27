//! The cameras of a `transforms.json`, the file of nerfstudio and instant-ngp.
//!
//! Matrices are camera to world with Blender's and OpenGL's axes for cameras: right, up and backward. Intrinsics are
//! shared or a frame's own. What such a file says beside its cameras is left to its readers.

use std::borrow::Cow;

use glam::{Affine3A, DAffine3, DMat3, DVec3, Mat3A, Vec3A};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Camera;

/// A pinhole camera's size and intrinsics, pixels, as wide as files write them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intrinsics {
    /// Picture width.
    pub width: u32,
    /// Picture height.
    pub height: u32,
    /// Focal length along x.
    pub fx: f64,
    /// Focal length along y.
    pub fy: f64,
    /// Principal point from the left edge.
    pub cx: f64,
    /// Principal point from the top edge.
    pub cy: f64,
}

impl Intrinsics {
    /// The camera with these intrinsics and the given rigid transform. Nothing is checked: see [`Camera::validate`].
    pub fn camera(&self, camera_from_world: &DAffine3, near: f32) -> Camera {
        let round = |v: DVec3| Vec3A::new(v.x as f32, v.y as f32, v.z as f32);
        let m = &camera_from_world.matrix3;
        Camera {
            width: self.width,
            height: self.height,
            fx: self.fx as f32,
            fy: self.fy as f32,
            cx: self.cx as f32,
            cy: self.cy as f32,
            camera_from_world: Affine3A {
                matrix3: Mat3A::from_cols(round(m.x_axis), round(m.y_axis), round(m.z_axis)),
                translation: round(camera_from_world.translation),
            },
            near,
        }
    }

    /// Those of the same picture stretched to another size.
    pub fn stretched(&self, width: u32, height: u32) -> Self {
        let (x, y) = (f64::from(width) / f64::from(self.width), f64::from(height) / f64::from(self.height));
        Self { width, height, fx: self.fx * x, fy: self.fy * y, cx: self.cx * x, cy: self.cy * y }
    }
}

/// What a frame says of its lens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LensFields {
    /// `camera_model`.
    pub model: Option<String>,
    /// `is_fisheye`, instant-ngp's.
    pub is_fisheye: bool,
    /// `k1` to `k6`; 0 where they are not given.
    pub k: [f64; 6],
    /// `p1` and `p2`, likewise.
    pub p: [f64; 2],
    /// `sx1` and `sy1`, likewise.
    pub s: [f64; 2],
}

/// The fields of a file, or of one of its frames. (`serde(flatten)` would keep every unknown field in memory.)
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
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
    k5: Option<f64>,
    k6: Option<f64>,
    p1: Option<f64>,
    p2: Option<f64>,
    sx1: Option<f64>,
    sy1: Option<f64>,
    is_fisheye: Option<bool>,
    camera_model: Option<String>,
    transform_matrix: Option<Vec<Vec<Option<f64>>>>,
    frames: Option<Vec<Fields>>,
}

impl Fields {
    /// Focal length along x over so many pixels; a length goes before a field of view.
    fn fx(&self, pixels: f64) -> Option<f64> {
        self.fl_x.or_else(|| focal_length(self.camera_angle_x, pixels))
    }

    fn fy(&self, pixels: f64) -> Option<f64> {
        self.fl_y.or_else(|| focal_length(self.camera_angle_y, pixels))
    }
}

fn focal_length(angle: Option<f64>, pixels: f64) -> Option<f64> {
    angle.map(|angle| 0.5 * pixels / (0.5 * angle).tan())
}

/// All cameras of a file.
#[derive(Clone, Debug)]
pub struct Transforms {
    shared: Fields,
    frames: Vec<Fields>,
}

/// One of its cameras.
#[derive(Clone, Copy, Debug)]
pub struct TransformsFrame<'a> {
    shared: &'a Fields,
    own: &'a Fields,
}

impl Transforms {
    /// Reads a file. What is wrong with single cameras shows when they are asked for.
    ///
    /// # Errors
    /// If it is no JSON, has no `frames`, or fields of other types than they should have.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let mut shared: Fields = parse_json(json)?;
        let frames = shared.frames.take().ok_or_else(|| serde::de::Error::missing_field("frames"))?;
        Ok(Self { shared, frames })
    }

    /// Its cameras, in the order of the file's frames.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = TransformsFrame<'_>> {
        self.frames.iter().map(|own| TransformsFrame { shared: &self.shared, own })
    }
}

impl TransformsFrame<'_> {
    /// The intrinsics: the frame's own before the shared ones, whichever way they are given. `picture` is asked for the
    /// width and height where neither has one.
    ///
    /// # Errors
    /// What is lacking.
    pub fn intrinsics(
        &self,
        picture: impl FnOnce() -> Option<(u32, u32)>,
    ) -> Result<Intrinsics, &'static str> {
        let (shared, own) = (self.shared, self.own);
        let side = |of: fn(&Fields) -> Option<f64>| of(own).or(of(shared)).map(|pixels| pixels as u32);
        let size = side(|fields| fields.w).zip(side(|fields| fields.h));
        let (width, height) = size.or_else(picture).ok_or("lacks a size (w, h)")?;
        let (w, h) = (f64::from(width), f64::from(height));
        let own_fx = own.fx(w);
        let fx = own_fx.or_else(|| shared.fx(w)).ok_or("lacks a focal length (fl_x or camera_angle_x)")?;
        Ok(Intrinsics {
            width,
            height,
            fx,
            fy: own.fy(h).or(own_fx).or_else(|| shared.fy(h)).unwrap_or(fx),
            cx: own.cx.or(shared.cx).unwrap_or(0.5 * w),
            cy: own.cy.or(shared.cy).unwrap_or(0.5 * h),
        })
    }

    /// The camera-to-world matrix, whose last row may be missing, with OpenGL's axes. Whether it is rigid shows in the
    /// camera; a number that JSON has no word for is NaN.
    ///
    /// # Errors
    /// If there is none, or it is not four rows of four numbers that end in 0 0 0 1.
    pub fn world_from_camera(&self) -> Result<DAffine3, &'static str> {
        let rows = self.own.transform_matrix.as_deref().ok_or("has no transform_matrix")?;
        if !(3..=4).contains(&rows.len()) || rows.iter().any(|row| row.len() != 4) {
            return Err("its transform_matrix is not four rows of four numbers");
        }
        let at = |row: usize, column: usize| rows[row][column].unwrap_or(f64::NAN);
        if rows.len() == 4
            && [0.0, 0.0, 0.0, 1.0].iter().enumerate().any(|(i, x)| !((at(3, i) - x).abs() < 1e-6))
        {
            return Err("the last row of its transform_matrix is not 0 0 0 1");
        }
        let column = |i: usize| DVec3::new(at(0, i), at(1, i), at(2, i));
        Ok(DAffine3 { matrix3: DMat3::from_cols(column(0), column(1), column(2)), translation: column(3) })
    }

    /// What is said of the lens; the frame's own fields go before the shared ones.
    pub fn lens(&self) -> LensFields {
        let (own, shared) = (self.own, self.shared);
        let number = |field: fn(&Fields) -> Option<f64>| field(own).or(field(shared)).unwrap_or(0.0);
        LensFields {
            model: own.camera_model.as_ref().or(shared.camera_model.as_ref()).cloned(),
            is_fisheye: own.is_fisheye.or(shared.is_fisheye) == Some(true),
            k: [
                number(|f| f.k1),
                number(|f| f.k2),
                number(|f| f.k3),
                number(|f| f.k4),
                number(|f| f.k5),
                number(|f| f.k6),
            ],
            p: [number(|f| f.p1), number(|f| f.p2)],
            s: [number(|f| f.sx1), number(|f| f.sy1)],
        }
    }
}

/// Reads JSON as Python writes it: numbers that JSON has no word for are taken as `null`, a byte order mark is passed
/// over.
///
/// # Errors
/// As [`serde_json::from_slice`].
pub fn parse_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&with_null(json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json)))
}

/// `NaN` and `Infinity` outside of strings as `null`.
fn with_null(json: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut in_string) = (0, false);
    while let Some(&byte) = json.get(at) {
        let word = match byte {
            b'N' | b'I' | b'-' if !in_string => WORDS.iter().find(|word| json[at..].starts_with(word)),
            _ => None,
        };
        if let Some(word) = word {
            out.get_or_insert_with(|| json[..at].to_vec()).extend(b"null");
            at += word.len();
            continue;
        }
        // What an escape stands before is no end of the string.
        let taken = if in_string && byte == b'\\' { 2 } else { 1 };
        in_string ^= byte == b'"';
        let end = (at + taken).min(json.len());
        if let Some(out) = &mut out {
            out.extend(&json[at..end]);
        }
        at = end;
    }
    out.map_or(Cow::Borrowed(json), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_s_own_fields_go_before_the_shared_ones() {
        let file = Transforms::from_json(
            br#"{"w": 100, "h": 80.0, "fl_x": 120, "fl_y": 121, "k1": 0.1, "camera_model": "OPENCV", "other": [{}],
                "frames": [
                    {"camera_angle_x": 1.5707963267948966, "k1": 0.2, "p2": 0.3},
                    {"w": 50, "cx": 3, "transform_matrix": [[1,0,0,5],[0,1,0,6],[0,0,1,7]], "is_fisheye": true},
                    {"transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,2]]},
                    {"transform_matrix": [[1,0,0,NaN],[0,1,0,0],[0,0,1,-Infinity],[0,0,0,1]]}]}"#,
        )
        .unwrap();
        let frames: Vec<TransformsFrame<'_>> = file.frames().collect();
        let [a, b, c, d] = &frames[..] else { panic!() };
        // A right angle across 100 pixels is a focal length of 50.
        let intrinsics = a.intrinsics(|| panic!("the file has a size")).unwrap();
        assert!((intrinsics.fx - 50.0).abs() < 1e-9 && intrinsics.fy == intrinsics.fx);
        assert_eq!(
            (intrinsics.width, intrinsics.height, intrinsics.cx, intrinsics.cy),
            (100, 80, 50.0, 40.0)
        );
        let lens = a.lens();
        assert_eq!(
            (lens.k[0], lens.p[1], lens.is_fisheye, lens.model.as_deref()),
            (0.2, 0.3, false, Some("OPENCV"))
        );
        assert_eq!(a.world_from_camera(), Err("has no transform_matrix"));
        let intrinsics = b.intrinsics(|| None).unwrap();
        assert_eq!((intrinsics.width, intrinsics.cx, intrinsics.fx, intrinsics.fy), (50, 3.0, 120.0, 121.0));
        assert_eq!(b.world_from_camera().unwrap().translation, DVec3::new(5.0, 6.0, 7.0));
        assert!(b.lens().is_fisheye && b.lens().k[0] == 0.1);
        assert!(c.world_from_camera().is_err());
        let m = d.world_from_camera().unwrap();
        assert!(m.translation.x.is_nan() && m.translation.y == 0.0 && m.translation.z.is_nan());
    }

    #[test]
    fn words_for_no_number_are_null_outside_of_strings() {
        let read = |text: &str| String::from_utf8(with_null(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(
            read(r#"{"NaN": NaN, "a\"": [-Infinity, Infinity, -1, "Infinity\\"], "N": NaN}"#),
            r#"{"NaN": null, "a\"": [null, null, -1, "Infinity\\"], "N": null}"#
        );
        assert!(matches!(with_null(b"[1, -2]"), Cow::Borrowed(_)));
        assert_eq!(read("\"\\"), "\"\\");
    }

    #[test]
    fn a_size_may_come_from_the_picture() {
        let file =
            Transforms::from_json(br#"{"camera_angle_x": 1.5707963267948966, "frames": [{}]}"#).unwrap();
        let frame = file.frames().next().unwrap();
        assert_eq!(frame.intrinsics(|| None), Err("lacks a size (w, h)"));
        assert!((frame.intrinsics(|| Some((60, 40))).unwrap().fy - 30.0).abs() < 1e-9);
        let none = Transforms::from_json(br#"{"w": 3, "h": 3, "frames": [{}]}"#).unwrap();
        assert!(none.frames().next().unwrap().intrinsics(|| None).unwrap_err().contains("focal length"));
    }

    #[test]
    fn stretching_keeps_what_a_pixel_shows() {
        let whole = Intrinsics { width: 100, height: 80, fx: 120.0, fy: 110.0, cx: 48.0, cy: 42.0 };
        let half = whole.stretched(50, 20);
        assert_eq!(half, Intrinsics { width: 50, height: 20, fx: 60.0, fy: 27.5, cx: 24.0, cy: 10.5 });
    }
}
