//! `effigy bench`: how long each stage of a frame takes.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use effigy_avatar::Avatar;
use effigy_render::{Precision, RenderError};
use effigy_splat::Frame;

use crate::command::bundled;
use crate::command::crowd::Crowd;
use crate::command::growth;
use crate::command::measured::{self, Row};
use crate::command::scene::Scene;
use crate::command::video_bench;
use crate::engine::{Backend, Engine};
use crate::failure::{bad_input, one_line};
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::interrupt;
use crate::output::new_file;
use crate::performance::Performance;
use crate::progress::Progress;
use crate::report::print_json;
use crate::source::SourceOptions;

/// Measure how long each stage of a frame takes.
///
/// Every frame shows another pose of the track, or what has no rig from another side, and is waited for. Medians of the
/// timed frames.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy bench
  effigy bench man.zip --size 1920x1080 --backend gpu
  effigy bench --gaussians 20000,65536,200000 --size 512x512,1024x1024 --json
  effigy bench scene.ply --camera cameras.json
  effigy bench --suite man.zip body.spz --bandwidth
  effigy bench --crowd 1,4,16,64 --size 1920x1080
  effigy bench --generated 100000,500000,2000000 --plot growth.svg
  effigy bench video --codec x264 -o report")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// The avatars; the bundled one if left out.
    #[arg(value_name = "AVATAR")]
    avatars: Vec<PathBuf>,
    /// Measure a fixed set: the bundled avatar, the given ones, and made-up scenes of 100,000, 500,000 and 2,000,000
    /// Gaussians (or what --generated says).
    #[arg(long, conflicts_with_all = ["gaussians", "crowd", "track", "camera"])]
    suite: bool,
    /// What they do; the animation of their own files if left out, or else the bundled track.
    #[arg(long, value_name = "FILE")]
    track: Option<PathBuf>,
    /// front, orbit, orbit:DEGREES, or a transforms.json or cameras.json; front if left out, or orbit for what has no
    /// rig.
    #[arg(long, value_name = "CAMERA")]
    camera: Option<CameraChoice>,
    /// Put this many Gaussians on the surface of each avatar's rig instead of its own.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    gaussians: Vec<usize>,
    /// Measure made-up scenes of this many Gaussians on an ellipsoid, seen from a camera that circles it.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", conflicts_with_all = ["gaussians", "track"])]
    generated: Vec<usize>,
    /// Measure scenes of this many people, all of the same avatar, each at another place of the track.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", conflicts_with_all = ["generated", "gaussians", "backend", "camera", "plot", "bandwidth"])]
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
    /// Print how near to the bandwidth of the GPU's memory each stage comes, too.
    #[arg(long)]
    bandwidth: bool,
    /// Draw how the time of a frame grows with Gaussians and with pixels.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What else is measured.
#[derive(Subcommand)]
enum Other {
    Video(Box<video_bench::Arguments>),
}

/// Gaussians of the made-up scenes of the suite.
const SUITE_GAUSSIANS: [usize; 3] = [100_000, 500_000, 2_000_000];

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(Other::Video(arguments)) = &arguments.other {
        return video_bench::run(arguments);
    }
    interrupt::watch();
    if arguments.frames == 0 {
        return Err(bad_input("--frames must be at least 1"));
    }
    if !arguments.crowd.is_empty() {
        return run_crowd(arguments);
    }
    let scenes = scenes(arguments)?;
    let backends = match arguments.backend {
        Some(backend) => vec![backend],
        None => vec![Backend::Cpu, Backend::Gpu],
    };

    let mut rows = Vec::new();
    let mut copies = None;
    let total = scenes.len() * backends.len() * arguments.size.len();
    let progress = Progress::new(total as u64, "measuring");
    for scene in &scenes {
        let avatar = scene.avatar();
        for &backend in &backends {
            // What a viewer runs.
            let engine = Engine::open(backend, arguments.adapter.as_deref(), &avatar, Precision::Half);
            let mut engine = match engine {
                Ok(engine) => engine,
                // Without a GPU, or with one that the scene is too large for, there are still the other figures.
                Err(error) if arguments.leaves_out(backend, &error) => {
                    eprintln!("effigy: {}: {}", scene.name, one_line(&error));
                    continue;
                }
                Err(error) => return Err(error.context(scene.name.clone())),
            };
            if backend != Backend::Cpu && copies.is_none() {
                // Memory that it has no room for takes only this figure away.
                copies = engine.copy_bandwidth().unwrap_or_else(|error| {
                    eprintln!("effigy: {}", one_line(&error));
                    None
                });
            }
            for &size in &arguments.size {
                rows.push(measure(arguments, scene, &avatar, &mut engine, size, copies)?);
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
        return print_json(&rows);
    }
    measured::print_times(&rows, arguments.frames)?;
    if arguments.bandwidth {
        measured::print_bandwidth(&rows)?;
    }
    Ok(())
}

impl Arguments {
    /// Whether `error`, of opening `backend`, only leaves rows out.
    fn leaves_out(&self, backend: Backend, error: &anyhow::Error) -> bool {
        let too_large =
            matches!(error.downcast_ref(), Some(RenderError::TooLarge { .. } | RenderError::TooMany { .. }));
        self.backend.is_none() && backend == Backend::Gpu || self.suite && too_large
    }
}

fn run_crowd(arguments: &Arguments) -> anyhow::Result<()> {
    let path = match &arguments.avatars[..] {
        [] => None,
        [path] => Some(path.as_path()),
        _ => return Err(bad_input("--crowd is of one avatar")),
    };
    let avatar = Arc::new(match path {
        Some(path) => arguments.source.open(path)?,
        None => bundled::avatar()?,
    });
    let crowd = Crowd {
        avatar: &avatar,
        performance: &|| Performance::open(&avatar, path, arguments.track.as_deref())?.or_bundled(),
        adapter: arguments.adapter.as_deref(),
        counts: &arguments.crowd,
        sizes: &arguments.size,
        frames: arguments.frames,
        json: arguments.json,
    };
    crowd.run()
}

/// What is measured, in order.
fn scenes(arguments: &Arguments) -> anyhow::Result<Vec<Scene>> {
    let mut scenes = Vec::new();
    if arguments.suite || arguments.avatars.is_empty() && arguments.generated.is_empty() {
        scenes.push(Scene::bundled()?);
    }
    for path in &arguments.avatars {
        scenes.push(Scene::open(path, arguments.source)?);
    }
    if !arguments.gaussians.is_empty() {
        scenes = Scene::sampled(&scenes, &arguments.gaussians)?;
    }
    let generated = match &arguments.generated[..] {
        [] if arguments.suite => &SUITE_GAUSSIANS,
        counts => counts,
    };
    scenes.extend(generated.iter().map(|&count| Scene::generated(count)));
    Ok(scenes)
}

fn measure(
    arguments: &Arguments,
    scene: &Scene,
    avatar: &Avatar,
    engine: &mut Engine,
    size: Size,
    copies: Option<f64>,
) -> anyhow::Result<Row> {
    let mut performance =
        Performance::open(avatar, scene.path.as_deref(), arguments.track.as_deref())?.or_bundled()?;
    // What stands still is seen from all sides.
    let usual = if avatar.body.is_some() { CameraChoice::Front } else { CameraChoice::Orbit(None) };
    let choice = arguments.camera.as_ref().unwrap_or(&usual);
    let camera = CameraPath::new(choice, avatar, 0.0, 0.0, Some(size), arguments.source.y_axis)?;
    let warm_up = arguments.frames.div_ceil(4);
    let mut frame = Frame::default();
    let mut frames = Vec::with_capacity(arguments.frames);
    for i in 0..warm_up + arguments.frames {
        interrupt::check()?;
        let pose = performance.pose_at(i as f64 / 30.0);
        let times = engine.frames.measure(pose, &camera.at(i, arguments.frames), &mut frame)?;
        if i >= warm_up {
            frames.push(times);
        }
    }
    Ok(Row::of(scene, avatar, engine, size, &frames, copies))
}
