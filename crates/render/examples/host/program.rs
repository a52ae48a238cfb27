//! A host program of one window: its event loop, its device, and a surface that follows the window.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::window::{Window, WindowId};

/// Ends the program, with one line.
pub(crate) type Fault = Box<dyn Error>;

/// What a program does in its window.
pub(crate) trait Program: Sized {
    const TITLE: &'static str;
    /// Whether the window's pixels are stored as linear light, so that blending happens there, or as they are displayed.
    const LINEAR_LIGHT: bool;

    fn new(screen: &Screen) -> Result<Self, Fault>;

    /// Whether there is something new to draw after `event`.
    fn event(&mut self, screen: &Screen, event: &WindowEvent) -> bool;

    /// Draws a frame, and says when the next is wanted; `Duration::MAX` for not before an event asks for it.
    fn draw(&mut self, screen: &Screen, target: &wgpu::TextureView) -> Result<Duration, Fault>;
}

/// Runs `P` until its window is closed.
pub(crate) fn run<P: Program>() -> ExitCode {
    let mut app: App<P> = App { running: None, fault: None };
    let ended = EventLoop::new().and_then(|events| events.run_app(&mut app));
    match app.fault.or(ended.err().map(Fault::from)) {
        None => ExitCode::SUCCESS,
        Some(fault) => {
            eprintln!("{}: {fault}", P::TITLE);
            ExitCode::from(2)
        }
    }
}

/// A window and a device that draws in it.
pub(crate) struct Screen {
    pub(crate) window: Arc<Window>,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    instance: wgpu::Instance,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    /// The first thing that went wrong on the device outside of any call.
    fault: Arc<Mutex<Option<String>>>,
}

impl Screen {
    fn open(window: Window, linear_light: bool) -> Result<Self, Fault> {
        let window = Arc::new(window);
        let instance =
            wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle(Box::new(window.clone())));
        let surface = instance.create_surface(window.clone())?;
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            compatible_surface: Some(&surface),
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        }))?;
        let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;
        let fault = Arc::new(Mutex::new(None));
        let note = |slot: &Mutex<Option<String>>, message: String| {
            slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(message);
        };
        let slot = fault.clone();
        device.set_device_lost_callback(move |_, message| {
            note(&slot, format!("the graphics device was lost: {message}"));
        });
        let slot = fault.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| note(&slot, error.to_string())));
        let mut config = surface
            .get_default_config(&adapter, 1, 1)
            .ok_or("the graphics device cannot draw in a window")?;
        let formats = surface.get_capabilities(&adapter).formats;
        let format = formats.into_iter().find(|format| format.is_srgb() == linear_light);
        config.format = format.ok_or("the window has no pixel format that fits")?;
        let mut screen = Self { window, device, queue, instance, surface, config, fault };
        screen.resize();
        Ok(screen)
    }

    pub(crate) fn format(&self) -> wgpu::TextureFormat {
        self.config.format
    }

    /// Width and height, pixels; at least one each.
    pub(crate) fn size(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    fn resize(&mut self) {
        let size = self.window.inner_size();
        let most = self.device.limits().max_texture_dimension_2d;
        (self.config.width, self.config.height) = (size.width.clamp(1, most), size.height.clamp(1, most));
        self.surface.configure(&self.device, &self.config);
    }

    /// What the next frame is drawn on; nothing while the window cannot be drawn in.
    fn acquire(&mut self) -> Result<Option<wgpu::SurfaceTexture>, Fault> {
        if let Some(fault) = self.fault.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
            return Err(fault.into());
        }
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
                    self.surface = self.instance.create_surface(self.window.clone())?;
                }
                wgpu::CurrentSurfaceTexture::Validation => {
                    return Err("the window's surface is invalid".into());
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

struct App<P> {
    running: Option<(Screen, P)>,
    fault: Option<Fault>,
}

impl<P: Program> App<P> {
    /// Takes the result of some work; a fault ends the program.
    fn ok<T>(&mut self, events: &ActiveEventLoop, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault = Some(fault);
                events.exit();
                None
            }
        }
    }

    fn start(events: &ActiveEventLoop) -> Result<(Screen, P), Fault> {
        let attributes =
            Window::default_attributes().with_title(P::TITLE).with_inner_size(LogicalSize::new(900, 640));
        let screen = Screen::open(events.create_window(attributes)?, P::LINEAR_LIGHT)?;
        let program = P::new(&screen)?;
        Ok((screen, program))
    }

    fn draw(&mut self) -> Result<Duration, Fault> {
        let Some((screen, program)) = &mut self.running else { return Ok(Duration::MAX) };
        let Some(frame) = screen.acquire()? else { return Ok(Duration::from_millis(100)) };
        let next = program.draw(screen, &frame.texture.create_view(&Default::default()))?;
        screen.window.pre_present_notify();
        screen.queue.present(frame);
        Ok(next)
    }
}

impl<P: Program> ApplicationHandler for App<P> {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.running.is_none() {
            self.running = self.ok(events, Self::start(events));
        }
    }

    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some((screen, _))) = (cause, &self.running) {
            screen.window.request_redraw();
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some((screen, program)) = &mut self.running else { return };
        match &event {
            WindowEvent::CloseRequested => return events.exit(),
            WindowEvent::RedrawRequested => {
                let next = self.draw();
                if let Some(wait) = self.ok(events, next) {
                    // `Wait` where the time is beyond what a clock can tell.
                    let control =
                        Instant::now().checked_add(wait).map_or(ControlFlow::Wait, ControlFlow::WaitUntil);
                    events.set_control_flow(control);
                }
                return;
            }
            WindowEvent::Resized(_) => {
                screen.resize();
                screen.window.request_redraw();
            }
            _ => {}
        }
        if program.event(screen, &event) {
            screen.window.request_redraw();
        }
    }
}
