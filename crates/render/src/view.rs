//! One picture: what it is drawn into, what is drawn of each avatar, and in which light.

use effigy_shaders::{CameraData, filled, uniform};
use effigy_splat::{Camera, Light, SplatOrder, SplatRules};
use glam::Mat4;

use crate::instance::Share;
use crate::memory::{InstanceSlot, LightData, Memory, Needs, most_splats};
use crate::pipelines::Pipelines;
use crate::target::{BoundOccluder, Target};
use crate::{GpuAvatar, Method, RenderError};

/// How often the range of qualities is halved that a crowd may fit with which does not fit as it should be.
const CROWDED_TRIES: u32 = 8;

/// A picture to render into: premultiplied colour and depth.
pub struct View {
    pub(crate) target: Target,
    light_buffer: wgpu::Buffer,
    light: Option<LightData>,
    quality: f32,
    /// Where the Gaussians of each avatar were in the last frame.
    previous: Vec<(u64, wgpu::Buffer)>,
    pub(crate) memory: Option<Memory>,
    /// What is drawn of each avatar, and what goes to the GPU of it: filled anew every frame.
    pub(crate) drawn: Vec<Share>,
    /// Which of the avatars the frame that was recorded last poses, and of which it sums the field.
    pub(crate) posed: Vec<bool>,
    pub(crate) decoded: Vec<bool>,
    /// Whether 16 bits of depth are enough to order what is drawn.
    pub(crate) coarse_depths: bool,
    needs: Needs,
    slots: Vec<InstanceSlot>,
}

impl View {
    pub(crate) fn new(device: &wgpu::Device, target: Target) -> Self {
        Self {
            target,
            light_buffer: uniform(device, "light", size_of::<LightData>()),
            light: None,
            quality: 1.0,
            previous: Vec::new(),
            memory: None,
            drawn: Vec::new(),
            posed: Vec::new(),
            decoded: Vec::new(),
            coarse_depths: false,
            needs: Needs { splats: 0, entries: 0 },
            slots: Vec::new(),
        }
    }

    /// Width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.target.width, self.target.height)
    }

    /// Premultiplied display-referred sRGB and coverage.
    pub fn color(&self) -> &wgpu::TextureView {
        &self.target.color.view
    }

    /// Expected depth along the view axis in metres; 0 where nothing is drawn.
    pub fn depth(&self) -> &wgpu::TextureView {
        &self.target.depth.view
    }

    /// The texture behind [`View::color`].
    pub fn color_texture(&self) -> &wgpu::Texture {
        &self.target.color.texture
    }

    /// The texture behind [`View::depth`].
    pub fn depth_texture(&self) -> &wgpu::Texture {
        &self.target.depth.texture
    }

    /// For each pixel how far what is seen there has moved since the view's last frame, pixels right and down, and how
    /// much a viewer looks there, 0 (background) to 1; then 0. Of views that were made with [`Outputs::guide`](crate::Outputs::guide).
    pub fn guide(&self) -> Option<&wgpu::TextureView> {
        self.target.guide.as_ref().map(|guide| &guide.view)
    }

    /// The texture behind [`View::guide`].
    pub fn guide_texture(&self) -> Option<&wgpu::Texture> {
        self.target.guide.as_ref().map(|guide| &guide.texture)
    }

    /// Hides from the next recorded frame on what is behind `occluder`.
    pub(crate) fn set_occluder(&mut self, occluder: BoundOccluder) {
        self.target.occluder = Some(occluder);
        self.unbind_pictures();
    }

    /// Has what composites bound again before the next frame; the working memory stays.
    fn unbind_pictures(&mut self) {
        if let Some(memory) = &mut self.memory {
            memory.pictures = None;
        }
    }

    /// Changes the projection of the occluder, if there is one. Nothing has to be bound again for it.
    pub fn set_occluder_projection(&mut self, clip_from_camera: Mat4) {
        if let Some(occluder) = &mut self.target.occluder {
            occluder.project(clip_from_camera);
        }
    }

    /// Draws everything again from the next recorded frame on.
    pub fn clear_occluder(&mut self) {
        if self.target.occluder.take().is_some() {
            self.unbind_pictures();
        }
    }

    /// Camera, tile ranges, tile entries and splats of the frame that was recorded last, if it was of `avatars`.
    pub(crate) fn pick_resources(&self, avatars: &[&GpuAvatar]) -> Option<[&wgpu::Buffer; 4]> {
        let memory = self.memory.as_ref().filter(|memory| memory.is_bound(avatars))?;
        Some([&self.target.camera, &memory.lists.ranges, memory.entries(), &memory.lists.splats])
    }

    /// Sets what part of the Gaussians of avatars with [`crate::Detail::Auto`] is drawn: 1 for as many as can be told
    /// apart, less to save time, more than 1 to draw the smallest too. See [`crate::FrameBudget`].
    pub fn set_quality(&mut self, quality: f32) {
        self.quality = quality;
    }

    /// Shows the avatars in `light` from the next recorded frame on; `None` is the light that they were captured in.
    /// Nothing has to be bound again for it.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for a light that is none.
    pub fn set_light(&mut self, light: Option<&Light>) -> Result<(), RenderError> {
        light.map_or(Ok(()), Light::validate)?;
        self.light = light.map(LightData::new);
        Ok(())
    }

    /// Sets how frames are composited from the next recorded one on. Changing it makes the working memory anew.
    pub fn set_method(&mut self, method: Method) {
        let before = self.method();
        self.target.wanted = method;
        if self.method() != before {
            self.memory = None;
        }
    }

    /// How frames are composited: as it was set, or by tiles where quads cannot give what the view holds, or cannot blend
    /// what was drawn last (linear light, [`SplatRules::blending`]).
    pub fn method(&self) -> Method {
        self.target.method()
    }

    /// Whether another light than the captured one is set.
    pub(crate) fn is_lit(&self) -> bool {
        self.light.is_some()
    }

    /// How many Gaussians, visible or not, the frame that was recorded last draws.
    pub fn gaussians(&self) -> u32 {
        self.drawn.iter().map(|share| share.drawn).sum()
    }

    /// Decides what is drawn of each of `avatars`.
    pub(crate) fn choose(&mut self, device: &wgpu::Device, avatars: &[&GpuAvatar], camera: &Camera) {
        let before = self.method();
        self.target.rules = SplatRules::common(avatars.iter().map(|avatar| avatar.shared.filter.rules));
        if self.method() != before {
            self.memory = None;
        }
        let most = most_splats(&device.limits());
        let splats = |quality: f32| -> u64 {
            avatars.iter().map(|avatar| u64::from(avatar.share(camera, quality).drawn)).sum()
        };
        let mut quality = self.quality;
        if splats(quality) > most {
            // A crowd that does not fit is drawn more coarsely, as far as its detail is left to the view.
            let (mut fits, mut too_much) = (0.0, quality.min(f32::MAX));
            for _ in 0..CROWDED_TRIES {
                let middle = 0.5 * (fits + too_much);
                *(if splats(middle) > most { &mut too_much } else { &mut fits }) = middle;
            }
            quality = fits;
        }
        self.drawn.clear();
        self.needs = Needs { splats: 0, entries: 0 };
        for avatar in avatars {
            let share = avatar.share(camera, quality);
            self.drawn.push(share);
            self.needs.splats += u64::from(share.drawn);
            if self.method() == Method::Tiles {
                let entries = avatar.tile_entries_estimate(camera, share.drawn);
                self.needs.entries = self.needs.entries.saturating_add(entries);
            }
        }
        self.coarse_depths = coarse_depths_suffice(avatars, camera, self.target.rules.order);
    }

    /// Whether there is working memory for what was chosen to be drawn of `avatars`, and it is bound.
    pub(crate) fn is_ready(&self, avatars: &[&GpuAvatar]) -> bool {
        let ready = |memory: &Memory| {
            memory.has_room(self.needs, avatars.len())
                && memory.is_bound(avatars)
                && memory.pictures.is_some()
        };
        self.memory.as_ref().is_some_and(ready)
    }

    /// Makes it so.
    pub(crate) fn prepare(
        &mut self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatars: &[&GpuAvatar],
    ) -> Result<(), RenderError> {
        // Let the old memory go before new is taken.
        let old = self.memory.take().filter(|memory| memory.has_room(self.needs, avatars.len()));
        let mut memory = match old {
            Some(memory) => memory,
            None => Memory::allocate(device, pipelines, &self.target, self.needs, avatars)?,
        };
        if memory.pictures.is_none() {
            memory.bind_pictures(device, pipelines, &self.target);
        }
        let memory = self.memory.insert(memory);
        if !memory.is_bound(avatars) {
            memory.bind_avatars(device, pipelines, [&self.target.camera, &self.light_buffer], avatars);
            if self.target.guide.is_some() {
                // Those that stay keep their past.
                self.previous.retain(|(id, _)| avatars.iter().any(|avatar| avatar.id == *id));
                for avatar in avatars {
                    if !self.previous.iter().any(|(id, _)| *id == avatar.id) {
                        self.previous.push((avatar.id, nowhere(device, avatar.shared.count)));
                    }
                }
                memory.bind_guides(device, pipelines, avatars, &self.previous);
            }
        }
        Ok(())
    }

    /// Lets working memory go that could not be made whole.
    pub(crate) fn forget(&mut self) {
        self.memory = None;
        self.previous.clear();
    }

    /// Records the upload of everything that is new in every frame.
    pub(crate) fn record_uploads(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
    ) -> Result<(), RenderError> {
        let Some(memory) = &self.memory else { return Err(no_memory()) };
        self.slots.clear();
        let mut splats = 0;
        for (avatar, &share) in avatars.iter().zip(&self.drawn) {
            self.slots.push(InstanceSlot::new(avatar.data(splats, share)));
            splats += share.drawn;
        }
        let data = CameraData::new(camera, memory.room.splats as u32, self.target.rules);
        let state = [u32::MAX, 0, 0, 0, splats, self.is_lit().into(), 0, 0];
        let light = self.light.as_ref().map_or(&[][..], bytemuck::bytes_of);
        let (projection, projection_buffer) = match &self.target.occluder {
            Some(occluder) => (&occluder.parameters[..], &occluder.projection),
            None => (&[][..], &self.target.camera),
        };
        memory.uploads.record(
            encoder,
            &[
                (bytemuck::bytes_of(&data), &self.target.camera),
                (light, &self.light_buffer),
                (bytemuck::cast_slice(&state), &memory.lists.state),
                (bytemuck::cast_slice(&self.slots), &memory.instances),
                (bytemuck::cast_slice(projection), projection_buffer),
            ],
        )?;
        encoder.clear_buffer(&memory.lists.ranges, 0, None);
        Ok(())
    }
}

/// Of Gaussians whose depths differ by less than this part of the width of an avatar's median one, neither is before the
/// other: they lie within each other.
const SAME_DEPTH: f32 = 1.0 / 64.0;

/// Whether the depths of `avatars`, or their distances if `order` says so, sorted by 16 bits, are the same only where they
/// may be ([`SAME_DEPTH`]).
fn coarse_depths_suffice(avatars: &[&GpuAvatar], camera: &Camera, order: SplatOrder) -> bool {
    let (mut nearest, mut farthest, mut same) = (f32::INFINITY, camera.near, f32::INFINITY);
    for avatar in avatars {
        let (center, radius) = avatar.bounding_sphere();
        let from_eye = camera.camera_from_world.transform_point3(center);
        let depth = match order {
            SplatOrder::ViewDepth => -from_eye.z,
            SplatOrder::EyeDistance => from_eye.length(),
        };
        nearest = nearest.min((depth - radius).max(camera.near));
        farthest = farthest.max(depth + radius);
        same = same.min(SAME_DEPTH * avatar.median_size());
    }
    // As `compress_depth` does it in `shaders/sort/layout.wesl`.
    let range = farthest.to_bits().saturating_sub(nearest.to_bits());
    let shift = (u32::BITS - range.leading_zeros()).saturating_sub(16);
    let step = f32::from_bits(farthest.to_bits().saturating_add(1 << shift)) - farthest;
    step <= same
}

/// What asking for a frame before [`View::prepare`] gives.
pub(crate) fn no_memory() -> RenderError {
    RenderError::Gpu { doing: "recording a frame", message: "the view has no working memory".into() }
}

/// Places of `count` Gaussians that were not drawn.
fn nowhere(device: &wgpu::Device, count: u32) -> wgpu::Buffer {
    let places = vec![[2e30_f32; 2]; count.max(1) as usize];
    filled(device, "previous places", bytemuck::cast_slice(&places), wgpu::BufferUsages::STORAGE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use effigy_avatar::{Avatar, OpenOptions};
    use effigy_splat::{Camera, Frame};
    use glam::Vec3;

    use crate::{AdapterChoice, Gpu, Placement, Precision, Renderer, read_frame};

    /// One head is ordered by 16 bits, and looks as with 24; one before another far behind it is not.
    #[test]
    fn sixteen_bits_order_a_head() {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best)).expect("an adapter");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
        let head = Arc::new(Avatar::open(path, &OpenOptions::default()).expect("a head"));
        let (low, high) = head.bounds().expect("bounds").expect("Gaussians");
        let middle = 0.5 * (low + high);
        let camera = Camera::look_at(middle + 1.4 * Vec3::Z, middle, Vec3::Y, 0.35, 256, 256);
        let frames = [Precision::Half, Precision::Full].map(|precision| {
            let renderer = Renderer::new(&gpu.device, &gpu.queue, precision).expect("kernels");
            let near = renderer.upload(&head).expect("a head");
            let mut view = renderer.create_view(256, 256).expect("a view");
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &[&near], &camera, &mut view).expect("a frame");
            assert!(view.coarse_depths);
            gpu.queue.submit([encoder.finish()]);
            let mut frame = Frame::default();
            read_frame(&gpu.device, &gpu.queue, &view, &mut frame).expect("a picture");
            let mut far = renderer.another(&near).expect("another");
            let placement = Placement { translation: -20.0 * Vec3::Z, ..Placement::default() };
            far.set_placement(placement).expect("a place");
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &[&near, &far], &camera, &mut view).expect("a frame");
            assert!(!view.coarse_depths);
            frame
        });
        let [coarse, fine] = frames.map(|frame| frame.color);
        let squared: f64 =
            (coarse.iter().flatten().zip(fine.iter().flatten())).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let psnr = -10.0 * (squared / (4 * coarse.len()) as f64).log10();
        println!("16 bits of depth and half floats against 24 and floats: {psnr:.1} dB");
        assert!(psnr > 55.0, "{psnr}");
    }
}
