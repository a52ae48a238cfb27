//! Points that come with a capture.

use std::path::Path;

use glam::{DAffine3, Vec3};
use serde::Deserialize;

use crate::capture::{Capture, InitialPoint};
use crate::error::{CaptureError, within};
use crate::files::read_within;
use crate::limits::CaptureLimits;
use crate::options::UpAxis;
use crate::view::upright_from_capture;

/// Of points without a colour.
const GRAY: u8 = 128;

/// A PLY whose vertices are points. Other elements and properties are passed over.
#[derive(Deserialize)]
struct Cloud {
    vertex: Vec<Vertex>,
}

#[derive(Deserialize)]
struct Vertex {
    x: f32,
    y: f32,
    z: f32,
    #[serde(default = "gray", alias = "diffuse_red")]
    red: f32,
    #[serde(default = "gray", alias = "diffuse_green")]
    green: f32,
    #[serde(default = "gray", alias = "diffuse_blue")]
    blue: f32,
}

fn gray() -> f32 {
    GRAY.into()
}

/// The vertices of a PLY (Turk 1994), ASCII or binary, with colours from 0 to 255. Those that are nowhere are left out.
pub(crate) fn read_ply(path: &Path, limits: &CaptureLimits) -> Result<Vec<InitialPoint>, CaptureError> {
    let bytes = read_within(path, limits.model_bytes)?;
    let format = |error: serde_ply::DeserializeError| {
        CaptureError::format(path, format!("not a readable PLY: {error}"))
    };
    let mut reader = serde_ply::PlyReader::from_reader(&bytes[..]).map_err(format)?;
    for element in &reader.header().elem_defs {
        // Rows of no bytes would take their time, too.
        within(path, "rows in the PLY", element.count as u64, limits.points)?;
    }
    let cloud = Cloud::deserialize(&mut reader).map_err(format)?;
    let points = cloud.vertex.into_iter().map(|v| InitialPoint {
        position: Vec3::new(v.x, v.y, v.z),
        // Out of range, they end at it.
        color: [v.red, v.green, v.blue].map(|c| c as u8),
    });
    Ok(points.filter(|p| p.position.is_finite()).collect())
}

impl Capture {
    /// Adds points, transformed into the capture's world, which is turned upright.
    pub(crate) fn add_points(&mut self, points: Vec<InitialPoint>, world_from_points: &DAffine3, up: UpAxis) {
        let upright = upright_from_capture(up);
        let place = |p: Vec3| upright.apply(world_from_points.transform_point3(p.as_dvec3())).as_vec3();
        let placed = points.into_iter().map(|p| InitialPoint { position: place(p.position), ..p });
        self.points.extend(placed.filter(|p| p.position.is_finite()));
    }
}
