//! Decoding of compressed buffer views, as `EXT_meshopt_compression` and `KHR_meshopt_compression` have them: three
//! bitstreams (appendix A of either text) and the filters behind them (appendix B).

mod attributes;
mod filter;
mod indices;
mod stream;

/// The glTF extensions that have these formats; what differs between them does not concern a decoder.
pub(crate) const EXTENSIONS: [&str; 2] = ["KHR_meshopt_compression", "EXT_meshopt_compression"];

/// How the elements of a buffer view are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Elements of any kind, as differences from one to the next; versions 0 and 1 of the format.
    Attributes(Filter),
    /// Indices of a list of triangles.
    Triangles,
    /// Other indices.
    Indices,
}

/// What turns decompressed elements into those of the buffer view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Nothing.
    None,
    /// Unit vectors from octahedral coordinates: four signed components of 8 or 16 bits.
    Octahedral,
    /// Unit quaternions from their three smaller components: four signed components of 16 bits.
    Quaternion,
    /// Floats from exponents and mantissas: 32 bits each.
    Exponential,
    /// RGBA from YCoCg: four unsigned components of 8 or 16 bits.
    Color,
}

/// Decodes `count` elements of `stride` bytes: `count × stride` bytes, which are allocated before anything is decoded.
///
/// # Errors
/// One line on what does not fit: a stride or count that the mode does not allow, another format or version, a stream
/// that ends too early or too late, or that refers to what has not been decoded yet.
pub fn decode(bytes: &[u8], mode: Mode, count: usize, stride: usize) -> Result<Vec<u8>, &'static str> {
    let size = count.checked_mul(stride).ok_or("has too many elements")?;
    match mode {
        Mode::Attributes(filter) => {
            filter.check(stride)?;
            let mut out = attributes::decode(bytes, size, stride)?;
            filter.apply(&mut out, stride);
            Ok(out)
        }
        Mode::Triangles => indices::triangles(bytes, count, stride),
        Mode::Indices => indices::sequence(bytes, count, stride),
    }
}
