//! The subcommands, one file each.

pub(crate) mod adapters;
pub(crate) mod bench;
pub(crate) mod bundled;
pub(crate) mod convert;
pub(crate) mod eval;
pub(crate) mod info;
pub(crate) mod render;
pub(crate) mod train;
