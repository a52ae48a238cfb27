//! Files of 3D Gaussians: 3D Gaussian Splatting PLY, PlayCanvas compressed PLY, Niantic SPZ, `.splat`, `.ksplat`, SOG, and
//! glTF with `KHR_gaussian_splatting`.
//!
//! [`read_splat`] tells by content those apart that are one file and have something to be told by. Whatever the file's own axes, what is read is right-handed with +Y up,
//! and has passed
//! [`Gaussians::validate`](effigy_splat::Gaussians::validate): Gaussians that cannot be drawn are left out, with a
//! warning that counts them. [`write_ply`] and [`write_khr`] export the first and the last of them.

mod antimatter;
mod clean;
mod color;
mod compressed_ply;
mod error;
mod khr;
mod khr_write;
mod ksplat;
mod limits;
mod orientation;
mod place;
mod ply;
mod ply_body;
mod ply_header;
mod ply_write;
mod scene;
mod sog;
mod spz;

pub use antimatter::read_antimatter;
pub use compressed_ply::read_compressed_ply;
pub use error::SplatFileError;
pub use khr::read_khr;
pub use khr_write::write_khr;
pub use ksplat::read_ksplat;
pub use limits::SplatLimits;
pub use orientation::UpAxis;
pub use ply::{PlyColor, read_ply};
pub use ply_write::write_ply;
pub use scene::{SplatOrigin, SplatScene};
pub use sog::read_sog;
pub(crate) use sog::{is_sog_meta, read_bundled_sog, read_sog_beside};
pub(crate) use spz::is_spz_within_gzip;
pub use spz::read_spz;

use ply_body::PlyFile;

/// How to read a splat file, where the file itself does not say, or is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SplatReadOptions {
    /// What `f_dc_0` to `f_dc_2` of an uncompressed PLY mean.
    pub ply_color: PlyColor,
    /// Which way is up in the file, whatever it says itself. Without this the file's word counts, and where it has none
    /// the custom of its format: Y down in a PLY, compressed or not, and in what is made of one; Y up in SPZ and glTF.
    pub up: Option<UpAxis>,
    /// Whether the Gaussians were trained with the Mip filter, whatever the file says; if not, with the classic one.
    /// Without this the file's word counts, and where it has none the filter is classic.
    pub mip: Option<bool>,
    /// How much a file may ask for.
    pub limits: SplatLimits,
}

/// Reads a PLY, compressed or not, an SPZ or a `.ksplat`, told apart by content.
///
/// # Errors
/// [`SplatFileError`] names what is wrong with the file and where.
pub fn read_splat(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    if is_ply(bytes) {
        let file = PlyFile::parse(bytes, &options.limits)?;
        if compressed_ply::is_compressed(&file) {
            compressed_ply::decode(&file, options)
        } else {
            ply::decode(&file, options)
        }
    } else if spz::is_spz(bytes) {
        read_spz(bytes, options)
    } else if ksplat::is_ksplat(bytes) {
        read_ksplat(bytes, options)
    } else {
        Err(SplatFileError::UnknownFormat)
    }
}

/// Whether a file begins as a PLY does: a line of this word.
fn is_ply(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"ply").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
}
