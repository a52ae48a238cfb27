//! Small glTF files of splats, put together by hand.

use serde_json::{Map, Value, json};

pub(crate) const F32: u32 = 5126;
pub(crate) const I8: u32 = 5120;
pub(crate) const U8: u32 = 5121;
pub(crate) const I16: u32 = 5122;
pub(crate) const U16: u32 = 5123;

/// A glTF document and its binary buffer.
pub(crate) struct Gltf {
    pub(crate) json: Value,
    pub(crate) binary: Vec<u8>,
}

impl Gltf {
    pub(crate) fn new() -> Self {
        let json = json!({
            "asset": { "version": "2.0" }, "extensionsUsed": ["KHR_gaussian_splatting"], "scene": 0,
            "scenes": [{ "nodes": [] }], "nodes": [], "meshes": [], "accessors": [], "bufferViews": [],
        });
        Self { json, binary: Vec::new() }
    }

    pub(crate) fn push(&mut self, list: &str, value: Value) -> usize {
        let list = self.json[list].as_array_mut().unwrap();
        list.push(value);
        list.len() - 1
    }

    pub(crate) fn view(&mut self, bytes: &[u8]) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        self.binary.extend(bytes);
        self.push("bufferViews", view)
    }

    /// An accessor of floats, each element `width` of them.
    pub(crate) fn floats(&mut self, width: usize, values: &[f32]) -> usize {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.accessor(F32, false, width, values.len() / width, &bytes)
    }

    pub(crate) fn accessor(
        &mut self,
        component: u32,
        normalized: bool,
        width: usize,
        count: usize,
        bytes: &[u8],
    ) -> usize {
        let view = self.view(bytes);
        let kind = ["SCALAR", "VEC2", "VEC3", "VEC4"][width - 1];
        let mut accessor =
            json!({ "bufferView": view, "componentType": component, "count": count, "type": kind });
        if normalized {
            accessor["normalized"] = json!(true);
        }
        self.push("accessors", accessor)
    }

    /// A mesh of one primitive, shown by a node of its own with these properties.
    pub(crate) fn show(&mut self, primitive: Value, mut node: Value) -> usize {
        let mesh = self.push("meshes", json!({ "primitives": [primitive] }));
        node["mesh"] = json!(mesh);
        let node = self.push("nodes", node);
        self.json["scenes"][0]["nodes"].as_array_mut().unwrap().push(json!(node));
        node
    }

    pub(crate) fn text(&self, buffer: Value) -> String {
        let mut json = self.json.clone();
        json["buffers"] = json!([buffer]);
        json.to_string()
    }

    pub(crate) fn glb(&self) -> Vec<u8> {
        let mut text = self.text(json!({ "byteLength": self.binary.len() })).into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let mut binary = self.binary.clone();
        binary.resize(binary.len().next_multiple_of(4), 0);
        let words = |list: &[u32]| -> Vec<u8> { list.iter().flat_map(|w| w.to_le_bytes()).collect() };
        [
            words(&[0x4654_6c67, 2, (28 + text.len() + binary.len()) as u32, text.len() as u32, 0x4e4f_534a]),
            text,
            words(&[binary.len() as u32, 0x004e_4942]),
            binary,
        ]
        .concat()
    }
}

/// A primitive of splats with these attributes, those of the extension by what follows its name.
pub(crate) fn splats(attributes: &[(&str, usize)], color_space: &str) -> Value {
    let named: Map<String, Value> = attributes
        .iter()
        .map(|&(name, accessor)| match name {
            "POSITION" | "COLOR_0" => (name.to_owned(), json!(accessor)),
            _ => (format!("KHR_gaussian_splatting:{name}"), json!(accessor)),
        })
        .collect();
    json!({
        "mode": 0, "attributes": named,
        "extensions": { "KHR_gaussian_splatting": { "kernel": "ellipse", "colorSpace": color_space } },
    })
}

pub(crate) const SRGB: &str = "srgb_rec709_display";
pub(crate) const LINEAR: &str = "lin_rec709_display";

/// Two splats of degree 0 by floats: a grey one, and one of 0.2, 0.4 and 0.6 that is turned a quarter about Z.
pub(crate) fn two(file: &mut Gltf) -> Vec<(&'static str, usize)> {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let harmonic = |color: f32| (color - 0.5) / 0.282_094_8;
    vec![
        ("POSITION", file.floats(3, &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0])),
        ("ROTATION", file.floats(4, &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, half, half])),
        ("SCALE", file.floats(3, &[0.1, 0.1, 0.1, 0.5, 0.25, 1.0])),
        ("OPACITY", file.floats(1, &[0.5, 0.8])),
        ("SH_DEGREE_0_COEF_0", file.floats(3, &[0.0, 0.0, 0.0, harmonic(0.2), harmonic(0.4), harmonic(0.6)])),
    ]
}
