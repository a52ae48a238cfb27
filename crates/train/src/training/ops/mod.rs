//! Custom Burn operations: forward and backward in plain Rust on the CPU, and with the kernels of `shaders/` on GPUs.

mod gemm;
mod picture_loss;
mod plane;
mod residual;
mod splat;

pub use picture_loss::{Comparison, PictureLossOps, picture_loss};
pub use plane::{PlaneOps, read_plane};
pub use residual::{ResidualInputs, ResidualOps, ResidualTensors, residuals};
pub use splat::{GatheredUsage, PLANES, SplatOps, SplatScratch, SplatView, splat};

use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

/// The values of a CPU tensor, copied only if it is a strided view.
fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// A CPU tensor of the given values.
fn tensor_of<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// The values of a contiguous CPU tensor of 32-bit floats.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_else(|| panic!("a tensor of 32-bit floats in one piece"))
}
