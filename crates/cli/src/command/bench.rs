//! `effigy bench`: how long each stage of a frame takes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use effigy_avatar::Avatar;
use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_splat::Frame;
use serde::Serialize;

use crate::command::bundled;
use crate::command::crowd::Crowd;
use crate::command::growth;
use crate::engine::{Backend, Engine};
use crate::failure::bad_input;
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::generated::ellipsoid;
use crate::interrupt;
use crate::output::new_file;
use crate::performance::Performance;
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::source::SourceOptions;

/// Measure how long each stage of a frame takes.
///
/// Every frame shows another pose of the track, and is waited for. Medians of the timed frames.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy bench
  effigy bench man.zip --size 1920x1080 --backend gpu
  effigy bench --gaussians 20000,65536,200000 --size 512x512,1024x1024 --json
  effigy bench scene.ply --camera cameras.json
  effigy bench --crowd 1,4,16,64 --size 1920x1080
  effigy bench --generated 100000,500000,2000000 --plot growth.svg")]
pub(crate) struct Arguments {
    /// The avatar; the bundled one if left out.
    avatar: Option<PathBuf>,
    /// What it does; the bundled track for the bundled avatar.
    #[arg(long, value_name = "FILE")]
    track: Option<PathBuf>,
    /// front, orbit, orbit:DEGREES, or a transforms.json or cameras.json.
    #[arg(long, default_value = "front", value_name = "CAMERA")]
    camera: CameraChoice,
    /// Put this many Gaussians on the surface of the avatar's rig instead of its own.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    gaussians: Vec<usize>,
    /// Measure made-up scenes of this many Gaussians on an ellipsoid instead, seen from a camera that circles it.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", conflicts_with_all = ["avatar", "gaussians", "track"])]
    generated: Vec<usize>,
    /// Measure scenes of this many people, all of the same avatar, each at another place of the track.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", conflicts_with_all = ["generated", "gaussians", "backend", "camera", "plot"])]
    crowd: Vec<usize>,
    /// Picture sizes.
    #[arg(long, value_delimiter = ',', value_name = "WxH,...", default_value = "512x512,1024x1024")]
    size: Vec<Size>,
    /// What renders; CPU and GPU if left out.
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// Take the GPU whose name contains this.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    source: SourceOptions,
    /// Frames that are timed; a quarter as many are rendered before.
    #[arg(long, default_value_t = 24)]
    frames: usize,
    /// Draw how the time of a frame grows with Gaussians and with pixels.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
pub(super) struct Row {
    device: String,
    pub(super) gaussians: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Median milliseconds by stage.
    stages: Vec<(&'static str, f64)>,
    /// Wall milliseconds of a frame: median, and the 10th and 90th percentile.
    pub(super) frame_ms: f64,
    frame_ms_p10: f64,
    frame_ms_p90: f64,
    /// Processor seconds of this process, all threads, per frame.
    cpu_seconds_per_frame: f64,
}

impl Row {
    /// What measured it, without the details that drivers add.
    pub(super) fn device_name(&self) -> &str {
        self.device.split(" (").next().unwrap_or_default()
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    interrupt::watch();
    if arguments.frames == 0 {
        return Err(bad_input("--frames must be at least 1"));
    }
    let avatars = avatars(arguments)?;
    if let (false, Some(avatar)) = (arguments.crowd.is_empty(), avatars.first()) {
        let (path, track) = (arguments.avatar.as_deref(), arguments.track.as_deref());
        let crowd = Crowd {
            avatar,
            performance: &|| Performance::open(avatar, path, track),
            adapter: arguments.adapter.as_deref(),
            counts: &arguments.crowd,
            sizes: &arguments.size,
            frames: arguments.frames,
            json: arguments.json,
        };
        return crowd.run();
    }
    let backends = match arguments.backend {
        Some(backend) => vec![backend],
        None => vec![Backend::Cpu, Backend::Gpu],
    };

    let mut rows = Vec::new();
    let total = avatars.len() * backends.len() * arguments.size.len();
    let progress = Progress::new(total as u64, "measuring");
    for avatar in &avatars {
        for &backend in &backends {
            let mut engine = match Engine::open(backend, arguments.adapter.as_deref(), avatar) {
                Ok(engine) => engine,
                // Without a GPU there are still the CPU's figures.
                Err(error) if arguments.backend.is_none() && backend == Backend::Gpu => {
                    eprintln!("effigy: {error:#}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            for &size in &arguments.size {
                rows.push(measure(arguments, avatar, &mut engine, size)?);
                progress.step();
            }
        }
    }
    drop(progress);

    if let Some(path) = &arguments.plot {
        let name = || path.display().to_string();
        let plot = growth::plot(&rows).map_err(|error| anyhow::anyhow!("{}: {error}", name()))?;
        let mut file = new_file(path)?;
        file.write_all(plot.as_bytes()).with_context(name)?;
        file.persist(path).with_context(name)?;
    }
    if arguments.json {
        print_json(&rows)?;
        return Ok(());
    }
    print(&format!(
        "Milliseconds, medians of {} frames; p10 to p90 of the whole frame; CPU seconds a frame.",
        arguments.frames
    ))?;
    print(&format!(
        "{:<26} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>8} {:>16} {:>7}",
        "device",
        "Gaussians",
        "picture",
        "pose",
        "decode",
        "project",
        "sort",
        "bin",
        "rasterize",
        "frame",
        "p10..p90",
        "CPU s"
    ))?;
    for row in &rows {
        let stage = |name| {
            let ms = row.stages.iter().find(|(n, _)| *n == name).map(|(_, ms)| format!("{ms:.2}"));
            ms.unwrap_or_else(|| "-".into())
        };
        print(&format!(
            "{:<26.26} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>8.2} {:>16} {:>7.3}",
            row.device,
            row.gaussians,
            format!("{}x{}", row.width, row.height),
            stage("pose"),
            stage("decode"),
            stage("project"),
            stage("sort"),
            stage("bin"),
            stage("rasterize"),
            row.frame_ms,
            format!("{:.1}..{:.1}", row.frame_ms_p10, row.frame_ms_p90),
            row.cpu_seconds_per_frame
        ))?;
    }
    Ok(())
}

/// What is measured.
fn avatars(arguments: &Arguments) -> anyhow::Result<Vec<Arc<Avatar>>> {
    if !arguments.generated.is_empty() {
        return Ok(arguments.generated.iter().map(|&count| Arc::new(ellipsoid(count))).collect());
    }
    let own = match &arguments.avatar {
        Some(path) => arguments.source.open(path)?,
        None => bundled::avatar()?,
    };
    let mut avatars = Vec::new();
    for &count in &arguments.gaussians {
        let Some(body) = &own.body else {
            return Err(bad_input("--gaussians needs an avatar with a rig"));
        };
        let options = SurfaceOptions { count, ..SurfaceOptions::default() };
        let mut avatar = sample(body.rig.clone(), &options)?;
        // A field lies over the rig, not over these or those Gaussians; over a simplified rig it would lie otherwise.
        if let Some(sampled) = avatar.body.as_mut().filter(|sampled| sampled.rig == body.rig) {
            sampled.field.clone_from(&body.field);
        }
        avatars.push(Arc::new(avatar));
    }
    if avatars.is_empty() {
        avatars.push(Arc::new(own));
    }
    Ok(avatars)
}

fn measure(arguments: &Arguments, avatar: &Avatar, engine: &mut Engine, size: Size) -> anyhow::Result<Row> {
    // What is made up has no rig for the bundled track.
    let made_up = (!arguments.generated.is_empty()).then_some(Path::new("the generated scene"));
    let path = arguments.avatar.as_deref().or(made_up);
    let mut performance = Performance::open(avatar, path, arguments.track.as_deref())?;
    // A scene that stands still is seen from all sides.
    let around = CameraChoice::Orbit(None);
    let choice = match &arguments.camera {
        CameraChoice::Front if made_up.is_some() => &around,
        choice => choice,
    };
    let camera = CameraPath::new(choice, avatar, 0.0, 0.0, Some(size), arguments.source.y_axis)?;
    let warm_up = arguments.frames.div_ceil(4);
    let mut frame = Frame::default();
    let (mut totals, mut stages) = (Vec::new(), Vec::<Vec<f64>>::new());
    let mut names = Vec::new();
    let mut cpu_seconds = 0.0;
    for i in 0..warm_up + arguments.frames {
        interrupt::check()?;
        let pose = performance.pose_at(i as f64 / 30.0);
        let times = engine.measure(pose, &camera.at(i, arguments.frames), &mut frame)?;
        if i >= warm_up {
            totals.push(times.frame);
            cpu_seconds += times.cpu_seconds;
            names = times.stages.iter().map(|(name, _)| *name).collect();
            stages.resize(names.len(), Vec::new());
            for (all, (_, ms)) in stages.iter_mut().zip(&times.stages) {
                all.push(*ms);
            }
        }
    }
    Ok(Row {
        device: engine.describe(),
        gaussians: avatar.gaussians.len(),
        width: size.width,
        height: size.height,
        stages: names.into_iter().zip(stages.iter_mut().map(|all| percentile(all, 0.5))).collect(),
        frame_ms: percentile(&mut totals, 0.5),
        frame_ms_p10: percentile(&mut totals, 0.1),
        frame_ms_p90: percentile(&mut totals, 0.9),
        cpu_seconds_per_frame: cpu_seconds / arguments.frames as f64,
    })
}

/// The value below which `fraction` of `values`, which is not empty, lies.
pub(super) fn percentile(values: &mut [f64], fraction: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(fraction * (values.len() - 1) as f64).round() as usize]
}
