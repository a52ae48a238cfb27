//! What a receiver lets a stream ask for.

/// Upper bounds on what decoding may take. Memory is at most about
/// `channels × kept_frames × 8 + pending_packets × packet_bytes` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Channels of a configuration: one per control, three per rotation, six for a placement, seven for a camera.
    pub channels: u64,
    /// Bytes of one packet.
    pub packet_bytes: u64,
    /// Decoded frames that are kept for [`StreamDecoder::at`](crate::StreamDecoder::at); below
    /// [`MAX_FRAMES`](crate::MAX_FRAMES), a packet may hold more than can be taken from it.
    pub kept_frames: u64,
    /// Packets that wait for one that was overtaken.
    pub pending_packets: u64,
    /// Packets of a file.
    pub file_packets: u64,
    /// Decoded frames of a file times its channels.
    pub file_values: u64,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            channels: 1024,
            packet_bytes: 64 << 10,
            kept_frames: 256,
            pending_packets: 8,
            file_packets: 1 << 22,
            file_values: 64 << 20,
        }
    }
}
