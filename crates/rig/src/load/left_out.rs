//! What of a file cannot be used although the rest can.

/// Counts what is left out, and remembers why the first of it is.
#[derive(Default)]
pub(super) struct LeftOut {
    count: usize,
    first: String,
}

impl LeftOut {
    pub(super) fn add(&mut self, why: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = why();
        }
        self.count += 1;
    }

    /// One line for all of them, if there are any.
    pub(super) fn warn(&self, what: &str) {
        if self.count > 0 {
            tracing::warn!("{} {what}; the first: {}", self.count, self.first);
        }
    }
}
