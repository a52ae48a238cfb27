//! What the GPU pipeline draws, against the oracle of effigy-splat's tests and the CPU rasteriser, on whatever adapter
//! there is.
#![expect(clippy::disallowed_methods, reason = "tests wait for the GPU")]

mod alone;
#[path = "../../../splat/tests/compare/mod.rs"]
mod compare;
mod counts;
mod frames;
mod guides;
mod light;
mod mesh;
mod motion;
#[path = "../../../splat/tests/oracle/mod.rs"]
mod oracle;
mod quads;
mod rules;
#[path = "../../examples/zoom/sequence.rs"]
mod sequence;
mod stage;
mod together;
