//! A clip that is encoded: rendered once, and kept in raw files on disk.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use effigy_quality::{FrameSource, Gather, Mask, Picture, QualityError, Rect, RectFinder};
use effigy_render::Precision;
use effigy_splat::Frame;

use crate::command::bundled;
use crate::engine::{Backend, Engine};
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::interrupt;
use crate::output::STUDIO_GREY;
use crate::performance::Performance;
use crate::progress::Progress;
use crate::source::SourceOptions;

/// Pictures a second.
pub(super) const FPS: f64 = 30.0;
/// The importance from which a pixel is the face's.
const FACE: f32 = 0.5;

/// What `--clip` says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClipChoice {
    /// None is the bundled avatar.
    pub(super) avatar: Option<PathBuf>,
    /// None is the animation of the avatar's own file, or else the bundled track.
    pub(super) track: Option<PathBuf>,
    camera: CameraChoice,
}

impl FromStr for ClipChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ',');
        let mut file = || parts.next().filter(|part| !part.is_empty()).map(PathBuf::from);
        let (avatar, track) = (file().filter(|path| path != Path::new("bundled")), file());
        let camera = match parts.next() {
            Some(camera) if !camera.is_empty() => camera.parse()?,
            _ => CameraChoice::Front,
        };
        Ok(Self { avatar, track, camera })
    }
}

impl Default for ClipChoice {
    /// The bundled avatar with the bundled track, from the front.
    fn default() -> Self {
        Self { avatar: None, track: None, camera: CameraChoice::Front }
    }
}

impl ClipChoice {
    /// Whether the camera is another than the usual one.
    pub(super) fn moves(&self) -> bool {
        self.camera != CameraChoice::Front
    }

    /// For people: the names of the files, and the camera if it is another than the usual.
    pub(super) fn name(&self) -> String {
        let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut name = self.avatar.as_deref().map_or("bundled".into(), stem);
        if let Some(track) = &self.track {
            name += &format!(" {}", stem(track));
        }
        match &self.camera {
            CameraChoice::Front => {}
            CameraChoice::Orbit(Some(degrees)) => name += &format!(" orbit {degrees}"),
            CameraChoice::Orbit(None) => name += " orbit",
            CameraChoice::File(path) => name += &format!(" {}", stem(path)),
        }
        name
    }
}

/// How clips are rendered.
pub(super) struct ClipOptions<'a> {
    pub(super) size: Size,
    pub(super) frames: usize,
    pub(super) backend: Backend,
    pub(super) adapter: Option<&'a str>,
    pub(super) source: SourceOptions,
}

/// A rendered clip.
pub(super) struct Clip {
    pub(super) name: String,
    pub(super) size: Size,
    pub(super) frames: usize,
    /// Where the face is in most pictures, if there is one.
    pub(super) face: Option<Rect>,
    /// Red, green and blue bytes of every picture over the usual grey.
    color: PathBuf,
    /// A byte a pixel.
    importance: PathBuf,
}

impl Clip {
    /// Renders into `folder`.
    pub(super) fn render(
        choice: &ClipChoice,
        name: String,
        options: &ClipOptions<'_>,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let avatar = Arc::new(match &choice.avatar {
            Some(path) => options.source.open(path)?,
            None => bundled::avatar()?,
        });
        let mut performance =
            Performance::open(&avatar, choice.avatar.as_deref(), choice.track.as_deref())?.or_bundled()?;
        let ClipOptions { size, frames, .. } = *options;
        let y_axis = options.source.y_axis;
        let cameras = CameraPath::new(&choice.camera, &avatar, 0.0, 0.0, Some(size), y_axis)?;
        let mut engine = Engine::open(options.backend, options.adapter, &avatar, Precision::Full)?;
        engine.frames.watch_importance();

        let file = |kind: &str| folder.join(format!("{}.{kind}", name.replace(['/', '\\'], "-")));
        let (color, importance) = (file("rgb"), file("importance"));
        let create = |path: &Path| -> anyhow::Result<_> {
            Ok(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?))
        };
        let (mut to_color, mut to_importance) = (create(&color)?, create(&importance)?);
        let mut finder = RectFinder::default();
        let progress = Progress::new(frames as u64, "rendering");
        let (mut frame, mut values) = (Frame::default(), Vec::new());
        for i in 0..frames {
            interrupt::check()?;
            let camera = cameras.at(i, frames);
            engine.frames.render(performance.pose_at(i as f64 / FPS), &camera, &mut frame)?;
            engine.frames.importance(&camera, &mut values)?;
            let rgba = frame.over_rgba8(STUDIO_GREY);
            let rgb: Vec<u8> = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            to_color.write_all(&rgb).with_context(|| color.display().to_string())?;
            // The cast saturates.
            let bytes: Vec<u8> = values.iter().map(|v| (v * 255.0 + 0.5) as u8).collect();
            to_importance.write_all(&bytes).with_context(|| importance.display().to_string())?;
            finder.push(&Mask::of_importance(size.width as usize, size.height as usize, &values, FACE)?);
            progress.step();
        }
        to_color.flush().with_context(|| color.display().to_string())?;
        to_importance.flush().with_context(|| importance.display().to_string())?;
        Ok(Self { name, size, frames, face: finder.finish(Gather::Median), color, importance })
    }

    /// The pictures, to compare with.
    pub(super) fn pictures(&self) -> anyhow::Result<RawPictures> {
        let file = File::open(&self.color).with_context(|| self.color.display().to_string())?;
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let file = BufReader::new(file);
        Ok(RawPictures {
            name: self.name.clone(),
            path: self.color.clone(),
            file,
            width,
            height,
            left: self.frames,
        })
    }

    /// The pictures with their importance, to encode.
    pub(super) fn frames(&self) -> anyhow::Result<RawFrames> {
        let file = File::open(&self.importance).with_context(|| self.importance.display().to_string())?;
        Ok(RawFrames { pictures: self.pictures()?, importance: BufReader::new(file), values: Vec::new() })
    }
}

/// A clip's pictures in order.
pub(super) struct RawPictures {
    name: String,
    path: PathBuf,
    file: BufReader<File>,
    width: usize,
    height: usize,
    left: usize,
}

impl FrameSource for RawPictures {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn frames_per_second(&self) -> Option<f64> {
        Some(FPS)
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let mut rgb = vec![0; 3 * self.width * self.height];
        self.file
            .read_exact(&mut rgb)
            .map_err(|error| QualityError::Read { path: self.path.clone(), fault: error.to_string() })?;
        Picture::new(self.width, self.height, rgb).map(Some)
    }
}

/// A clip's pictures with their importance, in order.
pub(super) struct RawFrames {
    pictures: RawPictures,
    importance: BufReader<File>,
    values: Vec<u8>,
}

impl RawFrames {
    /// The next picture into `frame`, and the importance of its pixels; `None` after the last.
    pub(super) fn next(&mut self, frame: &mut Frame) -> anyhow::Result<Option<&[u8]>> {
        let Some(picture) = self.pictures.next_frame()? else { return Ok(None) };
        frame.reset(picture.width() as u32, picture.height() as u32);
        for (to, from) in frame.color.iter_mut().zip(picture.rgb().chunks_exact(3)) {
            let value = |c: usize| f32::from(from[c]) / 255.0;
            *to = [value(0), value(1), value(2), 1.0];
        }
        self.values.resize(frame.color.len(), 0);
        self.importance.read_exact(&mut self.values).with_context(|| self.pictures.name.clone())?;
        Ok(Some(&self.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_are_parsed_and_named() {
        let name = |text: &str| text.parse::<ClipChoice>().unwrap().name();
        assert_eq!(name("bundled"), "bundled");
        assert_eq!(name(",,orbit:20"), "bundled orbit 20");
        assert_eq!(name("a/man.zip,b/take.csv"), "man take");
        assert_eq!(name("man.glb,,views/transforms.json"), "man transforms");
        assert!(",,orbit:x".parse::<ClipChoice>().is_err());
    }
}
