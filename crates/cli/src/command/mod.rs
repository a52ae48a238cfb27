//! The subcommands, one file each.

pub(crate) mod adapters;
pub(crate) mod bench;
pub(crate) mod bundled;
pub(crate) mod convert;
mod crowd;
pub(crate) mod eval;
mod growth;
pub(crate) mod info;
pub(crate) mod render;
pub(crate) mod train;
