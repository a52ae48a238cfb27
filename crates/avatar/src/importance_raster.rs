//! The importance of pixels on the CPU: the picture once more, with what each Gaussian matters as its colour. A GPU has it
//! in its guide.

use effigy_splat::{BlendSpace, Camera, Filter, Frame, Gaussians, Rasterizer, SH_C0, SplatError, SplatRules};

use crate::{Avatar, parts};

/// Renders how much a viewer looks at each pixel.
pub struct ImportanceRaster {
    /// The Gaussians as they were posed last, in grey.
    painted: Gaussians,
    rasterizer: Rasterizer,
    frame: Frame,
}

impl ImportanceRaster {
    /// For `avatar`, by [`crate::Part::importance`].
    pub fn new(avatar: &Avatar) -> Self {
        let mut painted = Gaussians::with_capacity(avatar.gaussians.len(), 0);
        // What a viewer sees of a constant coefficient is half a level above its harmonic.
        painted.sh = parts(avatar).iter().flat_map(|p| [(p.importance() - 0.5) / SH_C0; 3]).collect();
        Self { painted, rasterizer: Rasterizer::new(), frame: Frame::default() }
    }

    /// Adds the importance of every pixel to `values`, row by row from the top, 0 where the background shows to 1, for
    /// Gaussians as `shown` poses them.
    ///
    /// # Errors
    /// As [`Rasterizer::render`].
    pub fn render(
        &mut self,
        shown: &Gaussians,
        camera: &Camera,
        filter: Filter,
        values: &mut Vec<f32>,
    ) -> Result<(), SplatError> {
        self.painted.positions.clone_from(&shown.positions);
        self.painted.rotations.clone_from(&shown.rotations);
        self.painted.log_scales.clone_from(&shown.log_scales);
        self.painted.opacity_logits.clone_from(&shown.opacity_logits);
        // What is painted is no light, whatever the avatar's own colours are.
        let rules = SplatRules { blending: BlendSpace::Srgb, ..filter.rules };
        let filter = Filter { rules, ..filter };
        self.rasterizer.render(&self.painted, &[], camera, filter, &mut self.frame)?;
        values.extend(self.frame.color.iter().map(|pixel| pixel[0]));
        Ok(())
    }
}
