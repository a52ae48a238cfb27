//! Each stage by itself, waited for.

use std::time::Instant;

use effigy_avatar::{AvatarPoser, PosedGaussians};
use effigy_render::Gpu;
use effigy_splat::{Frame, Rasterizer};
use effigy_video::container::{Container, FragmentedMp4};
use effigy_video::encoder::{Encoder, FrameRequest, OpenH264, Picture};
use effigy_video::{
    Alpha, Converter, FilterOptions, GpuFocus, GpuPreFilter, PlaneFormat, Planes, Ring, Shape, WhenFull,
};
use serde_json::{Value, json};

use crate::scene::{Performance, Stage};
use crate::{Fault, Options, QUALITY, encoder_config, median, table};

/// Milliseconds of stages, by frame.
pub(crate) struct Stages {
    names: Vec<&'static str>,
    frames: Vec<Vec<f64>>,
}

impl Stages {
    fn medians(&self) -> Vec<f64> {
        let of = |stage: usize| self.frames.iter().map(|frame| frame[stage]).collect::<Vec<_>>();
        (0..self.names.len()).map(|stage| median(&of(stage))).collect()
    }

    fn frames_per_second(&self) -> f64 {
        let sum: f64 = self.frames.iter().flatten().sum();
        1e3 * self.frames.len() as f64 / sum
    }

    pub(crate) fn print(&self, title: &str) {
        println!("{title}: {:.2} frames/s", self.frames_per_second());
        let medians = self.medians();
        let all: f64 = medians.iter().sum();
        let mut rows = vec![vec!["stage".to_owned(), "ms (median)".to_owned(), "share".to_owned()]];
        for (name, ms) in self.names.iter().zip(&medians) {
            rows.push(vec![(*name).to_owned(), format!("{ms:.2}"), format!("{:.1} %", 100.0 * ms / all)]);
        }
        table(&rows);
    }

    pub(crate) fn json(&self) -> Value {
        let stages: Vec<_> = self
            .names
            .iter()
            .zip(self.medians())
            .map(|(name, ms)| json!({ "stage": name, "ms": ms }))
            .collect();
        json!({ "frames_per_second": self.frames_per_second(), "stages": stages })
    }
}

/// Milliseconds since the last call.
struct Watch(Instant);

impl Watch {
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        1e3 * now.duration_since(std::mem::replace(&mut self.0, now)).as_secs_f64()
    }
}

/// Pictures as they are encoded, and written to memory.
struct Stream {
    encoder: OpenH264,
    file: FragmentedMp4<Vec<u8>>,
}

impl Stream {
    fn new(size: (u32, u32)) -> Result<Self, Fault> {
        let config = encoder_config(size);
        Ok(Self { encoder: OpenH264::new(&config)?, file: FragmentedMp4::new(Vec::new(), &config, 1)? })
    }

    /// Adds a picture, and to `times` what encoding and writing took.
    fn add(&mut self, picture: &Picture<'_>, watch: &mut Watch, times: &mut Vec<f64>) -> Result<(), Fault> {
        let packet = self.encoder.encode(picture, FrameRequest::default())?;
        times.push(watch.lap());
        packet.iter().try_for_each(|packet| self.file.write(packet))?;
        times.push(watch.lap());
        Ok(())
    }
}

pub(crate) fn on_cpu(size: (u32, u32), options: &Options) -> Result<Stages, Fault> {
    let mut performance = Performance::new(size)?;
    let avatar = performance.avatar.clone();
    let (mut poser, mut posed) = (AvatarPoser::new(&avatar)?, PosedGaussians::default());
    let (mut rasterizer, mut frame, mut planes) = (Rasterizer::new(), Frame::default(), Planes::default());
    let mut stream = Stream::new(size)?;
    let mut frames = Vec::new();
    for index in 0..options.frames + 2 {
        let mut watch = Watch(Instant::now());
        poser.pose(&avatar, performance.pose_at(index), &mut posed)?;
        rasterizer.render(&posed.gaussians, &posed.frames, &performance.camera, avatar.filter, &mut frame)?;
        let mut times = vec![watch.lap()];
        let picture = planes.convert(&frame, PlaneFormat::VIDEO, Alpha::Over([0.2; 3]))?;
        times.push(watch.lap());
        stream.add(&Picture::of(&picture), &mut watch, &mut times)?;
        frames.push(times);
    }
    // The first take memory.
    frames.drain(..2);
    Ok(Stages { names: vec!["render", "convert", "encode", "write"], frames })
}

pub(crate) fn on_gpu(gpu: &Gpu, size: (u32, u32), options: &Options) -> Result<Stages, Fault> {
    let mut stage = Stage::new(gpu, size, options.filter)?;
    let filter = FilterOptions::default();
    let mut focus = GpuFocus::new(&gpu.device, filter.focus)?;
    let mut filter = GpuPreFilter::new(&gpu.device, filter)?;
    filter.set_quality(&gpu.queue, QUALITY);
    let converter = Converter::new(&gpu.device)?;
    let shape = Shape::new(size.0, size.1, PlaneFormat::VIDEO, Alpha::Over([0.2; 3]))?;
    let mut planes = converter.planes(&shape)?;
    let ring = Ring::new(&gpu.device, 1, WhenFull::Drop)?;
    let mut stream = Stream::new(size)?;
    let mut frames = Vec::new();
    for index in 0..options.frames + 2 {
        let mut watch = Watch(Instant::now());
        let mut commands = stage.encoder();
        stage.draw(&mut commands, index)?;
        stage.run(commands)?;
        let mut times = vec![watch.lap()];
        let mut color = stage.view.color();
        if let Some(guide) = stage.view.guide() {
            let mut commands = stage.encoder();
            focus.record(&mut commands, guide)?;
            color = filter.record(&mut commands, color, &focus)?;
            stage.run(commands)?;
            times.push(watch.lap());
        }
        let mut commands = stage.encoder();
        converter.record(&mut commands, color, &mut planes)?;
        stage.run(commands)?;
        times.push(watch.lap());
        let mut commands = stage.encoder();
        ring.record(&mut commands, &planes)?;
        stage.run(commands)?;
        let taken = ring.take()?.ok_or("a frame that was waited for is there")?;
        times.push(watch.lap());
        let picture = taken.picture().ok_or("it has planes")?;
        stream.add(&Picture::of(&picture), &mut watch, &mut times)?;
        frames.push(times);
    }
    frames.drain(..2);
    let mut names = vec!["render", "filter", "convert", "read back", "encode", "write"];
    if !options.filter {
        names.remove(1);
    }
    Ok(Stages { names, frames })
}
