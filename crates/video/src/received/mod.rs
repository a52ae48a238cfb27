//! What a receiver sees, as pictures to be measured ([`effigy_quality`]).

mod packets;
mod planes;

pub use packets::H264Packets;
pub use planes::picture_of_planes;
