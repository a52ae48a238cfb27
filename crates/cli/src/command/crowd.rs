//! `effigy bench --crowd`: how the time of a frame grows with the number of people in it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use cpu_time::ProcessTime;
use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, Detail, Gpu, GpuAvatar, Placement, Precision, Renderer};
use effigy_splat::Camera;
use glam::Vec3;
use serde::Serialize;

use crate::command::percentile::percentile;
use crate::framing::Size;
use crate::interrupt;
use crate::performance::Performance;
use crate::report::{print, print_json};

/// What is measured, and how.
pub(super) struct Crowd<'a> {
    pub(super) avatar: &'a Arc<Avatar>,
    /// What each of them does.
    pub(super) performance: &'a dyn Fn() -> anyhow::Result<Performance<'a>>,
    pub(super) adapter: Option<&'a str>,
    pub(super) counts: &'a [usize],
    pub(super) sizes: &'a [Size],
    pub(super) frames: usize,
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Row {
    device: String,
    avatars: usize,
    width: u32,
    height: u32,
    /// Gaussians of a frame.
    gaussians: u32,
    /// Median wall milliseconds of a frame, waited for.
    frame_ms: f64,
    /// The same by avatar.
    ms_per_avatar: f64,
    /// Median milliseconds that posing and recording take on the calling thread, by avatar.
    record_ms_per_avatar: f64,
    cpu_seconds_per_frame: f64,
}

/// Seconds by which each person is ahead of the one before.
const AHEAD: f64 = 0.37;
/// Metres from one person's middle to the next, in widths and heights of one.
const APART: f32 = 1.05;
const FOV: f32 = 0.4;

impl Crowd<'_> {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let choice = self.adapter.map_or(AdapterChoice::Best, |name| AdapterChoice::Named(name.into()));
        let gpu = pollster::block_on(Gpu::open(&choice)).context("a crowd is drawn by a GPU")?;
        let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half)?;
        let mut rows = Vec::new();
        for &size in self.sizes {
            for &count in self.counts {
                rows.push(self.measure(&gpu, &renderer, count.max(1), size)?);
            }
        }
        if self.json {
            return print_json(&rows);
        }
        print(&format!(
            "Milliseconds, medians of {} frames, every person at another place of the track.",
            self.frames
        ))?;
        print(&format!(
            "{:<26} {:>8} {:>10} {:>10} {:>9} {:>11} {:>13} {:>7}",
            "device", "avatars", "picture", "Gaussians", "frame", "per avatar", "recording per", "CPU s"
        ))?;
        for row in &rows {
            print(&format!(
                "{:<26.26} {:>8} {:>10} {:>10} {:>9.2} {:>11.3} {:>13.4} {:>7.3}",
                row.device,
                row.avatars,
                format!("{}x{}", row.width, row.height),
                row.gaussians,
                row.frame_ms,
                row.ms_per_avatar,
                row.record_ms_per_avatar,
                row.cpu_seconds_per_frame
            ))?;
        }
        Ok(())
    }

    fn measure(&self, gpu: &Gpu, renderer: &Renderer, count: usize, size: Size) -> anyhow::Result<Row> {
        let mut performance = (self.performance)()?;
        let mut people = vec![renderer.upload(self.avatar)?];
        while people.len() < count {
            people.push(renderer.another(&people[0])?);
        }
        let camera = self.place(&mut people, size)?;
        let mut view = renderer.create_view(size.width, size.height)?;
        let (mut totals, mut records, mut cpu_seconds) = (Vec::new(), Vec::new(), 0.0);
        let warm_up = self.frames.div_ceil(4);
        for frame in 0..warm_up + self.frames {
            interrupt::check()?;
            let (start, cpu) = (Instant::now(), ProcessTime::now());
            for (i, person) in people.iter_mut().enumerate() {
                if let Some(pose) = performance.pose_at(frame as f64 / 30.0 + i as f64 * AHEAD) {
                    person.set_pose(pose)?;
                }
            }
            let all: Vec<&GpuAvatar> = people.iter().collect();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &all, &camera, &mut view)?;
            let recorded = start.elapsed().as_secs_f64() * 1e3;
            gpu.queue.submit([encoder.finish()]);
            gpu.device.poll(wgpu::PollType::wait_indefinitely()).context("waiting for the GPU")?;
            gpu.check()?;
            if frame >= warm_up {
                totals.push(start.elapsed().as_secs_f64() * 1e3);
                records.push(recorded);
                cpu_seconds += cpu.elapsed().as_secs_f64();
            }
        }
        let frame_ms = percentile(&mut totals, 0.5);
        Ok(Row {
            device: gpu.adapter.get_info().name,
            avatars: count,
            width: size.width,
            height: size.height,
            gaussians: view.gaussians(),
            frame_ms,
            ms_per_avatar: frame_ms / count as f64,
            record_ms_per_avatar: percentile(&mut records, 0.5) / count as f64,
            cpu_seconds_per_frame: cpu_seconds / self.frames as f64,
        })
    }

    /// Puts people side by side and above each other, facing a camera that sees all of them.
    fn place(&self, people: &mut [GpuAvatar], size: Size) -> anyhow::Result<Camera> {
        let (low, high) = self.avatar.bounds()?.unwrap_or((Vec3::ZERO, Vec3::ONE));
        let cell = APART * (high - low).max(Vec3::splat(1e-3));
        let aspect = size.width as f32 / size.height as f32;
        // As many columns as make the cells fill the picture.
        let columns =
            ((people.len() as f32 * aspect * cell.y / cell.x).sqrt().round() as usize).clamp(1, people.len());
        let rows = people.len().div_ceil(columns);
        for (i, person) in people.iter_mut().enumerate() {
            let across = (i % columns) as f32 - 0.5 * (columns - 1) as f32;
            let up = 0.5 * (rows - 1) as f32 - (i / columns) as f32;
            let translation = Vec3::new(across * cell.x, up * cell.y, 0.0);
            person.set_placement(Placement { translation, ..Placement::default() })?;
            person.set_detail(Detail::Auto);
        }
        let (width, height) = (columns as f32 * cell.x, rows as f32 * cell.y);
        let tan = (0.5 * FOV).tan();
        let distance = (0.5 * height / tan).max(0.5 * width / (tan * aspect)) + cell.z;
        let middle = 0.5 * (low + high);
        Ok(Camera::look_at(middle + distance * Vec3::Z, middle, Vec3::Y, FOV, size.width, size.height))
    }
}
