//! The shell with a window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use effigy_render::Gpu;
use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::{Window, WindowId};

use crate::error::ViewerError;
use crate::options::Options;
use crate::viewer::Viewer;

/// How long it takes to look again whether a window that could not be drawn in can be.
const RETRY: Duration = Duration::from_millis(100);

/// Opens a window and stays in it until it is closed.
///
/// # Errors
/// [`ViewerError::Window`] if there is no display, [`ViewerError::Render`] if the graphics device is missing or lost.
pub fn run(options: Options) -> Result<(), ViewerError> {
    let events = EventLoop::<Wake>::with_user_event().build().map_err(window_error)?;
    let mut application =
        Application { options: Some(options), wake: events.create_proxy(), shown: None, fault: None };
    events.run_app(&mut application).map_err(window_error)?;
    application.fault.map_or(Ok(()), Err)
}

fn window_error(error: impl ToString) -> ViewerError {
    ViewerError::Window(error.to_string())
}

/// Something outside of the event loop wants a frame.
struct Wake;

struct Application {
    /// Until there is a window.
    options: Option<Options>,
    wake: EventLoopProxy<Wake>,
    shown: Option<Shown>,
    fault: Option<ViewerError>,
}

/// A window with a viewer in it.
struct Shown {
    viewer: Viewer,
    input: egui_winit::State,
    title: String,
    surface: Surface,
}

/// What is drawn on in a window.
struct Surface {
    window: Arc<Window>,
    instance: wgpu::Instance,
    gpu: Arc<Gpu>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
}

impl Surface {
    fn open(window: Window) -> Result<Self, ViewerError> {
        let window = Arc::new(window);
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle_from_env(
            Box::new(window.clone()),
        ));
        let surface = instance.create_surface(window.clone()).map_err(window_error)?;
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            compatible_surface: Some(&surface),
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        }));
        let adapter = adapter.map_err(window_error)?;
        let mut config = surface
            .get_default_config(&adapter, 1, 1)
            .ok_or_else(|| window_error("the graphics device cannot draw in it"))?;
        // egui blends colours as they are displayed.
        let formats = surface.get_capabilities(&adapter).formats;
        let plain = [wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureFormat::Bgra8Unorm];
        if let Some(&format) = formats.iter().find(|format| plain.contains(format)) {
            config.format = format;
        }
        let gpu = Arc::new(pollster::block_on(Gpu::on(adapter))?);
        let mut surface = Self { window, instance, gpu, surface, config };
        surface.resize();
        Ok(surface)
    }

    fn resize(&mut self) {
        let size = self.window.inner_size();
        let most = self.gpu.device.limits().max_texture_dimension_2d;
        (self.config.width, self.config.height) = (size.width.clamp(1, most), size.height.clamp(1, most));
        self.surface.configure(&self.gpu.device, &self.config);
    }

    /// What the next frame is drawn on; nothing while the window cannot be drawn in.
    fn acquire(&mut self) -> Result<Option<wgpu::SurfaceTexture>, ViewerError> {
        let size = self.window.inner_size();
        if size.width == 0 || size.height == 0 {
            return Ok(None);
        }
        for _ in 0..3 {
            match self.surface.get_current_texture() {
                wgpu::CurrentSurfaceTexture::Success(texture) => return Ok(Some(texture)),
                // The texture has to go before the surface is configured.
                wgpu::CurrentSurfaceTexture::Suboptimal(texture) => drop(texture),
                wgpu::CurrentSurfaceTexture::Outdated => {}
                wgpu::CurrentSurfaceTexture::Lost => {
                    self.surface = self.instance.create_surface(self.window.clone()).map_err(window_error)?;
                }
                wgpu::CurrentSurfaceTexture::Validation => {
                    self.gpu.check()?;
                    return Err(window_error("its surface is invalid"));
                }
                wgpu::CurrentSurfaceTexture::Timeout | wgpu::CurrentSurfaceTexture::Occluded => {
                    return Ok(None);
                }
            }
            self.resize();
        }
        Ok(None)
    }
}

impl Shown {
    fn open(
        events: &ActiveEventLoop,
        options: Options,
        wake: &EventLoopProxy<Wake>,
    ) -> Result<Self, ViewerError> {
        let attributes = Window::default_attributes()
            .with_title("Effigy")
            .with_inner_size(LogicalSize::new(1440, 900))
            .with_min_inner_size(LogicalSize::new(480, 320));
        let surface = Surface::open(events.create_window(attributes).map_err(window_error)?)?;
        let viewer = Viewer::new(surface.gpu.clone(), surface.config.format, options);
        let context = viewer.context().clone();
        let wake = wake.clone();
        context.set_request_repaint_callback(move |request| {
            // Delays are waited for by the event loop. It may be gone already.
            if request.delay.is_zero() {
                let _ = wake.send_event(Wake);
            }
        });
        let window = &surface.window;
        let most = surface.gpu.device.limits().max_texture_dimension_2d as usize;
        let (id, theme) = (egui::ViewportId::ROOT, window.theme());
        let scale = window.scale_factor() as f32;
        let input = egui_winit::State::new(context, id, window, Some(scale), theme, Some(most));
        Ok(Self { viewer, input, title: String::new(), surface })
    }

    /// Draws a frame, and says when the next is wanted, or that there shall be none.
    fn draw(&mut self) -> Result<Option<Duration>, ViewerError> {
        let Some(texture) = self.surface.acquire()? else { return Ok(Some(RETRY)) };
        let window = &self.surface.window;
        let input = self.input.take_egui_input(window);
        let size = [self.surface.config.width, self.surface.config.height];
        let view = texture.texture.create_view(&Default::default());
        let frame = self.viewer.frame(input, &view, size)?;
        self.input.handle_platform_output(window, frame.platform);
        if frame.title != self.title {
            window.set_title(&frame.title);
            self.title = frame.title;
        }
        window.pre_present_notify();
        self.surface.gpu.queue.present(texture);
        Ok((!frame.quit).then_some(frame.repaint_after))
    }
}

impl Application {
    fn fail(&mut self, events: &ActiveEventLoop, fault: ViewerError) {
        self.fault = Some(fault);
        events.exit();
    }
}

impl ApplicationHandler<Wake> for Application {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if let Some(options) = self.options.take() {
            match Shown::open(events, options, &self.wake) {
                Ok(shown) => {
                    shown.surface.window.request_redraw();
                    self.shown = Some(shown);
                }
                Err(fault) => self.fail(events, fault),
            }
        }
    }

    fn user_event(&mut self, _: &ActiveEventLoop, Wake: Wake) {
        if let Some(shown) = &self.shown {
            shown.surface.window.request_redraw();
        }
    }

    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some(shown)) = (cause, &self.shown) {
            shown.surface.window.request_redraw();
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some(shown) = &mut self.shown else { return };
        match &event {
            WindowEvent::CloseRequested => return events.exit(),
            WindowEvent::RedrawRequested => {
                match shown.draw() {
                    Ok(Some(wait)) => {
                        // `Wait` where the time is beyond what a clock can tell.
                        let until = Instant::now().checked_add(wait);
                        events.set_control_flow(until.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
                    }
                    Ok(None) => events.exit(),
                    Err(fault) => self.fail(events, fault),
                }
                return;
            }
            WindowEvent::Resized(_) => {
                shown.surface.resize();
                shown.surface.window.request_redraw();
            }
            _ => {}
        }
        if shown.input.on_window_event(&shown.surface.window, &event).repaint {
            shown.surface.window.request_redraw();
        }
    }
}
