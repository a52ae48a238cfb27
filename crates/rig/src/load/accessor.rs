//! Bounded reading of accessors (glTF 2.0, 3.6.2).

use std::borrow::Cow;
use std::cell::Cell;

use gltf::json::Root;
use gltf::json::accessor::{Accessor, ComponentType, Type};
use gltf::json::validation::Checked;

use crate::RigError;
use crate::error::{invalid, within};

/// The accessors of one file over its buffers.
pub(super) struct Accessors<'a> {
    root: &'a Root,
    buffers: &'a [Cow<'a, [u8]>],
    /// What is in the buffer views that are compressed.
    unpacked: &'a [Option<Vec<u8>>],
    limit: u64,
    numbers: Cell<u64>,
}

/// How integer components become numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scaling {
    /// As the accessor says.
    AsDeclared,
    /// To 0..1 or −1..1 whatever the accessor says, where the specification allows nothing else.
    Normalized,
}

/// An accessor whose unlisted elements are all zero, or a dense one.
pub(super) enum Values {
    /// All elements.
    Dense(Vec<f32>),
    /// Elements that may differ from zero: element indices, ascending, and their components.
    Sparse(Vec<u32>, Vec<f32>),
}

/// Elements at equal distances within checked bounds.
#[derive(Clone, Copy)]
struct Run<'a> {
    bytes: &'a [u8],
    stride: usize,
    size: usize,
    count: usize,
}

impl<'a> Run<'a> {
    fn elements(self) -> impl Iterator<Item = &'a [u8]> {
        // `filter_map` never drops anything: `Accessors::run` has checked the last element.
        (0..self.count).filter_map(move |i| self.bytes.get(i * self.stride..i * self.stride + self.size))
    }
}

impl<'a> Accessors<'a> {
    pub(super) fn new(
        root: &'a Root,
        buffers: &'a [Cow<'a, [u8]>],
        unpacked: &'a [Option<Vec<u8>>],
        limit: u64,
    ) -> Self {
        Self { root, buffers, unpacked, limit, numbers: Cell::new(0) }
    }

    /// The bytes of a buffer view.
    pub(super) fn view(&self, index: usize, place: &str) -> Result<&'a [u8], RigError> {
        let view = self
            .root
            .buffer_views
            .get(index)
            .ok_or_else(|| invalid(place, format!("there is no buffer view {index}")))?;
        if let Some(Some(unpacked)) = self.unpacked.get(index) {
            return Ok(unpacked);
        }
        let buffer = view.buffer.value();
        let data =
            self.buffers.get(buffer).ok_or_else(|| invalid(place, format!("there is no buffer {buffer}")))?;
        let start = view.byte_offset.map_or(0, |o| o.0);
        let end = start.checked_add(view.byte_length.0);
        let range = end.and_then(|end| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?));
        range.and_then(|r| data.get(r)).ok_or_else(|| {
            invalid(
                place,
                format!(
                    "buffer view {index} ({} bytes from {start}) reaches past the {} bytes of buffer {buffer}",
                    view.byte_length.0,
                    data.len()
                ),
            )
        })
    }

    fn run(
        &self,
        view: usize,
        offset: u64,
        size: usize,
        count: usize,
        place: &str,
    ) -> Result<Run<'a>, RigError> {
        let bytes = self.view(view, place)?;
        let stride = self.root.buffer_views.get(view).and_then(|v| v.byte_stride).map_or(size, |s| s.0);
        if stride < size {
            return Err(invalid(place, format!("elements of {size} bytes overlap at a stride of {stride}")));
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = count
            .checked_sub(1)
            .map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(size))
            .and_then(|length| length.checked_add(offset));
        let bytes = end.filter(|&end| end <= bytes.len()).and_then(|_| bytes.get(offset.min(bytes.len())..));
        let bytes = bytes.ok_or_else(|| {
            invalid(place, format!("{count} elements reach past the end of their buffer view"))
        })?;
        Ok(Run { bytes, stride, size, count })
    }

    fn accessor(&self, index: usize, place: &str) -> Result<&'a Accessor, RigError> {
        self.root.accessors.get(index).ok_or_else(|| invalid(place, format!("there is no accessor {index}")))
    }

    fn get(&self, index: usize, kind: Type, place: &str) -> Result<(&'a Accessor, ComponentType), RigError> {
        let accessor = self.accessor(index, place)?;
        let Checked::Valid(component) = accessor.component_type else {
            return Err(invalid(place, format!("accessor {index} has an unknown component type")));
        };
        if accessor.type_ != Checked::Valid(kind) {
            return Err(invalid(place, format!("accessor {index} is not of type {kind:?}")));
        }
        Ok((accessor, component.0))
    }

    /// The type of an accessor's elements; `None` where it is unknown or there is no such accessor.
    pub(super) fn kind(&self, index: usize) -> Option<Type> {
        match self.root.accessors.get(index)?.type_ {
            Checked::Valid(kind) => Some(kind),
            Checked::Invalid => None,
        }
    }

    /// Number of elements of an accessor.
    pub(super) fn count(&self, index: usize, place: &str) -> Result<usize, RigError> {
        let accessor = self.accessor(index, place)?;
        usize::try_from(accessor.count.0).map_err(|_| invalid(place, "has too many elements"))
    }

    /// Number of components of an accessor's elements.
    pub(super) fn components(&self, index: usize, place: &str) -> Result<usize, RigError> {
        let accessor = self.accessor(index, place)?;
        match accessor.type_ {
            Checked::Valid(kind) => Ok(width(kind)),
            Checked::Invalid => Err(invalid(place, format!("accessor {index} is of unknown type"))),
        }
    }

    fn spend(&self, elements: usize, components: usize) -> Result<(), RigError> {
        let total = self.numbers.get().saturating_add((elements as u64).saturating_mul(components as u64));
        self.numbers.set(total);
        within("the amount of numbers in accessors", total, self.limit)
    }

    /// All components of all elements; every one of them finite.
    pub(super) fn floats(
        &self,
        index: usize,
        kind: Type,
        scaling: Scaling,
        place: &str,
    ) -> Result<Vec<f32>, RigError> {
        let values = self.any_floats(index, kind, scaling, place)?;
        check_finite(&values, width(kind), place)?;
        Ok(values)
    }

    /// As [`Self::floats`], finite or not.
    pub(super) fn any_floats(
        &self,
        index: usize,
        kind: Type,
        scaling: Scaling,
        place: &str,
    ) -> Result<Vec<f32>, RigError> {
        let width = width(kind);
        match self.any_values(index, kind, scaling, place)? {
            Values::Dense(values) => Ok(values),
            Values::Sparse(indices, values) => {
                let count = self.count(index, place)?;
                self.spend(count, width)?;
                let mut all = vec![0.0; count.saturating_mul(width)];
                scatter(&mut all, &indices, &values, width);
                Ok(all)
            }
        }
    }

    /// As [`Self::floats`], without writing out zeros that the file does not hold.
    pub(super) fn values(
        &self,
        index: usize,
        kind: Type,
        scaling: Scaling,
        place: &str,
    ) -> Result<Values, RigError> {
        let values = self.any_values(index, kind, scaling, place)?;
        let (Values::Dense(numbers) | Values::Sparse(_, numbers)) = &values;
        check_finite(numbers, width(kind), place)?;
        Ok(values)
    }

    fn any_values(
        &self,
        index: usize,
        kind: Type,
        scaling: Scaling,
        place: &str,
    ) -> Result<Values, RigError> {
        // However few elements there are, looking takes its time.
        self.spend(1, 16)?;
        let (accessor, component) = self.get(index, kind, place)?;
        let count = self.count(index, place)?;
        let width = width(kind);
        if matches!(kind, Type::Mat2 | Type::Mat3 | Type::Mat4) && component != ComponentType::F32 {
            return Err(invalid(place, "matrices must be of floats"));
        }
        let normalized = accessor.normalized || scaling == Scaling::Normalized;
        let read = |run: Run<'a>| -> Result<Vec<f32>, RigError> {
            self.spend(run.count, width)?;
            let mut out = Vec::with_capacity(run.count * width);
            for element in run.elements() {
                out.extend(element.chunks_exact(component.size()).map(|b| float(b, component, normalized)));
            }
            Ok(out)
        };
        let size = component.size() * width;
        let offset = accessor.byte_offset.map_or(0, |o| o.0);
        let base = match accessor.buffer_view {
            Some(view) => Some(read(self.run(view.value(), offset, size, count, place)?)?),
            None => None,
        };
        let Some(sparse) = &accessor.sparse else {
            return Ok(base.map_or(Values::Sparse(Vec::new(), Vec::new()), Values::Dense));
        };
        let changes = usize::try_from(sparse.count.0).unwrap_or(usize::MAX);
        let Checked::Valid(index_type) = sparse.indices.component_type else {
            return Err(invalid(place, "the sparse indices have an unknown component type"));
        };
        let indices = self.run(
            sparse.indices.buffer_view.value(),
            sparse.indices.byte_offset.0,
            index_type.0.size(),
            changes,
            place,
        )?;
        self.spend(changes, 1)?;
        let indices: Vec<u32> = indices.elements().map(|b| integer(b, index_type.0)).collect();
        if !indices.is_sorted_by(|a, b| a < b) || indices.last().is_some_and(|&i| i as usize >= count) {
            return Err(invalid(place, "the sparse indices are out of range or not ascending"));
        }
        let values = read(self.run(
            sparse.values.buffer_view.value(),
            sparse.values.byte_offset.0,
            size,
            changes,
            place,
        )?)?;
        Ok(match base {
            None => Values::Sparse(indices, values),
            Some(mut base) => {
                scatter(&mut base, &indices, &values, width);
                Values::Dense(base)
            }
        })
    }

    /// All components of an accessor of unsigned integers.
    pub(super) fn integers(&self, index: usize, kind: Type, place: &str) -> Result<Vec<u32>, RigError> {
        let (accessor, component) = self.get(index, kind, place)?;
        if !matches!(component, ComponentType::U8 | ComponentType::U16 | ComponentType::U32) {
            return Err(invalid(place, "must be of unsigned integers"));
        }
        if accessor.sparse.is_some() {
            // Nothing writes sparse indices or joints; floats cannot hold them all exactly.
            return Err(RigError::Unsupported(format!("{place}: a sparse accessor of integers")));
        }
        let count = self.count(index, place)?;
        let width = width(kind);
        self.spend(count, width)?;
        let Some(view) = accessor.buffer_view else { return Ok(vec![0; count.saturating_mul(width)]) };
        let offset = accessor.byte_offset.map_or(0, |o| o.0);
        let run = self.run(view.value(), offset, component.size() * width, count, place)?;
        let mut out = Vec::with_capacity(run.count * width);
        for element in run.elements() {
            out.extend(element.chunks_exact(component.size()).map(|b| integer(b, component)));
        }
        Ok(out)
    }
}

/// Puts elements of `width` components in the places that `indices` say. Places outside of `all` are passed over.
fn scatter(all: &mut [f32], indices: &[u32], elements: &[f32], width: usize) {
    for (&i, element) in indices.iter().zip(elements.chunks_exact(width)) {
        if let Some(place) = all.get_mut(i as usize * width..(i as usize + 1) * width) {
            place.copy_from_slice(element);
        }
    }
}

fn check_finite(values: &[f32], width: usize, place: &str) -> Result<(), RigError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(invalid(place, format!("element {} is not finite", at / width))),
        None => Ok(()),
    }
}

fn width(kind: Type) -> usize {
    match kind {
        Type::Scalar => 1,
        Type::Vec2 => 2,
        Type::Vec3 => 3,
        Type::Vec4 | Type::Mat2 => 4,
        Type::Mat3 => 9,
        Type::Mat4 => 16,
    }
}

fn float(bytes: &[u8], component: ComponentType, normalized: bool) -> f32 {
    let (value, most) = match (component, bytes) {
        (ComponentType::F32, &[a, b, c, d]) => return f32::from_le_bytes([a, b, c, d]),
        (ComponentType::I8, &[a]) => (f32::from(a as i8), 127.0),
        (ComponentType::U8, &[a]) => (f32::from(a), 255.0),
        (ComponentType::I16, &[a, b]) => (f32::from(i16::from_le_bytes([a, b])), 32767.0),
        (ComponentType::U16, &[a, b]) => (f32::from(u16::from_le_bytes([a, b])), 65535.0),
        (ComponentType::U32, &[a, b, c, d]) => (u32::from_le_bytes([a, b, c, d]) as f32, u32::MAX as f32),
        _ => return 0.0,
    };
    if normalized { (value / most).max(-1.0) } else { value }
}

fn integer(bytes: &[u8], component: ComponentType) -> u32 {
    match (component, bytes) {
        (ComponentType::U8, &[a]) => u32::from(a),
        (ComponentType::U16, &[a, b]) => u32::from(u16::from_le_bytes([a, b])),
        (ComponentType::U32, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}
