//! Frames in, a video file out, on the thread that calls: for programs that render one picture after another.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use effigy_splat::Frame;
use tempfile::TempPath;

use crate::audio::AudioTrack;
use crate::container::{Container, Mp4, Y4m};
use crate::encoder::{
    Capabilities, Codec, Encoder, EncoderChoice, EncoderConfig, FrameRequest, Picture, Preset, Rate, open,
};
use crate::format::{Alpha, PlaneFormat, Shape};
use crate::learned::LearnedOptions;
use crate::planes::Planes;
use crate::preparation::{Filtering, Preparation, PreparationOptions};
use crate::quality_map::MapOptions;
use crate::{Importance, VideoError};

/// The quantiser where nothing is said: faces look clean.
const QUALITY: f32 = 20.0;
/// The same for AV1, whose scale is another.
const AV1_QUALITY: f32 = 26.0;
/// Key frames are so far apart, seconds.
const KEY_SECONDS: f64 = 2.0;

/// How a video file is made.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFileOptions {
    /// What encodes; a file of raw pictures has no use for it.
    pub encoder: EncoderChoice,
    /// Pictures a second.
    pub fps: f64,
    /// What the rate follows; none for a quality at which faces look clean.
    pub rate: Option<Rate>,
    /// What the encoder may take its time for.
    pub preset: Preset,
    /// What becomes of transparency.
    pub alpha: Alpha,
    /// What takes detail out of pictures before.
    pub filtering: Filtering,
    /// Makes a quality map of every picture, for encoders with [`Capabilities::quality_map`].
    pub map: Option<MapOptions>,
    /// Sound beside the pictures, from their beginning.
    pub sound: Option<AudioTrack>,
}

impl Default for VideoFileOptions {
    /// openh264, 30 pictures a second, clean and unhurried, over black, nothing done before.
    fn default() -> Self {
        Self {
            encoder: EncoderChoice::OpenH264,
            fps: 30.0,
            rate: None,
            preset: Preset::Offline,
            alpha: Alpha::Over([0.0; 3]),
            filtering: Filtering::None,
            map: None,
            sound: None,
        }
    }
}

impl VideoFileOptions {
    /// Whether frames have to come with the importance of their pixels.
    pub fn need_importance(&self) -> bool {
        self.map.is_some() || self.filtering.needs_importance()
    }
}

/// A video file of frames of one size. It is at its path once [`VideoFile::finish`] has returned; dropped before, it
/// leaves nothing behind.
pub struct VideoFile {
    path: PathBuf,
    partial: TempPath,
    shape: Shape,
    preparation: Preparation,
    planes: Planes,
    frames: u64,
    to: To,
}

enum To {
    Encoded { encoder: Box<dyn Encoder>, container: Box<dyn Container> },
    Raw(Y4m<BufWriter<File>>),
}

impl VideoFile {
    /// An MP4 at `path` of frames of so many pixels.
    ///
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Unsupported`] and [`VideoError::Planes`] for what cannot be encoded,
    /// [`VideoError::Program`] for an encoder that is not there, [`VideoError::Io`] for a folder that cannot be written to.
    pub fn encoded(path: &Path, size: [u32; 2], options: &VideoFileOptions) -> Result<Self, VideoError> {
        let (shape, config) = plan(size, options, options.encoder.codec()?)?;
        let encoder = open(&options.encoder, &config)?;
        let preparation = preparation(options, &config)?;
        let (file, partial) = temporary(path)?;
        let container = Box::new(Mp4::with_sound(BufWriter::new(file), &config, options.sound.clone())?);
        let to = To::Encoded { encoder, container };
        Ok(Self { path: path.into(), partial, shape, preparation, planes: Planes::default(), frames: 0, to })
    }

    /// A Y4M at `path` of frames of so many pixels, not encoded. The rate says how much a filter takes.
    ///
    /// # Errors
    /// As [`VideoFile::encoded`]; [`VideoError::Settings`] for a quality map or sound, which it cannot hold.
    pub fn raw(path: &Path, size: [u32; 2], options: &VideoFileOptions) -> Result<Self, VideoError> {
        if options.map.is_some() || options.sound.is_some() {
            return Err(VideoError::Settings(
                "raw pictures hold neither what an encoder is told nor sound".into(),
            ));
        }
        let (shape, config) = plan(size, options, Codec::H264)?;
        let preparation = preparation(options, &config)?;
        let (file, partial) = temporary(path)?;
        let to = To::Raw(Y4m::new(BufWriter::new(file), &config)?);
        Ok(Self { path: path.into(), partial, shape, preparation, planes: Planes::default(), frames: 0, to })
    }

    /// Width and height of the frames, pixels; the video's own may be others where alpha is at the side.
    pub fn size(&self) -> [u32; 2] {
        self.shape.picture()
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What the encoder can do; none where nothing is encoded.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        match &self.to {
            To::Encoded { encoder, .. } => Some(encoder.capabilities()),
            To::Raw(_) => None,
        }
    }

    /// Adds a frame, which is filtered in place. `importance` is that of its pixels, where
    /// [`VideoFileOptions::need_importance`] asks for it.
    ///
    /// # Errors
    /// [`VideoError::Size`] for a frame of another size, [`VideoError::Map`] without the importance that is needed, and
    /// what the encoder and the disk have to say.
    pub fn add(&mut self, frame: &mut Frame, importance: Option<&Importance<'_>>) -> Result<(), VideoError> {
        let [width, height] = self.size();
        if (frame.width, frame.height) != (width, height) {
            let found = (frame.width, frame.height);
            return Err(VideoError::Size { frame: self.frames, expected: (width, height), found });
        }
        self.preparation.filter(importance, frame)?;
        let planes = self.planes.convert(frame, self.shape.format(), self.shape.alpha())?;
        let picture = Picture::of(&planes);
        match &mut self.to {
            To::Encoded { encoder, container } => {
                let quality_map = self.preparation.map(importance, &picture, false)?;
                let mut packet = encoder.encode(&picture, FrameRequest { key: false, quality_map })?;
                while let Some(ready) = packet {
                    container.write(&ready)?;
                    packet = encoder.poll()?;
                }
            }
            To::Raw(file) => file.write(&picture)?,
        }
        self.frames += 1;
        Ok(())
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`VideoError::NoPictures`] without a frame, and as [`VideoFile::add`].
    pub fn finish(self) -> Result<(), VideoError> {
        match self.to {
            To::Encoded { mut encoder, mut container } => {
                for packet in encoder.finish()? {
                    container.write(&packet)?;
                }
                container.finish()?;
            }
            To::Raw(file) => file.finish()?.flush()?,
        }
        self.partial.persist(&self.path).map_err(|error| VideoError::Io(error.error))
    }
}

/// A video's shape and the encoder's settings for it.
pub(crate) fn plan(
    [width, height]: [u32; 2],
    options: &VideoFileOptions,
    codec: Codec,
) -> Result<(Shape, EncoderConfig), VideoError> {
    let shape = Shape::new(width, height, PlaneFormat::VIDEO, options.alpha)?;
    let [width, height] = shape.shown();
    let mut config = EncoderConfig::new(width, height);
    config.fps = options.fps;
    config.codec = codec;
    config.key_interval = (KEY_SECONDS * options.fps).ceil() as u32;
    config.preset = options.preset;
    let usual = if codec == Codec::Av1 { AV1_QUALITY } else { QUALITY };
    config.rate = options.rate.unwrap_or(Rate::Quality(usual));
    Ok((shape, config))
}

fn preparation(options: &VideoFileOptions, config: &EncoderConfig) -> Result<Preparation, VideoError> {
    let wanted = PreparationOptions {
        filtering: options.filtering,
        map: options.map.clone(),
        learned: LearnedOptions { alpha: options.alpha, ..LearnedOptions::default() },
        ..PreparationOptions::default()
    };
    Preparation::new(&wanted, config)
}

/// A file beside `path`, to be moved there when it is whole. It is as readable as the user's other files.
pub(crate) fn temporary(path: &Path) -> Result<(File, TempPath), VideoError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.prefix(".effigy-").tempfile_in(folder)?.into_parts())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, level: f32) -> Frame {
        let mut frame = Frame::default();
        frame.reset(width, height);
        frame.color.fill([level, level, level, 1.0]);
        frame
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let mut dropped = VideoFile::encoded(&path, [32, 32], &VideoFileOptions::default()).unwrap();
        dropped.add(&mut grey(32, 32, 0.5), None).unwrap();
        // It is there under another name.
        assert_eq!(names(folder.path()).len(), 1);
        assert!(!path.exists());
        drop(dropped);
        assert!(names(folder.path()).is_empty());
        let mut kept = VideoFile::encoded(&path, [32, 32], &VideoFileOptions::default()).unwrap();
        kept.add(&mut grey(32, 32, 0.5), None).unwrap();
        let fault = kept.add(&mut grey(32, 30, 0.5), None);
        assert!(matches!(fault, Err(VideoError::Size { frame: 1, found: (32, 30), .. })));
        kept.finish().unwrap();
        assert_eq!(names(folder.path()), ["a.mp4"]);
        assert_eq!(&std::fs::read(&path).unwrap()[4..8], b"ftyp");
        let nowhere = VideoFile::encoded(&folder.path().join("no/a.mp4"), [32, 32], &Default::default());
        assert!(matches!(nowhere, Err(VideoError::Io(_))));
    }

    #[test]
    fn raw_pictures_are_those_that_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let options = VideoFileOptions { fps: 25.0, ..VideoFileOptions::default() };
        let mut file = VideoFile::raw(&path, [16, 8], &options).unwrap();
        for level in [0.0, 1.0] {
            file.add(&mut grey(16, 8, level), None).unwrap();
        }
        file.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let header = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        assert!(String::from_utf8_lossy(&bytes[..header]).contains("W16 H8 F25:1"));
        // Black and white of video range, each after "FRAME\n": 16 x 8 of luma and two quarters of it of chroma.
        let frame = 6 + 16 * 8 * 3 / 2;
        let luma = |i: usize| bytes[header + 1 + i * frame + 6];
        assert_eq!((bytes.len(), luma(0), luma(1)), (header + 1 + 2 * frame, 16, 235));
        let sound = VideoFileOptions { map: Some(MapOptions::default()), ..options };
        assert!(matches!(VideoFile::raw(&path, [16, 8], &sound), Err(VideoError::Settings(_))));
    }
}
