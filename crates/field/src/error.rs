//! What can be wrong with a field.

/// A fault in a field's configuration or weights.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// A size that cannot be used.
    #[error("field: {0}")]
    Config(String),
    /// Weights that do not fit the configuration, or are not finite.
    #[error("field weights: {0}")]
    Weights(String),
    /// A rig or binding that the field cannot lie on.
    #[error("field: {0}")]
    Surface(String),
}
