//! `effigy train`: hands over to the program that trains.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;
use clap::Args;
use effigy_train::session;

use crate::failure::bad_input;

/// Train an avatar from pictures of a head with known cameras and controls.
///
/// Training is a program of its own, effigy-train, which is started with all that follows; `effigy train --help` has its
/// options.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What effigy-train takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = session::program().ok_or_else(|| bad_input(session::how_to_get()))?;
    let mut command = Command::new(&program);
    command.args(&arguments.rest);
    hand_over(command).with_context(|| program.display().to_string())
}

/// This process becomes the other program, so that signals and the terminal are its own.
#[cfg(unix)]
fn hand_over(mut command: Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

/// Waits for the other program, and ends as it does.
#[cfg(not(unix))]
fn hand_over(mut command: Command) -> anyhow::Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}
