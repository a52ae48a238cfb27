//! The parts of a still picture that are measured apart.

use crate::mask::Mask;

/// A named part of one picture: all of it, or weighted by a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    name: String,
    mask: Option<Mask>,
}

impl Area {
    /// The whole picture, named `frame` as [`Region::whole`](crate::Region::whole) is.
    pub fn whole() -> Self {
        Self { name: crate::region::WHOLE.into(), mask: None }
    }

    /// What the mask weighs.
    pub fn masked(name: impl Into<String>, mask: Mask) -> Self {
        Self { name: name.into(), mask: Some(mask) }
    }

    /// The area's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mask, where it is not the whole picture.
    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }
}
