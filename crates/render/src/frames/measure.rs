//! What a frame takes, whole and by its stages.

use std::time::Instant;

use cpu_time::ProcessTime;
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame};

use super::gpu::view_for;
use super::{CpuFrames, GpuFrames};
use crate::{Counts, RenderError, Stage, read_counts};

/// What one frame took.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameTimes {
    /// In the order in which they run.
    pub stages: Vec<StageTime>,
    /// Wall time of the whole frame, waited for, milliseconds.
    pub frame: f64,
    /// Processor seconds of this process during the frame, all threads.
    pub cpu_seconds: f64,
    /// What the frame held, of a GPU.
    pub counts: Option<Counts>,
}

/// A stage of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageTime {
    /// A word for tables.
    pub name: &'static str,
    /// Milliseconds.
    pub ms: f64,
    /// What it had to move, of a GPU.
    pub bytes: Option<u64>,
}

impl GpuFrames {
    /// Times a whole frame, and then its stages: by the GPU's clock, or one after another where that cannot be trusted.
    #[expect(clippy::disallowed_methods, reason = "what is measured is waited for")]
    pub(super) fn measure(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
    ) -> Result<FrameTimes, RenderError> {
        self.pose(pose)?;
        let view = view_for(&mut self.view, &self.renderer, camera, self.outputs)?;
        view.set_light(self.light.as_ref())?;
        let (device, queue) = (&self.gpu.device, &self.gpu.queue);
        let (start, cpu) = (Instant::now(), ProcessTime::now());
        let mut encoder = device.create_command_encoder(&Default::default());
        match &self.timer {
            Some(timer) => {
                self.renderer.record_timed(&mut encoder, &[&self.avatar], camera, view, timer)?;
            }
            None => self.renderer.record(&mut encoder, &[&self.avatar], camera, view)?,
        }
        queue.submit([encoder.finish()]);
        device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| RenderError::Gpu { doing: "waiting for a frame", message: error.to_string() })?;
        let frame = start.elapsed().as_secs_f64() * 1e3;
        let cpu_seconds = cpu.elapsed().as_secs_f64();
        let times = match &self.timer {
            Some(timer) => timer.read(device)?,
            None => {
                // The pose has been computed by now: compute it again from rest.
                if let (Some(pose), Some(rest)) = (pose, &self.rest) {
                    self.avatar.set_pose(rest)?;
                    self.avatar.set_pose(pose)?;
                }
                self.renderer.time_stages(&[&self.avatar], camera, view)?
            }
        };
        let counts = read_counts(device, queue, view)?;
        let bytes = self.renderer.traffic(&[&self.avatar], view, counts)?;
        self.gpu.check()?;
        let stages = Stage::ALL.iter().zip(times).zip(bytes);
        Ok(FrameTimes {
            stages: stages
                .map(|((stage, ms), bytes)| StageTime { name: stage.name(), ms, bytes: Some(bytes) })
                .collect(),
            frame,
            cpu_seconds,
            counts: Some(counts),
        })
    }
}

impl CpuFrames {
    pub(super) fn measure(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> Result<FrameTimes, RenderError> {
        let (start, cpu) = (Instant::now(), ProcessTime::now());
        self.pose(pose)?;
        let posed = start.elapsed().as_secs_f64() * 1e3;
        // Of what posing took, the field's part; none of it if the pose was there already.
        let decode = self.poser.times().decode.min(posed);
        self.rasterize(camera, frame)?;
        let total = start.elapsed().as_secs_f64() * 1e3;
        let cpu_seconds = cpu.elapsed().as_secs_f64();
        let times = self.rasterizer.stage_times();
        let stages = [
            ("pose", posed - decode),
            ("decode", decode),
            ("project", times.project),
            ("sort", times.sort),
            ("bin", times.bin),
            ("rasterize", times.rasterize),
        ];
        let stages = stages.map(|(name, ms)| StageTime { name, ms, bytes: None });
        Ok(FrameTimes { stages: stages.into(), frame: total, cpu_seconds, counts: None })
    }
}
