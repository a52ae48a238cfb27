//! The values of a PLY file.

use effigy_splat::Filter;

use super::error::shown;
use super::ply_header::{Element, Encoding, Header, Scalar};
use super::scene::Told;
use super::{SplatFileError, SplatLimits};

/// A PLY file whose elements are all known to be there.
pub(super) struct PlyFile<'a> {
    header: Header,
    bytes: &'a [u8],
    /// Where each element begins.
    starts: Vec<usize>,
}

/// An element of a [`PlyFile`].
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    start: usize,
    pub(super) element: &'a Element,
}

impl<'a> PlyFile<'a> {
    /// Reads the header and finds where the elements are.
    ///
    /// Takes time in proportion to the bytes of the file, whatever counts it declares.
    pub(super) fn parse(bytes: &'a [u8], limits: &SplatLimits) -> Result<Self, SplatFileError> {
        let header = Header::parse(bytes, limits)?;
        let mut cursor = Cursor { bytes, at: header.body, encoding: header.encoding };
        let mut starts = Vec::with_capacity(header.elements.len());
        for element in &header.elements {
            starts.push(cursor.at);
            cursor.skip_element(element)?;
        }
        Ok(Self { header, bytes, starts })
    }

    /// The filter that the Gaussians were trained with, by the comments of the header.
    pub(super) fn filter(&self) -> Told<Filter> {
        match &self.header.mip {
            Some((mip, comment)) => {
                let filter = if *mip { Filter::MIP } else { Filter::CLASSIC };
                Told::new(filter, format!("the file's comment \"{comment}\" says so"))
            }
            None => Told::new(Filter::CLASSIC, "the file does not speak of antialiasing"),
        }
    }

    /// The element of that name.
    pub(super) fn table(&self, name: &str) -> Option<Table<'_>> {
        let at = self.header.elements.iter().position(|e| e.name == name)?;
        Some(Table {
            bytes: self.bytes,
            encoding: self.header.encoding,
            start: *self.starts.get(at)?,
            element: self.header.elements.get(at)?,
        })
    }
}

impl Table<'_> {
    /// Position among the element's properties of each of `names`.
    pub(super) fn columns(
        &self,
        element: &'static str,
        names: &[String],
    ) -> Result<Vec<usize>, SplatFileError> {
        let found: Vec<Option<usize>> = names.iter().map(|n| self.element.scalar_index(n)).collect();
        if found.iter().all(Option::is_some) {
            return Ok(found.into_iter().flatten().collect());
        }
        let missing = names.iter().zip(&found).filter(|(_, at)| at.is_none());
        Err(SplatFileError::MissingProperties {
            element,
            properties: missing.map(|(n, _)| n.clone()).collect(),
        })
    }

    /// Calls `visit` with the index of each row and its values in `columns`, in that order.
    pub(super) fn rows(
        &self,
        columns: &[usize],
        mut visit: impl FnMut(usize, &[f64]) -> Result<(), SplatFileError>,
    ) -> Result<(), SplatFileError> {
        let element = self.element;
        let mut values = vec![0.0; columns.len()];
        let count = usize::try_from(element.count).unwrap_or(usize::MAX);
        if let (Some(stride), true) = (element.stride(), self.encoding != Encoding::Ascii) {
            let mut offsets = Vec::with_capacity(element.properties.len());
            let mut offset = 0;
            for property in &element.properties {
                offsets.push((offset, property.scalar));
                offset += property.scalar.size();
            }
            let wanted: Vec<(usize, Scalar)> =
                columns.iter().filter_map(|&c| offsets.get(c).copied()).collect();
            let body = self.bytes.get(self.start..).unwrap_or_default();
            for (index, row) in body.chunks_exact((stride as usize).max(1)).take(count).enumerate() {
                for (value, &(offset, scalar)) in values.iter_mut().zip(&wanted) {
                    *value = row
                        .get(offset..)
                        .and_then(|bytes| decode(bytes, scalar, self.encoding))
                        .ok_or_else(|| truncated(element, self.start, body.len()))?;
                }
                visit(index, &values)?;
            }
            return Ok(());
        }
        let mut slot_of = vec![None; element.properties.len()];
        for (slot, &column) in columns.iter().enumerate() {
            if let Some(of) = slot_of.get_mut(column) {
                *of = Some(slot);
            }
        }
        let mut cursor = Cursor { bytes: self.bytes, at: self.start, encoding: self.encoding };
        for index in 0..count {
            for (at, property) in element.properties.iter().enumerate() {
                match slot_of.get(at).copied().flatten().and_then(|slot| values.get_mut(slot)) {
                    Some(value) => *value = cursor.scalar(element, index as u64, at, property.scalar)?,
                    None => cursor.skip_property(element, index as u64, at)?,
                }
            }
            visit(index, &values)?;
        }
        Ok(())
    }
}

/// A place in the values of a PLY file.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
}

impl<'a> Cursor<'a> {
    fn skip_element(&mut self, element: &Element) -> Result<(), SplatFileError> {
        let left = self.bytes.len().saturating_sub(self.at);
        match (self.encoding, element.stride()) {
            (_, Some(0)) => Ok(()),
            (Encoding::LittleEndian | Encoding::BigEndian, Some(stride)) => {
                let size = stride.checked_mul(element.count).and_then(|size| usize::try_from(size).ok());
                match size.filter(|&size| size <= left) {
                    Some(size) => self.at += size,
                    None => return Err(truncated(element, self.at, left)),
                }
                Ok(())
            }
            // Every row takes at least a byte, so that the file's end ends this loop.
            _ => {
                for index in 0..element.count {
                    for property in 0..element.properties.len() {
                        self.skip_property(element, index, property)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn skip_property(&mut self, element: &Element, index: u64, at: usize) -> Result<(), SplatFileError> {
        let Some(property) = element.properties.get(at) else { return Ok(()) };
        let count = match property.list {
            None => 1.0,
            Some(count) => self.scalar(element, index, at, count)?,
        };
        if count < 0.0 {
            return Err(value(element, index, at, "a list of negative length"));
        }
        let count = count as usize;
        if self.encoding == Encoding::Ascii {
            for _ in 0..count {
                if self.token().is_none() {
                    return Err(self.ended(element, index, 1));
                }
            }
        } else {
            let left = self.bytes.len().saturating_sub(self.at);
            let size = count.saturating_mul(property.scalar.size());
            if size > left {
                return Err(self.ended(element, index, size));
            }
            self.at += size;
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        element: &Element,
        index: u64,
        at: usize,
        scalar: Scalar,
    ) -> Result<f64, SplatFileError> {
        if self.encoding != Encoding::Ascii {
            let found = self.bytes.get(self.at..).and_then(|bytes| decode(bytes, scalar, self.encoding));
            let found = found.ok_or_else(|| self.ended(element, index, scalar.size()))?;
            self.at += scalar.size();
            return Ok(found);
        }
        let Some(token) = self.token() else {
            return Err(self.ended(element, index, 1));
        };
        let number = std::str::from_utf8(token).ok().and_then(parse_number);
        let number = number.ok_or_else(|| value(element, index, at, "not a number"))?;
        if let Some((low, high)) = scalar.integer_range()
            && !(number >= low && number <= high && number.fract() == 0.0)
        {
            return Err(value(element, index, at, "not of the integer type that the header declares"));
        }
        Ok(number)
    }

    /// The next word of an ASCII file.
    fn token(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let begin = rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let word = rest.get(begin..)?;
        let length = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        self.at += begin + length;
        word.get(..length)
    }

    fn ended(&self, element: &Element, index: u64, needed: usize) -> SplatFileError {
        SplatFileError::Truncated {
            what: format!("{} {index} of {}", shown(element.name.as_bytes()), element.count),
            offset: self.at as u64,
            needed: needed as u64,
            available: self.bytes.len().saturating_sub(self.at) as u64,
        }
    }
}

fn truncated(element: &Element, offset: usize, available: usize) -> SplatFileError {
    SplatFileError::Truncated {
        what: format!("the {} rows of element \"{}\"", element.count, shown(element.name.as_bytes())),
        offset: offset as u64,
        needed: element.stride().unwrap_or(1).saturating_mul(element.count),
        available: available as u64,
    }
}

fn value(element: &Element, index: u64, at: usize, fault: &'static str) -> SplatFileError {
    let property = element.properties.get(at).map(|p| shown(p.name.as_bytes())).unwrap_or_default();
    SplatFileError::Value { element: shown(element.name.as_bytes()), index, property, fault }
}

/// A number of an ASCII file; what is not a number may be spelled with a reason, as in `-nan(ind)`.
fn parse_number(text: &str) -> Option<f64> {
    match text.split_once('(') {
        Some((nan, _)) => nan.parse().ok().filter(|number: &f64| number.is_nan()),
        None => text.parse().ok(),
    }
}

/// The value at the start of `bytes`, or `None` if they are too few.
fn decode(bytes: &[u8], scalar: Scalar, encoding: Encoding) -> Option<f64> {
    fn ordered<const N: usize>(bytes: &[u8], encoding: Encoding) -> Option<[u8; N]> {
        let mut bytes = *bytes.first_chunk::<N>()?;
        if encoding == Encoding::BigEndian {
            bytes.reverse();
        }
        Some(bytes)
    }
    Some(match scalar {
        Scalar::I8 => i8::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::U8 => u8::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::I16 => i16::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::U16 => u16::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::I32 => i32::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::U32 => u32::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::F32 => f32::from_le_bytes(ordered(bytes, encoding)?).into(),
        Scalar::F64 => f64::from_le_bytes(ordered(bytes, encoding)?),
    })
}
