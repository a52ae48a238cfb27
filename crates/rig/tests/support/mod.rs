//! Small glTF files made in memory.
#![allow(dead_code)] // Each test program uses a part of it.

use serde_json::{Value, json};

/// A glTF under construction: JSON beside its binary chunk.
pub(crate) struct Builder {
    pub(crate) json: Value,
    pub(crate) bin: Vec<u8>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let json = json!({
            "asset": { "version": "2.0" },
            "buffers": [{ "byteLength": 0 }],
            "bufferViews": [], "accessors": [], "meshes": [], "nodes": [],
        });
        Self { json, bin: Vec::new() }
    }

    fn push(&mut self, list: &str, value: Value) -> usize {
        let list = self.json[list].as_array_mut().unwrap();
        list.push(value);
        list.len() - 1
    }

    pub(crate) fn view(&mut self, bytes: &[u8]) -> usize {
        while !self.bin.len().is_multiple_of(4) {
            self.bin.push(0);
        }
        let offset = self.bin.len();
        self.bin.extend_from_slice(bytes);
        self.push("bufferViews", json!({ "buffer": 0, "byteOffset": offset, "byteLength": bytes.len() }))
    }

    pub(crate) fn accessor(&mut self, bytes: &[u8], component: u32, kind: &str, count: usize) -> usize {
        let view = self.view(bytes);
        let accessor =
            json!({ "bufferView": view, "componentType": component, "type": kind, "count": count });
        self.push("accessors", accessor)
    }

    pub(crate) fn floats(&mut self, kind: &str, values: &[f32]) -> usize {
        let width = match kind {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            "VEC4" => 4,
            _ => 16,
        };
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.accessor(&bytes, 5126, kind, values.len() / width)
    }

    pub(crate) fn shorts(&mut self, values: &[u16]) -> usize {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.accessor(&bytes, 5123, "SCALAR", values.len())
    }

    /// A sparse VEC3 accessor of `count` zeros, but for the given ones.
    pub(crate) fn sparse(&mut self, count: usize, changes: &[(u16, [f32; 3])]) -> usize {
        let indices: Vec<u8> = changes.iter().flat_map(|(i, _)| i.to_le_bytes()).collect();
        let values: Vec<u8> =
            changes.iter().flat_map(|(_, v)| v.iter().flat_map(|v| v.to_le_bytes())).collect();
        let (indices, values) = (self.view(&indices), self.view(&values));
        let accessor = json!({
            "componentType": 5126, "type": "VEC3", "count": count,
            "sparse": {
                "count": changes.len(),
                "indices": { "bufferView": indices, "componentType": 5123 },
                "values": { "bufferView": values },
            },
        });
        self.push("accessors", accessor)
    }

    pub(crate) fn mesh(&mut self, mesh: Value) -> usize {
        self.push("meshes", mesh)
    }

    pub(crate) fn node(&mut self, node: Value) -> usize {
        self.push("nodes", node)
    }

    pub(crate) fn glb(&self) -> Vec<u8> {
        let mut json = self.json.clone();
        json["buffers"][0]["byteLength"] = self.bin.len().into();
        pack(&json, &self.bin)
    }
}

/// The GLB of a JSON value and a binary chunk.
pub(crate) fn pack(json: &Value, bin: &[u8]) -> Vec<u8> {
    let mut json = serde_json::to_vec(json).unwrap();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut bin = bin.to_vec();
    bin.resize(bin.len().next_multiple_of(4), 0);
    let word = |n: usize| (n as u32).to_le_bytes();
    let mut glb = b"glTF".to_vec();
    glb.extend(word(2));
    glb.extend(word(12 + 8 + json.len() + 8 + bin.len()));
    glb.extend(word(json.len()));
    glb.extend(b"JSON");
    glb.extend(&json);
    glb.extend(word(bin.len()));
    glb.extend(b"BIN\0");
    glb.extend(&bin);
    glb
}

/// A flat square of four vertices and two triangles in the plane z = 0, from (0, 0) to (1, 1), on one node.
pub(crate) fn square() -> Builder {
    let mut b = Builder::new();
    let positions = b.floats("VEC3", &[0., 0., 0., 1., 0., 0., 1., 1., 0., 0., 1., 0.]);
    let indices = b.shorts(&[0, 1, 2, 0, 2, 3]);
    let mesh =
        b.mesh(json!({ "primitives": [{ "attributes": { "POSITION": positions }, "indices": indices }] }));
    b.node(json!({ "mesh": mesh }));
    b
}

/// The square with a dense morph `jawOpen` (all vertices up by z), a sparse one `custom` (vertex 2 along x) and an
/// animation of both from 0 to 1 s.
pub(crate) fn morphing_square() -> Builder {
    let mut b = square();
    let dense = b.floats("VEC3", &[0., 0., 1., 0., 0., 1., 0., 0., 1., 0., 0., 1.]);
    let sparse = b.sparse(4, &[(2, [0.5, 0., 0.])]);
    let mesh = &mut b.json["meshes"][0];
    mesh["primitives"][0]["targets"] = json!([{ "POSITION": dense }, { "POSITION": sparse }]);
    mesh["extras"] = json!({ "targetNames": ["JawOpen", "custom"] });
    let times = b.floats("SCALAR", &[0., 1.]);
    let weights = b.floats("SCALAR", &[0., 0.25, 1., 0.75]);
    b.json["animations"] = json!([{
        "channels": [{ "sampler": 0, "target": { "node": 0, "path": "weights" } }],
        "samplers": [{ "input": times, "output": weights }],
    }]);
    b
}

/// A vertical strip of six vertices on two bones, the upper one at y = 1.
pub(crate) fn two_bones() -> Builder {
    let mut b = Builder::new();
    let positions =
        b.floats("VEC3", &[-0.5, 0., 0., 0.5, 0., 0., -0.5, 1., 0., 0.5, 1., 0., -0.5, 2., 0., 0.5, 2., 0.]);
    let indices = b.shorts(&[0, 1, 2, 2, 1, 3, 2, 3, 4, 4, 3, 5]);
    let joints: Vec<u8> =
        [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]].concat();
    let joints = b.accessor(&joints, 5121, "VEC4", 6);
    // Bytes, and not normalised on purpose: 2:2 and 3:0.
    let weights: Vec<u8> =
        [[3, 0, 0, 0], [3, 0, 0, 0], [2, 2, 0, 0], [2, 2, 0, 0], [3, 0, 0, 0], [3, 0, 0, 0]].concat();
    let weights = b.accessor(&weights, 5121, "VEC4", 6);
    b.json["accessors"][weights]["normalized"] = true.into();
    let mut inverse = vec![1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];
    inverse.extend([1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., -1., 0., 1.]);
    let inverse = b.floats("MAT4", &inverse);
    let mesh = b.mesh(json!({ "primitives": [{
        "attributes": { "POSITION": positions, "JOINTS_0": joints, "WEIGHTS_0": weights }, "indices": indices,
    }] }));
    b.json["skins"] = json!([{ "joints": [2, 1], "inverseBindMatrices": inverse }]);
    // The child comes first in the file, and the mesh's own transform must not matter.
    b.node(json!({ "mesh": mesh, "skin": 0, "translation": [7, 7, 7] }));
    b.node(json!({ "name": "Head", "translation": [0, 1, 0] }));
    b.node(json!({ "name": "root", "children": [1] }));
    b.json["scenes"] = json!([{ "nodes": [0, 2] }]);
    b
}
