//! Pictures of odd sides, which H.264 codes with one column and row more, measured against what they were made of.

use effigy_quality::{
    CleanAperture, Ffmpeg, Picture, Rect, SourceOptions, SquaredError, clean_aperture, open_frames,
};
use effigy_splat::Frame;
use effigy_video::{VideoFile, VideoFileOptions};

const WIDTH: u32 = 127;
const HEIGHT: u32 = 129;

/// Soft colours, dark at the right and lower edge: a column too many or a shift would be seen.
fn frame(t: usize) -> Frame {
    let mut frame = Frame::default();
    frame.reset(WIDTH, HEIGHT);
    for (i, pixel) in frame.color.iter_mut().enumerate() {
        let (x, y) = (i as u32 % WIDTH, i as u32 / WIDTH);
        let edge = if x + 3 > WIDTH || y + 3 > HEIGHT { 0.1 } else { 1.0 };
        let wave = 0.5 + 0.3 * (x as f32 * 0.2 + t as f32).sin() * (y as f32 * 0.15).cos();
        *pixel = [edge * wave, edge * y as f32 / HEIGHT as f32, edge * 0.4, 1.0];
    }
    frame
}

// The box says it by ISO/IEC 14496-12, and whichever FFmpeg is here (5.1 knows nothing of it, 9 rounds it to 126 x 128)
// hands over all of it and no more.
#[test]
fn odd_pictures_come_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.mp4");
    let mut file = VideoFile::encoded(&path, [WIDTH, HEIGHT], &VideoFileOptions::default()).unwrap();
    let mut pictures = Vec::new();
    for t in 0..4 {
        let mut frame = frame(t);
        let rgb = frame.over_rgba8([0.0; 3]).chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        pictures.push(Picture::new(WIDTH as usize, HEIGHT as usize, rgb).unwrap());
        file.add(&mut frame, None).unwrap();
    }
    file.finish().unwrap();
    let seen = Rect::whole(WIDTH as usize, HEIGHT as usize);
    assert_eq!(clean_aperture(&path), Some(CleanAperture { coded: (128, 130), rect: seen }));
    let ffmpeg = match Ffmpeg::find() {
        Ok(ffmpeg) => ffmpeg,
        Err(error) => return println!("skipped: {error}"),
    };
    let mut found = open_frames(&path, Ok(&ffmpeg), &SourceOptions::default()).unwrap();
    for picture in &pictures {
        let found = found.next_frame().unwrap().unwrap();
        assert_eq!((found.width(), found.height()), (picture.width(), picture.height()));
        let psnr = SquaredError::of(picture, &found, None).psnr_rgb().unwrap();
        assert!(psnr > 30.0, "{psnr}");
    }
    assert!(found.next_frame().unwrap().is_none());
}
