//! `effigy view`: the desktop viewer.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use effigy_viewer::{Centre, Options, Storage, ViewerError};

use crate::command::bundled;
use crate::failure::bad_input;
use crate::framing::Size;
use crate::source::SourceOptions;

/// Opens the viewer, or draws it to a picture.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy view
  effigy view man.zip take.csv
  effigy view man.glb --panel 2d --time 2.5
  effigy view --expression jawOpen=0.6,blink=1 --size 1600x1000 --screenshot view.png")]
pub(crate) struct Arguments {
    /// Avatars and tracks to open; without an avatar the bundled one.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What moves the avatar.
    #[arg(long, value_name = "FILE")]
    track: Option<PathBuf>,
    /// What the middle of the window shows.
    #[arg(long, value_enum, default_value_t = Panel::View3d)]
    panel: Panel,
    /// Controls to set, such as jawOpen=0.7,blink=1.
    #[arg(long, value_name = "NAME=VALUE,...", value_delimiter = ',', value_parser = control)]
    expression: Vec<(String, f32)>,
    /// Seconds into the track.
    #[arg(long, value_name = "SECONDS")]
    time: Option<f64>,
    /// Write a picture of the interface to this PNG instead of opening a window.
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Size of the picture, pixels.
    #[arg(long, value_name = "WxH", default_value = "1440x900", requires = "screenshot")]
    size: Size,
    #[command(flatten)]
    source: SourceOptions,
}

/// What the middle of the window shows.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Panel {
    /// The avatar from all sides.
    #[value(name = "3d")]
    View3d,
    /// The rendered frame.
    #[value(name = "2d")]
    View2d,
}

/// `jawOpen=0.7`.
fn control(text: &str) -> Result<(String, f32), String> {
    let (name, value) = text.split_once('=').ok_or("a control is written NAME=VALUE")?;
    match value.trim().parse::<f32>() {
        Ok(value) if value.is_finite() && !name.trim().is_empty() => Ok((name.trim().to_owned(), value)),
        _ => Err(format!("{value:?} is no value of a control")),
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let options = Options {
        files: arguments.files.clone(),
        track: arguments.track.clone(),
        centre: match arguments.panel {
            Panel::View3d => Centre::View3d,
            Panel::View2d => Centre::View2d,
        },
        expression: arguments.expression.clone(),
        time: arguments.time,
        open: arguments.source.open_options(),
        ..Options::new(bundled::FILES)
    };
    let Some(path) = &arguments.screenshot else { return Ok(effigy_viewer::run(options)?) };
    let Size { width, height } = arguments.size;
    // What the user has set must not be seen.
    let options = Options { storage: Storage::Nowhere, ..options };
    let picture = effigy_viewer::screenshot(options, [width, height]).map_err(|error| match error {
        ViewerError::Input(fault) => bad_input(fault),
        other => other.into(),
    })?;
    Ok(picture.save(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_parsed() {
        assert_eq!(control("jawOpen=0.7"), Ok(("jawOpen".into(), 0.7)));
        for bad in ["jawOpen", "=1", "jawOpen=", "jawOpen=x", "jawOpen=inf"] {
            assert!(control(bad).is_err(), "{bad}");
        }
    }
}
