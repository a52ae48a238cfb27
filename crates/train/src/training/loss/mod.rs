//! What training minimises on a picture.

mod blur;
mod picture;
mod pyramid;
mod ssim;

pub use picture::{PictureLoss, PictureLossValue, PictureLossWeights, Target};
pub(crate) use pyramid::pyramid_levels;
