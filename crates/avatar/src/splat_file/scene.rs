//! What every reader's findings become: upright Gaussians that can be drawn, with the filter they were trained for.

use std::borrow::Cow;

use effigy_splat::{Filter, Gaussians};

use super::clean::clean;
use super::orientation::Axes;
use super::{SplatFileError, SplatReadOptions};

/// What a splat file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SplatScene {
    /// The Gaussians, +Y up.
    pub gaussians: Gaussians,
    /// The filter that they were optimised under, as far as the file says, or as it was asked for.
    pub filter: Filter,
    /// What the file was taken for.
    pub origin: SplatOrigin,
}

/// What a splat file was taken for, and why: words for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplatOrigin {
    /// Name of the format.
    pub format: &'static str,
    /// Where the file's axes point.
    pub axes: String,
    /// Why that was taken to be so.
    pub axes_by: Cow<'static, str>,
    /// Why the filter was taken to be the one it is.
    pub filter_by: Cow<'static, str>,
}

/// What the reader of a format finds in a file.
pub(super) struct Found {
    pub(super) format: &'static str,
    /// As they are in the file; some of them may be such that they cannot be drawn.
    pub(super) gaussians: Gaussians,
    pub(super) axes: Told<Axes>,
    pub(super) filter: Told<Filter>,
}

/// Something about a file, and by what it is known, such as "as the format has it".
pub(super) struct Told<T> {
    pub(super) value: T,
    pub(super) by: Cow<'static, str>,
}

impl<T> Told<T> {
    pub(super) fn new(value: T, by: impl Into<Cow<'static, str>>) -> Self {
        Self { value, by: by.into() }
    }
}

const ASKED: &str = "as it was asked for";

/// Turns what was found upright and leaves out what cannot be drawn; the options come before what the file says.
pub(super) fn finish(found: Found, options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let Found { format, mut gaussians, mut axes, mut filter } = found;
    if let Some(up) = options.up {
        axes = Told::new(up.into(), ASKED);
    }
    if let Some(mip) = options.mip {
        if filter.value.compensate != mip {
            let asked = if mip { Filter::MIP } else { Filter::CLASSIC };
            filter.value.variance = asked.variance;
            filter.value.compensate = asked.compensate;
        }
        filter.by = ASKED.into();
    }
    axes.value.turn(&mut gaussians);
    clean(&mut gaussians)?;
    let origin = SplatOrigin { format, axes: axes.value.to_string(), axes_by: axes.by, filter_by: filter.by };
    Ok(SplatScene { gaussians, filter: filter.value, origin })
}
