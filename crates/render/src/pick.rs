//! Which avatar, and which part of it, is seen at a pixel. The answer comes some frames later; nothing waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use effigy_avatar::Part;
use effigy_shaders::filled;

use crate::avatar::Shared;
use crate::pipelines::Pipelines;
use crate::{GpuAvatar, RenderError, View};

/// What is seen at a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Place of the avatar in the list that was drawn.
    pub avatar: usize,
    /// The Gaussian that the pixel owes most of its colour to, as the avatar numbers it.
    pub gaussian: u32,
    /// The part of the person that it belongs to.
    pub part: Part,
    /// Its distance along the view axis, metres.
    pub depth: f32,
}

/// A question that the GPU has not answered yet.
pub struct PendingPick {
    staging: wgpu::Buffer,
    arrived: Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// Of each avatar that was drawn, how many splats.
    drawn: Vec<(Arc<Shared>, u32)>,
    /// Once it is there: what is seen, or why that is not known.
    answer: Option<Result<Option<Pick>, String>>,
}

/// `Picked` of `shaders/splat/pick.wesl`.
const PICKED_SIZE: u64 = 16;

impl PendingPick {
    /// Records the question what `view` shows at pixel (`x`, `y`) of the frame of `avatars` that was recorded last, before
    /// the submission of both.
    pub(crate) fn record(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        view: &View,
        [x, y]: [u32; 2],
    ) -> Result<Self, RenderError> {
        let fail = |message: &str| RenderError::Gpu { doing: "picking", message: message.into() };
        let (width, height) = view.size();
        if x >= width || y >= height {
            return Err(fail(&format!("pixel {x}, {y} is outside of {width}x{height}")));
        }
        let resources =
            view.pick_resources(avatars).ok_or_else(|| fail("these avatars were not drawn last"))?;
        let buffer = |label, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: PICKED_SIZE,
                usage,
                mapped_at_creation: false,
            })
        };
        let uniform = wgpu::BufferUsages::UNIFORM;
        let pixel = filled(device, "pixel to pick", bytemuck::cast_slice(&[x, y, 0, 0]), uniform);
        let picked = buffer("picked", wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer("picked, read", wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ);
        let [camera, ranges, entries, splats] = resources.map(wgpu::Buffer::as_entire_binding);
        let kernel = pipelines.pick(device, view.target.limit().is_some());
        let mut resources =
            vec![camera, pixel.as_entire_binding(), ranges, entries, splats, picked.as_entire_binding()];
        resources.extend(view.target.limit().map(wgpu::BindingResource::TextureView));
        let resources: Vec<_> = (0..).zip(resources).collect();
        let group = kernel.bind(device, &resources);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        kernel.dispatch(&mut pass, &group, [1, 1, 1]);
        drop(pass);
        encoder.copy_buffer_to_buffer(&picked, 0, &staging, 0, PICKED_SIZE);
        let (sender, arrived) = channel();
        encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Read, .., move |result| {
            // Who asked may have lost interest.
            let _ = sender.send(result);
        });
        let drawn = avatars.iter().zip(&view.drawn);
        let drawn = drawn.map(|(avatar, share)| (avatar.shared.clone(), share.drawn)).collect();
        Ok(Self { staging, arrived, drawn, answer: None })
    }

    /// The answer once it is there: what is seen, or that nothing is; `None` before. The device has to be polled now and
    /// then, as a host that draws does.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the device is lost, or the frame was never submitted.
    pub fn poll(&mut self) -> Option<Result<Option<Pick>, RenderError>> {
        if self.answer.is_none() {
            self.answer = match self.arrived.try_recv() {
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Err("the frame was never drawn".into())),
                Ok(Err(error)) => Some(Err(error.to_string())),
                Ok(Ok(())) => Some(self.read()),
            };
        }
        let fail = |message| RenderError::Gpu { doing: "picking", message };
        Some(self.answer.clone()?.map_err(fail))
    }

    fn read(&self) -> Result<Option<Pick>, String> {
        let bytes = self.staging.slice(..).get_mapped_range().map_err(|error| error.to_string())?.to_vec();
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let mut place = u32::from_le_bytes(word(0));
        let [weight, depth] = [4, 8].map(|at| f32::from_le_bytes(word(at)));
        if weight <= 0.0 {
            return Ok(None);
        }
        for (avatar, (shared, drawn)) in self.drawn.iter().enumerate() {
            if place < *drawn {
                let gaussian = shared.order[place as usize];
                let part = shared.parts[gaussian as usize];
                return Ok(Some(Pick { avatar, gaussian, part, depth }));
            }
            place -= drawn;
        }
        Ok(None)
    }
}
