//! Sizes of a field, and the attributes that it moves.

use std::ops::Range;

use crate::FieldError;

/// How many attributes of a Gaussian the field adds to: see the ranges below.
pub const ATTRIBUTES: usize = 14;
/// Offset from the anchor, metres in the rest frame.
pub const POSITION: Range<usize> = 0..3;
/// Quaternion xyzw, before it is normalised.
pub const ROTATION: Range<usize> = 3..7;
/// Natural logarithm of the standard deviations.
pub const LOG_SCALE: Range<usize> = 7..10;
/// Opacity before the logistic function.
pub const OPACITY_LOGIT: usize = 10;
/// The constant coefficients of the harmonics, red, green, blue.
pub const COLOR: Range<usize> = 11..14;

/// Sizes of a [`Field`](crate::Field).
#[derive(Clone, Debug, PartialEq)]
pub struct FieldConfig {
    /// Feature planes over the surface's texture coordinates.
    pub planes: Vec<PlaneConfig>,
    /// Three axis-aligned feature planes over the rest position, summed, for what has no good texture coordinates.
    pub triplane: PlaneConfig,
    /// Width of the trunk's two hidden layers.
    pub hidden: usize,
    /// K, the number of residual bases.
    pub bases: usize,
    /// R, the number of surface regions; each has an expression network of its own.
    pub regions: usize,
    /// Hidden width of an expression network.
    pub region_hidden: usize,
}

/// One level of feature planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneConfig {
    /// A level has about `resolution`² texels in all.
    pub resolution: usize,
    /// Features a texel.
    pub channels: usize,
}

impl Default for FieldConfig {
    /// 64² × 8 + 256² × 8 + 512² × 4 over texture coordinates, 3 × 64² × 4 over space, trunk 24 → 64 → 64, 16 bases,
    /// 64 regions of hidden width 32.
    fn default() -> Self {
        let plane = |resolution, channels| PlaneConfig { resolution, channels };
        Self {
            planes: vec![plane(64, 8), plane(256, 8), plane(512, 4)],
            triplane: plane(64, 4),
            hidden: 64,
            bases: 16,
            regions: 64,
            region_hidden: 32,
        }
    }
}

/// Larger sizes than these are refused: they are a mistake or an attack.
const MAX_LEVELS: usize = 8;
const MAX_RESOLUTION: usize = 4096;
pub(crate) const MAX_WIDTH: usize = 512;
const MAX_BASES: usize = 256;
const MAX_REGIONS: usize = 4096;

impl FieldConfig {
    /// Features that enter the trunk: those of all levels, and of the tri-plane.
    pub fn features(&self) -> usize {
        self.planes.iter().map(|p| p.channels).sum::<usize>() + self.triplane.channels
    }

    /// Width of the heads' output: K × [`ATTRIBUTES`].
    pub fn head_width(&self) -> usize {
        self.bases * ATTRIBUTES
    }

    /// Checks that no size is 0 or absurd.
    ///
    /// # Errors
    /// [`FieldError::Config`] naming the size.
    pub fn validate(&self) -> Result<(), FieldError> {
        let mut sizes = vec![
            ("hidden width", self.hidden, MAX_WIDTH),
            ("number of bases", self.bases, MAX_BASES),
            ("number of regions", self.regions, MAX_REGIONS),
            ("hidden width of regions", self.region_hidden, MAX_WIDTH),
            ("number of plane levels", self.planes.len(), MAX_LEVELS),
        ];
        for plane in self.planes.iter().chain([&self.triplane]) {
            sizes.push(("plane resolution", plane.resolution, MAX_RESOLUTION));
            sizes.push(("plane channels", plane.channels, MAX_WIDTH));
        }
        match sizes.into_iter().find(|&(_, size, limit)| size == 0 || size > limit) {
            Some((what, size, limit)) => {
                Err(FieldError::Config(format!("{what} {size} is not within 1 to {limit}")))
            }
            None => Ok(()),
        }
    }
}

/// # Errors
/// [`FieldError::Config`] for no regions, or more than there may be.
pub(crate) fn check_region_count(count: usize) -> Result<(), FieldError> {
    if (1..=MAX_REGIONS).contains(&count) {
        return Ok(());
    }
    Err(FieldError::Config(format!("number of regions {count} is not within 1 to {MAX_REGIONS}")))
}
