//! Everything that the panels show and change.

use std::time::Duration;

use effigy_avatar::{Extent, Extents, OpenOptions};

use crate::action::Action;
use crate::bookmark::Bookmark;
use crate::document::Document;
use crate::export::settings::Export;
use crate::expression::{Blend, Expression};
use crate::graphics::Graphics;
use crate::history::History;
use crate::inspector_tab::Tab;
use crate::job;
use crate::learn::learning::Learning;
use crate::message::Messages;
use crate::meter::Meter;
use crate::options::{Bundled, Centre, Dialogs, Options};
use crate::panel_memory::{ControlsPanel, TimelinePanel};
use crate::recorder::Recorder;
use crate::scene::{Loaded, Scene};
use crate::settings::{MOST_EXPRESSIONS, Settings, Store};
use crate::view2d::view::View2d;
use crate::view3d::view::View3d;

/// Everything that the panels show and change. What undo goes back through is in the document.
pub(crate) struct State {
    pub(crate) document: Document,
    pub(crate) history: History<Document>,
    pub(crate) scene: Scene,
    pub(crate) view3d: View3d,
    pub(crate) view2d: View2d,
    pub(crate) settings: Settings,
    store: Store,
    pub(crate) messages: Messages,
    pub(crate) jobs: job::Jobs<State>,
    pub(crate) meter: Meter,
    pub(crate) graphics: Graphics,
    pub(crate) open: OpenOptions,
    pub(crate) bundled: Bundled,
    pub(crate) dialogs: Dialogs,
    pub(crate) centre: Centre,
    pub(crate) inspector: Tab,
    pub(crate) export: Export,
    pub(crate) learning: Learning,
    pub(crate) show_shortcuts: bool,
    pub(crate) controls: ControlsPanel,
    pub(crate) timeline: TimelinePanel,
    pub(crate) recorder: Recorder,
    /// How many recordings there were.
    pub(crate) takes: u32,
    /// The expression that was chosen last, and how much of one is given.
    pub(crate) blend: Option<Blend>,
    pub(crate) blend_amount: f32,
    /// What the program was started with, until the first avatar is there.
    starting: Option<Start>,
    /// What is to be done at the end of the frame.
    pub(crate) actions: Vec<Action>,
    pub(crate) quit: bool,
}

/// What a job has done, to be taken into the viewer.
pub(crate) type Outcome = job::Outcome<State>;

/// What the avatar that is opened first shall show.
#[derive(Default)]
struct Start {
    expression: Vec<(String, f32)>,
    time: Option<f64>,
}

impl State {
    pub(crate) fn new(context: &egui::Context, graphics: Graphics, options: Options) -> Self {
        let mut store = Store::new(&options.storage);
        let (settings, fault) = store.load();
        let document = Document {
            look: settings.look.clone(),
            frame: settings.frame.clone(),
            bookmarks: settings.bookmarks.clone(),
            expressions: settings.expressions.clone(),
            ..Document::default()
        };
        let mut state = Self {
            history: History::new(document.clone()),
            document,
            scene: Scene::default(),
            view3d: View3d::default(),
            view2d: View2d::default(),
            settings,
            store,
            messages: Messages::default(),
            jobs: job::Jobs::new(context),
            meter: Meter::new(),
            graphics,
            open: options.open,
            bundled: options.bundled,
            dialogs: options.dialogs,
            centre: options.centre,
            inspector: if options.centre == Centre::View2d { Tab::Frame } else { Tab::default() },
            export: Export::default(),
            learning: Learning::default(),
            show_shortcuts: false,
            controls: ControlsPanel::default(),
            timeline: TimelinePanel::default(),
            recorder: Recorder::default(),
            takes: 0,
            blend: None,
            blend_amount: 1.0,
            starting: Some(Start { expression: options.expression, time: options.time }),
            actions: Vec::new(),
            quit: false,
        };
        if let Some(fault) = fault {
            state.messages.fault(fault, "Settings start afresh. The old ones can be mended and put back.");
        }
        state
    }

    /// Shows nothing, as a new viewer does. What is kept for good stays: bookmarks, expressions, recent files and how the
    /// interface looks.
    pub(crate) fn clear(&mut self) {
        self.document = Document {
            bookmarks: std::mem::take(&mut self.document.bookmarks),
            expressions: std::mem::take(&mut self.document.expressions),
            ..Document::default()
        };
        self.history = History::new(self.document.clone());
        (self.view3d, self.view2d) = (View3d::default(), View2d::default());
        (self.recorder, self.blend, self.blend_amount) = (Recorder::Off, None, 1.0);
        (self.controls, self.timeline) = (ControlsPanel::default(), TimelinePanel::default());
        (self.export, self.takes) = (Export::default(), 0);
        (self.centre, self.inspector) = (Centre::View3d, Tab::default());
        self.scene.clear();
        self.starting = Some(Start::default());
    }

    /// Shows another avatar, framed.
    pub(crate) fn show(&mut self, loaded: Loaded) {
        let first = self.scene.loaded().is_none();
        self.scene.show(loaded);
        (self.recorder, self.blend) = (Recorder::Off, None);
        self.frame(|extents| if first { extents.head } else { extents.whole });
        if !first {
            self.document.controls = Default::default();
        }
    }

    /// Once the first avatar and its track are there: what the program was started with.
    pub(crate) fn finish_start(&mut self) {
        let Some(Start { expression, time }) = self.starting.take_if(|_| self.scene.loaded().is_some())
        else {
            return;
        };
        if let Some(time) = time.filter(|time| time.is_finite()) {
            self.scene.clock.time = time.max(0.0);
        }
        let rig = self.scene.loaded().and_then(|loaded| loaded.avatar.body.as_ref()).map(|body| &body.rig);
        if let Some(rig) = rig
            && let Err(error) = self.document.controls.set_controls(rig, &expression)
        {
            self.messages.fault(error, "The panel of controls lists those that there are.");
        }
        // None of it can be undone.
        self.document.motion = self.scene.motion.clone();
        self.history = History::new(self.document.clone());
    }

    /// Shows an expression, as much of it as is chosen, in place of what is set by hand or `added` to it.
    pub(crate) fn choose_expression(&mut self, expression: Expression, added: bool) {
        let last = self.blend.take();
        self.blend = Some(Blend::new(last, expression, &self.document.controls, added));
        self.apply_blend();
    }

    /// Shows as much of the expression that was chosen last as is chosen now.
    pub(crate) fn apply_blend(&mut self) {
        let still = self.scene.motion.duration() == 0.0;
        if let (Some(blend), Some(rig), Some(followed)) =
            (&mut self.blend, self.scene.rig(), self.scene.followed())
        {
            self.document.controls = blend.at(rig, &followed, self.blend_amount, still);
        }
    }

    /// Keeps an expression under its name, in place of another of that name.
    pub(crate) fn keep_expression(&mut self, expression: Expression) {
        let kept = &mut self.document.expressions;
        let has_room = kept.len() < MOST_EXPRESSIONS;
        match kept.iter_mut().find(|other| other.name == expression.name) {
            Some(slot) => *slot = expression,
            None if has_room => kept.push(expression),
            None => self.messages.fault("There is no room for more expressions", "Remove one first."),
        }
    }

    /// After a step back or forward: moves the avatar by what it was moved by then.
    pub(crate) fn restore_motion(&mut self) {
        if self.document.motion != self.scene.motion {
            let motion = self.document.motion.tied_to(self.scene.rig());
            self.scene.set_motion(motion);
            self.scene.clock.playing = false;
        }
    }

    /// Comes to where part of the avatar fills the view.
    pub(crate) fn frame(&mut self, part: impl Fn(&Extents) -> Extent) {
        if let Some(loaded) = self.scene.loaded() {
            self.document.camera.frame(&part(&loaded.extents), self.view3d.aspect());
        }
    }

    /// Looks from another side: so many radians to the right of the front.
    pub(crate) fn look_from(&mut self, yaw: f32) {
        self.view3d.turntable.stop(&mut self.document.camera);
        (self.document.camera.yaw, self.document.camera.pitch) = (yaw, 0.0);
    }

    pub(crate) fn add_bookmark(&mut self) {
        let bookmarks = &mut self.document.bookmarks;
        let name = (1..).map(|i| format!("View {i}")).find(|name| bookmarks.iter().all(|b| b.name != *name));
        bookmarks.push(Bookmark { name: name.unwrap_or_default(), camera: self.document.camera });
    }

    /// Goes to the bookmark after the one that is shown, or to the first.
    pub(crate) fn next_bookmark(&mut self) {
        let bookmarks = &self.document.bookmarks;
        let at = bookmarks.iter().position(|bookmark| bookmark.camera == self.document.camera);
        let next = at.map_or(0, |at| (at + 1) % bookmarks.len());
        if let Some(bookmark) = bookmarks.get(next) {
            self.document.camera = bookmark.camera;
        }
    }

    /// Makes a step of what was edited, and keeps the settings. `editing` says that an edit is still under way. Says when a
    /// message goes.
    pub(crate) fn finish_frame(&mut self, editing: bool) -> Option<Duration> {
        // All of a recording is one step.
        let editing = editing || self.recorder.is_running();
        self.history.watch(&self.document, editing);
        if !editing {
            self.settings.look.clone_from(&self.document.look);
            self.settings.frame.clone_from(&self.document.frame);
            self.settings.bookmarks.clone_from(&self.document.bookmarks);
            self.settings.expressions.clone_from(&self.document.expressions);
            if let Err(error) = self.store.save(&self.settings) {
                self.messages.fault(error, "Settings are lost when the viewer is closed.");
            }
        }
        self.messages.expire()
    }

    /// Whether all that was asked for is shown: nothing is being loaded, and the picture is of what there is.
    pub(crate) fn is_settled(&self) -> bool {
        // Where no avatar could be opened nothing more comes.
        let started = self.starting.is_none() || self.scene.loaded().is_none();
        let shown = match self.centre {
            Centre::View3d => self.view3d.is_current(),
            Centre::View2d => self.view2d.is_current(),
        };
        self.jobs.is_idle() && started && shown
    }

    /// Whether the view that is shown has more to do that waits for the next frame.
    pub(crate) fn is_waiting(&self) -> bool {
        match self.centre {
            Centre::View3d => !self.view3d.is_current(),
            Centre::View2d => self.view2d.is_waiting(),
        }
    }
}
