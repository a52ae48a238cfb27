//! What the GPU pipeline draws, against the oracle of effigy-splat's tests and the CPU rasteriser, on whatever adapter
//! there is.

mod alone;
#[path = "../../../splat/tests/compare/mod.rs"]
mod compare;
mod counts;
mod guides;
mod light;
#[path = "../../../splat/tests/oracle/mod.rs"]
mod oracle;
mod stage;
mod together;
