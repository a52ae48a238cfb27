//! `effigy info`: what is in a file.

use std::path::PathBuf;

use clap::Args;
use effigy_avatar::{Avatar, AvatarError};
use effigy_field::Field;
use effigy_rig::ARKIT_NAMES;
use serde::Serialize;

use crate::performance::open_track;
use crate::report::{print, print_json};
use crate::source::SourceOptions;

/// Say what is in an avatar or track file.
#[derive(Args)]
pub(crate) struct Arguments {
    /// An avatar or a track.
    file: PathBuf,
    #[command(flatten)]
    source: SourceOptions,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Info {
    Avatar {
        name: String,
        gaussians: usize,
        sh_degree: u8,
        filter_variance: f32,
        filter_compensates: bool,
        /// What a splat file was taken for.
        origin: Option<OriginInfo>,
        /// Bounds of the centres at rest, metres.
        bounds: Option<[[f32; 3]; 2]>,
        rig: Option<Box<RigInfo>>,
        field: Option<FieldInfo>,
    },
    Track {
        frames: usize,
        seconds: f64,
        controls: Vec<String>,
        head: bool,
    },
}

#[derive(Serialize)]
struct OriginInfo {
    format: &'static str,
    axes: String,
    axes_by: String,
    filter_by: String,
}

#[derive(Serialize)]
struct RigInfo {
    vertices: usize,
    triangles: usize,
    joints: usize,
    arkit_controls: usize,
    morphs: Vec<String>,
    expressions: Vec<String>,
    animations: Vec<String>,
}

#[derive(Serialize)]
struct FieldInfo {
    /// Resolution and channels of each level of planes, the tri-plane last.
    planes: Vec<[usize; 2]>,
    hidden: usize,
    bases: usize,
    regions: usize,
    controls: usize,
    /// Of the weights, as the file holds them.
    bytes: usize,
}

impl FieldInfo {
    fn new(field: &Field) -> Self {
        let config = &field.config;
        let weights: usize = field.weights.arrays().iter().map(|(_, array)| array.len()).sum();
        Self {
            planes: config
                .planes
                .iter()
                .chain([&config.triplane])
                .map(|p| [p.resolution, p.channels])
                .collect(),
            hidden: config.hidden,
            bases: config.bases,
            regions: config.regions,
            controls: field.controls(),
            bytes: 2 * weights + size_of_val(field.regions.centers.as_slice()),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let info = read(arguments)?;
    if arguments.json {
        print_json(&info)?;
        return Ok(());
    }
    print(&arguments.file.display().to_string())?;
    match info {
        Info::Avatar {
            name,
            gaussians,
            sh_degree,
            filter_variance,
            filter_compensates,
            origin,
            bounds,
            rig,
            field,
        } => {
            print(&format!("  avatar        {name}"))?;
            if let Some(origin) = &origin {
                print(&format!("  format        {}", origin.format))?;
                print(&format!("  axes          {}: {} (--y-axis sets it)", origin.axes, origin.axes_by))?;
            }
            print(&format!("  Gaussians     {gaussians}, harmonics of degree {sh_degree}"))?;
            let compensation = if filter_compensates { "opacity compensated" } else { "opacity as it is" };
            let why =
                origin.map_or_else(String::new, |o| format!(": {} (--splat-filter sets it)", o.filter_by));
            print(&format!("  filter        {filter_variance} px², {compensation}{why}"))?;
            if let Some([low, high]) = bounds {
                let size: Vec<String> = (0..3).map(|i| format!("{:.3}", high[i] - low[i])).collect();
                print(&format!("  size          {} m, from {low:.3?} to {high:.3?}", size.join(" × ")))?;
            }
            match rig {
                None => print("  rig           none")?,
                Some(rig) => {
                    print(&format!(
                        "  rig           {} vertices, {} triangles, {} joints",
                        rig.vertices, rig.triangles, rig.joints
                    ))?;
                    print(&format!(
                        "  controls      {} of 52 ARKit shapes; {} morphs, {} expressions",
                        rig.arkit_controls,
                        rig.morphs.len(),
                        rig.expressions.len()
                    ))?;
                    print(&format!("  animations    {}", rig.animations.len()))?;
                }
            }
            match field {
                None => print("  field         none")?,
                Some(field) => {
                    let level = |[resolution, channels]: &[usize; 2]| format!("{resolution}² × {channels}");
                    let (space, surface) =
                        field.planes.split_last().map_or((None, &[][..]), |(s, p)| (Some(s), p));
                    let planes: Vec<String> = surface.iter().map(level).collect();
                    let space = space.map_or_else(String::new, |p| format!(", tri-plane {}", level(p)));
                    print(&format!(
                        "  field         planes {}{space}, trunk {}",
                        planes.join(" + "),
                        field.hidden
                    ))?;
                    print(&format!(
                        "                {} bases, {} regions, {} controls, {:.2} MB",
                        field.bases,
                        field.regions,
                        field.controls,
                        field.bytes as f64 * 1e-6
                    ))?;
                }
            }
        }
        Info::Track { frames, seconds, controls, head } => {
            print(&format!("  track         {frames} frames, {seconds:.3} s"))?;
            print(&format!(
                "  controls      {}{}",
                controls.len(),
                if head { ", and the head's rotation" } else { "" }
            ))?;
        }
    }
    Ok(())
}

fn read(arguments: &Arguments) -> anyhow::Result<Info> {
    let avatar = Avatar::open_with_origin(&arguments.file, &arguments.source.open_options());
    // What is no avatar may be a track; if it is neither, the avatar's fault is the better message for the kinds of
    // file that only avatars come in.
    let (avatar, origin) = match avatar {
        Ok(opened) => opened,
        Err(error @ AvatarError::Io { .. }) => return Err(error.into()),
        Err(error) => {
            let track_like = ["csv", "json", "txt"]
                .iter()
                .any(|e| arguments.file.extension().is_some_and(|x| x.eq_ignore_ascii_case(e)));
            return match open_track(&arguments.file) {
                Ok(track) => Ok(Info::Track {
                    frames: track.frame_count(),
                    seconds: track.duration(),
                    head: track.head_rotations.is_some(),
                    controls: track.names,
                }),
                Err(fault) if track_like => Err(fault),
                Err(_) => Err(error.into()),
            };
        }
    };
    let bounds = avatar.bounds()?.map(|(low, high)| [low.into(), high.into()]);
    let field = avatar.body.as_ref().and_then(|body| body.field.as_ref()).map(FieldInfo::new);
    let rig = avatar.body.map(|body| {
        let rig = body.rig;
        Box::new(RigInfo {
            vertices: rig.vertex_count(),
            triangles: rig.triangles.len(),
            joints: rig.joints.len(),
            arkit_controls: ARKIT_NAMES
                .iter()
                .filter(|name| rig.morph(name).is_some() || rig.expressions.iter().any(|e| e.name == **name))
                .count(),
            morphs: rig.morphs.into_iter().map(|m| m.name).collect(),
            expressions: rig.expressions.into_iter().map(|e| e.name).collect(),
            animations: rig.animations.into_iter().map(|a| a.name).collect(),
        })
    });
    Ok(Info::Avatar {
        name: avatar.name,
        gaussians: avatar.gaussians.len(),
        sh_degree: avatar.gaussians.sh_degree,
        filter_variance: avatar.filter.variance,
        filter_compensates: avatar.filter.compensate,
        origin: origin.map(|origin| OriginInfo {
            format: origin.format,
            axes: origin.axes,
            axes_by: origin.axes_by.into_owned(),
            filter_by: origin.filter_by.into_owned(),
        }),
        bounds,
        rig,
        field,
    })
}
