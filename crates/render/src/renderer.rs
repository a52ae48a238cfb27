//! The pipeline: records the stages of a frame.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_shaders::Teamwork;
use effigy_splat::Camera;

use crate::avatar::Shared;
use crate::memory::Pictures;
use crate::pipelines::{PROJECT_THREADS, Pipelines};
use crate::scope::scoped;
use crate::target::Target;
use crate::view::no_memory;
use crate::{GpuAvatar, Occluder, Outputs, PendingPick, RenderError, Stage, StageTimer, View};

/// How colour is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 16-bit floats, which every device can filter and blend.
    #[default]
    Half,
    /// 32-bit floats, for files and measurements.
    Full,
}

/// Renders avatars on one device. Cheap to share, made once: building its kernels takes a moment.
pub struct Renderer {
    pub(crate) device: wgpu::Device,
    /// What measures by itself, and waits for it, submits here; a browser cannot wait.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "nothing waits in a browser"))]
    pub(crate) queue: wgpu::Queue,
    pub(crate) pipelines: Pipelines,
    color_format: wgpu::TextureFormat,
}

impl Renderer {
    /// On a device and queue that the host program made or that [`crate::Gpu`] did. Nothing beyond the default limits
    /// of WebGPU is needed.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the device rejects a kernel.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        precision: Precision,
    ) -> Result<Self, RenderError> {
        Self::with_teamwork(device, queue, precision, Teamwork::of(device))
    }

    pub(crate) fn with_teamwork(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        precision: Precision,
        teamwork: Teamwork,
    ) -> Result<Self, RenderError> {
        let (pipelines, color_format) = scoped(device, "building the kernels", || {
            let full = precision == Precision::Full;
            let format =
                if full { wgpu::TextureFormat::Rgba32Float } else { wgpu::TextureFormat::Rgba16Float };
            Ok((Pipelines::new(device, full, teamwork), format))
        })?;
        Ok(Self { device: device.clone(), queue: queue.clone(), pipelines, color_format })
    }

    /// Puts an avatar on the device: at the origin, in its rest pose, in full detail.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] if it is not valid, [`RenderError::TooLarge`] or [`RenderError::Gpu`] if it does not fit.
    pub fn upload(&self, avatar: &Arc<Avatar>) -> Result<GpuAvatar, RenderError> {
        scoped(&self.device, "uploading the avatar", || {
            let full_precision = self.color_format == wgpu::TextureFormat::Rgba32Float;
            let shared = Arc::new(Shared::new(&self.device, avatar, full_precision)?);
            GpuAvatar::new(&self.device, &self.pipelines, shared)
        })
    }

    /// Another person of the same avatar, with a pose, a place and a detail of its own. Gaussians, field and rig are held
    /// once for all of them.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if there is no memory for its pose.
    pub fn another(&self, of: &GpuAvatar) -> Result<GpuAvatar, RenderError> {
        scoped(&self.device, "making another of an avatar", || {
            GpuAvatar::new(&self.device, &self.pipelines, of.shared.clone())
        })
    }

    /// Makes a picture of the given size to render into.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for a size of zero or beyond what the device can do, [`RenderError::Gpu`] if there is
    /// no memory for it.
    pub fn create_view(&self, width: u32, height: u32) -> Result<View, RenderError> {
        self.create_view_with(width, height, Outputs::default())
    }

    /// As [`Renderer::create_view`], with more than colour and depth.
    ///
    /// # Errors
    /// As [`Renderer::create_view`].
    pub fn create_view_with(&self, width: u32, height: u32, outputs: Outputs) -> Result<View, RenderError> {
        scoped(&self.device, "creating the picture", || {
            let target = Target::new(&self.device, width, height, self.color_format, outputs)?;
            Ok(View::new(&self.device, target))
        })
    }

    /// Asks what is seen at pixel (`x`, `y`) of the frame of `avatars` that was recorded last into `view`. The answer comes
    /// when the encoder has been submitted and its work is done.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] for a pixel outside of the view, and if the last frame was not of these avatars.
    pub fn pick(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        view: &View,
        x: u32,
        y: u32,
    ) -> Result<PendingPick, RenderError> {
        PendingPick::record(&self.device, &self.pipelines, encoder, avatars, view, [x, y])
    }

    /// Hides in `view`, from the next recorded frame on, what is behind the scene of the host. Once for each depth
    /// buffer: what it holds is read when a frame is drawn. See also [`View::set_occluder_projection`] and
    /// [`View::clear_occluder`].
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the texture is no depth texture that can be read, or is of another device.
    pub fn occlude(&self, view: &mut View, occluder: &Occluder<'_>) -> Result<(), RenderError> {
        let size = occluder.depth.texture().size();
        if size.width < view.target.width || size.height < view.target.height {
            return Err(RenderError::Gpu {
                doing: "reading the host's depth",
                message: format!(
                    "it is {}x{}, the view is {}x{}",
                    size.width, size.height, view.target.width, view.target.height
                ),
            });
        }
        let bound = scoped(&self.device, "reading the host's depth", || {
            Ok(view.target.bind_occluder(&self.device, &self.pipelines, occluder))
        })?;
        view.set_occluder(bound);
        Ok(())
    }

    /// Records the frame that shows `avatars`, each in its current pose and place, through `camera` into `view`. Their
    /// Gaussians are sorted together, so that they may touch and overlap; their order in the list does not matter.
    /// Submitting the encoder makes it happen. Any number of frames, of the same avatars and view too, may be recorded
    /// for one submission.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for an unusable camera or one of another size than the view, and what
    /// [`Renderer::upload`] returns if the view's working memory has to grow and cannot.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
    ) -> Result<(), RenderError> {
        self.prepare(avatars, camera, view)?;
        Stage::ALL
            .iter()
            .try_for_each(|&stage| self.record_stage(stage, encoder, avatars, camera, view, None))
    }

    /// As [`Renderer::record`], with each stage timed by the GPU's clock.
    ///
    /// # Errors
    /// As [`Renderer::record`].
    pub fn record_timed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
        timer: &StageTimer,
    ) -> Result<(), RenderError> {
        self.prepare(avatars, camera, view)?;
        for stage in Stage::ALL {
            self.record_stage(stage, encoder, avatars, camera, view, Some(timer))?;
        }
        timer.resolve(encoder);
        Ok(())
    }

    /// Checks the camera and makes sure that the view has the working memory for the frame.
    pub(crate) fn prepare(
        &self,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
    ) -> Result<(), RenderError> {
        camera.validate()?;
        if (camera.width, camera.height) != view.size() {
            return Err(effigy_splat::SplatError::Camera(format!(
                "its picture is {}x{}, the view is {}x{}",
                camera.width, camera.height, view.target.width, view.target.height
            ))
            .into());
        }
        if view.color_texture().format() != self.color_format {
            return Err(RenderError::Gpu {
                doing: "recording a frame",
                message: "the view was made by a renderer of another precision".into(),
            });
        }
        view.choose(&self.device, avatars, camera);
        if !view.is_ready(avatars) {
            let grown = scoped(&self.device, "growing the working memory", || {
                view.prepare(&self.device, &self.pipelines, avatars)
            });
            if grown.is_err() {
                view.forget();
            }
            grown?;
        }
        Ok(())
    }

    pub(crate) fn record_stage(
        &self,
        stage: Stage,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
        timer: Option<&StageTimer>,
    ) -> Result<(), RenderError> {
        let pipelines = &self.pipelines;
        match stage {
            Stage::Pose => {
                view.posed.clear();
                for (avatar, share) in avatars.iter().zip(&view.drawn) {
                    view.posed.push(share.drawn > 0 && avatar.upload_pose(encoder)?);
                }
                let changed = || avatars.iter().zip(&view.posed).filter(|(_, new)| **new);
                if timer.is_some() || changed().next().is_some() {
                    // A timestamp that is never written must not be waited for.
                    let mut pass = stage.begin(encoder, timer);
                    changed().for_each(|(avatar, _)| avatar.dispatch_pose(pipelines, &mut pass));
                }
                changed().for_each(|(avatar, _)| avatar.note_pose(encoder));
            }
            Stage::Decode => {
                view.decoded.clear();
                for (avatar, share) in avatars.iter().zip(&view.drawn) {
                    view.decoded.push(avatar.upload_decode(share.drawn, encoder)?);
                }
                let drawn = || avatars.iter().zip(&view.drawn).zip(&view.decoded);
                let changed = || drawn().filter(|(_, new)| **new).map(|(drawn, _)| drawn);
                if timer.is_some() || changed().next().is_some() {
                    let mut pass = stage.begin(encoder, timer);
                    changed().for_each(|(avatar, share)| {
                        avatar.dispatch_decode(pipelines, share.drawn, &mut pass);
                    });
                }
                changed().for_each(|(avatar, share)| avatar.note_decode(share.drawn, encoder));
            }
            Stage::Project => {
                view.record_uploads(encoder, avatars, camera)?;
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                for (bind_group, share) in memory.project.iter().zip(&view.drawn) {
                    if share.drawn > 0 {
                        let size = [share.drawn.div_ceil(PROJECT_THREADS), 1, 1];
                        pipelines.project.dispatch(&mut pass, bind_group, size);
                    }
                }
                if view.target.kind().0 {
                    let guide = pipelines.guide(&self.device);
                    for (bind_group, avatar) in memory.guide.iter().zip(avatars) {
                        let size = [avatar.shared.count.div_ceil(PROJECT_THREADS), 1, 1];
                        guide.dispatch(&mut pass, bind_group, size);
                    }
                }
            }
            Stage::Sort => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                let coarse = usize::from(view.coarse_depths && !pipelines.full_precision);
                memory.lists.record_sort(&pipelines.lists, coarse, view.gaussians(), &mut pass);
            }
            Stage::Bin => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                if let Some(Pictures::Quads(quads)) = &memory.pictures {
                    quads.record_size(&self.device, pipelines, &mut pass);
                    return Ok(());
                }
                memory.lists.record(&pipelines.lists, &mut pass);
            }
            Stage::Rasterize => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let rasterize = match &memory.pictures {
                    Some(Pictures::Tiles(rasterize)) => rasterize,
                    Some(Pictures::Quads(quads)) => {
                        quads.record(&self.device, pipelines, &view.target, encoder, timer);
                        return Ok(());
                    }
                    None => return Err(no_memory()),
                };
                let mut pass = stage.begin(encoder, timer);
                view.target.record_occluder(&self.device, pipelines, &mut pass);
                let (guided, occluded) = view.target.kind();
                let [columns, rows] = view.target.tiles();
                let kernel = pipelines.rasterize(&self.device, guided, occluded);
                kernel.dispatch(&mut pass, rasterize, [columns, rows, 1]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use effigy_avatar::Avatar;
    use effigy_shaders::Teamwork;
    use effigy_splat::{Camera, Filter, Frame, Gaussians, sh_coefficients};
    use glam::{Quat, Vec3};

    use crate::{AdapterChoice, Gpu, Precision, Renderer, read_frame};

    /// Gaussians all over a box, many at depths that others have too.
    fn cloud(count: u32) -> Gaussians {
        let mut g = Gaussians::with_capacity(count as usize, 0);
        let part = |i: u32, k: f32| (i as f32 * k).fract();
        for i in 0..count {
            let depth =
                (part(i, 0.618_034) * 40.0).floor() / 40.0 + if i % 3 == 0 { part(i, 0.31) } else { 0.0 };
            g.positions.push(Vec3::new(part(i, 0.754_878) - 0.5, part(i, 0.569_84) - 0.5, -0.5 * depth));
            g.rotations.push(Quat::from_rotation_z(i as f32));
            g.log_scales.push(Vec3::new(0.004, 0.012, 0.006).map(f32::ln));
            g.opacity_logits.push(4.0 * part(i, 0.221) - 1.0);
            g.sh.extend((0..3 * sh_coefficients(0)).map(|c| 3.0 * part(i + c as u32, 0.417) - 1.5));
        }
        g
    }

    /// 20,000 Gaussians, so that every kernel has several workgroups, in the order of depth that each family finds: the
    /// same picture to the last bit.
    #[test]
    fn every_way_to_work_together_gives_the_same_picture() {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best)).expect("an adapter");
        let has_subgroups = gpu.device.features().contains(wgpu::Features::SUBGROUP);
        let avatar =
            Avatar { name: String::new(), gaussians: cloud(20_000), filter: Filter::MIP, body: None };
        let avatar = Arc::new(avatar);
        let camera = Camera::look_at(Vec3::new(0.1, 0.2, 1.6), Vec3::ZERO, Vec3::Y, 0.5, 200, 140);
        for precision in [Precision::Full, Precision::Half] {
            let picture = |teamwork| {
                let renderer =
                    Renderer::with_teamwork(&gpu.device, &gpu.queue, precision, teamwork).expect("kernels");
                let avatar = renderer.upload(&avatar).expect("an avatar");
                let mut view = renderer.create_view(200, 140).expect("a view");
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                renderer.record(&mut encoder, &[&avatar], &camera, &mut view).expect("a frame");
                gpu.queue.submit([encoder.finish()]);
                let mut frame = Frame::default();
                read_frame(&gpu.device, &gpu.queue, &view, &mut frame).expect("a picture");
                gpu.check().expect("no GPU errors");
                frame
            };
            let shared = picture(Teamwork::Shared);
            assert!(
                shared.color.iter().filter(|p| p[3] > 0.9).count() > 5_000,
                "much of the picture is covered"
            );
            assert_eq!(picture(Teamwork::Serial), shared);
            if has_subgroups {
                assert_eq!(picture(Teamwork::Subgroups), shared);
            } else {
                println!("{} has no subgroups", gpu.adapter.get_info().name);
            }
        }
    }
}
