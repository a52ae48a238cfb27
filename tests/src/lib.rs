//! What tests of several crates share. Whole-program tests live in `tests/`.

mod data;
mod memory;
mod random;
mod warnings;

pub use data::data;
pub use memory::peak_memory;
pub use random::{SplitMix64, Xorshift64};
pub use warnings::warnings;
