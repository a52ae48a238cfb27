//! Whole-program tests live in `tests/`; this crate itself is empty.
