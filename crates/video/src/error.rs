use std::time::Duration;

use crate::format::PlanesError;

/// What can go wrong between a picture and a file, in one line each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The encoder, or the settings asked of it, cannot do this.
    #[error("{encoder}: {what}")]
    Unsupported {
        /// Which encoder.
        encoder: String,
        /// What it cannot do, and what it can.
        what: String,
    },
    /// A setting has no meaning, whatever the encoder.
    #[error("{0}")]
    Settings(String),
    /// A picture of another size than the stream's.
    #[error(
        "picture {frame} is {}x{} and the stream {}x{}: a stream has one size", found.0, found.1, expected.0, expected.1
    )]
    Size {
        /// Counted from 0.
        frame: u64,
        /// The stream's width and height, pixels.
        expected: (u32, u32),
        /// The picture's.
        found: (u32, u32),
    },
    /// A picture whose planes are not what its size and layout say.
    #[error("{0}")]
    Picture(String),
    /// A quality map that does not fit the picture.
    #[error("{0}")]
    Map(String),
    /// An encoder failed.
    #[error("{encoder}: {reason}")]
    Encoder {
        /// Which.
        encoder: String,
        /// What it said.
        reason: String,
    },
    /// Another program could not be started, failed, or does not answer.
    #[error("{program}: {reason}")]
    Program {
        /// Which.
        program: String,
        /// The last line it printed, or how it ended.
        reason: String,
    },
    /// A container cannot hold this.
    #[error("{0}")]
    Container(String),
    /// A frame could not be made into planes or brought back.
    #[error(transparent)]
    Planes(#[from] PlanesError),
    /// What takes pictures or packets has not gone on for too long.
    #[error("{what} has not gone on for {} s", waited.as_secs_f64())]
    Stalled {
        /// What waits for it.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// A video that ended after a fault, which was told when it happened.
    #[error("the video has ended: {0}")]
    Ended(String),
    /// A file without a picture.
    #[error("no picture was given, so there is no video to write")]
    NoPictures,
    /// Bytes could not be written.
    #[error("cannot write the video: {0}")]
    Io(#[from] std::io::Error),
}
