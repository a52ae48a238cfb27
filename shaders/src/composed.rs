//! The composed shaders.

use crate::Shader;

include!(concat!(env!("OUT_DIR"), "/composed.rs"));
