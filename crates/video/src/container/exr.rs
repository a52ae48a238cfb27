//! OpenEXR pictures.

use std::io::{Seek, Write};

use effigy_splat::Frame;
use exr::prelude::{Encoding, Image, Layer, LayerAttributes, SpecificChannels, Vec2, WritableImage};

use crate::VideoError;

/// Writes a frame as one OpenEXR picture: red, green, blue and alpha as 32-bit floats, linear light premultiplied by
/// alpha as OpenEXR has it, lossless. The frame's own numbers are premultiplied display codes, so colours are divided
/// by alpha, made linear and multiplied again; where alpha is 0 they are taken as they are.
///
/// # Errors
/// [`VideoError::Picture`] if the frame is empty or not whole, [`VideoError::Container`].
pub fn write_exr(frame: &Frame, writer: impl Write + Seek) -> Result<(), VideoError> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    if width == 0 || height == 0 || width.checked_mul(height) != Some(frame.color.len()) {
        return Err(VideoError::Picture(format!(
            "a frame of {width}x{height} with {} pixels is not whole",
            frame.color.len()
        )));
    }
    let channels = SpecificChannels::rgba(|at: Vec2<usize>| {
        let [r, g, b, a] = frame.color[at.y() * width + at.x()];
        let cover = if a > 0.0 { a } else { 1.0 };
        let light = |c: f32| linear(c / cover) * cover;
        (light(r), light(g), light(b), a)
    });
    let layer = Layer::new((width, height), LayerAttributes::default(), Encoding::FAST_LOSSLESS, channels);
    Image::from_layer(layer)
        .write()
        .non_parallel()
        .to_buffered(writer)
        .map_err(|error| VideoError::Container(format!("cannot write the OpenEXR picture: {error}")))
}

/// IEC 61966-2-1, and the same beyond 0 and 1 by symmetry and continuation.
fn linear(code: f32) -> f32 {
    let size = code.abs();
    let light = if size <= 0.040_45 { size / 12.92 } else { ((size + 0.055) / 1.055).powf(2.4) };
    light.copysign(code)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use exr::prelude::{ReadChannels, ReadLayers};

    use super::*;

    #[test]
    fn light_is_linear_and_premultiplied() {
        // Code 0.5 is 0.214041 of light (IEC 61966-2-1); at half cover it is stored as 0.25 and comes out halved.
        let color = vec![[0.5, 1.0, 0.0, 1.0], [0.25, 0.5, 0.02, 0.5], [0.5, 0.0, 0.0, 0.0]];
        let frame = Frame { width: 3, height: 1, color, depth: Vec::new() };
        let mut file = Cursor::new(Vec::new());
        write_exr(&frame, &mut file).unwrap();

        let read = exr::prelude::read()
            .no_deep_data()
            .largest_resolution_level()
            .rgba_channels(
                |size, _| vec![[0.0f32; 4]; size.width() * size.height()],
                |pixels, at, (r, g, b, a): (f32, f32, f32, f32)| pixels[at.x()] = [r, g, b, a],
            )
            .first_valid_layer()
            .all_attributes()
            .from_buffered(Cursor::new(file.into_inner()))
            .unwrap();
        let pixels = read.layer_data.channel_data.pixels;
        let expected =
            [[0.214_041, 1.0, 0.0, 1.0], [0.107_021, 0.5, 0.001_548, 0.5], [0.214_041, 0.0, 0.0, 0.0]];
        for (pixel, expected) in pixels.iter().zip(expected) {
            for (value, expected) in pixel.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-5, "{pixels:?}");
            }
        }
    }

    #[test]
    fn frames_that_are_not_whole_are_refused() {
        let frame = Frame { width: 2, height: 2, color: vec![[0.0; 4]; 3], depth: Vec::new() };
        assert!(matches!(write_exr(&frame, Cursor::new(Vec::new())), Err(VideoError::Picture(_))));
    }
}
