//! A small rig whose buffer views are compressed, by the library whose format it is.

use serde_json::json;

use crate::support::{Builder, square};

/// The square with its two buffer views compressed.
pub(crate) fn packed_square(extension: &str) -> Builder {
    let mut b = square();
    let bin = b.bin.clone();
    let positions: Vec<[u8; 12]> = bin[..48].as_chunks().0.to_vec();
    let views = [
        (meshopt::encode_vertex_buffer_level(&positions, 2, Some(0)).unwrap(), "ATTRIBUTES", 12, 4),
        (meshopt::encode_index_buffer(&[0, 1, 2, 0, 2, 3], 4).unwrap(), "TRIANGLES", 2, 6),
    ];
    b.bin.clear();
    for (i, (bytes, mode, stride, count)) in views.into_iter().enumerate() {
        let view = &mut b.json["bufferViews"][i];
        view["buffer"] = 1.into();
        view["extensions"][extension] = json!({
            "buffer": 0, "byteOffset": b.bin.len(), "byteLength": bytes.len(),
            "mode": mode, "byteStride": stride, "count": count,
        });
        b.bin.extend(bytes);
    }
    let fallback =
        json!({ "byteLength": 64, "uri": "absent.bin", "extensions": { extension: { "fallback": true } } });
    b.json["buffers"].as_array_mut().unwrap().push(fallback);
    b.json["extensionsRequired"] = json!([extension]);
    b
}
