//! Renderer and encoder side by side: how many frames a second, and what the encoder costs the renderer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};
use effigy_render::Gpu;
use effigy_video::container::FragmentedMp4;
use effigy_video::encoder::{Capabilities, Encoder, FrameRequest, OpenH264, Packet, Picture};
use effigy_video::output::{OutputFilter, OutputOptions, OutputReport, VideoOutput, one_segment};
use effigy_video::{Alpha, FilterOptions, VideoError, WhenFull};
use serde_json::{Value, json};

use crate::scene::{FPS, Stage};
use crate::{Fault, Options, QUALITY, encoder_config, median, table};

/// Frames in a row with or without an encoder.
const RUN: usize = 8;

/// An encoder with a clock for its thread's processor time.
struct Clocked {
    encoder: OpenH264,
    nanoseconds: Arc<AtomicU64>,
}

impl Encoder for Clocked {
    fn capabilities(&self) -> &Capabilities {
        self.encoder.capabilities()
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        let start = ThreadTime::now();
        let packet = self.encoder.encode(picture, request);
        self.nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        packet
    }

    fn finish(&mut self) -> Result<Vec<Packet>, VideoError> {
        self.encoder.finish()
    }
}

/// An output, and the processor time that its encoder has taken so far.
fn output(
    gpu: &Gpu,
    size: (u32, u32),
    when_full: WhenFull,
    options: &Options,
) -> Result<(VideoOutput, Arc<AtomicU64>), Fault> {
    let config = encoder_config(size);
    let container = FragmentedMp4::new(Vec::new(), &config, 1)?;
    let how = OutputOptions {
        when_full,
        alpha: Alpha::Over([0.2; 3]),
        filter: options.filter.then(|| OutputFilter::Focus(FilterOptions::default())),
        ..OutputOptions::new(config)
    };
    let nanoseconds = Arc::new(AtomicU64::new(0));
    let clock = nanoseconds.clone();
    let open = move |config: &_| -> Result<Box<dyn Encoder>, VideoError> {
        Ok(Box::new(Clocked { encoder: OpenH264::new(config)?, nanoseconds: clock.clone() }))
    };
    let mut output = VideoOutput::new(&gpu.device, how, Box::new(open), one_segment(container))?;
    output.set_quality(&gpu.queue, QUALITY);
    Ok((output, nanoseconds))
}

/// All frames encoded as fast as it goes.
pub(crate) struct Throughput {
    pub(crate) frames_per_second: f64,
    report: OutputReport,
}

impl Throughput {
    pub(crate) fn bytes_a_frame(&self) -> f64 {
        self.report.bytes as f64 / self.report.packets.max(1) as f64
    }

    pub(crate) fn json(&self) -> Value {
        let times = self.report.times;
        let frames = self.report.pictures.max(1) as f64;
        let ms = |time: Duration| 1e3 * time.as_secs_f64() / frames;
        json!({
            "frames_per_second": self.frames_per_second,
            "bytes_a_frame": self.bytes_a_frame(),
            "ms_a_frame": {
                "record": ms(times.record), "read_back": ms(times.read_back), "queue": ms(times.queue),
                "encode": ms(times.encode), "write": ms(times.write),
            },
        })
    }
}

pub(crate) fn throughput(gpu: &Gpu, size: (u32, u32), options: &Options) -> Result<Throughput, Fault> {
    let mut stage = Stage::new(gpu, size, options.filter)?;
    let (mut output, _) = output(gpu, size, WhenFull::Block(Duration::from_secs(20)), options)?;
    let mut start = Instant::now();
    for index in 0..options.frames + 2 {
        if index == 2 {
            start = Instant::now();
        }
        let mut commands = stage.encoder();
        stage.draw(&mut commands, index)?;
        output.record(&mut commands, &stage.view)?;
        gpu.queue.submit([commands.finish()]);
    }
    let report = output.finish()?;
    Ok(Throughput { frames_per_second: options.frames as f64 / start.elapsed().as_secs_f64(), report })
}

/// What one frame took.
#[derive(Clone, Copy)]
struct Cost {
    /// Milliseconds until the GPU was done with it.
    wall: f64,
    /// Of the thread that renders: posing, recording, submitting.
    thread: f64,
}

/// Frames with and without an encoder beside them, in turns.
pub(crate) struct OnAgainstOff {
    /// Off, on.
    frames: [Vec<Cost>; 2],
    /// Processor milliseconds a frame of the whole process but the encoder.
    process: [f64; 2],
    encoder: f64,
    report: OutputReport,
}

impl OnAgainstOff {
    fn medians(&self, of: impl Fn(&Cost) -> f64) -> [f64; 2] {
        self.frames.each_ref().map(|frames| median(&frames.iter().map(&of).collect::<Vec<_>>()))
    }

    fn rows(&self) -> [(&'static str, [f64; 2]); 3] {
        [
            ("frame, until the GPU is done", self.medians(|cost| cost.wall)),
            ("renderer's thread, processor time", self.medians(|cost| cost.thread)),
            ("process without the encoder's thread", self.process),
        ]
    }

    pub(crate) fn print(&self) {
        let rings = self.report.frames;
        println!(
            "With encoding against without, in turns of {RUN} frames, at {FPS} a second at most: {} of {} frames \
             dropped, {} waited for; the encoder takes {:.2} ms a picture of its core",
            rings.dropped, rings.frames, rings.blocked, self.encoder
        );
        let mut rows = vec![["ms a frame", "off", "on", "ratio"].map(str::to_owned).to_vec()];
        for (name, [off, on]) in self.rows() {
            rows.push(vec![name.into(), format!("{off:.2}"), format!("{on:.2}"), format!("{:.3}", on / off)]);
        }
        table(&rows);
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<_> = self
            .rows()
            .into_iter()
            .map(|(name, [off, on])| json!({ "what": name, "off_ms": off, "on_ms": on, "ratio": on / off }))
            .collect();
        let rings = self.report.frames;
        json!({
            "rows": rows, "frames": rings.frames, "dropped": rings.dropped, "blocked": rings.blocked,
            "encoder_ms": self.encoder,
        })
    }
}

pub(crate) fn cost(gpu: &Gpu, size: (u32, u32), options: &Options) -> Result<OnAgainstOff, Fault> {
    let mut stage = Stage::new(gpu, size, options.filter)?;
    let (mut output, encoder_time) = output(gpu, size, WhenFull::Drop, options)?;
    let mut frames = [Vec::new(), Vec::new()];
    let mut process = [Vec::new(), Vec::new()];
    let mut kept = 0;
    let runs = (2 * options.frames).div_ceil(RUN).next_multiple_of(4);
    for run in 0..runs + 1 {
        // Off, on, on, off: what changes slowly meets both alike.
        let on = matches!(run % 4, 1 | 2);
        let before = encoder_time.load(Ordering::Relaxed);
        let processor = ProcessTime::now();
        for index in 0..RUN {
            let start = Instant::now();
            let thread = ThreadTime::now();
            let mut commands = stage.encoder();
            stage.draw(&mut commands, run * RUN + index)?;
            if on {
                let recorded = output.record(&mut commands, &stage.view)?;
                kept += u64::from(matches!(recorded, effigy_video::Recorded::Kept { .. }));
            }
            gpu.queue.submit([commands.finish()]);
            let thread = 1e3 * thread.elapsed().as_secs_f64();
            gpu.device.poll(effigy_render::wgpu::PollType::wait_indefinitely())?;
            let wall = start.elapsed();
            // The first run takes memory.
            if run > 0 {
                frames[usize::from(on)].push(Cost { wall: 1e3 * wall.as_secs_f64(), thread });
            }
            std::thread::sleep(Duration::from_secs_f64(1.0 / FPS).saturating_sub(wall));
        }
        // The encoder's work for these frames is theirs.
        while output.report().pictures < kept {
            std::thread::sleep(Duration::from_millis(1));
        }
        let encoder = encoder_time.load(Ordering::Relaxed) - before;
        let rest = processor.elapsed().saturating_sub(Duration::from_nanos(encoder));
        if run > 0 {
            process[usize::from(on)].push(1e3 * rest.as_secs_f64() / RUN as f64);
        }
    }
    let report = output.finish()?;
    let encoder = 1e-6 * encoder_time.load(Ordering::Relaxed) as f64 / report.pictures.max(1) as f64;
    let process = process.map(|runs| median(&runs));
    Ok(OnAgainstOff { frames, process, encoder, report })
}
