//! Splatting on the CPU: the runtime's rasteriser and its derivative.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use effigy_field::{ATTRIBUTES, COLOR, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION};
use effigy_splat::{Frame, FrameGradient, GaussianGradients, Gaussians, Rasterizer};
use glam::{Quat, Vec3};
use rayon::prelude::*;

use super::{PLANES, SplatOps, SplatView};
use crate::training::ops::{contiguous, tensor_of, values};

/// What the forward pass leaves for the backward pass, and what that leaves for the caller.
#[derive(Default)]
pub(super) struct CpuScratch {
    rasterizer: Rasterizer,
    posed: Gaussians,
    frames: Vec<Quat>,
    frame: Frame,
    frame_gradient: FrameGradient,
    pub(super) gradients: GaussianGradients,
}

impl SplatView {
    /// Poses the Gaussians, as [`effigy_avatar::AvatarPoser`] does.
    fn pose(&self, attributes: &[f32], sh_rest: &[f32], scratch: &mut CpuScratch) {
        let n = self.anchors.len();
        let CpuScratch { posed, frames, .. } = scratch;
        posed.sh_degree = self.sh_degree;
        posed.positions.resize(n, Vec3::ZERO);
        posed.rotations.resize(n, Quat::IDENTITY);
        posed.log_scales.resize(n, Vec3::ZERO);
        posed.opacity_logits.resize(n, 0.0);
        frames.resize(n, Quat::IDENTITY);
        let rest = self.rest_width();
        posed.sh.resize(n * (3 + rest), 0.0);
        posed
            .positions
            .par_iter_mut()
            .zip(posed.rotations.par_iter_mut())
            .zip(posed.log_scales.par_iter_mut())
            .zip(posed.opacity_logits.par_iter_mut())
            .zip(posed.sh.par_chunks_exact_mut(3 + rest))
            .zip(frames.par_iter_mut())
            .enumerate()
            .with_min_len(2048)
            .for_each(|(i, (((((position, rotation), log_scale), logit), sh), frame))| {
                let a = &attributes[i * ATTRIBUTES..(i + 1) * ATTRIBUTES];
                let anchor = &self.anchors[i];
                let offset = Vec3::from_slice(&a[POSITION]);
                *position = anchor.position + anchor.rotation * (offset * anchor.scale);
                *rotation = anchor.rotation * Quat::from_slice(&a[ROTATION]);
                *log_scale = Vec3::from_slice(&a[LOG_SCALE]) + anchor.scale.ln();
                *logit = a[OPACITY_LOGIT];
                sh[..3].copy_from_slice(&a[COLOR]);
                sh[3..].copy_from_slice(&sh_rest[i * rest..(i + 1) * rest]);
                *frame = anchor.rotation;
            });
    }

    fn forward(&self, attributes: &[f32], sh_rest: &[f32]) -> Vec<f32> {
        let scratch = &mut self.lock().cpu;
        self.pose(attributes, sh_rest, scratch);
        let CpuScratch { rasterizer, posed, frames, frame, .. } = scratch;
        // Shapes were checked, and cameras when the capture was.
        rasterizer
            .render(posed, frames, &self.camera, self.filter, frame)
            .unwrap_or_else(|error| panic!("splatting: {error}"));
        let pixels = self.pixels();
        let mut out = vec![0.0; PLANES * pixels];
        let (color, depth) = out.split_at_mut(4 * pixels);
        color.par_chunks_exact_mut(pixels).enumerate().for_each(|(c, plane)| {
            for (out, pixel) in plane.iter_mut().zip(&frame.color) {
                *out = pixel[c];
            }
        });
        depth.copy_from_slice(&frame.depth);
        out
    }

    /// Gradients on the attributes and on the harmonics, of a gradient on the picture.
    fn backward(&self, attributes: &[f32], picture_gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scratch = &mut self.lock().cpu;
        let CpuScratch { rasterizer, posed, frames, frame, frame_gradient, gradients } = scratch;
        let pixels = self.pixels();
        let (color, depth) = picture_gradient.split_at(4 * pixels);
        frame_gradient.color.resize(pixels, [0.0; 4]);
        frame_gradient.color.par_iter_mut().enumerate().with_min_len(4096).for_each(|(i, out)| {
            *out = [color[i], color[pixels + i], color[2 * pixels + i], color[3 * pixels + i]];
        });
        frame_gradient.depth.clear();
        if depth.iter().any(|d| *d != 0.0) {
            frame_gradient.depth.extend_from_slice(depth);
        }
        rasterizer
            .backward(posed, frames, &self.camera, self.filter, frame, frame_gradient, gradients)
            .unwrap_or_else(|error| panic!("splatting backward: {error}"));
        let n = self.anchors.len();
        let rest = self.rest_width();
        let mut out = vec![0.0; n * ATTRIBUTES];
        let mut sh_rest = vec![0.0; n * rest];
        debug_assert_eq!(attributes.len(), out.len());
        out.par_chunks_exact_mut(ATTRIBUTES).enumerate().with_min_len(2048).for_each(|(i, out)| {
            let anchor = &self.anchors[i];
            let back = anchor.rotation.inverse();
            let position = back * (gradients.positions[i] * anchor.scale);
            out[POSITION].copy_from_slice(&position.to_array());
            // Multiplying by a unit quaternion is a rotation of four-space; its transpose is the conjugate's.
            let rotation = back * Quat::from_vec4(gradients.rotations[i]);
            out[ROTATION].copy_from_slice(&rotation.to_array());
            out[LOG_SCALE].copy_from_slice(&gradients.log_scales[i].to_array());
            out[OPACITY_LOGIT] = gradients.opacity_logits[i];
            out[COLOR].copy_from_slice(&gradients.sh[i * (3 + rest)..][..3]);
        });
        if rest > 0 {
            sh_rest.par_chunks_exact_mut(rest).enumerate().with_min_len(2048).for_each(|(i, out)| {
                out.copy_from_slice(&gradients.sh[i * (3 + rest) + 3..][..rest]);
            });
        }
        (out, sh_rest)
    }
}

impl SplatOps for Flex {
    fn splat(
        attributes: FloatTensor<Self>,
        sh_rest: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> FloatTensor<Self> {
        let (attributes, sh_rest) = (contiguous(attributes), contiguous(sh_rest));
        let out = view.forward(values(&attributes), values(&sh_rest));
        tensor_of(out, [PLANES, view.pixels()])
    }

    fn splat_backward(
        attributes: FloatTensor<Self>,
        picture_gradient: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (attributes, gradient) = (contiguous(attributes), contiguous(picture_gradient));
        let n = view.anchors.len();
        let (out, sh_rest) = view.backward(values(&attributes), values(&gradient));
        (tensor_of(out, [n, ATTRIBUTES]), tensor_of(sh_rest, [n, view.rest_width()]))
    }
}
