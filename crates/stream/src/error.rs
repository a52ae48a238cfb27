//! What can be wrong with a parametric stream.

/// A fault of a stream, a packet, a file or a setting.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A packet that is too short, of another version or of no known kind.
    #[error("not a packet of this stream format: {0}")]
    Packet(String),
    /// The checksum is wrong: the packet is damaged, or belongs to another configuration than the receiver's.
    #[error("the packet's checksum is wrong: it is damaged, or of another configuration")]
    Checksum,
    /// A packet whose checksum is right and whose content is impossible.
    #[error("the packet says what no encoder writes: {0}")]
    Malformed(String),
    /// More than the receiver's limits allow.
    #[error("{what} is {is}, and at most {limit} is allowed")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        is: u64,
        /// The limit.
        limit: u64,
    },
    /// A layout, frame or setting that cannot be encoded.
    #[error("{0}")]
    Input(String),
    /// The renderer that measures errors failed.
    #[error("the renderer failed: {0}")]
    Renderer(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Refuses `is` above `limit`.
pub(crate) fn within(what: &'static str, is: u64, limit: u64) -> Result<(), StreamError> {
    if is > limit { Err(StreamError::Limit { what, is, limit }) } else { Ok(()) }
}
