//! What of a track is left out, told once.

use crate::RigError;
use crate::error::invalid;

/// Counts parts of a file that cannot be used.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    count: usize,
    first: Option<RigError>,
}

impl LeftOut {
    /// One more, with what is wrong with it.
    pub(super) fn add(&mut self, fault: RigError) {
        self.count += 1;
        self.first.get_or_insert(fault);
    }

    /// Warns if there were any beside the `used` ones; `what` is one of them.
    pub(super) fn warn(&self, what: &str, used: usize) {
        if let Some(first) = &self.first {
            let of = self.count + used;
            tracing::warn!("{} of {of} {what}s left out, the first: {first}", self.count);
        }
    }

    /// That none could be used, if there were any.
    pub(super) fn all(self, what: &str) -> Option<RigError> {
        let first = self.first?;
        Some(match self.count {
            1 => first,
            count => invalid(
                "the track",
                format!("not one of its {count} {what}s can be used; the first: {first}"),
            ),
        })
    }
}
