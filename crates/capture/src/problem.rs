//! What can be wrong with a capture that was read.

use std::path::Path;

use effigy_rig::shown;

/// Whether a [`Problem`] stands in the way of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Training would fail or learn something wrong.
    Error,
    /// Training goes on; somebody should know.
    Warning,
}

/// One thing that is wrong with a capture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Whether training must not start.
    pub severity: Severity,
    /// The frame or file it is about, or `capture`.
    pub subject: String,
    /// What is wrong, in one line.
    pub line: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.subject, self.line)
    }
}

impl Problem {
    pub(crate) fn error(subject: impl AsRef<str>, line: impl AsRef<str>) -> Self {
        Self { severity: Severity::Error, subject: shown(subject.as_ref()), line: shown(line.as_ref()) }
    }

    pub(crate) fn warning(subject: impl AsRef<str>, line: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(subject, line) }
    }
}

/// The file's name for a problem.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// `1 frame`, `2 frames`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The first of some names, and how many more there are.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 3;
    let more = names.len().saturating_sub(MOST);
    let first: Vec<&str> = names.take(MOST).collect();
    if more > 0 { format!("{} and {more} more", first.join(", ")) } else { first.join(", ") }
}
