//! How pictures are laid out for encoders, and what a stream has to say about it.

use effigy_render::RenderError;
use effigy_splat::MAX_PICTURE_SIZE;

/// Which samples there are, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// 8 bits; planes Y, Cb, Cr; colour differences at half the width and height. FFmpeg calls it `yuv420p`.
    I420,
    /// 8 bits; planes Y, CbCr interleaved; colour differences at half the width and height. FFmpeg: `nv12`.
    Nv12,
    /// 10 bits at the upper end of 16, little-endian; planes as of [`Layout::Nv12`]. FFmpeg: `p010le`.
    P010,
    /// 8 bits; planes Y, Cb, Cr, all of full size. FFmpeg: `yuv444p`.
    I444,
}

/// By what luma and colour differences are derived from R'G'B'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// Rec. ITU-R BT.601-7, 2.5: K_R 0.299, K_B 0.114.
    Bt601,
    /// Rec. ITU-R BT.709-6, 3.2: K_R 0.2126, K_B 0.0722.
    Bt709,
}

/// Which codes black and white have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// In 8 bits luma 16 to 235, colour differences 16 to 240. What players assume that are told nothing.
    Limited,
    /// All codes.
    Full,
}

/// How colours become samples.
///
/// Codes follow Rec. ITU-T H.273, 8.3. With colour differences at half size, they are sited as MPEG-2, H.264, HEVC and AV1
/// ("vertical") have it by default: horizontally at the even columns of luma, vertically between two rows. They are
/// filtered by ¼ ½ ¼ along rows and ½ ½ across, which neither shifts nor attenuates slow gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaneFormat {
    /// Which samples there are.
    pub layout: Layout,
    /// How they are derived.
    pub matrix: Matrix,
    /// Which codes they use.
    pub range: Range,
}

/// What a stream and its container must say so that a player shows the right colours: code points of Rec. ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal {
    /// `ColourPrimaries`: 1, BT.709, which are sRGB's.
    pub primaries: u8,
    /// `TransferCharacteristics`: 13, sRGB (IEC 61966-2-1), since frames are display-referred sRGB.
    pub transfer: u8,
    /// `MatrixCoefficients`: 1 for BT.709, 6 for BT.601.
    pub matrix: u8,
    /// `VideoFullRangeFlag`.
    pub full_range: bool,
    /// `ChromaSampleLocType`: 0, left; none where colour differences have full size.
    pub chroma_location: Option<u8>,
    /// Bits of a sample.
    pub bit_depth: u8,
}

impl PlaneFormat {
    /// What every decoder and player takes: I420, BT.709, limited range.
    pub const VIDEO: Self = Self { layout: Layout::I420, matrix: Matrix::Bt709, range: Range::Limited };

    /// What a stream of this format must say.
    pub fn signal(self) -> Signal {
        Signal {
            primaries: 1,
            transfer: 13,
            matrix: match self.matrix {
                Matrix::Bt601 => 6,
                Matrix::Bt709 => 1,
            },
            full_range: self.range == Range::Full,
            chroma_location: self.is_subsampled().then_some(0),
            bit_depth: self.bit_depth(),
        }
    }

    /// Bits of a sample: 8 or 10.
    pub fn bit_depth(self) -> u8 {
        if self.layout == Layout::P010 { 10 } else { 8 }
    }

    /// Bytes of a sample: 1 or 2.
    pub fn sample_size(self) -> usize {
        if self.layout == Layout::P010 { 2 } else { 1 }
    }

    /// Whether colour differences have half the width and height.
    pub fn is_subsampled(self) -> bool {
        self.layout != Layout::I444
    }

    /// Weights of R', G' and B' in luma.
    pub(crate) fn luma_weights(self) -> [f64; 3] {
        let (kr, kb) = match self.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        [kr, 1.0 - kr - kb, kb]
    }

    /// Scale and offset of luma, then of colour differences, in codes.
    pub(crate) fn codes(self) -> [f64; 4] {
        let steps = f64::from(1_u32 << (self.bit_depth() - 8));
        match self.range {
            Range::Limited => [219.0, 16.0, 224.0, 128.0].map(|code| steps * code),
            Range::Full => [self.largest(), 0.0, self.largest(), 128.0 * steps],
        }
    }

    /// The largest code.
    pub(crate) fn largest(self) -> f64 {
        f64::from((1_u32 << self.bit_depth()) - 1)
    }
}

/// How colour is kept whose alpha is kept too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Association {
    /// Multiplied by alpha: composited as C + (1 − α)·background. Nothing is divided, and an encoder finds black around the
    /// picture. HEVC with alpha can signal it (`alpha_channel_use_idc` 0). The one to take where there is a choice.
    Premultiplied,
    /// As it is without alpha, as WebM's alpha and PNG have it: composited as α·C + (1 − α)·background. Black where alpha
    /// is less than half a code of 8 bits; colour differences are averaged by alpha, so that none of that black bleeds
    /// into edges.
    Straight,
}

/// How transparency leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alpha {
    /// Not at all: the picture is composited over a display-referred sRGB colour.
    Over([f32; 3]),
    /// In a plane of its own, of luma's size and depth, full range: the luma of a second picture without colour, or an
    /// auxiliary picture of codecs that have them.
    Plane(Association),
    /// To the right of the colour, in one picture of twice the width, for codecs without alpha. There it is the luma of a
    /// grey picture in the format's own range: a player that converts all of it to RGB finds alpha in each component.
    SideBySide(Association),
}

/// What a plane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// Y.
    Luma,
    /// Differences of blue.
    Cb,
    /// Differences of red.
    Cr,
    /// Both interleaved, blue first.
    CbCr,
    /// Alpha, full range.
    Alpha,
}

/// Where a plane lies in the bytes of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes of a row that count; those up to the stride mean nothing.
    pub row: usize,
    /// How many rows there are.
    pub rows: usize,
}

/// The sizes of a picture and of its planes, which lie one after another: luma, colour differences, alpha.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    format: PlaneFormat,
    alpha: Alpha,
    picture: [u32; 2],
    coded: [u32; 2],
}

/// Rows are this many samples of luma apart, or a multiple: a thread of the converter writes as many.
const ROW_ALIGNMENT: u32 = 8;

impl Shape {
    /// Of a picture of `width` × `height` pixels. Where colour differences have half size, odd sizes are padded to even ones
    /// by the last column and row; [`Shape::shown`] is what a stream must crop them to.
    ///
    /// # Errors
    /// [`PlanesError::Size`] for a side of 0 or above [`MAX_PICTURE_SIZE`], [`PlanesError::Background`] for a background
    /// that is not finite.
    pub fn new(width: u32, height: u32, format: PlaneFormat, alpha: Alpha) -> Result<Self, PlanesError> {
        if width == 0 || height == 0 || width > MAX_PICTURE_SIZE || height > MAX_PICTURE_SIZE {
            return Err(PlanesError::Size { width, height });
        }
        if let Alpha::Over(background) = alpha
            && !background.iter().all(|c| c.is_finite())
        {
            return Err(PlanesError::Background);
        }
        let step = if format.is_subsampled() { 2 } else { 1 };
        let padded = width.next_multiple_of(step);
        let wide = if matches!(alpha, Alpha::SideBySide(_)) { 2 * padded } else { padded };
        Ok(Self { format, alpha, picture: [width, height], coded: [wide, height.next_multiple_of(step)] })
    }

    /// How colours are samples.
    pub fn format(&self) -> PlaneFormat {
        self.format
    }

    /// What becomes of transparency.
    pub fn alpha(&self) -> Alpha {
        self.alpha
    }

    /// Width and height of the rendered picture, pixels.
    pub fn picture(&self) -> [u32; 2] {
        self.picture
    }

    /// Width and height that an encoder is given: even where colour differences have half size.
    pub fn coded(&self) -> [u32; 2] {
        self.coded
    }

    /// Width and height that are shown, from the top left: what the stream must crop to. With alpha at the side the padding
    /// of the colour half lies within.
    pub fn shown(&self) -> [u32; 2] {
        [self.alpha_column().unwrap_or(0) + self.picture[0], self.picture[1]]
    }

    /// The column where alpha begins, if it is packed beside the colour.
    pub fn alpha_column(&self) -> Option<u32> {
        matches!(self.alpha, Alpha::SideBySide(_)).then_some(self.coded[0] / 2)
    }

    /// Bytes of all planes.
    pub fn size(&self) -> usize {
        let planes = [Component::Luma, Component::Cb, Component::Cr, Component::CbCr, Component::Alpha];
        planes.into_iter().filter_map(|c| self.span(c)).map(|s| s.stride * s.rows).sum()
    }

    /// Where a plane lies; `None` if there is no such plane.
    pub fn span(&self, component: Component) -> Option<Span> {
        let [width, height] = self.coded.map(|side| side as usize);
        let samples = self.coded[0].next_multiple_of(ROW_ALIGNMENT) as usize;
        let size = self.format.sample_size();
        let luma = Span { offset: 0, stride: samples * size, row: width * size, rows: height };
        let luma_size = luma.stride * luma.rows;
        let half = Span { offset: luma_size, stride: samples / 2, row: width / 2, rows: height / 2 };
        let interleaved = Span { offset: luma_size, rows: height / 2, ..luma };
        let alpha = |chroma_size| Span { offset: luma_size + chroma_size, ..luma };
        let has_alpha = matches!(self.alpha, Alpha::Plane(_));
        match (self.format.layout, component) {
            (_, Component::Luma) => Some(luma),
            (Layout::I420, Component::Cb) => Some(half),
            (Layout::I420, Component::Cr) => {
                Some(Span { offset: half.offset + half.stride * half.rows, ..half })
            }
            (Layout::I444, Component::Cb) => Some(Span { offset: luma_size, ..luma }),
            (Layout::I444, Component::Cr) => Some(Span { offset: 2 * luma_size, ..luma }),
            (Layout::Nv12 | Layout::P010, Component::CbCr) => Some(interleaved),
            (Layout::I444, Component::Alpha) if has_alpha => Some(alpha(2 * luma_size)),
            (_, Component::Alpha) if has_alpha => Some(alpha(luma_size / 2)),
            _ => None,
        }
    }
}

/// Why a picture cannot be converted or brought back.
#[derive(Debug, thiserror::Error)]
pub enum PlanesError {
    /// The picture has no pixels, or more than can be rendered.
    #[error("a picture of {width}x{height} pixels cannot be encoded")]
    Size {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// A frame's list of colours is not of its size.
    #[error("a frame of {width}x{height} pixels has {count} colours")]
    Frame {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// How many colours it has.
        count: usize,
    },
    /// A texture has another size than what it is converted to.
    #[error("a texture of {0}x{1} pixels is converted to planes of {2}x{3}", found[0], found[1], wanted[0], wanted[1])]
    Texture {
        /// Its width and height.
        found: [u32; 2],
        /// What the planes are made for.
        wanted: [u32; 2],
    },
    /// The background is not a colour.
    #[error("the background colour is not finite")]
    Background,
    /// A ring of no buffers.
    #[error("a ring needs at least one buffer")]
    EmptyRing,
    /// The graphics device failed or was lost.
    #[error(transparent)]
    Render(#[from] RenderError),
}
