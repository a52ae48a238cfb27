//! Which way is up in a capture, as options say it.

use clap::ValueEnum;
use effigy_capture::UpAxis;

/// Which axis of a capture's world is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Up {
    Y,
    Z,
    MinusY,
}

impl From<Up> for UpAxis {
    fn from(up: Up) -> Self {
        match up {
            Up::Y => Self::Y,
            Up::Z => Self::Z,
            Up::MinusY => Self::MinusY,
        }
    }
}
