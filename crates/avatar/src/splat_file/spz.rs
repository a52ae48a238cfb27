//! SPZ, the compressed splats of Niantic, versions 1 to 4.
//!
//! The file is a header and one array per attribute. Up to version 3 all are one gzip stream with a header of 16
//! bytes; version 4 has a header of 32 bytes, extension records, a table of the compressed and uncompressed length of
//! each array, and then the arrays, each a zstd frame. All numbers are little-endian:
//!
//! - positions: 24-bit two's complement, fixed point; in version 1 half floats;
//! - opacities: a byte, 0 to 1;
//! - colours: a byte, (v / 255 - ½) / 0.15 is the harmonic of degree 0;
//! - scales: a byte, v / 16 - 10 is the natural logarithm;
//! - rotations: from version 3 on a 32-bit word, 2 bits for the largest of x, y, z, w and 10 bits, sign and
//!   magnitude, for each of the others, to √½; before that a byte v / 127.5 - 1 each for x, y, z, with w positive;
//! - harmonics: a byte, (v - 128) / 128, colour channels innermost.
//!
//! Extension records follow each other: type, length, content, the first two 32-bit numbers. In versions up to 3 they are
//! in the gzip stream after the harmonics. Of all kinds one is read, which names the axes of the file; without it they are
//! X right, Y up, Z back. After <https://github.com/nianticlabs/spz>.

use std::borrow::Cow;
use std::f64::consts::FRAC_1_SQRT_2;
use std::io::{ErrorKind, Read};

use effigy_splat::{Filter, Gaussians, MAX_SH_DEGREE, sh_coefficients};
use flate2::read::GzDecoder;
use glam::{Quat, Vec3};
use half::f16;
use ruzstd::decoding::StreamingDecoder;

use super::color::logit_from_byte;
use super::orientation::{Axes, UpAxis};
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatLimits, SplatReadOptions, SplatScene};

const MAGIC: &[u8; 4] = b"NGSP";
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const HEADER_BYTES: usize = 16;
const HEADER_BYTES_V4: usize = 32;
const FLAG_ANTIALIASED: u8 = 1;
const FLAG_EXTENSIONS: u8 = 2;
/// `SPZ_ADOBE_coordinate_system`: vendor in the upper half.
const COORDINATE_SYSTEM: u32 = 0xadbe_0003;
/// Bytes that may follow the attributes in a gzip stream: extension records.
const MAX_TRAILING_BYTES: usize = 1 << 20;
/// A file with positions beyond this part of the greatest that can be stored is taken to have lost some.
const NEAR_THE_END: f64 = 0.99;
/// Largest window that a zstd stream may ask for whatever the length of its content; what decoders must support.
const MIN_ZSTD_WINDOW: u64 = 8 << 20;

/// Whether a file begins as SPZ does. So does every gzip file.
pub(super) fn is_spz(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || bytes.starts_with(GZIP_MAGIC)
}

/// Reads an SPZ file; the filter is [`Filter::MIP`] if the file says that it was trained with antialiasing, else
/// [`Filter::CLASSIC`].
///
/// The axes are those of the file's record `SPZ_ADOBE_coordinate_system`, else as SPZ is specified, Y up; but most programs
/// that make SPZ of a PLY leave Y down, and nothing in the file says so. Of harmonics of degree 4, those of the first
/// three are read. [`SplatReadOptions::ply_color`] is not used.
///
/// # Errors
/// [`SplatFileError`] if the file is truncated or corrupt, of an unknown version, over a limit, or holds nothing
/// that can be drawn.
pub fn read_spz(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let limits = &options.limits;
    let (header, arrays, records) = if bytes.starts_with(MAGIC) {
        let header = Header::parse(bytes, 4..=4)?;
        let count = header.check(limits)?;
        let (arrays, records) = unpack_zstd(bytes, &header, count)?;
        (header, arrays, records)
    } else if bytes.starts_with(GZIP_MAGIC) {
        let mut stream = GzDecoder::new(bytes);
        let mut start = Vec::new();
        read_up_to(&mut stream, HEADER_BYTES, &mut start).map_err(|e| compression("the header", e))?;
        let header = Header::parse(&start, 1..=3)?;
        let count = header.check(limits)?;
        let (arrays, records) = unpack_gzip(stream, &header, count)?;
        (header, arrays, Cow::Owned(records))
    } else {
        return Err(SplatFileError::UnknownFormat);
    };
    let gaussians = header.decode(&arrays.each_ref().map(Vec::as_slice));
    let recorded = if header.flags & FLAG_EXTENSIONS != 0 { recorded_axes(&records) } else { None };
    let axes = match recorded {
        Some((axes, name)) => {
            Told::new(axes, format!("the file's record SPZ_ADOBE_coordinate_system says {name}"))
        }
        None => Told::new(
            UpAxis::YUp.into(),
            "as SPZ is specified, for the file does not say; many made from a PLY have Y down",
        ),
    };
    let filter = if header.flags & FLAG_ANTIALIASED != 0 {
        Told::new(Filter::MIP, "the file's flag of antialiased training is set")
    } else {
        Told::new(Filter::CLASSIC, "the file's flag of antialiased training is not set")
    };
    finish(Found { format: "SPZ", gaussians, axes, filter }, options)
}

/// Whether a gzip stream is an SPZ file, of a version other than 4: those are not within gzip.
pub(crate) fn is_spz_within_gzip(bytes: &[u8]) -> bool {
    let mut start = Vec::new();
    read_up_to(&mut GzDecoder::new(bytes), 8, &mut start).is_ok()
        && matches!(start.as_slice(), [b'N', b'G', b'S', b'P', version, ..] if *version != 4)
}

/// What `SPZ_ADOBE_coordinate_system` says of the axes among extension records, and its name for them, if it is there and
/// says something.
fn recorded_axes(mut records: &[u8]) -> Option<(Axes, &'static str)> {
    let mut axes = None;
    while let Some((head, rest)) = records.split_first_chunk::<8>() {
        let [t0, t1, t2, t3, l0, l1, l2, l3] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some((content, rest)) = rest.split_at_checked(length) else {
            tracing::warn!("an extension record of the SPZ file is cut short");
            break;
        };
        records = rest;
        if u32::from_le_bytes([t0, t1, t2, t3]) == COORDINATE_SYSTEM
            && let Some(value) = content.first_chunk()
        {
            let value = u32::from_le_bytes(*value);
            match SYSTEMS.get((value as usize).wrapping_sub(1)) {
                Some(system) => axes = Some((axes_of(value - 1), *system)),
                // Unspecified.
                None if value == 0 => {}
                None => tracing::warn!("coordinate system {value} of the SPZ file is not known"),
            }
        }
    }
    axes
}

/// The names of coordinate systems from 1 on.
const SYSTEMS: [&str; 16] = [
    "LDB", "RDB", "LUB", "RUB", "LDF", "RDF", "LUF", "RUF", "LFD", "RFD", "LFU", "RFU", "LBD", "RBD", "LBU",
    "RBU",
];

/// The axes of the coordinate system whose number less one has these bits.
///
/// Of the first eight a bit each is for X to the right, Y up and Z to the front. The last eight are these turned by a
/// quarter about X, so that Z is vertical. The library that writes and reads them turns the axes and only then flips
/// those that differ, by their place: the second bit is Y to the front, the third Z down. That is what its files hold,
/// though by the letters of LFD, RFD, LBU and RBU it would be the other way round.
fn axes_of(bits: u32) -> Axes {
    let [x_right, second, third, z_vertical] = [0, 1, 2, 3].map(|bit| bits >> bit & 1 != 0);
    let (up, back) = if z_vertical { (!third, !second) } else { (second, !third) };
    Axes { x_right, up, back, z_vertical }
}

struct Header {
    version: u32,
    count: u32,
    sh_degree: u8,
    fractional_bits: u8,
    flags: u8,
}

/// The attributes, in the order of the file.
const ARRAYS: [&str; 6] = ["positions", "opacities", "colours", "scales", "rotations", "harmonics"];

/// The bytes of each of [`ARRAYS`].
type Arrays = [Vec<u8>; 6];

impl Header {
    fn parse(bytes: &[u8], versions: std::ops::RangeInclusive<u32>) -> Result<Self, SplatFileError> {
        let Some(&[m0, m1, m2, m3, v0, v1, v2, v3, c0, c1, c2, c3, sh_degree, fractional_bits, flags, _]) =
            bytes.first_chunk::<HEADER_BYTES>()
        else {
            return Err(truncated("the header", 0, HEADER_BYTES as u64, bytes.len() as u64));
        };
        if &[m0, m1, m2, m3] != MAGIC {
            return Err(SplatFileError::Spz("the gzip stream does not begin with NGSP".into()));
        }
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        if !versions.contains(&version) {
            return Err(SplatFileError::Spz(format!(
                "version {version} is not one of {} to {}",
                versions.start(),
                versions.end()
            )));
        }
        if sh_degree > MAX_SH_DEGREE + 1 {
            return Err(SplatFileError::Spz(format!(
                "harmonics of degree {sh_degree}; at most 4 are possible"
            )));
        }
        // Positions have 24 bits.
        if version > 1 && fractional_bits > 24 {
            return Err(SplatFileError::Spz(format!(
                "positions with {fractional_bits} fractional bits of 24"
            )));
        }
        let count = u32::from_le_bytes([c0, c1, c2, c3]);
        Ok(Self { version, count, sh_degree, fractional_bits, flags })
    }

    /// Bytes of each attribute of one Gaussian.
    fn widths(&self) -> [usize; 6] {
        let position = if self.version == 1 { 6 } else { 9 };
        let rotation = if self.version < 3 { 3 } else { 4 };
        [position, 1, 3, 3, rotation, 3 * (sh_coefficients(self.sh_degree) - 1)]
    }

    fn check(&self, limits: &SplatLimits) -> Result<usize, SplatFileError> {
        if self.sh_degree > MAX_SH_DEGREE {
            tracing::warn!("harmonics of degree {} are left out", self.sh_degree);
        }
        let each: usize = self.widths().iter().sum();
        let count = u64::from(self.count);
        limits.check(count, self.sh_degree, count.saturating_mul(each as u64))
    }

    /// Gaussians from arrays of the lengths that [`Self::widths`] tell.
    fn decode(&self, arrays: &[&[u8]; 6]) -> Gaussians {
        let &[positions, opacities, colors, scales, rotations, harmonics] = arrays;
        let widths = self.widths();
        let degree = self.sh_degree.min(MAX_SH_DEGREE);
        let mut gaussians = Gaussians::with_capacity(opacities.len(), degree);

        let metres = (-f64::from(self.fractional_bits)).exp2();
        gaussians.positions.extend(positions.chunks_exact(widths[0]).map(|p| match *p {
            [x0, x1, y0, y1, z0, z1] => {
                Vec3::from_array([[x0, x1], [y0, y1], [z0, z1]].map(|h| f16::from_le_bytes(h).to_f32()))
            }
            [x0, x1, x2, y0, y1, y2, z0, z1, z2] => {
                Vec3::from_array([[x0, x1, x2], [y0, y1, y2], [z0, z1, z2]].map(|[a, b, c]| {
                    // The sign is extended by shifting back down.
                    (f64::from(i32::from_le_bytes([0, a, b, c]) >> 8) * metres) as f32
                }))
            }
            _ => Vec3::NAN,
        }));
        gaussians.opacity_logits.extend(opacities.iter().map(|&v| logit_from_byte(v)));
        let (scales, _) = scales.as_chunks::<3>();
        gaussians
            .log_scales
            .extend(scales.iter().map(|s| Vec3::from_array(s.map(|v| f32::from(v) / 16.0 - 10.0))));
        gaussians.rotations.extend(rotations.chunks_exact(widths[4]).map(|r| match *r {
            [x, y, z] => rotation_from_first_three([x, y, z]),
            [a, b, c, d] => rotation_from_smallest_three(u32::from_le_bytes([a, b, c, d])),
            _ => Quat::from_array([0.0; 4]),
        }));
        let kept = 3 * (sh_coefficients(degree) - 1);
        let mut rest = harmonics.chunks_exact(widths[5].max(1));
        let (colors, _) = colors.as_chunks::<3>();
        for color in colors {
            gaussians.sh.extend(color.map(|v| ((f64::from(v) / 255.0 - 0.5) / 0.15) as f32));
            let rest = rest.next().unwrap_or_default().iter().take(kept);
            gaussians.sh.extend(rest.map(|&v| (f32::from(v) - 128.0) / 128.0));
        }
        let reach = f64::from(1 << 23) * metres;
        let farthest = gaussians.positions.iter().map(|p| p.abs().max_element()).fold(0.0, f32::max);
        if self.version > 1 && f64::from(farthest) > NEAR_THE_END * reach {
            tracing::warn!(
                "the SPZ file reaches to the end of what it can hold, {reach} m from the origin: what its writer had beyond \
                 is in the wrong place"
            );
        }
        gaussians
    }
}

/// Versions 1 and 2.
fn rotation_from_first_three(bytes: [u8; 3]) -> Quat {
    let v = Vec3::from_array(bytes.map(|b| f32::from(b) / 127.5 - 1.0));
    Quat::from_xyzw(v.x, v.y, v.z, (1.0 - v.length_squared()).max(0.0).sqrt())
}

/// Versions 3 and 4.
fn rotation_from_smallest_three(word: u32) -> Quat {
    let largest = (word >> 30) as usize;
    let mut rest = word;
    let mut q = [0.0_f64; 4];
    let mut sum = 0.0;
    // The last component is in the lowest bits.
    for (_, component) in q.iter_mut().enumerate().rev().filter(|&(i, _)| i != largest) {
        let magnitude = f64::from(rest & 0x1ff) / 511.0 * FRAC_1_SQRT_2;
        *component = if rest & 0x200 == 0 { magnitude } else { -magnitude };
        sum += magnitude * magnitude;
        rest >>= 10;
    }
    if let Some(component) = q.get_mut(largest) {
        *component = (1.0 - sum).max(0.0).sqrt();
    }
    Quat::from_array(q.map(|c| c as f32))
}

fn unpack_gzip(
    mut stream: GzDecoder<&[u8]>,
    header: &Header,
    count: usize,
) -> Result<(Arrays, Vec<u8>), SplatFileError> {
    let mut arrays = Arrays::default();
    for ((array, width), name) in arrays.iter_mut().zip(header.widths()).zip(ARRAYS) {
        let want = width.saturating_mul(count);
        read_up_to(&mut stream, want, array).map_err(|e| compression(name, e))?;
        expect_length(name, want, array.len())?;
    }
    // To its end, where the checksum is.
    let mut records = Vec::new();
    read_up_to(&mut stream, MAX_TRAILING_BYTES + 1, &mut records).map_err(|e| compression("the end", e))?;
    if records.len() > MAX_TRAILING_BYTES {
        return Err(SplatFileError::Limit {
            what: "bytes after the last Gaussian",
            found: records.len() as u64,
            limit: MAX_TRAILING_BYTES as u64,
        });
    }
    Ok((arrays, records))
}

/// The arrays, and what is between header and table of contents.
fn unpack_zstd<'a>(
    bytes: &'a [u8],
    header: &Header,
    count: usize,
) -> Result<(Arrays, Cow<'a, [u8]>), SplatFileError> {
    let length = bytes.len() as u64;
    let Some(&[.., streams, t0, t1, t2, t3]) = bytes.first_chunk::<20>() else {
        return Err(truncated("the header", 0, HEADER_BYTES_V4 as u64, length));
    };
    let table_at = u32::from_le_bytes([t0, t1, t2, t3]) as usize;
    if table_at < HEADER_BYTES_V4 {
        return Err(SplatFileError::Spz(format!(
            "the table of contents at byte {table_at} is in the header"
        )));
    }
    // An array that would be empty is left out.
    let widths = header.widths();
    let present = if count == 0 { 0 } else { widths.iter().filter(|&&width| width > 0).count() };
    if usize::from(streams) != present {
        return Err(SplatFileError::Spz(format!("{streams} streams where {present} are needed")));
    }
    let table_bytes = present * 16;
    let (table, mut data) =
        bytes.get(table_at..).and_then(|rest| rest.split_at_checked(table_bytes)).ok_or_else(|| {
            let available = length.saturating_sub(table_at as u64);
            truncated("the table of contents", table_at as u64, table_bytes as u64, available)
        })?;

    let mut arrays = Arrays::default();
    let (entries, _) = table.as_chunks::<16>();
    let wanted = arrays.iter_mut().zip(widths).zip(ARRAYS).filter(|((_, width), _)| *width > 0);
    for (((array, width), name), entry) in wanted.zip(entries) {
        let want = width.saturating_mul(count);
        let (packed, unpacked) = entry.split_at(8);
        let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let (packed, unpacked) = (number(packed), number(unpacked));
        if unpacked != want as u64 {
            return Err(SplatFileError::Spz(format!(
                "{name} are {unpacked} bytes by the table of contents, {want} by the header"
            )));
        }
        let split = usize::try_from(packed).ok().and_then(|packed| data.split_at_checked(packed));
        let (stream, rest) =
            split.ok_or_else(|| truncated(name, length - data.len() as u64, packed, data.len() as u64))?;
        data = rest;
        unpack_zstd_stream(stream, want, array).map_err(|e| compression(name, e))?;
        expect_length(name, want, array.len())?;
    }
    Ok((arrays, Cow::Borrowed(bytes.get(HEADER_BYTES_V4..table_at).unwrap_or_default())))
}

fn unpack_zstd_stream(stream: &[u8], want: usize, array: &mut Vec<u8>) -> std::io::Result<()> {
    let window = (want as u64).max(MIN_ZSTD_WINDOW);
    let mut decoder =
        StreamingDecoder::new_with_max_window_size(stream, window).map_err(std::io::Error::other)?;
    // One more than is wanted, to see whether there are more.
    read_up_to(&mut decoder, want.saturating_add(1), array)?;
    let frame = decoder.into_frame_decoder();
    match (frame.get_checksum_from_data(), frame.get_calculated_checksum()) {
        (Some(stored), Some(found)) if stored != found => Err(std::io::Error::other("wrong checksum")),
        _ => Ok(()),
    }
}

/// Appends at most `want` bytes; memory grows with what arrives, not with `want`.
fn read_up_to(stream: &mut impl Read, want: usize, to: &mut Vec<u8>) -> std::io::Result<()> {
    stream.take(want as u64).read_to_end(to).map(drop)
}

fn expect_length(stream: &'static str, want: usize, found: usize) -> Result<(), SplatFileError> {
    if found == want {
        return Ok(());
    }
    let amount = if found > want { "more than" } else { "fewer than" };
    Err(SplatFileError::Compression { stream, fault: format!("{amount} the {want} bytes that are needed") })
}

fn compression(stream: &'static str, error: std::io::Error) -> SplatFileError {
    let fault = match error.kind() {
        ErrorKind::UnexpectedEof => "the file ends within it".into(),
        _ => error.to_string(),
    };
    SplatFileError::Compression { stream, fault }
}

fn truncated(what: &str, offset: u64, needed: u64, available: u64) -> SplatFileError {
    SplatFileError::Truncated { what: what.into(), offset, needed, available }
}
