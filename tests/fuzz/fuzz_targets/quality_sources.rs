//! What is read of MP4 files to crop their pictures, and Y4M: nothing that is found lies outside the pictures.
#![no_main]

use effigy_quality::{CleanAperture, FrameSource, SourceOptions, Y4mReader, clean_aperture_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(CleanAperture { coded, rect }) = clean_aperture_of(std::io::Cursor::new(bytes)) {
        assert!(rect.lies_in(coded.0, coded.1));
    }
    let options = SourceOptions { most_pixels: 1 << 14, ..SourceOptions::default() };
    let stream = Box::new(std::io::Cursor::new(bytes.to_vec()));
    if let Ok(mut reader) = Y4mReader::of_stream("fuzz", stream, &options) {
        while let Ok(Some(picture)) = reader.next_frame() {
            assert!(picture.width() * picture.height() <= 1 << 14);
        }
    }
});
