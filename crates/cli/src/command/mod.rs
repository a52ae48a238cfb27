//! The subcommands, one file each.

pub(crate) mod adapters;
pub(crate) mod bench;
pub(crate) mod bundled;
pub(crate) mod compare;
pub(crate) mod convert;
mod crowd;
pub(crate) mod encode;
pub(crate) mod eval;
mod growth;
pub(crate) mod info;
mod measured;
mod percentile;
pub(crate) mod render;
mod scene;
pub(crate) mod stream;
mod take;
pub(crate) mod train;
mod video_bench;
pub(crate) mod view;
