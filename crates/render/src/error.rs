//! What can go wrong in this crate.

use effigy_splat::SplatError;

/// Why an avatar cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no graphics adapter that can be used.
    #[error("no usable graphics adapter: {0}")]
    NoAdapter(String),
    /// The driver refused to open the device.
    #[error("cannot open the graphics device: {0}")]
    Device(String),
    /// The device was lost; it and all that was made with it must be made anew.
    #[error("the graphics device was lost: {0}")]
    DeviceLost(String),
    /// The driver or wgpu rejected an operation.
    #[error("graphics error while {doing}: {message}")]
    Gpu {
        /// What was being done.
        doing: &'static str,
        /// What wgpu says about it.
        message: String,
    },
    /// Something needs a larger buffer than the device allows.
    #[error("{what} needs {bytes} bytes, but this device allows {limit} in one buffer")]
    TooLarge {
        /// What was to be stored.
        what: &'static str,
        /// How much it needs.
        bytes: u64,
        /// How much the device allows.
        limit: u64,
    },
    /// There is more of something than the device can count.
    #[error("{count} {what} are more than the {limit} that this device can handle")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The avatar cannot be drawn as it is.
    #[error("avatar: {0}")]
    Avatar(String),
    /// The camera or the Gaussians are unusable.
    #[error(transparent)]
    Splat(#[from] SplatError),
}
