//! What reading a capture may take.

/// Upper bounds on what a capture may ask for. Parsed JSON takes some 20 times the bytes of its text at
/// worst, and some 3 KiB for each of [`CaptureLimits::frames`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Bytes of each JSON file.
    pub json_bytes: u64,
    /// Bytes of each file of a COLMAP model.
    pub model_bytes: u64,
    /// Frames.
    pub frames: u64,
    /// Controls and joints of all frames together.
    pub values: u64,
    /// Points that come with the capture.
    pub points: u64,
    /// Bytes of an encoded picture.
    pub picture_bytes: u64,
    /// Pixels of a picture.
    pub picture_pixels: u64,
    /// How many folders up from the capture's own a path in it may lead.
    pub folders_up: u32,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            json_bytes: 64 << 20,
            model_bytes: 1 << 30,
            frames: 1 << 17,
            values: 8 << 20,
            points: 8 << 20,
            picture_bytes: 256 << 20,
            picture_pixels: effigy_splat::MAX_PICTURE_PIXELS,
            folders_up: 2,
        }
    }
}
