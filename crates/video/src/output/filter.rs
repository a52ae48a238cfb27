//! The filters that a renderer's pictures can go through on the device.

use effigy_render::wgpu;

use crate::VideoError;
use crate::focus::FocusOptions;
use crate::format::{Alpha, PlanesError};
use crate::gpu_focus::GpuFocus;
use crate::gpu_prefilter::GpuPreFilter;
use crate::learned::{GpuLearnedFilter, LearnedNetwork, LearnedOptions};
use crate::prefilter::FilterOptions;

/// What takes detail out of a renderer's pictures before they are encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutputFilter {
    /// A blur away from what is looked at, as [`crate::PreFilter`] does it.
    Focus(FilterOptions),
    /// The network that comes with the program, as [`crate::LearnedFilter`] runs it. What pictures are encoded over is said
    /// by [`super::OutputOptions::alpha`].
    Learned(LearnedOptions),
}

impl OutputFilter {
    /// How the face is followed.
    pub(super) fn focus(&self) -> FocusOptions {
        match self {
            Self::Focus(options) => options.focus,
            Self::Learned(options) => options.focus,
        }
    }
}

pub(super) enum Filter {
    Focus(Box<GpuPreFilter>),
    Learned(Box<GpuLearnedFilter>),
}

impl Filter {
    pub(super) fn new(device: &wgpu::Device, wanted: OutputFilter, alpha: Alpha) -> Result<Self, VideoError> {
        Ok(match wanted {
            OutputFilter::Focus(options) => Self::Focus(Box::new(GpuPreFilter::new(device, options)?)),
            OutputFilter::Learned(options) => {
                let network = LearnedNetwork::bundled().map_err(|e| VideoError::Settings(e.to_string()))?;
                let options = LearnedOptions { alpha, ..options };
                Self::Learned(Box::new(GpuLearnedFilter::new(device, network, options)?))
            }
        })
    }

    pub(super) fn set_quality(&mut self, queue: &wgpu::Queue, quality: f32) {
        match self {
            Self::Focus(filter) => filter.set_quality(queue, quality),
            Self::Learned(filter) => filter.set_quality(queue, quality),
        }
    }

    /// Records the filtering of `color`, and gives what to convert.
    pub(super) fn record<'a>(
        &'a mut self,
        encoder: &mut wgpu::CommandEncoder,
        color: &'a wgpu::TextureView,
        focus: &GpuFocus,
    ) -> Result<&'a wgpu::TextureView, PlanesError> {
        match self {
            Self::Focus(filter) => filter.record(encoder, color, focus),
            Self::Learned(filter) => filter.record(encoder, color, focus),
        }
    }
}
