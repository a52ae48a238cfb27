//! Writing the PLY of 3D Gaussian Splatting.

use std::io::Write;

use effigy_splat::{Filter, Gaussians, sh_coefficients};

use super::SplatFileError;
use super::clean::NO_EXTENT;
use super::orientation::{half_turn_position, half_turn_rotation, half_turn_sign};

/// Writes Gaussians as a binary little-endian PLY of 3D Gaussian Splatting, Y down as is the custom.
///
/// [`read_splat`](super::read_splat) gives the same values back, bit for bit but for the sign of zeros. A filter that
/// compensates opacity is written as the comment `SplatRenderMode: mip`, by which other programs know it too; its
/// variance, and any other filter's, cannot be. Gaussians that are all flat are marked `SplatRenderMode: 2dgs`.
///
/// # Errors
/// [`SplatFileError::Gaussians`] if they do not pass [`Gaussians::validate`], before anything is written;
/// [`SplatFileError::Write`] if the destination cannot be written.
pub fn write_ply(gaussians: &Gaussians, filter: Filter, mut to: impl Write) -> Result<(), SplatFileError> {
    gaussians.validate()?;
    let coefficients = sh_coefficients(gaussians.sh_degree);
    let mut names: Vec<String> =
        ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"].map(String::from).to_vec();
    names.extend((0..3 * (coefficients - 1)).map(|i| format!("f_rest_{i}")));
    names.extend(
        ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"].map(String::from),
    );
    writeln!(to, "ply\nformat binary_little_endian 1.0")?;
    let flat = !gaussians.is_empty() && gaussians.log_scales.iter().all(|s| s.z == NO_EXTENT);
    if filter.compensate {
        writeln!(to, "comment SplatRenderMode: mip")?;
    } else if flat {
        writeln!(to, "comment SplatRenderMode: 2dgs")?;
    }
    writeln!(to, "element vertex {}", gaussians.len())?;
    for name in &names {
        writeln!(to, "property float {name}")?;
    }
    writeln!(to, "end_header")?;

    let mut row: Vec<u8> = Vec::with_capacity(4 * names.len());
    let attributes = gaussians
        .positions
        .iter()
        .zip(&gaussians.rotations)
        .zip(&gaussians.log_scales)
        .zip(&gaussians.opacity_logits)
        .zip(gaussians.sh.chunks_exact(3 * coefficients));
    for ((((&position, &rotation), log_scale), &opacity), sh) in attributes {
        row.clear();
        let mut put = |values: &[f32]| row.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        put(&half_turn_position(position).to_array());
        // Normals, which have no meaning but which other programs expect.
        put(&[0.0; 3]);
        let (dc, rest) = sh.split_at(3);
        put(dc);
        for channel in 0..3 {
            for (k, value) in rest.iter().skip(channel).step_by(3).enumerate() {
                put(&[half_turn_sign(k + 1) * value]);
            }
        }
        put(&[opacity]);
        put(&log_scale.to_array());
        let q = half_turn_rotation(rotation);
        put(&[q.w, q.x, q.y, q.z]);
        to.write_all(&row)?;
    }
    to.flush()?;
    Ok(())
}
