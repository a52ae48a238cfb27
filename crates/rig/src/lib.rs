//! Rigged glTF and VRM heads: morph targets, skins, named controls, expression tracks, and posing on the CPU.
//!
//! A [`Rig`] is loaded from any glTF 2.0 file ([`Rig::open`]) and holds plain arrays. A [`Pose`] is what moves it: a
//! weight for each morph and a local transform for each node, set by hand, by an [`Animation`], or by a [`Track`] of
//! named controls through a [`TrackPlayer`]. A [`Poser`] turns a pose into world-space vertices, each with the
//! rotation and scale that the surface around it has undergone since rest ([`SurfaceFrames`]). Space is glTF's:
//! right-handed, +Y up, metres; quaternions are xyzw.

mod animation;
mod bones;
mod container;
mod controls;
mod error;
mod expression;
mod frames;
mod limits;
mod load;
pub mod meshopt;
mod mirror;
mod normals;
mod pose;
mod poser;
mod rig;
mod scale;
mod track;
mod validate;

pub use container::{GlbChunks, check_asset, split_glb};
pub use controls::{ARKIT_NAMES, Recipe, canonical, recipe};
pub use error::{RigError, shown};
pub use expression::{Override, Procedural};
pub use frames::{FrameMode, RingEntry, SurfaceFrames, frame_from_tangents};
pub use limits::LoadLimits;
pub use load::{RawPrimitive, visit_primitives};
pub use normals::rest_normals;
pub use pose::{NodeTransform, Palette, Pose, joint_palette};
pub use poser::{PosedVertices, Poser};
pub use rig::{
    AlphaMode, Animation, Channel, ChannelValues, Expression, Image, Interpolation, Joint, Material, Morph,
    Node, Primitive, Rig,
};
pub use scale::metres_per_unit;
pub use track::{Track, TrackLimits, TrackPlayer, TrackRecorder, Wrap};
