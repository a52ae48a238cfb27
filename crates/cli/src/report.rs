//! What the program has to say, on its standard output.

use std::io::{ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

/// Prints a line. A reader that has gone away (`| head`) has what it wanted.
pub(crate) fn print(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}
