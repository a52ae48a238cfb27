//! 3D Gaussians: their data, projection, spherical harmonics and compositing, and a CPU rasteriser.
//!
//! This crate is the reference that the GPU pipeline is tested against, and the renderer of last resort on a machine
//! without a GPU. It knows nothing of rigs or windows, and of files only how [`transforms`] have their cameras.
//!
//! A picture is made in four steps: [`Projector`] turns each Gaussian of a [`Gaussians`] set into a [`Splat`] (or
//! culls it), splats are ordered by depth (ties by index), binned into tiles, and composited front to back in
//! display-referred sRGB, as 3D Gaussian Splatting (Kerbl et al. 2023) defines it. [`Rasterizer`] does all four, and
//! [`Rasterizer::backward`] gives their derivative.

mod backward;
mod camera;
mod clock;
mod error;
mod filter;
mod footprint;
mod frame;
mod gaussians;
mod gradient;
mod light;
mod projection;
mod projection_backward;
mod radix;
mod rasterizer;
mod rules;
mod sh;
mod sh_turn;
mod splat_sums;
mod srgb;
mod tiles;
pub mod transforms;
mod widest;

pub use camera::{Camera, MAX_PICTURE_PIXELS, MAX_PICTURE_SIZE};
pub use error::SplatError;
pub use filter::Filter;
pub use frame::Frame;
pub use gaussians::{
    ActivatedGaussian, ActivatedGradient, Gaussians, MAX_LOG_SCALE, MAX_SH_DEGREE, opacity_from_logit,
    sh_coefficients,
};
pub use gradient::{FrameGradient, GaussianGradients};
pub use light::{Light, Lit};
pub use projection::{MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, Projector, Splat};
pub use projection_backward::SplatGradient;
pub use rasterizer::{Rasterizer, StageTimes};
pub use rules::{BlendSpace, SplatOrder, SplatRules};
pub use sh::{SH_C0, sh_color, sh_color_backward};
pub use sh_turn::ShTurn;
pub use srgb::{linear_from_srgb, srgb_from_linear};
pub use widest::with_widest_registers;
