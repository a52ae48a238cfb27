//! Small splat files put together byte by byte from the descriptions of their formats.

use std::io::{Read, Write};

/// Header and body of a PLY.
pub(crate) fn ply(format: &str, declarations: &[&str], body: &[u8]) -> Vec<u8> {
    let mut file = format!("ply\nformat {format} 1.0\ncomment made for a test\n").into_bytes();
    for line in declarations {
        file.extend(line.as_bytes());
        file.push(b'\n');
    }
    file.extend(b"end_header\n");
    file.extend(body);
    file
}

/// A PLY of `rows` rows of little-endian f32 properties.
pub(crate) fn float_ply(properties: &[&str], rows: &[Vec<f32>]) -> Vec<u8> {
    let count = format!("element vertex {}", rows.len());
    let properties: Vec<String> = properties.iter().map(|name| format!("property float {name}")).collect();
    let mut lines = vec![count.as_str()];
    lines.extend(properties.iter().map(String::as_str));
    let body: Vec<u8> = rows.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    ply("binary_little_endian", &lines, &body)
}

/// The property names of a 3D Gaussian Splatting PLY with `rest` properties `f_rest_*`.
pub(crate) fn property_names(rest: usize) -> Vec<String> {
    let mut names: Vec<String> = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2"].map(String::from).to_vec();
    names.extend((0..rest).map(|i| format!("f_rest_{i}")));
    names.extend(
        ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"].map(String::from),
    );
    names
}

/// `rows` Gaussians in a 3D Gaussian Splatting PLY, values varying from row to row.
pub(crate) fn plain_ply(rows: usize, rest: usize) -> Vec<u8> {
    let names = property_names(rest);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let value = |row: usize, i: usize| ((row * 31 + i * 7) % 19) as f32 / 8.0 - 1.0;
    let rows: Vec<Vec<f32>> =
        (0..rows).map(|row| (0..names.len()).map(|i| value(row, i)).collect()).collect();
    float_ply(&names, &rows)
}

/// The chunk of [`compressed_ply`]: least and greatest position, log-scale and colour.
pub(crate) const CHUNK: [f32; 18] = [
    -1.0, 0.0, 10.0, 1.0, 4.0, 20.0, // position
    -8.0, -8.0, -8.0, -4.0, -4.0, -4.0, // log-scale
    0.0, -1.0, 0.0, 2.0, 1.0, 1.0, // colour
];

/// A compressed PLY with one chunk, with bounds of colour or not, and element `sh` if `harmonics` holds rows.
pub(crate) fn compressed_ply(chunk: &[f32], vertices: &[[u32; 4]], harmonics: &[Vec<u8>]) -> Vec<u8> {
    let mut lines = vec!["element chunk 1".to_owned()];
    for group in
        [["x", "y", "z"], ["scale_x", "scale_y", "scale_z"], ["r", "g", "b"]].iter().take(chunk.len() / 6)
    {
        for bound in ["min", "max"] {
            lines.extend(group.map(|axis| format!("property float {bound}_{axis}")));
        }
    }
    lines.push(format!("element vertex {}", vertices.len()));
    for name in ["position", "rotation", "scale", "color"] {
        lines.push(format!("property uint packed_{name}"));
    }
    if let Some(first) = harmonics.first() {
        lines.push(format!("element sh {}", harmonics.len()));
        lines.extend((0..first.len()).map(|i| format!("property uchar f_rest_{i}")));
    }
    let mut body: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
    body.extend(vertices.iter().flatten().flat_map(|v| v.to_le_bytes()));
    body.extend(harmonics.iter().flatten());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ply("binary_little_endian", &lines, &body)
}

/// What an SPZ file holds: its header, then arrays in the order of the file.
#[derive(Clone)]
pub(crate) struct Spz {
    pub(crate) version: u32,
    pub(crate) count: u32,
    pub(crate) degree: u8,
    pub(crate) fractional_bits: u8,
    pub(crate) flags: u8,
    pub(crate) arrays: Vec<Vec<u8>>,
}

impl Spz {
    /// Two Gaussians; only positions and rotations are stored otherwise in one version than in another.
    pub(crate) fn two(version: u32) -> Self {
        let positions = match version {
            // 1.5, -2, 0.25 as half floats, then zeros.
            1 => vec![0x00, 0x3e, 0x00, 0xc0, 0x00, 0x34, 0, 0, 0, 0, 0, 0],
            // 1, -1, -2048 with 12 fractional bits, then 1/4096, 0, 2048 - 1/4096.
            _ => vec![
                0x00, 0x10, 0x00, 0x00, 0xf0, 0xff, 0x00, 0x00, 0x80, // first
                0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x7f, // second
            ],
        };
        let rotations = match version {
            1 | 2 => vec![204, 128, 128, 128, 128, 128],
            // The identity, with w the largest; then x the largest and y -1 times √½.
            _ => [0xc000_0000_u32, 0x3ff0_0000].iter().flat_map(|word| word.to_le_bytes()).collect(),
        };
        let arrays = vec![
            positions,
            vec![128, 255],
            vec![128, 255, 0, 128, 128, 128],
            vec![128, 0, 255, 160, 160, 160],
            rotations,
            vec![0, 255, 192, 64, 128, 128, 128, 128, 129, 128, 128, 128, 128, 128, 128, 128, 128, 127],
        ];
        Self { version, count: 2, degree: 1, fractional_bits: 12, flags: 0, arrays }
    }

    fn header(&self) -> Vec<u8> {
        let mut bytes = b"NGSP".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend([self.degree, self.fractional_bits, self.flags]);
        bytes
    }

    /// What is in the gzip stream of versions 1 to 3.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.push(0);
        bytes.extend(self.arrays.iter().flatten());
        bytes
    }

    /// A file of version 4, with stored blocks for streams, and `extension` before its table of contents.
    pub(crate) fn v4(&self, extension: &[u8]) -> Vec<u8> {
        let streams: Vec<(Vec<u8>, usize)> =
            self.arrays.iter().map(|array| (zstd_stored(array), array.len())).collect();
        let mut bytes = self.header();
        bytes.push(streams.len() as u8);
        bytes.extend((32 + extension.len() as u32).to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend(extension);
        for (stream, length) in &streams {
            bytes.extend((stream.len() as u64).to_le_bytes());
            bytes.extend((*length as u64).to_le_bytes());
        }
        bytes.extend(streams.iter().flat_map(|(stream, _)| stream));
        bytes
    }
}

/// A gzip stream.
pub(crate) fn gzip(payload: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(payload).unwrap();
    encoder.finish().unwrap()
}

/// A gzip stream of `start` and then `zeros` zeros.
pub(crate) fn gzip_of_zeros(start: &[u8], zeros: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(start).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(zeros as u64), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame (RFC 8878) of one stored block: single segment, content size of four bytes, no checksum.
pub(crate) fn zstd_stored(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend((content.len() as u32).to_le_bytes());
    let block = 1 | (content.len() as u32) << 3;
    frame.extend(&block.to_le_bytes()[..3]);
    frame.extend(content);
    frame
}
