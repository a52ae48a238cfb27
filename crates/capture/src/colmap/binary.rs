//! COLMAP's binary files: little-endian, packed, each beginning with a count.

use glam::{DQuat, DVec3};

use super::raw::{Cameras, RawCamera, RawImage, RawPoint};
use crate::models;

/// What is left of a file.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or("ends in the middle of an entry")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "ends in the middle of an entry".to_owned())
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn f64(&mut self) -> Result<f64, String> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    fn vec3(&mut self) -> Result<DVec3, String> {
        Ok(DVec3::new(self.f64()?, self.f64()?, self.f64()?))
    }

    /// Skips so many entries of so many bytes.
    fn skip(&mut self, count: u64, size: usize) -> Result<(), String> {
        let bytes = usize::try_from(count).ok().and_then(|n| n.checked_mul(size));
        self.take(bytes.ok_or("ends in the middle of an entry")?).map(drop)
    }

    /// The count that a file begins with, if so many entries of at least `size` bytes are there and allowed.
    fn count(&mut self, size: usize, limit: u64) -> Result<usize, String> {
        let count = self.u64()?;
        if count > limit {
            return Err(format!("{count} entries, over the limit of {limit}"));
        }
        let count = usize::try_from(count).map_err(|e| e.to_string())?;
        if count > self.0.len() / size {
            return Err(format!("says that it holds {count} entries, but is too short for them"));
        }
        Ok(count)
    }
}

pub(super) fn cameras(bytes: &[u8], limit: u64) -> Result<Cameras, String> {
    let mut bytes = Bytes(bytes);
    let count = bytes.count(4 + 4 + 8 + 8, limit)?;
    let mut cameras = Cameras::new();
    for _ in 0..count {
        let id = bytes.u32()?;
        let number = i32::from_le_bytes(bytes.array()?);
        // How many parameters it has is not known either, and so not where the next camera begins.
        let model = models::by_id(number).ok_or_else(|| format!("camera model {number} is not known"))?;
        let (width, height) = (bytes.u64()?, bytes.u64()?);
        let parameters = (0..model.parameters).map(|_| bytes.f64()).collect::<Result<_, _>>()?;
        if cameras.insert(id, Ok(RawCamera { model, width, height, parameters })).is_some() {
            return Err(format!("camera {id} stands there twice"));
        }
    }
    Ok(cameras)
}

pub(super) fn images(bytes: &[u8], limit: u64) -> Result<Vec<RawImage>, String> {
    let mut bytes = Bytes(bytes);
    let count = bytes.count(4 + 7 * 8 + 4 + 1 + 8, limit)?;
    let mut images = Vec::with_capacity(count);
    for _ in 0..count {
        bytes.u32()?;
        let (w, v) = (bytes.f64()?, bytes.vec3()?);
        let translation = bytes.vec3()?;
        let camera = bytes.u32()?;
        let end = bytes.0.iter().position(|&b| b == 0).ok_or("ends in the middle of a name")?;
        let name = String::from_utf8_lossy(bytes.take(end)?).into_owned();
        bytes.take(1)?;
        let points = bytes.u64()?;
        bytes.skip(points, 8 + 8 + 8)?;
        images.push(RawImage { name, rotation: DQuat::from_xyzw(v.x, v.y, v.z, w), translation, camera });
    }
    Ok(images)
}

pub(super) fn points(bytes: &[u8], limit: u64) -> Result<Vec<RawPoint>, String> {
    let mut bytes = Bytes(bytes);
    let count = bytes.count(8 + 3 * 8 + 3 + 8 + 8, limit)?;
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        bytes.u64()?;
        let position = bytes.vec3()?;
        let color = bytes.array()?;
        bytes.f64()?;
        let track = bytes.u64()?;
        bytes.skip(track, 4 + 4)?;
        points.push(RawPoint { position, color });
    }
    Ok(points)
}
