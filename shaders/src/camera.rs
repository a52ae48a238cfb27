//! The camera of a picture as shaders read it.

use bytemuck::{Pod, Zeroable};
use effigy_splat::{BlendSpace, Camera, SplatOrder, SplatRules};
use glam::{Affine3A, Vec3A};

/// Tile width and height, pixels.
pub const TILE: u32 = 16;

/// Twin of `Camera` in `splat/camera.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct CameraData {
    rows: [[f32; 4]; 3],
    eye: [f32; 3],
    near: f32,
    focal: [f32; 2],
    principal: [f32; 2],
    size: [f32; 2],
    slope_min: [f32; 2],
    slope_max: [f32; 2],
    /// Of the filter, pixels squared. This and the next two are read where a picture has one avatar.
    pub variance: f32,
    /// Whether opacity makes up for the filter.
    pub compensate: u32,
    /// How many splats there are: the number of one that is never drawn.
    pub gaussians: u32,
    /// Of the harmonics.
    pub sh_degree: u32,
    tiles: [u32; 2],
    cutoff: f32,
    by_distance: u32,
    linear: u32,
    padding: u32,
}

impl CameraData {
    /// Of `camera`, with `gaussians` splats at most, drawn by `rules`.
    pub fn new(camera: &Camera, gaussians: u32, rules: SplatRules) -> Self {
        let (slope_min, slope_max) = camera.slope_bounds();
        Self {
            rows: rows(&camera.camera_from_world),
            eye: camera.eye().into(),
            near: camera.near,
            focal: [camera.fx, camera.fy],
            principal: [camera.cx, camera.cy],
            size: [camera.width as f32, camera.height as f32],
            slope_min,
            slope_max,
            variance: 0.0,
            compensate: 0,
            gaussians,
            sh_degree: 0,
            tiles: [camera.width.div_ceil(TILE), camera.height.div_ceil(TILE)],
            // Kept finite: what a GPU makes of infinities is its own affair.
            cutoff: (rules.cutoff * rules.cutoff).min(f32::MAX),
            by_distance: (rules.order == SplatOrder::EyeDistance).into(),
            linear: (rules.blending == BlendSpace::Linear).into(),
            padding: 0,
        }
    }
}

/// The three rows of an affine transform.
pub fn rows(m: &Affine3A) -> [[f32; 4]; 3] {
    let (r, t) = (m.matrix3.transpose(), m.translation);
    let row = |r: Vec3A, t: f32| [r.x, r.y, r.z, t];
    [row(r.x_axis, t.x), row(r.y_axis, t.y), row(r.z_axis, t.z)]
}
