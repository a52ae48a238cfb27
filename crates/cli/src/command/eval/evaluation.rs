//! An avatar against a capture: every held-out picture rendered as the runtime renders it, and measured.

use std::path::{Path, PathBuf};

use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_capture::{Capture, PictureCache, Split, poses};
use effigy_quality::{
    Area, FlickerMeter, Gallery, Interpolation, Labels, Mask, Measure, Pair, Picture, Report, Stills,
};
use effigy_rig::{Pose, Rig};
use effigy_splat::{Camera, Frame, Rasterizer, SH_C0};

use crate::failure::bad_input;

/// What to measure, and where the page goes.
#[derive(Clone, Debug)]
pub(super) struct EvaluationOptions {
    /// Splits to measure.
    pub(super) splits: Vec<Split>,
    /// Pictures are halved this often.
    pub(super) level: u32,
    /// A folder for an HTML page of pictures.
    pub(super) page: Option<PathBuf>,
    /// Memory for decoded pictures, bytes.
    pub(super) picture_bytes: u64,
}

impl Default for EvaluationOptions {
    /// Both held-out splits at full resolution, no page, 1 GiB.
    fn default() -> Self {
        Self {
            splits: vec![Split::NovelView, Split::NovelExpression],
            level: 0,
            page: None,
            picture_bytes: 1 << 30,
        }
    }
}

/// Renders avatars in the poses of a capture on the CPU.
struct Stage<'a> {
    avatar: &'a Avatar,
    poser: AvatarPoser,
    posed: PosedGaussians,
    rasterizer: Rasterizer,
    frame: Frame,
}

impl<'a> Stage<'a> {
    fn new(avatar: &'a Avatar) -> anyhow::Result<Self> {
        let poser = AvatarPoser::new(avatar)?;
        let (posed, rasterizer, frame) = (PosedGaussians::default(), Rasterizer::new(), Frame::default());
        Ok(Self { avatar, poser, posed, rasterizer, frame })
    }

    fn render(&mut self, pose: &Pose, camera: &Camera) -> anyhow::Result<&Frame> {
        self.poser.pose(self.avatar, pose, &mut self.posed)?;
        let PosedGaussians { gaussians, frames } = &self.posed;
        self.rasterizer.render(gaussians, frames, camera, self.avatar.filter, &mut self.frame)?;
        Ok(&self.frame)
    }
}

/// How many Gaussians show where the face is.
const FACE_GAUSSIANS: usize = 20_000;
/// A vertex that some morph moves this far, metres, belongs to the face.
const FACE_MOTION: f32 = 2e-3;

/// An avatar that is white where morphs move the surface and black elsewhere: it shows where the face is.
fn face(rig: &Rig) -> anyhow::Result<Avatar> {
    let mut motion = vec![0.0_f32; rig.vertex_count()];
    for morph in &rig.morphs {
        for (&v, delta) in morph.indices.iter().zip(&morph.deltas) {
            motion[v as usize] = motion[v as usize].max(delta.length());
        }
    }
    let mut avatar =
        sample(rig.clone(), &SurfaceOptions { count: FACE_GAUSSIANS, ..SurfaceOptions::default() })?;
    let coefficients = avatar.gaussians.sh.len() / avatar.gaussians.len().max(1);
    if let Some(body) = &avatar.body {
        for (i, (&t, weights)) in body.binding.triangles.iter().zip(&body.binding.barycentric).enumerate() {
            let corners = body.rig.triangles[t as usize];
            let moved: f32 =
                corners.iter().zip(weights.to_array()).map(|(&v, w)| w * motion[v as usize]).sum();
            let white = (moved / FACE_MOTION - 0.5).clamp(0.0, 1.0);
            avatar.gaussians.sh[i * coefficients..][..3].fill((white - 0.5) / SH_C0);
        }
    }
    Ok(avatar)
}

/// Measures `avatar` on the pictures of `capture`, premultiplied over black: over the whole frame, over the capture's
/// mask, and over the face. `done` is called after each picture with how many are done, and says whether to go on;
/// none if it said no.
///
/// Frames of one camera that carry times, in their order, also give the flicker from one to the next.
///
/// # Errors
/// If the avatar has no rig that the capture's controls move, or a picture cannot be read.
pub(super) fn evaluate(
    avatar: &Avatar,
    capture: &Capture,
    options: &EvaluationOptions,
    done: &mut dyn FnMut(usize) -> bool,
) -> anyhow::Result<Option<Report>> {
    let (poses, face) = match &avatar.body {
        Some(body) => (poses(capture, &body.rig)?, Some(face(&body.rig)?)),
        None => {
            let rest = Pose::rest(&Rig::default());
            (vec![rest; capture.frames.len()], None)
        }
    };
    let cache = PictureCache::new(capture, options.picture_bytes);
    let mut ours = Stage::new(avatar)?;
    let mut face = face.as_ref().map(Stage::new).transpose()?;
    let mut page = options.page.as_deref().map(Gallery::create).transpose()?;
    let title = title(avatar, &capture.folder);
    let mut report = Report::new(title, None, Interpolation::default());
    let mut count = 0;
    for &split in &options.splits {
        let mut frames: Vec<_> = capture.split(split).collect();
        let timed = frames.iter().all(|(_, f)| f.time.is_some()) && frames.len() > 1;
        if timed {
            frames.sort_by(|(_, a), (_, b)| {
                a.camera_id.cmp(&b.camera_id).then(a.time.unwrap_or(0.0).total_cmp(&b.time.unwrap_or(0.0)))
            });
        }
        let mut flicker = FlickerMeter::new(split.name());
        let mut stills = Stills::new(&Measure::OF_STILLS);
        let mut last_camera = None;
        for (i, frame) in frames {
            let truth = cache.get(i, options.level)?;
            let camera = frame.camera_at(options.level);
            let (width, height) = (camera.width as usize, camera.height as usize);
            if (truth.width, truth.height) != (camera.width, camera.height) {
                return Err(bad_input(format!(
                    "{}: the picture is {}x{}, its camera's {width}x{height}",
                    frame.picture.display(),
                    truth.width,
                    truth.height
                )));
            }
            let (truth, mask) = over_black(&truth);
            let mut areas = vec![Area::whole(), Area::masked("mask", Mask::new(width, height, &mask)?)];
            if let Some(face) = &mut face {
                let weights: Vec<f32> =
                    face.render(&poses[i], &camera)?.color.iter().map(|c| c[0].clamp(0.0, 1.0)).collect();
                areas.push(Area::masked("face", Mask::new(width, height, &weights)?));
            }
            let rendered = ours.render(&poses[i], &camera)?.color.iter().map(|&[r, g, b, _]| [r, g, b]);
            let truth = Picture::of_levels(width, height, truth)?;
            let pair = Pair::new(truth, Picture::of_levels(width, height, rendered.collect())?)?;
            if timed {
                if last_camera.is_some_and(|c| c != frame.camera_id) {
                    flicker.cut();
                }
                last_camera = Some(frame.camera_id);
                flicker.push(&pair, &areas)?;
            }
            stills.push(&frame.name, &pair, &areas)?;
            if let Some(page) = &mut page {
                page.add(split.name(), &frame.name, &pair)?;
            }
            count += 1;
            if !done(count) {
                return Ok(None);
            }
        }
        let labels = Labels { split: split.name().into(), ..Labels::default() };
        report.add(&labels, &stills.finish());
        if timed {
            report.add_flicker(flicker.finish());
        }
    }
    if let Some(page) = page {
        page.finish(&report)?;
    }
    Ok(Some(report))
}

fn title(avatar: &Avatar, folder: &Path) -> String {
    let of = if avatar.name.is_empty() { "an avatar" } else { &avatar.name };
    format!(
        "{of} beside {}",
        folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    )
}

/// Colours premultiplied over black, and the mask.
fn over_black(picture: &effigy_capture::Picture) -> (Vec<[f32; 3]>, Vec<f32>) {
    let mut pixels = Vec::new();
    picture.premultiplied_into(&mut pixels);
    pixels.iter().map(|&[r, g, b, a]| ([r, g, b], a)).unzip()
}
