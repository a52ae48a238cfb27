//! The header of a PLY file (Turk, "The PLY Polygon File Format", 1994).

use super::error::shown;
use super::{SplatFileError, SplatLimits};

/// How the values after the header are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }

    /// In bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Smallest and largest value of an integer type.
    pub(super) fn integer_range(self) -> Option<(f64, f64)> {
        Some(match self {
            Self::I8 => (-128.0, 127.0),
            Self::U8 => (0.0, 255.0),
            Self::I16 => (-32_768.0, 32_767.0),
            Self::U16 => (0.0, 65_535.0),
            Self::I32 => (-2_147_483_648.0, 2_147_483_647.0),
            Self::U32 => (0.0, 4_294_967_295.0),
            Self::F32 | Self::F64 => return None,
        })
    }
}

/// One value, or one list of them, of each row of an element.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: String,
    /// Type of the length, if it is a list.
    pub(super) list: Option<Scalar>,
    /// Type of the value, or of each value of the list.
    pub(super) scalar: Scalar,
}

/// A table of the file.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) properties: Vec<Property>,
}

impl Element {
    /// Bytes of a row in a binary file, unless it holds lists.
    pub(super) fn stride(&self) -> Option<u64> {
        self.properties.iter().map(|p| p.list.is_none().then(|| p.scalar.size() as u64)).sum()
    }

    /// Position among the properties of the scalar property `name`.
    pub(super) fn scalar_index(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|p| p.list.is_none() && p.name == name)
    }

    /// What stands for 1 in the property of a colour: the greatest of its type if that is an unsigned integer.
    pub(super) fn white(&self, name: &str) -> f32 {
        let scalar = self.scalar_index(name).and_then(|at| self.properties.get(at)).map(|p| p.scalar);
        match scalar {
            Some(Scalar::U8) => 255.0,
            Some(Scalar::U16) => 65_535.0,
            _ => 1.0,
        }
    }

    /// How many scalar properties are named `f_rest_0`, `f_rest_1` and so on without a gap.
    pub(super) fn rest_count(&self) -> Result<usize, SplatFileError> {
        let all = self.properties.iter().filter(|p| p.name.starts_with("f_rest_")).count();
        match (0..all).find(|i| self.scalar_index(&format!("f_rest_{i}")).is_none()) {
            None => Ok(all),
            Some(i) => Err(SplatFileError::PlyLayout(format!(
                "element \"{}\" has {all} properties f_rest_*, but no scalar f_rest_{i}",
                shown(self.name.as_bytes())
            ))),
        }
    }
}

/// The header.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) encoding: Encoding,
    /// What the comments say of the filter that the Gaussians were trained with: whether it is the Mip filter, and the
    /// comment. The last one counts.
    pub(super) mip: Option<(bool, String)>,
    pub(super) elements: Vec<Element>,
    /// Where the values begin.
    pub(super) body: usize,
}

impl Header {
    /// Reads the header of a PLY file.
    pub(super) fn parse(bytes: &[u8], limits: &SplatLimits) -> Result<Self, SplatFileError> {
        let head = bytes.get(..limits.max_header_bytes).unwrap_or(bytes);
        let mut encoding = None;
        let mut mip = None;
        let mut elements: Vec<Element> = Vec::new();
        let mut at = 0;
        for line in 1.. {
            let fault = |fault: String| SplatFileError::PlyHeader { line, fault };
            let rest = head.get(at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|&b| b == b'\n') else {
                if head.len() < bytes.len() {
                    return Err(SplatFileError::Limit {
                        what: "bytes of PLY header",
                        found: bytes.len() as u64,
                        limit: limits.max_header_bytes as u64,
                    });
                }
                return Err(fault("the file ends before end_header".into()));
            };
            let (raw, _) = rest.split_at(length);
            at += length + 1;
            if let Some(comment) = raw.strip_prefix(b"comment") {
                let comment = comment.trim_ascii();
                mip = mip_of(comment).map(|is_mip| (is_mip, shown(comment))).or(mip);
                continue;
            }
            if raw.starts_with(b"obj_info") {
                continue;
            }
            let unknown = || fault(format!("\"{}\" is not understood", shown(raw.trim_ascii())));
            let text = std::str::from_utf8(raw).map_err(|_| unknown())?;
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            match (line, words.as_slice()) {
                (1, ["ply"]) => {}
                (1, _) => return Err(fault("a PLY file begins with \"ply\"".into())),
                (_, []) => {}
                (_, ["format", name, "1.0"]) if encoding.is_none() => {
                    encoding = Some(match *name {
                        "ascii" => Encoding::Ascii,
                        "binary_little_endian" => Encoding::LittleEndian,
                        "binary_big_endian" => Encoding::BigEndian,
                        _ => return Err(unknown()),
                    });
                }
                (_, ["element", name, count]) => {
                    let count = count
                        .parse()
                        .map_err(|_| fault(format!("\"{}\" is not a count", shown(count.as_bytes()))))?;
                    if elements.iter().any(|e| e.name == *name) {
                        return Err(fault(format!("a second element \"{}\"", shown(name.as_bytes()))));
                    }
                    elements.push(Element { name: (*name).into(), count, properties: Vec::new() });
                }
                (_, ["property", types @ .., name]) => {
                    let (list, scalar) = match types {
                        [scalar] => (None, *scalar),
                        ["list", count, scalar] => (Some(*count), *scalar),
                        _ => return Err(unknown()),
                    };
                    let of = |name: &str| {
                        Scalar::parse(name)
                            .ok_or_else(|| fault(format!("\"{}\" is not a type", shown(name.as_bytes()))))
                    };
                    let (list, scalar) = (list.map(of).transpose()?, of(scalar)?);
                    if list.is_some_and(|count| count.integer_range().is_none()) {
                        return Err(fault("the length of a list is not an integer".into()));
                    }
                    let Some(element) = elements.last_mut() else {
                        return Err(fault("a property before any element".into()));
                    };
                    if element.properties.iter().any(|p| p.name == *name) {
                        return Err(fault(format!("a second property \"{}\"", shown(name.as_bytes()))));
                    }
                    element.properties.push(Property { name: (*name).into(), list, scalar });
                }
                (_, ["end_header"]) => break,
                _ => return Err(unknown()),
            }
        }
        let encoding =
            encoding.ok_or_else(|| SplatFileError::PlyLayout("the header has no line \"format\"".into()))?;
        Ok(Self { encoding, mip, elements, body: at })
    }
}

/// Whether a comment says that the Gaussians were trained with the Mip filter, if it speaks of that: as Brush writes it
/// (`SplatRenderMode: mip`, `default` or `2dgs`) or as Postshot does (`antialiased 1` or `0`).
fn mip_of(comment: &[u8]) -> Option<bool> {
    let comment = str::from_utf8(comment).ok()?.to_ascii_lowercase();
    let (key, value) = comment.split_once([':', ' ', '\t'])?;
    match (key, value.trim_matches([':', ' ', '\t'])) {
        ("splatrendermode", "mip") | ("antialiased", "1" | "true") => Some(true),
        ("splatrendermode", "default" | "2dgs") | ("antialiased", "0" | "false") => Some(false),
        _ => None,
    }
}
