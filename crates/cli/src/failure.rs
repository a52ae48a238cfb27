//! What the program's exit code says about an error.

use std::fmt;
use std::process::ExitCode;

use effigy_avatar::AvatarError;
use effigy_capture::CaptureError;
use effigy_quality::QualityError;
use effigy_render::RenderError;
use effigy_rig::RigError;
use effigy_splat::SplatError;
use effigy_stream::StreamError;
#[cfg(feature = "train")]
use effigy_train::TrainError;
use effigy_video::audio::AudioError;
use effigy_video::{PlanesError, VideoError};

/// An argument, or an input file that no other crate reads, is at fault.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// The user pressed Ctrl-C.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; nothing was written")
    }
}

impl std::error::Error for Interrupted {}

/// An error about an argument or input file.
pub(crate) fn bad_input(message: impl Into<String>) -> anyhow::Error {
    BadInput(message.into()).into()
}

/// The error and its causes on one line. Many errors end with the words of their cause already: none is said twice.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if !line.ends_with(&words) {
            line += if line.is_empty() { "" } else { ": " };
            line += &words;
        }
    }
    line.replace('\n', " ")
}

/// 2 if what the user gave is at fault, 130 after Ctrl-C, 1 otherwise.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Interrupted>() {
        return ExitCode::from(130);
    }
    let of_input = error.chain().any(|cause| {
        cause.is::<BadInput>()
            || cause.is::<AvatarError>()
            || cause.is::<RigError>()
            || cause.is::<SplatError>()
            || cause.is::<CaptureError>()
            || cause.is::<AudioError>()
            || matches!(
                cause.downcast_ref(),
                Some(error) if !matches!(error, QualityError::Write { .. } | QualityError::Ffmpeg(_))
            )
            || matches!(
                cause.downcast_ref(),
                Some(error) if !matches!(error, StreamError::Renderer(_) | StreamError::Io(_))
            )
            || matches!(
                cause.downcast_ref(),
                Some(VideoError::Unsupported { .. } | VideoError::Settings(_) | VideoError::Size { .. })
            )
            || matches!(cause.downcast_ref(), Some(PlanesError::Size { .. } | PlanesError::Background))
            || is_of_training_input(cause)
            || matches!(
                cause.downcast_ref(),
                Some(
                    RenderError::Avatar(_)
                        | RenderError::Splat(_)
                        | RenderError::TooLarge { .. }
                        | RenderError::TooMany { .. }
                )
            )
    });
    ExitCode::from(if of_input { 2 } else { 1 })
}

/// Whether what was to be trained from is at fault.
#[cfg(feature = "train")]
fn is_of_training_input(cause: &(dyn std::error::Error + 'static)) -> bool {
    let of_machine = |error: &TrainError| {
        matches!(error, TrainError::Device(_) | TrainError::Io { .. } | TrainError::NotFinite(_))
    };
    cause.downcast_ref().is_some_and(|error| !of_machine(error))
}

/// This program does not train.
#[cfg(not(feature = "train"))]
fn is_of_training_input(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}
