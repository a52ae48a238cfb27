//! The GPU that Burn trains on, shared with the kernels of `shaders/`: one wgpu device, and tensors as its buffers.

mod device;

pub(crate) use device::Gpu;
pub use device::{check, device};

use burn::backend::TensorMetadata as _;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::wgpu::{AutoCompiler, WgpuResource, WgpuServer};

/// The buffer behind a tensor, which keeps the tensor's memory from being used for something else.
///
/// Tensors are parts of larger buffers. Kernels declare them all `read_write`, also what they only read: one buffer
/// must not be bound for reading and for writing in the same dispatch.
pub(crate) struct TensorBuffer {
    resource: WgpuResource,
    _tensor: CubeTensor,
}

impl TensorBuffer {
    /// The buffer of a contiguous tensor.
    ///
    /// # Panics
    /// If the tensor's memory cannot be had, as when the device is lost.
    pub(crate) fn of(tensor: &CubeTensor) -> Self {
        match tensor.client.get_resource::<WgpuServer<AutoCompiler>>(tensor.handle.clone()) {
            Ok(resource) => Self { resource: resource.resource().clone(), _tensor: tensor.clone() },
            Err(error) => panic!("the memory of a tensor on the GPU: {error:?}"),
        }
    }

    pub(crate) fn binding(&self) -> wgpu::BindingResource<'_> {
        self.resource.as_wgpu_bind_resource()
    }
}

/// Workgroups of `threads` for `items`.
pub(crate) fn groups(items: usize, threads: usize) -> u32 {
    items.div_ceil(threads) as u32
}

/// Submits all that Burn has recorded so far, so that what is submitted next comes after it.
pub(crate) fn flush(tensor: &CubeTensor) {
    if let Err(error) = tensor.client.flush() {
        panic!("the GPU does not take commands: {error:?}");
    }
}

/// A tensor of 32-bit floats in one piece.
pub(crate) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    assert_eq!(tensor.dtype(), DType::F32, "a tensor of 32-bit floats");
    into_contiguous(tensor)
}

/// A tensor beside `like`, whose contents are yet to be written.
pub(crate) fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), DType::F32)
}
