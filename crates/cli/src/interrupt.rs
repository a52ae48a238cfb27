//! Ctrl-C: long work stops between two frames, so that unfinished files are removed on the way out.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Interrupted;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C makes [`check`] fail instead of ending the program; a second one ends it.
pub(crate) fn watch() {
    // It fails only if called twice, which changes nothing.
    let _ = ctrlc::set_handler(|| {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Fails once Ctrl-C has been pressed.
pub(crate) fn check() -> anyhow::Result<()> {
    if PRESSED.load(Ordering::Relaxed) { Err(Interrupted.into()) } else { Ok(()) }
}
