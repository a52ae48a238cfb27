//! What can be wrong with a capture that was read.

use std::path::Path;

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
    pub(super) fn error(subject: impl AsRef<str>, line: impl AsRef<str>) -> Self {
        Self { severity: Severity::Error, subject: shown(subject.as_ref()), line: shown(line.as_ref()) }
    }

    pub(super) fn warning(subject: impl AsRef<str>, line: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(subject, line) }
    }
}

/// The file's name for a problem.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// `1 frame`, `2 frames`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// Text from a file for a message: on one line, without what a terminal would act on, and not long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 300;
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == MOST {
            out.push('…');
            break;
        }
        // Marks of writing direction reorder what stands around them.
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}
