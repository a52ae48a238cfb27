//! Building a GLB container (glTF 2.0 §4.4): buffer views, accessors, and the chunks around them.

use glam::Vec3;
use serde_json::{Value, json};

use crate::AvatarError;

const MAGIC: u32 = 0x4654_6C67;
const JSON_CHUNK: u32 = 0x4E4F_534A;
const BINARY_CHUNK: u32 = 0x004E_4942;

/// What a buffer view is for: glTF names it so that a viewer knows which GPU buffer to make.
#[derive(Clone, Copy)]
pub(crate) enum ViewUse {
    /// Vertex attributes.
    Vertices,
    /// Triangle indices.
    Indices,
    /// Anything else, for which glTF allows no target.
    Data,
}

/// The growing binary chunk, with the JSON that describes it.
#[derive(Default)]
pub(crate) struct BufferBuilder {
    binary: Vec<u8>,
    pub(crate) views: Vec<Value>,
    pub(crate) accessors: Vec<Value>,
}

/// The type of an accessor's elements.
#[derive(Clone, Copy)]
pub(crate) struct ElementType {
    pub(crate) component: u32,
    pub(crate) shape: &'static str,
    pub(crate) normalized: bool,
}

pub(crate) const F32: u32 = 5126;
pub(crate) const U16: u32 = 5123;
pub(crate) const U32: u32 = 5125;

impl ElementType {
    pub(crate) const fn new(component: u32, shape: &'static str) -> Self {
        Self { component, shape, normalized: false }
    }

    pub(crate) const fn normalized(component: u32, shape: &'static str) -> Self {
        Self { component, shape, normalized: true }
    }
}

impl BufferBuilder {
    /// Appends `bytes` as a new buffer view, on a boundary of four bytes.
    pub(crate) fn view(&mut self, bytes: &[u8], purpose: ViewUse) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        match purpose {
            ViewUse::Vertices => view["target"] = json!(34962),
            ViewUse::Indices => view["target"] = json!(34963),
            ViewUse::Data => {}
        }
        self.binary.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    /// An accessor over a whole new buffer view.
    pub(crate) fn accessor(
        &mut self,
        bytes: &[u8],
        purpose: ViewUse,
        kind: ElementType,
        count: usize,
    ) -> usize {
        let view = self.view(bytes, purpose);
        let mut accessor = json!({
            "bufferView": view, "componentType": kind.component, "count": count, "type": kind.shape
        });
        if kind.normalized {
            accessor["normalized"] = json!(true);
        }
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// An accessor of `count` vectors that are zero but for `values` at the ascending `indices`.
    pub(crate) fn sparse_vectors(&mut self, count: usize, indices: &[u32], values: &[Vec3]) -> usize {
        let mut accessor = json!({ "componentType": F32, "count": count, "type": "VEC3" });
        if indices.is_empty() {
            accessor["min"] = json!([0, 0, 0]);
            accessor["max"] = json!([0, 0, 0]);
        } else {
            let start = if indices.len() < count { Vec3::ZERO } else { values[0] };
            let (lo, hi) = values.iter().fold((start, start), |(lo, hi), &v| (lo.min(v), hi.max(v)));
            accessor["min"] = vector(&lo.to_array());
            accessor["max"] = vector(&hi.to_array());
            let (component, index_bytes) = index_bytes(indices, count);
            let index_view = self.view(&index_bytes, ViewUse::Data);
            let value_view = self.view(bytemuck::cast_slice(values), ViewUse::Data);
            accessor["sparse"] = json!({
                "count": indices.len(),
                "indices": { "bufferView": index_view, "componentType": component },
                "values": { "bufferView": value_view }
            });
        }
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// Finishes `document`, a glTF without buffers, as a GLB.
    pub(crate) fn into_glb(mut self, mut document: Value) -> Result<Vec<u8>, AvatarError> {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        for (key, list) in [("bufferViews", self.views), ("accessors", self.accessors)] {
            if !list.is_empty() {
                document[key] = Value::Array(list);
            }
        }
        if !self.binary.is_empty() {
            document["buffers"] = json!([{ "byteLength": self.binary.len() }]);
        }
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let has_binary = !self.binary.is_empty();
        let total = 20 + text.len() + if has_binary { 8 + self.binary.len() } else { 0 };
        let too_large = || AvatarError::Asset("avatar does not fit the 4 GiB of a .glb file".into());
        let total_word = u32::try_from(total).map_err(|_| too_large())?;
        let mut out = Vec::with_capacity(total);
        let words = |out: &mut Vec<u8>, list: &[u32]| list.iter().for_each(|w| out.extend(w.to_le_bytes()));
        words(&mut out, &[MAGIC, 2, total_word, text.len() as u32, JSON_CHUNK]);
        out.extend(text);
        if has_binary {
            words(&mut out, &[self.binary.len() as u32, BINARY_CHUNK]);
            out.extend(self.binary);
        }
        Ok(out)
    }
}

/// Indices below `count` in the smallest type that glTF allows, and that type. 65535 stays free: it is the
/// primitive-restart value.
pub(crate) fn index_bytes(indices: &[u32], count: usize) -> (u32, Vec<u8>) {
    if count <= usize::from(u16::MAX) {
        (U16, indices.iter().flat_map(|&i| (i as u16).to_le_bytes()).collect())
    } else {
        (U32, indices.iter().flat_map(|i| i.to_le_bytes()).collect())
    }
}

/// A JSON number with the shortest digits that give back `x`.
pub(crate) fn number(x: f32) -> Value {
    let x = if x == 0.0 { 0.0 } else { x };
    x.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// A JSON array of [`number`]s.
pub(crate) fn vector(values: &[f32]) -> Value {
    Value::Array(values.iter().map(|&x| number(x)).collect())
}
