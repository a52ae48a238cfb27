//! A renderer's views in, a video file out: pictures leave the device as planes only, and are encoded beside the renderer.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use effigy_render::{View, wgpu};
use tempfile::TempPath;

use crate::VideoError;
use crate::container::Mp4;
use crate::encoder::{Capabilities, Encoder, open};
use crate::file::{VideoFileOptions, plan, temporary};
use crate::format::Alpha;
use crate::learned::LearnedOptions;
use crate::output::{OutputFilter, OutputOptions, VideoOutput, one_segment};
use crate::prefilter::FilterOptions;
use crate::preparation::{Filtering, map_options};
use crate::ring::{Recorded, WhenFull};

/// The longest that an encoder may take for a picture, and for the last ones: nobody watches live.
const PATIENCE: Duration = Duration::from_secs(600);

/// The longest that a file that is given up waits for its encoder.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A video file of a renderer's pictures of one size, as [`crate::VideoFile`] is of frames in memory. It is at its path once
/// [`DeviceVideoFile::finish`] has returned; dropped before, it leaves nothing behind.
pub struct DeviceVideoFile {
    path: PathBuf,
    partial: Option<TempPath>,
    size: (u32, u32),
    frames: u64,
    capabilities: Capabilities,
    /// Until the file is finished.
    output: Option<VideoOutput>,
}

impl DeviceVideoFile {
    /// Whether videos can be made so: a blur of the whole picture is only there for frames in memory, and so is a plane of
    /// alpha.
    pub fn can(options: &VideoFileOptions) -> bool {
        options.filtering != Filtering::Plain && !matches!(options.alpha, Alpha::Plane(_))
    }

    /// An MP4 at `path` of views of so many pixels. Where [`VideoFileOptions::need_importance`] says so they need a guide.
    ///
    /// # Errors
    /// As [`crate::VideoFile::encoded`]; [`VideoError::Settings`] for what [`DeviceVideoFile::can`] denies.
    pub fn new(
        path: &Path,
        size: [u32; 2],
        options: &VideoFileOptions,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
    ) -> Result<Self, VideoError> {
        if !Self::can(options) {
            return Err(VideoError::Settings(
                "a device neither blurs whole pictures nor keeps alpha in a plane of its own".into(),
            ));
        }
        let (shape, config) = plan(size, options, options.encoder.codec()?)?;
        // Here, and not beside the renderer, so that what cannot be encoded is known before anything is drawn.
        let encoder = open(&options.encoder, &config)?;
        let capabilities = encoder.capabilities().clone();
        let filter = match options.filtering {
            Filtering::None | Filtering::Plain => None,
            Filtering::Focus => Some(OutputFilter::Focus(FilterOptions::default())),
            Filtering::Learned => Some(OutputFilter::Learned(LearnedOptions::default())),
        };
        let wanted = OutputOptions {
            format: shape.format(),
            alpha: options.alpha,
            when_full: WhenFull::Block(PATIENCE),
            patience: PATIENCE,
            filter,
            map: options.map.as_ref().map(|map| map_options(map, &config)),
            ..OutputOptions::new(config.clone())
        };
        let (file, partial) = temporary(path)?;
        let container = Mp4::with_sound(BufWriter::new(file), &config, options.sound.clone())?;
        let mut encoder: Option<Box<dyn Encoder>> = Some(encoder);
        let take = move |_: &_| encoder.take().ok_or_else(ended);
        let mut output = VideoOutput::new(device, wanted, Box::new(take), one_segment(container))?;
        output.set_quality(queue, config.h264_quantiser());
        let size = (size[0], size[1]);
        let (path, output) = (path.into(), Some(output));
        Ok(Self { path, partial: Some(partial), size, frames: 0, capabilities, output })
    }

    /// Width and height of the pictures, pixels.
    pub fn size(&self) -> [u32; 2] {
        [self.size.0, self.size.1]
    }

    /// Pictures so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What the encoder can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Records that the picture in `view` is added, as commands recorded before leave it, once `encoder` is submitted. Waits
    /// for the encoder where it is behind.
    ///
    /// # Errors
    /// [`VideoError::Size`] for a view of another size, and as [`VideoOutput::record`].
    pub fn record(&mut self, encoder: &mut wgpu::CommandEncoder, view: &View) -> Result<(), VideoError> {
        if view.size() != self.size {
            let (expected, found) = (self.size, view.size());
            return Err(VideoError::Size { frame: self.frames, expected, found });
        }
        let output = self.output.as_mut().ok_or_else(ended)?;
        if let Recorded::Dropped { waited, .. } = output.record(encoder, view)? {
            return Err(VideoError::Stalled { what: self.capabilities.name.clone(), waited });
        }
        self.frames += 1;
        Ok(())
    }

    /// Waits for what was recorded and puts the file in its place.
    ///
    /// # Errors
    /// [`VideoError::NoPictures`] without a picture, and as [`VideoOutput::finish`].
    pub fn finish(mut self) -> Result<(), VideoError> {
        let output = self.output.take().ok_or_else(ended)?;
        if output.finish()?.pictures == 0 {
            return Err(VideoError::NoPictures);
        }
        let partial = self.partial.take().ok_or_else(ended)?;
        partial.persist(&self.path).map_err(|error| VideoError::Io(error.error))
    }
}

impl Drop for DeviceVideoFile {
    /// Leaves nothing behind, no thread either unless it hangs.
    fn drop(&mut self) {
        if let Some(output) = self.output.take() {
            output.abandon(LAST_WAIT);
        }
    }
}

fn ended() -> VideoError {
    VideoError::Ended("it was finished".into())
}
