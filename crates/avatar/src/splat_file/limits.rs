//! How much a splat file may ask for.

use effigy_splat::{MAX_SH_DEGREE, sh_coefficients};

use super::SplatFileError;

/// Bounds on what a file may make the reader allocate.
///
/// They are checked on the header; besides, nothing is allocated for elements that the file is too short to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplatLimits {
    /// Most Gaussians in a file.
    pub max_gaussians: u64,
    /// Most bytes that the Gaussians may take in memory, together with the streams they are decompressed to.
    pub max_unpacked_bytes: u64,
    /// Longest header of a PLY, and `meta.json` of a SOG, in bytes.
    pub max_header_bytes: usize,
}

impl Default for SplatLimits {
    /// 20 million Gaussians, 4 GiB, and headers of 64 KiB.
    fn default() -> Self {
        Self { max_gaussians: 20_000_000, max_unpacked_bytes: 4 << 30, max_header_bytes: 64 << 10 }
    }
}

impl SplatLimits {
    /// Checks that `count` Gaussians of `sh_degree` may be held, with `packed_bytes` more while they are unpacked,
    /// and gives the count.
    pub(super) fn check(
        &self,
        count: u64,
        sh_degree: u8,
        packed_bytes: u64,
    ) -> Result<usize, SplatFileError> {
        if count > self.max_gaussians {
            return Err(SplatFileError::Limit { what: "Gaussians", found: count, limit: self.max_gaussians });
        }
        // Position, rotation, log-scale and opacity, then the harmonics, all f32.
        let each = 4 * (3 + 4 + 3 + 1 + 3 * sh_coefficients(sh_degree.min(MAX_SH_DEGREE)) as u64);
        let bytes = count.saturating_mul(each).saturating_add(packed_bytes);
        let over = SplatFileError::Limit {
            what: "bytes of unpacked Gaussians",
            found: bytes,
            limit: self.max_unpacked_bytes,
        };
        if bytes > self.max_unpacked_bytes {
            return Err(over);
        }
        usize::try_from(count).map_err(|_| over)
    }
}
