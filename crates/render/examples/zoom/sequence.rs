//! A camera that goes slowly away, and how much a picture shimmers while it does.

use effigy_render::{GpuAvatar, RenderError, Renderer, View, read_frame};
use effigy_splat::{Camera, Frame};
use glam::Vec3;

/// A camera that goes from `nearest` to `farthest` times the distance of `eye` in `count` steps of the same ratio.
#[derive(Clone, Copy)]
pub(crate) struct Dolly {
    pub(crate) target: Vec3,
    pub(crate) eye: Vec3,
    pub(crate) vertical_fov: f32,
    pub(crate) nearest: f32,
    pub(crate) farthest: f32,
    pub(crate) count: usize,
    /// Pixels each way.
    pub(crate) size: u32,
}

impl Dolly {
    /// How many times as far as `eye` step `i` is.
    pub(crate) fn distance(&self, i: usize) -> f32 {
        let part = i as f32 / (self.count - 1).max(1) as f32;
        self.nearest * (self.farthest / self.nearest).powf(part)
    }

    fn camera(&self, i: usize, finer: u32) -> Camera {
        let eye = self.target + (self.eye - self.target) * self.distance(i);
        let size = self.size * finer;
        Camera::look_at(eye, self.target, Vec3::Y, self.vertical_fov, size, size)
    }

    /// The pictures of `avatar`, each the mean of `finer`² samples a pixel.
    pub(crate) fn pictures(
        &self,
        (device, queue, renderer): (&wgpu::Device, &wgpu::Queue, &Renderer),
        avatar: &GpuAvatar,
        finer: u32,
    ) -> Result<Vec<Frame>, RenderError> {
        let mut view: View = renderer.create_view(self.size * finer, self.size * finer)?;
        let (mut large, mut out) = (Frame::default(), Vec::new());
        for i in 0..self.count {
            let mut encoder = device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &[avatar], &self.camera(i, finer), &mut view)?;
            queue.submit([encoder.finish()]);
            read_frame(device, queue, &view, &mut large)?;
            out.push(averaged(&large, finer));
        }
        Ok(out)
    }
}

/// The picture whose pixels are the means of `by`² of `large`.
fn averaged(large: &Frame, by: u32) -> Frame {
    let mut out = Frame::default();
    out.reset(large.width / by, large.height / by);
    let part = 1.0 / (by * by) as f32;
    for (i, sample) in large.color.iter().enumerate() {
        let (x, y) = (i as u32 % large.width / by, i as u32 / large.width / by);
        let pixel = &mut out.color[(y * out.width + x) as usize];
        for (sum, sample) in pixel.iter_mut().zip(sample) {
            *sum += part * sample;
        }
    }
    out
}

/// How a sequence compares with the true one, in steps of 8-bit colour: root mean squares over the pixels that show
/// anything, and all channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// How far the pictures are off.
    pub(crate) error: f64,
    /// How much more, or less, than the true ones they change from step to step.
    pub(crate) shimmer: f64,
}

pub(crate) fn faults(pictures: &[Frame], truth: &[Frame]) -> Faults {
    let off = |t: usize, i: usize, c: usize| f64::from(pictures[t].color[i][c] - truth[t].color[i][c]);
    let shown = |t: usize, i: usize| truth[t].color[i][3] > 0.0 || pictures[t].color[i][3] > 0.0;
    let (mut error, mut shimmer, mut count) = (0.0, 0.0, 0.0);
    for t in 1..truth.len() {
        for i in (0..truth[t].color.len()).filter(|&i| shown(t, i)) {
            for c in 0..4 {
                error += off(t, i, c).powi(2);
                shimmer += (off(t, i, c) - off(t - 1, i, c)).powi(2);
                count += 1.0;
            }
        }
    }
    Faults { error: 255.0 * (error / count).sqrt(), shimmer: 255.0 * (shimmer / count).sqrt() }
}
