//! Every shader, and what its kernels are made, bound and recorded with.
//!
//! The folders beside this one hold the shaders in WESL, one folder a stage; the build composes them to WGSL, each a
//! constant of [`composed`]. A [`Kernel`] is a compute pipeline of one. What several programs run is here in one piece: the
//! radix sort ([`Sort`]), and the lists of splats that each tile of a picture is made of ([`TileLists`]).

mod buffer;
mod camera;
pub mod composed;
mod kernel;
mod shader;
mod sort;
mod teamwork;
mod tile_lists;

pub use buffer::{filled, storage, uniform};
pub use camera::{CameraData, TILE, rows};
pub use kernel::{Kernel, bind, layout, numbered};
pub use shader::Shader;
pub use sort::{DISPATCH_STRIDE, Pairs, Sort, SortBuffers, SortKernels};
pub use teamwork::Teamwork;
pub use tile_lists::{BLOCK_THREADS, Room, SPLAT_SIZE, STATE_SIZE, TileKernels, TileLists};
