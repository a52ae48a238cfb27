//! What can go wrong in this crate.

/// Why a set of Gaussians or a camera cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplatError {
    /// Arrays disagree in length, or a size is out of range.
    #[error("{0}")]
    Shape(String),
    /// A Gaussian holds a value that cannot be rendered.
    #[error("Gaussian {index}: {fault}")]
    Value {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A camera that cannot project anything.
    #[error("camera: {0}")]
    Camera(String),
    /// A light that shows nothing as it is.
    #[error("light: {0}")]
    Light(String),
    /// Gradients are asked for of something that was not rendered last.
    #[error("gradient: {0}")]
    Gradient(String),
}
