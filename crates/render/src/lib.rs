//! Renders neural avatars with wgpu, on its own device or a host program's.
//!
//! To draw people: make one [`Renderer`] for a device, [`Renderer::upload`] each avatar once (and [`Renderer::another`]
//! for each further person of the same), make one [`View`] for each picture, and then every frame call
//! [`GpuAvatar::set_pose`] and [`Renderer::record`], which records compute passes into the host's command encoder. The
//! view's colour and depth textures hold the result once the encoder has been submitted; a [`Compositor`] draws them over
//! the host's picture, [`Renderer::occlude`] hides what is behind the host's scene, [`GpuAvatar::mesh`] is what the host
//! draws into its shadow maps, and a guide ([`Outputs::guide`]) tells encoders and temporal filters how far each pixel has
//! moved and how much a viewer looks there. `examples/window.rs` has all of it but the guide.
//!
//! A frame goes through six stages, all on the GPU: **pose** (morphs, skinning, surface frames) and **decode** (what the
//! neural field adds to each Gaussian for this expression; both skipped while the pose stays the same), **project** (bind,
//! activate, project, cull and colour each Gaussian), **sort** by depth, **bin** into tiles of 16 × 16 pixels,
//! **rasterize** front to back (or, on devices that are quicker with it, blend quads: [`Method`]). Nothing is read back, and no GPU memory is allocated while the avatars, a view and the
//! rough distance between them stay the same.
//!
//! The picture is display-referred sRGB, premultiplied, and agrees with the CPU rasteriser of `effigy-splat`, which
//! defines it.

// A browser cannot wait for a frame: what measures frames, or renders them one by one, is not there.

mod avatar;
mod budget;
pub mod camera_file;
mod composite;
mod decode;
mod error;
mod fetch;
#[cfg(not(target_arch = "wasm32"))]
mod frames;
mod gpu;
mod instance;
mod mapped;
mod memory;
mod mesh;
mod method;
mod orbit_camera;
mod pick;
mod pipelines;
mod quad_pipelines;
mod quads;
mod readback;
mod renderer;
mod scope;
mod storage;
mod target;
#[cfg(not(target_arch = "wasm32"))]
mod timed;
mod timing;
mod traffic;
mod uploads;
mod view;

pub use budget::FrameBudget;
pub use composite::{CompositeSource, Compositor, DepthTarget};
pub use error::RenderError;
pub use fetch::PendingFrame;
#[cfg(not(target_arch = "wasm32"))]
pub use frames::{CpuFrames, FrameRenderer, FrameTimes, GpuFrames, StageTime};
pub use gpu::{AdapterChoice, Gpu, adapters};
pub use instance::{Detail, GpuAvatar, Placement};
pub use mesh::PosedMesh;
pub use method::Method;
pub use orbit_camera::OrbitCamera;
pub use pick::{PendingPick, Pick};
pub use readback::{Counts, read_counts, read_frame, read_guide};
pub use renderer::{Precision, Renderer};
pub use scope::scoped;
pub use target::{Occluder, Outputs};
pub use timing::{Stage, StageTimer};
pub use view::View;
// Hosts must use the same version of wgpu; through here they cannot miss it.
pub use wgpu;
