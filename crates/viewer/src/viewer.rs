//! The application without a window.

use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use effigy_render::Gpu;

use crate::error::ViewerError;
use crate::graphics::Graphics;
use crate::options::Options;
use crate::paint::Painter;
use crate::state::State;
use crate::{action, command, learn, open, panel, recording, theme};

/// The longest time that one frame goes on by, seconds: after a pause nothing jumps.
const LONGEST_STEP: f32 = 0.1;

/// Keys that move a slider: all that is done until they are let go is one edit.
const STEPPING: [egui::Key; 4] =
    [egui::Key::ArrowLeft, egui::Key::ArrowRight, egui::Key::ArrowUp, egui::Key::ArrowDown];

/// The application without a window: takes what the user did and draws itself.
pub struct Viewer {
    context: egui::Context,
    state: State,
    painter: Painter,
    /// What the theme was made from.
    themed: Option<(theme::ThemeChoice, bool, f32)>,
    /// Whether the last frame asked for the next.
    moving: bool,
}

/// What came of a frame.
pub struct Frame {
    /// For the platform: the mouse pointer, copied text and such.
    pub platform: egui::PlatformOutput,
    /// When the next frame is wanted; [`Duration::MAX`] for not before something happens.
    pub repaint_after: Duration,
    /// For the window's title bar.
    pub title: String,
    /// Whether the user wants to leave.
    pub quit: bool,
}

impl Viewer {
    /// On a device, for textures of `format`. What `options` names is opened beside the first frames.
    pub fn new(gpu: Arc<Gpu>, format: wgpu::TextureFormat, mut options: Options) -> Self {
        let context = egui::Context::default();
        let graphics = Graphics::new(gpu, format);
        let painter = Painter::new(&graphics);
        let files = std::mem::take(&mut options.files);
        let track = options.track.take();
        let mut state = State::new(&context, graphics, options);
        open::at_start(&mut state, &files, track);
        Self { context, state, painter, themed: None, moving: false }
    }

    #[cfg(test)]
    pub(crate) fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// What takes input and lays out; shells set it up for their platform.
    pub fn context(&self) -> &egui::Context {
        &self.context
    }

    /// Takes the input since the last frame and draws the next on all of `target`, which has so many pixels.
    ///
    /// # Errors
    /// [`ViewerError::Render`] once the device is lost.
    pub fn frame(
        &mut self,
        input: egui::RawInput,
        target: &wgpu::TextureView,
        size: [u32; 2],
    ) -> Result<Frame, ViewerError> {
        let Self { context, state, painter, themed, moving } = self;
        if let Err(error) = state.graphics.gpu.check() {
            if matches!(error, effigy_render::RenderError::DeviceLost(_)) {
                return Err(error.into());
            }
            state.messages.fault(error.to_string(), "Please report it, with what you did before.");
        }
        state.meter.begin(*moving);
        let settings = &state.settings;
        let looks = (settings.theme, settings.high_contrast, settings.interface_scale);
        if *themed != Some(looks) {
            theme::apply(context, looks.0, looks.1, looks.2);
            *themed = Some(looks);
        }
        collect_jobs(state);
        state.finish_start();
        let start = ThreadTime::now();
        state.view3d.recording = Duration::ZERO;
        state.view2d.recording = Duration::ZERO;
        let mut expires = None;
        let mut output = context.run_ui(input, |ui| {
            let step = ui.input(|input| input.stable_dt.min(LONGEST_STEP));
            // A pass may be laid out twice.
            if ui.current_pass_index() == 0 {
                advance(state, f64::from(step));
                state.actions.extend(action::pressed(ui.ctx()));
                let dropped: Vec<_> = ui.input(|input| {
                    input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect()
                });
                if !dropped.is_empty() {
                    open::files(state, &dropped);
                }
            }
            panel::show(ui, state);
            let editing = ui.input(|input| input.pointer.any_down())
                || ui.text_edit_focused()
                || ui.input(|input| STEPPING.iter().any(|&key| input.key_down(key)))
                || state.view3d.is_edited(ui.input(|input| input.time));
            command::perform_asked(state);
            expires = state.finish_frame(editing);
        });
        let laid_out = start.elapsed();
        if state.scene.clock.playing
            || state.recorder.is_running()
            || state.view3d.turntable.is_turning()
            || state.is_waiting()
        {
            context.request_repaint();
        }
        if let Some(expires) = expires {
            context.request_repaint_after(expires);
        }
        let painted = painter.paint(&state.graphics, context, &mut output, target, size);
        state
            .meter
            .interface
            .add((laid_out + painted).saturating_sub(state.view3d.recording + state.view2d.recording));
        let root = output.viewport_output.get(&egui::ViewportId::ROOT);
        let repaint_after = root.map_or(Duration::MAX, |root| root.repaint_delay);
        *moving = repaint_after < Duration::from_millis(100);
        let title = match state.scene.loaded() {
            Some(loaded) => format!("{} – Effigy", loaded.name()),
            None => "Effigy".into(),
        };
        Ok(Frame { platform: output.platform_output, repaint_after, title, quit: state.quit })
    }

    /// Whether all that was asked for is shown: nothing is being loaded, and the picture is of what there is.
    pub fn is_settled(&self) -> bool {
        self.state.is_settled()
    }

    /// What the user is told that went wrong.
    pub fn faults(&self) -> Vec<String> {
        let messages = self.state.messages.list().iter();
        messages.filter(|m| m.kind == crate::message::Kind::Fault).map(|m| m.text.clone()).collect()
    }

    /// Processor time that the interface takes for a frame besides rendering, the median of the last ones; milliseconds.
    pub fn interface_time(&self) -> f32 {
        self.state.meter.interface.median()
    }

    /// From the start to the first picture of an avatar; nothing before.
    pub fn time_to_first_picture(&self) -> Option<Duration> {
        self.state.meter.first_picture
    }
}

/// Takes what jobs have done.
fn collect_jobs(state: &mut State) {
    learn::collect(state);
    for result in state.jobs.collect() {
        match result {
            Ok(outcome) => outcome(state),
            Err(fault) => state.messages.fault(fault.text, fault.advice),
        }
    }
}

/// Goes on by `seconds`.
fn advance(state: &mut State, seconds: f64) {
    if let Err(error) = state.scene.advance(seconds, &state.document.controls) {
        state.scene.clock.playing = false;
        state.messages.fault(error.to_string(), "Open the avatar again.");
    }
    recording::follow(state, seconds);
    state.view3d.turntable.advance(seconds);
}
