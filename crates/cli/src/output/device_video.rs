//! Video of what a GPU draws, whose pictures come to the CPU as planes for the encoder and in no other way.

use std::path::{Path, PathBuf};

use anyhow::Context;
use effigy_render::GpuFrames;
use effigy_rig::Pose;
use effigy_splat::Camera;
use effigy_video::DeviceVideoFile;

use super::video::{VideoOptions, another_way, other_size};
use super::{Kind, folder_of_file};
use crate::framing::Size;

/// A video being written.
pub(crate) struct DeviceVideo {
    path: PathBuf,
    file: DeviceVideoFile,
}

impl DeviceVideo {
    /// Whether a file of this kind can be made so.
    pub(crate) fn can(kind: Kind, options: &VideoOptions) -> bool {
        // What is wrong with the options is said where the file is opened.
        kind == Kind::Mp4
            && options.of_pictures(30.0, None).is_ok_and(|options| DeviceVideoFile::can(&options))
    }

    /// At `path`, of what `frames` draws.
    pub(crate) fn create(
        path: &Path,
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
        frames: &GpuFrames,
    ) -> anyhow::Result<Self> {
        let wanted = options.of_file(fps, background)?;
        folder_of_file(path)?;
        let gpu = frames.gpu();
        let file = DeviceVideoFile::new(path, [size.width, size.height], &wanted, &gpu.device, &gpu.queue)
            .with_context(|| another_way(path))?;
        options.fit(Some(file.capabilities()))?;
        Ok(Self { path: path.into(), file })
    }

    /// Draws the avatar in `pose` and adds the picture.
    pub(crate) fn add(
        &mut self,
        frames: &mut GpuFrames,
        pose: Option<&Pose>,
        camera: &Camera,
    ) -> anyhow::Result<()> {
        let (size, found) = (self.file.size(), [camera.width, camera.height]);
        if found != size {
            return Err(other_size(&self.path, self.file.frames(), found, size));
        }
        let gpu = frames.gpu().clone();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let view = frames.record(&mut encoder, pose, camera)?;
        self.file.record(&mut encoder, view)?;
        gpu.queue.submit([encoder.finish()]);
        Ok(gpu.check()?)
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.file.finish().with_context(|| self.path.display().to_string())
    }
}
