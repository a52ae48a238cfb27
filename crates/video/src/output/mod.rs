//! From a renderer's view to packets, beside the renderer: what a host that draws needs to have its pictures encoded.

mod clock;
mod filter;
mod report;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use effigy_render::{View, wgpu};

use crate::VideoError;
use crate::container::Container;
use crate::convert::{Converter, PlanesBuffer};
use crate::encoder::{Encoder, EncoderChoice, EncoderConfig, Picture, open};
use crate::focus::FocusOptions;
use crate::format::{Alpha, PlaneFormat, PlanesError, Shape};
use crate::gpu_focus::{GpuFocus, region_size};
use crate::quality_map::{MapOptions, QualityMapper};
use crate::ring::{Recorded, Ring, WhenFull};

use filter::Filter;
pub use filter::OutputFilter;
use report::Shared;
pub use report::{OutputReport, OutputTimes};
use worker::Worker;

/// Opens an encoder for pictures of one size.
pub type OpenEncoder = Box<dyn FnMut(&EncoderConfig) -> Result<Box<dyn Encoder>, VideoError> + Send>;
/// Opens what a segment's packets are written to.
pub type OpenContainer = Box<dyn FnMut(&Segment) -> Result<Box<dyn Container>, VideoError> + Send>;

/// Pictures of one size that follow one another: what one encoder makes, from a key frame on.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Counted from 0.
    pub number: u64,
    /// The frame that it begins with, counted as [`Recorded`] has it.
    pub first_frame: u64,
    /// How it is encoded.
    pub config: EncoderConfig,
}

/// How a renderer's pictures leave.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputOptions {
    /// How pictures are encoded; the size, the layout and the meaning of their samples are those of the frames.
    pub config: EncoderConfig,
    /// What they are converted to.
    pub format: PlaneFormat,
    /// What becomes of transparency. No encoder here takes a plane of alpha.
    pub alpha: Alpha,
    /// What is done with frames that the encoder is not ready for.
    pub when_full: WhenFull,
    /// Frames that may be on their way at once. Three let the GPU, the transfer and the encoder each work on one.
    pub places: usize,
    /// Filters before encoding, if the view has a guide; [`VideoOutput::set_quality`] sets the strength.
    pub filter: Option<OutputFilter>,
    /// Gives the encoder a quality map with every picture; the view must have a guide.
    pub map: Option<MapOptions>,
    /// How long [`VideoOutput::finish`] waits for an encoder or a receiver that does not go on.
    pub patience: Duration,
}

impl OutputOptions {
    /// What every player takes, over black, three places, frames dropped where the encoder is not ready, no filter and no
    /// map, ten seconds of patience.
    pub fn new(config: EncoderConfig) -> Self {
        Self {
            config,
            format: PlaneFormat::VIDEO,
            alpha: Alpha::Over([0.0; 3]),
            when_full: WhenFull::Drop,
            places: 3,
            filter: None,
            map: None,
            patience: Duration::from_secs(10),
        }
    }
}

/// Encodes what a renderer draws, on a thread of its own: view, filter, planes, a ring of staging buffers, encoder,
/// container.
///
/// The renderer never waits for the encoder with [`WhenFull::Drop`], and with [`WhenFull::Block`] not longer than that
/// says; [`Recorded`] tells which frames are dropped. The times in packets count *recorded* frames, dropped ones included,
/// from the segment's first: what is recorded at [`EncoderConfig::fps`] plays at the right speed.
///
/// **A picture of another size** ends the segment, whose container is finished, and begins another with an encoder and a
/// container of its own, and so with a key frame. A host whose file has one size refuses a second segment: [`one_segment`].
///
/// **When an encoder dies, a disk is full or a receiver is gone**, the container is finished as far as it can be, the
/// next call tells why and all later ones that the video has ended ([`VideoError::Ended`]). The renderer is not affected;
/// to go on, drop this and make another. A receiver that only stalls has frames dropped until it goes on.
pub struct VideoOutput {
    device: wgpu::Device,
    options: OutputOptions,
    converter: Converter,
    focus: Option<GpuFocus>,
    filter: Option<Filter>,
    planes: Option<PlanesBuffer>,
    ring: Arc<Ring>,
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl VideoOutput {
    /// Builds what runs on the device, and starts the thread. Encoders and containers are opened there, when the first frame
    /// of each segment comes.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning, [`VideoError::Planes`] if the device refuses the kernels,
    /// [`VideoError::Io`] if there can be no thread.
    pub fn new(
        device: &wgpu::Device,
        options: OutputOptions,
        open_encoder: OpenEncoder,
        open_container: OpenContainer,
    ) -> Result<Self, VideoError> {
        if matches!(options.alpha, Alpha::Plane(_)) {
            return Err(VideoError::Settings(
                "no encoder takes a plane of alpha; pack it at the side".into(),
            ));
        }
        let focus = followed(&options)?.map(|focus| GpuFocus::new(device, focus)).transpose()?;
        let filter = options.filter.map(|filter| Filter::new(device, filter, options.alpha)).transpose()?;
        let mapper = options.map.clone().map(QualityMapper::new).transpose()?;
        let converter = Converter::new(device)?;
        let ring = Arc::new(Ring::new(device, options.places, options.when_full)?);
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(&options.config, mapper, &ring, &shared, open_encoder, open_container);
        let worker = std::thread::Builder::new().name("video output".into()).spawn(|| worker.run())?;
        let (device, worker) = (device.clone(), Some(worker));
        Ok(Self { device, options, converter, focus, filter, planes: None, ring, shared, worker })
    }

    /// The same with one of the encoders here.
    ///
    /// # Errors
    /// As [`VideoOutput::new`]; what is wrong with `choice` itself the first frames tell.
    pub fn with_encoder(
        device: &wgpu::Device,
        options: OutputOptions,
        choice: EncoderChoice,
        open_container: OpenContainer,
    ) -> Result<Self, VideoError> {
        Self::new(device, options, Box::new(move |config| open(&choice, config)), open_container)
    }

    /// Filters for an encoder at this quality (H.264's quantiser), if there is a filter: all frames submitted from now on.
    pub fn set_quality(&mut self, queue: &wgpu::Queue, quality: f32) {
        if let Some(filter) = &mut self.filter {
            filter.set_quality(queue, quality);
        }
    }

    /// Asks that the next picture that is encoded is a key frame, as a receiver does that has lost something. An encoder
    /// without [`crate::encoder::Capabilities::key_on_request`] goes on without.
    pub fn request_key(&self) {
        self.shared.request_key();
    }

    /// Records that the frame in `view`, as commands recorded before leave it, is encoded once `encoder` is submitted, or
    /// that it is dropped. Where it is dropped at once nothing is recorded. Each `encoder` must be submitted or dropped.
    ///
    /// # Errors
    /// Why the video has ended, else [`VideoError::Planes`] if the device is lost or out of memory, [`VideoError::Settings`]
    /// for a view without a guide where there is a filter or map.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        view: &View,
    ) -> Result<Recorded, VideoError> {
        self.record_picture(encoder, view.color(), view.guide())
    }

    /// The same of any premultiplied display-referred picture: a host that composites or filters by itself.
    ///
    /// # Errors
    /// As [`VideoOutput::record`].
    pub fn record_picture(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        color: &wgpu::TextureView,
        guide: Option<&wgpu::TextureView>,
    ) -> Result<Recorded, VideoError> {
        self.check()?;
        if self.options.when_full == WhenFull::Drop && !self.ring.has_room() {
            return Ok(self.ring.pass_over()?);
        }
        let start = Instant::now();
        let recorded = self.record_kept(encoder, color, guide)?;
        let (Recorded::Kept { waited, .. } | Recorded::Dropped { waited, .. }) = recorded;
        self.shared.add_record(start.elapsed().saturating_sub(waited));
        Ok(recorded)
    }

    fn record_kept(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        color: &wgpu::TextureView,
        guide: Option<&wgpu::TextureView>,
    ) -> Result<Recorded, VideoError> {
        let size = [color.texture().width(), color.texture().height()];
        if self.planes.as_ref().is_none_or(|planes| planes.shape().picture() != size) {
            self.planes = None;
            let shape = Shape::new(size[0], size[1], self.options.format, self.options.alpha)?;
            let rest = if self.options.map.is_some() { region_size(size) } else { 0 };
            self.planes = Some(self.converter.planes_and(&shape, rest)?);
        }
        let Some(planes) = &mut self.planes else { return Err(no_memory().into()) };
        let mut color = color;
        if let Some(focus) = &mut self.focus {
            let guide = guide
                .filter(|guide| [guide.texture().width(), guide.texture().height()] == size)
                .ok_or_else(|| {
                    VideoError::Settings(
                        "a filter or map needs a guide of the picture's size: make the view with one".into(),
                    )
                })?;
            focus.record(encoder, guide)?;
            if let Some(filter) = &mut self.filter {
                color = filter.record(encoder, color, focus)?;
            }
            if let (Some(region), true) = (focus.region(), self.options.map.is_some()) {
                let at = planes.shape().size() as u64;
                encoder.copy_buffer_to_buffer(region, 0, planes.buffer(), at, region.size());
            }
        }
        self.converter.record(encoder, color, planes)?;
        Ok(self.ring.record(encoder, planes)?)
    }

    /// What happened so far.
    pub fn report(&self) -> OutputReport {
        self.shared.report(self.ring.counts())
    }

    /// Waits for all frames that were submitted, ends the last segment and gives the account.
    ///
    /// # Errors
    /// Why the video has ended; [`VideoError::Stalled`] if nothing goes on for [`OutputOptions::patience`].
    pub fn finish(mut self) -> Result<OutputReport, VideoError> {
        self.shared.close();
        let Some(worker) = self.worker.take() else {
            return Err(VideoError::Ended("it was finished".into()));
        };
        if let Some((step, waited)) = self.shared.wait_for_end(self.options.patience) {
            // Its thread goes on by itself, should what it waits for ever come.
            return Err(VideoError::Stalled { what: step.to_owned(), waited });
        }
        let ended = worker.join();
        self.shared.check()?;
        match ended {
            Ok(()) => Ok(self.report()),
            Err(_) => Err(VideoError::Ended("the encoder's thread panicked".into())),
        }
    }

    /// Ends the video, whatever becomes of it, and waits up to `patience` for its thread: for hosts that exit, since a thread
    /// that still uses a device while drivers are unloaded crashes.
    pub fn abandon(mut self, patience: Duration) {
        self.shared.close();
        if let (Some(worker), None) = (self.worker.take(), self.shared.wait_for_end(patience)) {
            // How it ended is of no interest any more.
            let _ = worker.join();
        }
    }

    /// Whether the thread is still there to take frames.
    fn check(&mut self) -> Result<(), VideoError> {
        self.shared.check()?;
        match &self.worker {
            Some(worker) if worker.is_finished() => {
                Err(VideoError::Ended("the encoder's thread panicked".into()))
            }
            _ => Ok(()),
        }
    }

    /// The device that frames have to be of.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }
}

impl Drop for VideoOutput {
    /// Ends the video without waiting for it.
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// A container for hosts whose file or stream has one size: a picture of another is an error.
pub fn one_segment(container: impl Container + 'static) -> OpenContainer {
    let mut container: Option<Box<dyn Container>> = Some(Box::new(container));
    let mut first = None;
    Box::new(move |segment| {
        let found = (segment.config.width, segment.config.height);
        let expected = *first.get_or_insert(found);
        container.take().ok_or(VideoError::Size { frame: segment.first_frame, expected, found })
    })
}

/// What is to be followed for the filter and the map, if there is one of them.
fn followed(options: &OutputOptions) -> Result<Option<FocusOptions>, VideoError> {
    let filter = options.filter.as_ref().map(OutputFilter::focus);
    let map = options.map.as_ref().map(|map| map.focus);
    match (filter, map) {
        (Some(filter), Some(map)) if filter != map => {
            Err(VideoError::Settings("a filter and a map of one video follow one face in one way".into()))
        }
        (filter, map) => Ok(filter.or(map)),
    }
}

/// The settings for pictures that lie in memory as `picture`.
fn config_of(config: &EncoderConfig, picture: &Picture<'_>) -> EncoderConfig {
    EncoderConfig {
        width: picture.width,
        height: picture.height,
        layout: picture.layout,
        color: picture.color,
        ..config.clone()
    }
}

fn no_memory() -> PlanesError {
    let message = "there is no memory for planes".into();
    effigy_render::RenderError::Gpu { doing: "recording a frame", message }.into()
}
