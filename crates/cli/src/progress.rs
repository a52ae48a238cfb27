//! Shows that something is happening, and for how long yet, once it has taken a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the terminal's error stream; invisible during the first second and where there is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    over: Arc<AtomicBool>,
}

impl Progress {
    /// For `total` steps of what `doing` says.
    pub(crate) fn new(total: u64, doing: &'static str) -> Self {
        Self::show_later(
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()),
            "{spinner} {msg} {bar:32} {pos}/{len}  {per_sec}  {eta} left",
            doing,
        )
    }

    /// For work that cannot be counted.
    pub(crate) fn of_unknown_length(doing: &'static str) -> Self {
        Self::show_later(
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            "{spinner} {msg} {elapsed}",
            doing,
        )
    }

    fn show_later(bar: ProgressBar, template: &str, doing: &'static str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(doing);
        let over = Arc::new(AtomicBool::new(false));
        let (shown, ended) = (bar.clone(), over.clone());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(1));
            if !ended.load(Ordering::Relaxed) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(200));
            }
        });
        Self { bar, over }
    }

    /// So many steps are done.
    #[cfg(feature = "train")]
    pub(crate) fn set(&self, done: u64) {
        self.bar.set_position(done);
        // What was done before this start says nothing about speed.
        if done > 0 {
            self.bar.reset_eta();
        }
    }

    /// One step is done, and there is something new to say.
    #[cfg(feature = "train")]
    pub(crate) fn step_with(&self, saying: String) {
        self.bar.set_message(saying);
        self.bar.inc(1);
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.bar.finish_and_clear();
    }
}
