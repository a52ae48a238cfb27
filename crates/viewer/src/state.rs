//! Everything that the panels show and change.

use std::time::Duration;

use effigy_avatar::{Extent, Extents, OpenOptions};

use crate::action::Action;
use crate::camera::Bookmark;
use crate::document::Document;
use crate::export::Export;
use crate::graphics::Graphics;
use crate::history::History;
use crate::job::Jobs;
use crate::message::Messages;
use crate::meter::Meter;
use crate::options::{Bundled, Centre, Options};
use crate::panel::inspector::Tab;
use crate::scene::{Loaded, Scene};
use crate::settings::{Settings, Store};
use crate::view3d::View3d;

/// Everything that the panels show and change. What undo goes back through is in the document.
pub(crate) struct State {
    pub(crate) document: Document,
    pub(crate) history: History<Document>,
    pub(crate) scene: Scene,
    pub(crate) view3d: View3d,
    pub(crate) settings: Settings,
    store: Store,
    pub(crate) messages: Messages,
    pub(crate) jobs: Jobs,
    pub(crate) meter: Meter,
    pub(crate) graphics: Graphics,
    pub(crate) open: OpenOptions,
    pub(crate) bundled: Bundled,
    pub(crate) centre: Centre,
    pub(crate) inspector: Tab,
    pub(crate) export: Export,
    #[cfg(feature = "train")]
    pub(crate) learning: crate::learn::Learning,
    pub(crate) show_shortcuts: bool,
    /// What is searched for among the controls.
    pub(crate) control_filter: String,
    /// What the program was started with, until the first avatar is there.
    starting: Option<Start>,
    /// What is to be done at the end of the frame.
    pub(crate) actions: Vec<Action>,
    pub(crate) quit: bool,
}

/// What the avatar that is opened first shall show.
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
            bookmarks: settings.bookmarks.clone(),
            ..Document::default()
        };
        let mut state = Self {
            history: History::new(document.clone()),
            document,
            scene: Scene::default(),
            view3d: View3d::default(),
            settings,
            store,
            messages: Messages::default(),
            jobs: Jobs::new(context),
            meter: Meter::new(),
            graphics,
            open: options.open,
            bundled: options.bundled,
            centre: options.centre,
            inspector: Tab::default(),
            export: Export::default(),
            #[cfg(feature = "train")]
            learning: Default::default(),
            show_shortcuts: false,
            control_filter: String::new(),
            starting: Some(Start { expression: options.expression, time: options.time }),
            actions: Vec::new(),
            quit: false,
        };
        if let Some(fault) = fault {
            state.messages.fault(fault, "Settings start afresh. The old ones can be mended and put back.");
        }
        state
    }

    /// Shows another avatar, framed.
    pub(crate) fn show(&mut self, loaded: Loaded) {
        let first = self.scene.loaded().is_none();
        self.scene.show(loaded);
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
        self.history.adopt(&self.document);
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

    /// Takes what jobs have done.
    pub(crate) fn collect_jobs(&mut self) {
        #[cfg(feature = "train")]
        crate::learn::collect(self);
        for result in self.jobs.collect() {
            match result {
                Ok(outcome) => outcome(self),
                Err(fault) => self.messages.fault(fault.text, fault.advice),
            }
        }
    }

    /// Goes on by `seconds`.
    pub(crate) fn advance(&mut self, seconds: f64) {
        if let Err(error) = self.scene.advance(seconds, &self.document.controls) {
            self.scene.clock.playing = false;
            self.messages.fault(error.to_string(), "Open the avatar again.");
        }
        self.view3d.turntable.advance(seconds);
    }

    /// Does what was asked for, makes a step of what was edited, and keeps the settings. `editing` says that an edit is
    /// still under way. Says when a message goes.
    pub(crate) fn finish_frame(&mut self, editing: bool) -> Option<Duration> {
        for action in std::mem::take(&mut self.actions) {
            action.perform(self);
        }
        self.history.watch(&self.document, editing);
        if !editing {
            self.settings.look.clone_from(&self.document.look);
            self.settings.bookmarks.clone_from(&self.document.bookmarks);
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
        self.jobs.is_idle() && started && self.view3d.is_current()
    }
}
