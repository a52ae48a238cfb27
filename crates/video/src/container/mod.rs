//! What packets and pictures are written to.

mod elementary;
mod exr;
mod fragmented;
mod mp4;
mod pipe;
mod png;
mod sample_entry;
mod y4m;

pub use elementary::Elementary;
pub use exr::write_exr;
pub use fragmented::FragmentedMp4;
pub use mp4::Mp4;
pub use pipe::Pipe;
pub use png::write_png;
pub use y4m::Y4m;

use crate::VideoError;
use crate::encoder::Packet;

/// Packets in decoding order into a file or a stream.
pub trait Container: Send {
    /// Writes a packet, or keeps it until its place in the file is known.
    ///
    /// # Errors
    /// [`VideoError::Io`], [`VideoError::Container`].
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError>;

    /// Writes what is left and flushes.
    ///
    /// # Errors
    /// As [`Self::write`]; [`VideoError::NoPictures`] if nothing was written and the container needs a picture.
    fn finish(&mut self) -> Result<(), VideoError>;
}
