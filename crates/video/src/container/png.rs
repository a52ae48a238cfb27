//! PNG pictures.

use std::io::Write;

use effigy_splat::Frame;

use crate::VideoError;

/// Writes a frame as one PNG of 8 bits a channel, sRGB with straight alpha, over `background` (sRGB, from 0 to 1) if
/// there is one.
///
/// # Errors
/// [`VideoError::Picture`] if the frame is empty or not whole, [`VideoError::Container`].
pub fn write_png(frame: &Frame, background: Option<[f32; 3]>, writer: impl Write) -> Result<(), VideoError> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    if width == 0 || height == 0 || width.checked_mul(height) != Some(frame.color.len()) {
        return Err(VideoError::Picture(format!(
            "a frame of {width}x{height} with {} pixels is not whole",
            frame.color.len()
        )));
    }
    let pixels = match background {
        Some(background) => frame.over_rgba8(background),
        None => frame.to_straight_rgba8(),
    };
    let mut encoder = png::Encoder::new(writer, frame.width, frame.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.map_err(|error| VideoError::Container(format!("cannot write the PNG picture: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_straight_and_what_is_behind_shows_through() {
        let mut frame = Frame::default();
        frame.reset(2, 1);
        // Half covered by a red of 0.8, and nothing.
        frame.color = vec![[0.4, 0.0, 0.0, 0.5], [0.0; 4]];
        let read = |background| {
            let mut file = Vec::new();
            write_png(&frame, background, &mut file).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            pixels
        };
        assert_eq!(read(None), [204, 0, 0, 128, 0, 0, 0, 0]);
        // 0.4 + 0.5 of what is behind.
        assert_eq!(read(Some([0.2, 1.0, 0.0])), [128, 128, 0, 255, 51, 255, 0, 255]);
        frame.color.pop();
        assert!(matches!(write_png(&frame, None, Vec::new()), Err(VideoError::Picture(_))));
    }
}
