//! A run in a program of its own, and who watches it: the lines of JSON that the one writes, the words that the other
//! sends, and where the program is.
//!
//! `effigy-train --events` says on its standard output what happens, an [`Event`] a line, and obeys the [`Order`]s, a
//! word a line, that come on its standard input. When that ends the run ends too, as by [`Order::Discard`].

mod event;
mod order;
mod program;

pub use event::{Cause, Event};
pub use order::Order;
pub use program::{PROGRAM, how_to_get, program};
