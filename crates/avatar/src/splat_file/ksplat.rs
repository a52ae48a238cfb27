//! The `.ksplat` of mkkellogg's GaussianSplats3D.
//!
//! A header of 4096 bytes, one of 1024 for each section there is room for, and then the sections' data: the lengths of
//! buckets that are not full (u32), the centres of all buckets (three f32), and the Gaussians one after another:
//! position, linear scale, rotation (w, x, y, z), a byte each of red, green, blue and opacity, and harmonics of degree 1,
//! then of degree 2, in each first those of red, then of green, then of blue. All numbers are little-endian, and
//!
//! - at compression level 0 floats;
//! - at level 1 half floats, but positions 16-bit numbers within their bucket;
//! - at level 2 the same with harmonics of a byte, from the header's least to its greatest.
//!
//! The axes are those of the PLY it was made from. After `SplatBuffer.js` of
//! <https://github.com/mkkellogg/GaussianSplats3D> and the reader in PlayCanvas splat-transform.

use effigy_splat::{Filter, Gaussians, sh_coefficients};
use glam::{Quat, Vec3};
use half::f16;

use super::color::{harmonic_from_rgb, logit_from_byte};
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene, UpAxis};

const HEADER_BYTES: usize = 4096;
const SECTION_HEADER_BYTES: usize = 1024;
const CENTER_BYTES: usize = 12;
/// What harmonics of a byte span where the header does not say.
const HARMONICS_RANGE: f32 = 1.5;
/// What positions of 16 bits span, half of it, where the section does not say.
const POSITION_RANGE: u32 = 32_767;
const MAX_DEGREE: u16 = 3;

struct Header {
    sections: usize,
    level: u16,
    least_harmonic: f32,
    greatest_harmonic: f32,
}

struct Section {
    count: usize,
    /// Gaussians there is room for.
    room: usize,
    bucket_size: usize,
    bucket_count: usize,
    /// Metres by one step of a position.
    step: f32,
    range: f32,
    bucket_bytes: usize,
    full_buckets: usize,
    partial_buckets: usize,
    degree: u8,
}

/// Whether a file begins as this format does: it has no magic number, but a version and counts that must fit.
pub(super) fn is_ksplat(bytes: &[u8]) -> bool {
    let small = u16_at(bytes, 2) == Some(0) && u32_at(bytes, 16).is_some_and(|count| count > 0);
    bytes.first() == Some(&0) && matches!(bytes.get(1), Some(1..=9)) && small && Header::parse(bytes).is_ok()
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, SplatFileError> {
        let fail = |what: String| Err(SplatFileError::Ksplat(what));
        let (Some(sections), Some(level)) = (u32_at(bytes, 4), u16_at(bytes, 20)) else {
            return fail("the header is cut short".into());
        };
        let version = bytes.first_chunk().copied().unwrap_or([0, 0]);
        if version[0] != 0 || version[1] == 0 {
            return fail(format!("version {}.{} is not known", version[0], version[1]));
        }
        if level > 2 {
            return fail(format!("compression level {level} is not one of 0 to 2"));
        }
        let sections = sections as usize;
        let headers = sections.saturating_mul(SECTION_HEADER_BYTES).saturating_add(HEADER_BYTES);
        if sections == 0 || headers > bytes.len() {
            return fail(format!("{sections} sections do not fit {} bytes", bytes.len()));
        }
        let or = |value: Option<f32>, other| value.filter(|v| v.is_finite() && *v != 0.0).unwrap_or(other);
        Ok(Self {
            sections,
            level,
            least_harmonic: or(f32_at(bytes, 36), -HARMONICS_RANGE),
            greatest_harmonic: or(f32_at(bytes, 40), HARMONICS_RANGE),
        })
    }

    /// Bytes of position, scale, rotation, and of each harmonic.
    fn widths(&self) -> [usize; 4] {
        match self.level {
            0 => [12, 12, 16, 4],
            1 => [6, 6, 8, 2],
            _ => [6, 6, 8, 1],
        }
    }

    fn bytes_each(&self, degree: u8) -> usize {
        let [position, scale, rotation, harmonic] = self.widths();
        position + scale + rotation + 4 + harmonic * 3 * (sh_coefficients(degree) - 1)
    }

    fn section(&self, bytes: &[u8], index: usize) -> Result<Section, SplatFileError> {
        let start = HEADER_BYTES + index * SECTION_HEADER_BYTES;
        let header = bytes.get(start..start + SECTION_HEADER_BYTES).unwrap_or_default();
        let fail = |what: String| SplatFileError::Ksplat(format!("section {index}: {what}"));
        let word = |at| u32_at(header, at).unwrap_or(0);
        let size = |at| word(at) as usize;
        let degree = u16_at(header, 40).unwrap_or(0);
        if degree > MAX_DEGREE {
            return Err(fail(format!("harmonics of degree {degree}; at most {MAX_DEGREE} are possible")));
        }
        let range = if word(24) == 0 { POSITION_RANGE } else { word(24) } as f32;
        let block = f32_at(header, 16).unwrap_or(0.0);
        let section = Section {
            count: size(0),
            room: size(4),
            bucket_size: size(8),
            bucket_count: size(12),
            step: 0.5 * block / range,
            range,
            bucket_bytes: usize::from(u16_at(header, 20).unwrap_or(0)),
            full_buckets: size(32),
            partial_buckets: size(36),
            degree: degree as u8,
        };
        if section.count > section.room {
            return Err(fail(format!("{} Gaussians in room for {}", section.count, section.room)));
        }
        let buckets = section.full_buckets.saturating_add(section.partial_buckets);
        if self.level > 0 && section.count > 0 {
            if section.bucket_bytes < CENTER_BYTES || buckets > section.bucket_count {
                return Err(fail("its buckets do not fit their number".into()));
            }
            if !(section.step.is_finite() && section.step > 0.0) {
                return Err(fail("its buckets have no size".into()));
            }
        }
        Ok(section)
    }
}

/// Reads a `.ksplat` file of any compression level; the filter is [`Filter::CLASSIC`].
///
/// # Errors
/// [`SplatFileError`] if the file is truncated or its counts contradict each other, over a limit, or holds nothing that
/// can be drawn.
pub fn read_ksplat(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let header = Header::parse(bytes)?;
    let sections: Vec<Section> =
        (0..header.sections).map(|i| header.section(bytes, i)).collect::<Result<_, _>>()?;
    let used = || sections.iter().filter(|section| section.count > 0);
    let degree = used().map(|section| section.degree).max().unwrap_or(0);
    let total: u64 = used().map(|section| section.count as u64).sum();
    if total == 0 {
        return Err(SplatFileError::Ksplat("there are no Gaussians in it".into()));
    }
    // What is declared must be there before room is made for it.
    let mut starts = Vec::with_capacity(sections.len());
    let mut at = HEADER_BYTES + header.sections * SECTION_HEADER_BYTES;
    for (index, section) in sections.iter().enumerate() {
        let buckets = section.partial_buckets.saturating_mul(4);
        let centers = section.bucket_bytes.saturating_mul(section.bucket_count);
        let data = at.saturating_add(buckets).saturating_add(centers);
        let each = header.bytes_each(section.degree);
        let end = data.saturating_add(each.saturating_mul(section.count));
        if section.count > 0 && end > bytes.len() {
            return Err(SplatFileError::Truncated {
                what: format!("section {index}"),
                offset: at as u64,
                needed: end.saturating_sub(at) as u64,
                available: bytes.len().saturating_sub(at) as u64,
            });
        }
        starts.push((at, at.saturating_add(buckets), data));
        at = data.saturating_add(each.saturating_mul(section.room));
    }
    let count = options.limits.check(total, degree, 0)?;
    let mut gaussians = Gaussians::with_capacity(count, degree);
    for ((index, section), (lengths, centers, data)) in
        sections.iter().enumerate().zip(starts).filter(|((_, section), _)| section.count > 0)
    {
        let mut bucket = Buckets {
            lengths: bytes.get(lengths..).unwrap_or_default(),
            centers: bytes.get(centers..).unwrap_or_default(),
            section,
            current: 0,
            end: 0,
        };
        let each = header.bytes_each(section.degree);
        let rows = bytes.get(data..).unwrap_or_default().chunks_exact(each).take(section.count);
        for (i, row) in rows.enumerate() {
            let center = if header.level == 0 { Some(Vec3::ZERO) } else { bucket.center(i) };
            let center = center.ok_or_else(|| {
                SplatFileError::Ksplat(format!("section {index}: Gaussian {i} is in no bucket"))
            })?;
            header.decode(section, center, row, &mut gaussians);
        }
    }
    let axes = Told::new(UpAxis::YDown.into(), "as is the custom");
    let filter = Told::new(Filter::CLASSIC, "the format does not say");
    finish(Found { format: ".ksplat", gaussians, axes, filter }, options)
}

/// Which bucket the Gaussians of a section are in, one after another.
struct Buckets<'a> {
    lengths: &'a [u8],
    centers: &'a [u8],
    section: &'a Section,
    /// Of the buckets that are not full: the current one, and where it ends.
    current: usize,
    end: usize,
}

impl Buckets<'_> {
    /// The centre of the bucket of Gaussian `i`, which is never less than before.
    fn center(&mut self, i: usize) -> Option<Vec3> {
        let Section { bucket_size, full_buckets, partial_buckets, bucket_bytes, .. } = *self.section;
        let full = full_buckets.saturating_mul(bucket_size);
        let bucket = if i < full {
            i / bucket_size
        } else {
            self.end = self.end.max(full);
            while i >= self.end {
                if self.current == partial_buckets {
                    return None;
                }
                self.end = self.end.saturating_add(u32_at(self.lengths, 4 * self.current)? as usize);
                self.current += 1;
            }
            full_buckets + self.current - 1
        };
        let at = bucket.checked_mul(bucket_bytes)?;
        let number = |k: usize| f32_at(self.centers, at + 4 * k);
        Some(Vec3::new(number(0)?, number(1)?, number(2)?))
    }
}

impl Header {
    /// Appends the Gaussian of `row`, which is of the section's length.
    fn decode(&self, section: &Section, center: Vec3, row: &[u8], to: &mut Gaussians) {
        let [position, scale, rotation, harmonic] = self.widths();
        let real = |at: usize, k: usize| match self.level {
            0 => f32_at(row, at + 4 * k),
            _ => u16_at(row, at + 2 * k).map(|bits| f16::from_bits(bits).to_f32()),
        };
        let real = |at, k| real(at, k).unwrap_or(f32::NAN);
        let place = |k: usize| match self.level {
            0 => real(0, k),
            _ => (f32::from(u16_at(row, 2 * k).unwrap_or(0)) - section.range) * section.step,
        };
        to.positions.push(center + Vec3::new(place(0), place(1), place(2)));
        let log = |k| f64::from(real(position, k)).ln() as f32;
        to.log_scales.push(Vec3::new(log(0), log(1), log(2)));
        let at = position + scale;
        to.rotations.push(Quat::from_xyzw(real(at, 1), real(at, 2), real(at, 3), real(at, 0)));
        let at = at + rotation;
        let byte = |at: usize| row.get(at).copied().unwrap_or(0);
        to.opacity_logits.push(logit_from_byte(byte(at + 3)));

        let start = to.sh.len();
        let width = 3 * sh_coefficients(to.sh_degree);
        to.sh.extend((0..3).map(|k| harmonic_from_rgb(f64::from(byte(at + k)) / 255.0)));
        to.sh.resize(start + width, 0.0);
        let at = at + 4;
        let sh = to.sh.get_mut(start..).unwrap_or_default();
        let mut stored = 0;
        for degree in 1..=section.degree {
            let (first, end) = (sh_coefficients(degree - 1), sh_coefficients(degree));
            for channel in 0..3 {
                for k in first..end {
                    let value = match harmonic {
                        1 => {
                            let span = self.greatest_harmonic - self.least_harmonic;
                            self.least_harmonic + f32::from(byte(at + stored)) / 255.0 * span
                        }
                        _ => real(at, stored),
                    };
                    if let Some(slot) = sh.get_mut(3 * k + channel) {
                        *slot = value;
                    }
                    stored += 1;
                }
            }
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn f32_at(bytes: &[u8], at: usize) -> Option<f32> {
    Some(f32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
