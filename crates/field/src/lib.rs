//! The separable neural field of an avatar: what turns expression controls into changes of its Gaussians.
//!
//! A [`Field`] has two factors. The spatial one reads feature planes over the rig's surface ([`PlaneLayout`],
//! [`Sites`]), runs them through a small network and ends in K residual bases for each Gaussian; it does not depend
//! on the expression, so [`Field::bake`] evaluates it once, at load. The expression one ([`Field::coefficients`]) is
//! a small network for each [region](Regions) of the surface, from the rig's morph weights to K coefficients; it is
//! evaluated once a frame. What runs per Gaussian and frame is a sum of K terms ([`BakedField`]). Learned local
//! linear bases are the idea of RGBAvatar (Li et al., CVPR 2025) and of 3D Gaussian Blendshapes (Ma et al., 2024).
//!
//! With the feature `burn` the same field is a trainable Burn module ([`module::FieldModule`]). Without it this crate
//! is plain Rust.

mod baked;
mod config;
mod error;
mod field;
#[cfg(feature = "burn")]
pub mod module;
mod planes;
mod regions;
mod sites;

pub use baked::BakedField;
pub use config::{ATTRIBUTES, COLOR, FieldConfig, LOG_SCALE, OPACITY_LOGIT, POSITION, PlaneConfig, ROTATION};
pub use error::FieldError;
pub use field::{Field, FieldWeights};
pub use planes::PlaneLayout;
pub use regions::{RegionBlend, Regions, TRAITS};
pub use sites::{LevelSites, Sites};
