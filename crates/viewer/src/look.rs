//! How the 3D view shows the avatar and what is around it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the 3D view shows the avatar and what is around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Look {
    pub(crate) background: Background,
    /// For [`Background::Colour`], sRGB.
    pub(crate) colour: [u8; 3],
    /// For [`Background::Picture`].
    pub(crate) picture: Option<PathBuf>,
    pub(crate) grid: bool,
    pub(crate) shadow: bool,
    pub(crate) shading: Shading,
    /// Lines of the rig's mesh.
    pub(crate) wireframe: bool,
    pub(crate) bones: bool,
    /// Where the Gaussians sit on the rig.
    pub(crate) anchors: bool,
    /// Fewer pixels while something moves, where a frame takes too long with all of them.
    pub(crate) adaptive: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            background: Background::Studio,
            colour: [58, 60, 64],
            picture: None,
            grid: true,
            shadow: true,
            shading: Shading::Colour,
            wireframe: false,
            bones: false,
            anchors: false,
            adaptive: true,
        }
    }
}

/// What is behind the avatar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Background {
    /// A wall that is a little lighter in the middle.
    #[default]
    Studio,
    Colour,
    Picture,
    /// The checks that stand for nothing at all.
    Checks,
}

impl Background {
    pub(crate) const ALL: [Self; 4] = [Self::Studio, Self::Colour, Self::Picture, Self::Checks];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Studio => "Studio",
            Self::Colour => "Colour",
            Self::Picture => "Picture",
            Self::Checks => "Transparent",
        }
    }
}

/// What the avatar's pixels mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Shading {
    #[default]
    Colour,
    /// Every Gaussian opaque, so that its shape is seen.
    Ellipsoids,
    /// The part of the person that each Gaussian belongs to.
    Regions,
    Depth,
    Normals,
    Motion,
    Importance,
    /// How many Gaussians lie over each other.
    Layers,
}

impl Shading {
    pub(crate) const ALL: [Self; 8] = [
        Self::Colour,
        Self::Ellipsoids,
        Self::Regions,
        Self::Depth,
        Self::Normals,
        Self::Motion,
        Self::Importance,
        Self::Layers,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Colour => "Colour",
            Self::Ellipsoids => "Ellipsoids",
            Self::Regions => "Regions",
            Self::Depth => "Depth",
            Self::Normals => "Normals",
            Self::Motion => "Motion",
            Self::Importance => "Importance",
            Self::Layers => "Overdraw",
        }
    }

    /// What is to be seen, in a sentence.
    pub(crate) fn explanation(self) -> &'static str {
        match self {
            Self::Colour => "The avatar as it is",
            Self::Ellipsoids => "Every Gaussian as an opaque ellipsoid",
            Self::Regions => "Eyes, mouth, face, hair and body, each in a colour of its own",
            Self::Depth => "Distance from the camera: near is light, far is dark",
            Self::Normals => {
                "Which way the surface faces, from the depth: right red, up green, to the camera blue"
            }
            Self::Motion => {
                "How far each pixel has moved since the last frame: the hue is the way, the strength how far"
            }
            Self::Importance => "How much a viewer looks there, as the encoder is told",
            Self::Layers => "How many Gaussians lie over each other: dark is one, white is many",
        }
    }
}
