//! The shell that draws to pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use effigy_render::{AdapterChoice, Gpu, RenderError, scoped};

use crate::error::ViewerError;
use crate::options::Options;
use crate::viewer::{Frame, Viewer};

/// What the interface is drawn on.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Seconds from frame to frame, as the interface is told.
const STEP: f64 = 1.0 / 60.0;
/// How long [`Offscreen::settle`] waits for what is being loaded.
const PATIENCE: Duration = Duration::from_secs(300);
/// Animations of the interface are over after so many frames.
const CALM: usize = 12;

/// A viewer that draws to pictures, with a time of its own: every frame is a sixtieth of a second.
pub struct Offscreen {
    viewer: Viewer,
    gpu: Arc<Gpu>,
    texture: wgpu::Texture,
    frames: u64,
}

/// A picture of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// sRGB and alpha, 8 bits each, row by row from the top.
    pub rgba: Vec<u8>,
}

impl Offscreen {
    /// Opens a viewer of so many pixels on the best adapter.
    ///
    /// # Errors
    /// [`ViewerError::Render`] without a graphics device, or for a size that it cannot draw.
    pub fn open(options: Options, size: [u32; 2]) -> Result<Self, ViewerError> {
        let gpu = Arc::new(pollster::block_on(Gpu::open(&AdapterChoice::Best))?);
        let texture = target(&gpu, size)?;
        Ok(Self { viewer: Viewer::new(gpu.clone(), FORMAT, options), gpu, texture, frames: 0 })
    }

    /// Width and height, pixels.
    pub fn size(&self) -> [u32; 2] {
        [self.texture.width(), self.texture.height()]
    }

    /// Changes the size.
    ///
    /// # Errors
    /// As [`Offscreen::open`].
    pub fn resize(&mut self, size: [u32; 2]) -> Result<(), ViewerError> {
        self.texture = target(&self.gpu, size)?;
        Ok(())
    }

    /// What is drawn.
    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Bytes that buffers and textures hold; nothing where the driver does not say.
    pub fn device_memory(&self) -> Option<u64> {
        Some(self.gpu.device.generate_allocator_report()?.total_allocated_bytes)
    }

    /// What the panels show and change.
    #[cfg(test)]
    pub(crate) fn state(&mut self) -> &mut crate::state::State {
        self.viewer.state()
    }

    /// Draws a frame in which `events` happen. It waits until it is drawn, so that frames do not pile up.
    ///
    /// # Errors
    /// As [`Viewer::frame`].
    pub fn frame(&mut self, events: Vec<egui::Event>) -> Result<Frame, ViewerError> {
        self.frame_with(events, Vec::new())
    }

    /// The same with files dropped on the window.
    ///
    /// # Errors
    /// As [`Viewer::frame`].
    pub fn frame_with(
        &mut self,
        events: Vec<egui::Event>,
        dropped: Vec<PathBuf>,
    ) -> Result<Frame, ViewerError> {
        let [width, height] = self.size();
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width as f32, height as f32));
        let input = egui::RawInput {
            screen_rect: Some(rect / self.viewer.context().zoom_factor()),
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            time: Some(self.frames as f64 * STEP),
            events,
            dropped_files: dropped.into_iter().map(|path| Arc::new(Dropped(path)) as _).collect(),
            focused: true,
            ..Default::default()
        };
        self.frames += 1;
        let view = self.texture.create_view(&Default::default());
        let frame = self.viewer.frame(input, &view, [width, height])?;
        self.wait()?;
        Ok(frame)
    }

    #[expect(clippy::disallowed_methods, reason = "nobody looks while it waits")]
    fn wait(&self) -> Result<(), ViewerError> {
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| RenderError::Gpu {
            doing: "drawing the interface",
            message: error.to_string(),
        })?;
        Ok(())
    }

    /// Draws frames until all that was asked for is there and nothing moves by itself any more.
    ///
    /// # Errors
    /// As [`Viewer::frame`], and [`ViewerError::Input`] if it takes minutes.
    pub fn settle(&mut self) -> Result<(), ViewerError> {
        let start = Instant::now();
        let mut calm = 0;
        while calm < CALM {
            let idle = self.frame(Vec::new())?.repaint_after > Duration::from_millis(50);
            calm = if self.viewer.is_settled() { calm + if idle { CALM } else { 1 } } else { 0 };
            if calm == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            if start.elapsed() > PATIENCE {
                return Err(ViewerError::Input("what was to be opened took too long".into()));
            }
        }
        Ok(())
    }

    /// The frame that was drawn last.
    ///
    /// # Errors
    /// [`ViewerError::Render`] if the device is lost.
    pub fn picture(&self) -> Result<Picture, ViewerError> {
        let [width, height] = self.size();
        let row = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let staging = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &staging, layout },
            self.texture.size(),
        );
        self.gpu.queue.submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait()?;
        let mapped = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|error| RenderError::Gpu { doing: "reading the picture", message: error.to_string() })?;
        let rows = mapped.chunks_exact(row as usize);
        let rgba = rows.flat_map(|pixels| &pixels[..4 * width as usize]).copied().collect();
        Ok(Picture { width, height, rgba })
    }
}

/// A file as if it was dropped.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn target(gpu: &Gpu, [width, height]: [u32; 2]) -> Result<wgpu::Texture, ViewerError> {
    Ok(scoped(&gpu.device, "making the picture", || {
        Ok(gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("interface"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        }))
    })?)
}

impl Picture {
    /// Writes it as PNG, whole or not at all.
    ///
    /// # Errors
    /// [`ViewerError::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ViewerError> {
        let path = path.as_ref();
        let fault = |source| ViewerError::Write { path: path.display().to_string(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // As readable as the user's other files.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder).map_err(fault)?;
        let mut encoder = png::Encoder::new(std::io::BufWriter::new(&mut file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.rgba)?;
            writer.finish()
        });
        written.map_err(|error| fault(std::io::Error::other(error)))?;
        file.persist(path).map_err(|error| fault(error.error))?;
        Ok(())
    }
}

/// A picture of the interface once all that `options` names is shown.
///
/// # Errors
/// As [`Offscreen::open`], and [`ViewerError::Input`] if something that was asked for cannot be shown.
pub fn screenshot(options: Options, size: [u32; 2]) -> Result<Picture, ViewerError> {
    let mut offscreen = Offscreen::open(options, size)?;
    offscreen.settle()?;
    match offscreen.viewer.faults().first() {
        Some(fault) => Err(ViewerError::Input(fault.clone())),
        None => offscreen.picture(),
    }
}
