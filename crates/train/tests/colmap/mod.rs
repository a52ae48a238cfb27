//! A COLMAP model, written as text.

#![allow(clippy::unwrap_used)] // What fails fails the test.

use std::fmt::Write as _;
use std::path::Path;

use effigy_splat::Camera;
use glam::{Mat3, Quat, Vec3};

/// Of pictures that one camera took, and points.
#[derive(Default)]
pub(crate) struct Model {
    images: String,
    points: String,
    /// So many of either.
    counts: [usize; 2],
}

impl Model {
    /// A picture by its name in `images/`, and where its camera stood.
    pub(crate) fn image(&mut self, name: &str, camera: &Camera) {
        // COLMAP's cameras look along +z, with y down.
        let flip = Mat3::from_diagonal(Vec3::new(1.0, -1.0, -1.0));
        let m = camera.camera_from_world;
        let q = Quat::from_mat3(&(flip * Mat3::from(m.matrix3)));
        let t = flip * Vec3::from(m.translation);
        self.counts[0] += 1;
        let id = self.counts[0];
        writeln!(self.images, "{id} {} {} {} {} {} {} {} 1 {name}\n", q.w, q.x, q.y, q.z, t.x, t.y, t.z)
            .unwrap();
    }

    /// A point and its colour.
    pub(crate) fn point(&mut self, p: Vec3, [r, g, b]: [u8; 3]) {
        self.counts[1] += 1;
        writeln!(self.points, "{} {} {} {} {r} {g} {b} 0.5", self.counts[1], p.x, p.y, p.z).unwrap();
    }

    /// Writes the model of the pictures in `folder`, with the lens of `camera`.
    pub(crate) fn write(self, folder: &Path, camera: &Camera) {
        let sparse = folder.join("sparse/0");
        std::fs::create_dir_all(&sparse).unwrap();
        let Camera { width, height, fx, fy, cx, cy, .. } = camera;
        let lens = format!("1 PINHOLE {width} {height} {fx} {fy} {cx} {cy}\n");
        for (name, text) in
            [("cameras.txt", lens), ("images.txt", self.images), ("points3D.txt", self.points)]
        {
            std::fs::write(sparse.join(name), text).unwrap();
        }
    }
}
