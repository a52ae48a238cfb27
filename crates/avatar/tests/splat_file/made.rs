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

/// Position, linear scale, red green blue opacity, and rotation (w, x, y, z) of each Gaussian of a `.splat`.
pub(crate) type AntimatterRow = ([f32; 3], [f32; 3], [u8; 4], [u8; 4]);

pub(crate) fn antimatter(rows: &[AntimatterRow]) -> Vec<u8> {
    let row = |(position, scale, color, rotation): &AntimatterRow| -> Vec<u8> {
        let numbers = position.iter().chain(scale).flat_map(|v| v.to_le_bytes());
        numbers.chain(*color).chain(*rotation).collect()
    };
    rows.iter().flat_map(row).collect()
}

/// A `.ksplat`, its Gaussians but for their places made by their number: see `bytes`.
pub(crate) struct Ksplat {
    pub(crate) level: u16,
    pub(crate) harmonics: [f32; 2],
    pub(crate) sections: Vec<KsplatSection>,
}

#[derive(Clone)]
pub(crate) struct KsplatSection {
    pub(crate) degree: u8,
    pub(crate) bucket_size: u32,
    pub(crate) block: f32,
    /// Of the full buckets, then of the others.
    pub(crate) centers: Vec<[f32; 3]>,
    /// How many Gaussians those have that are not full.
    pub(crate) partial: Vec<u32>,
    pub(crate) positions: Vec<[f32; 3]>,
}

/// Three Gaussians in a full bucket of two and one of one, which is at (10, 0, 0).
pub(crate) fn ksplat(level: u16, degree: u8) -> Ksplat {
    Ksplat {
        level,
        harmonics: [-2.0, 2.0],
        sections: vec![KsplatSection {
            degree,
            bucket_size: 2,
            block: 5.0,
            centers: vec![[0.0; 3], [10.0, 0.0, 0.0]],
            partial: vec![1],
            positions: vec![[0.5, -0.25, 1.0], [-2.5, 2.5, 0.0], [9.0, 1.0, -1.0]],
        }],
    }
}

impl Ksplat {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; 4096 + 1024 * self.sections.len()];
        let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
            file[at..at + bytes.len()].copy_from_slice(bytes);
        };
        let total: usize = self.sections.iter().map(|s| s.positions.len()).sum();
        let count = self.sections.len() as u32;
        put(&mut file, 0, &[0, 1]);
        put(&mut file, 4, &[count.to_le_bytes(), count.to_le_bytes()].concat());
        put(&mut file, 12, &[(total as u32).to_le_bytes(), (total as u32).to_le_bytes()].concat());
        put(&mut file, 20, &self.level.to_le_bytes());
        put(&mut file, 36, &self.harmonics.map(f32::to_le_bytes).concat());
        for (i, section) in self.sections.iter().enumerate() {
            let at = 4096 + 1024 * i;
            let n = section.positions.len() as u32;
            let partial = section.partial.len() as u32;
            let full = section.centers.len() as u32 - partial;
            for (word, value) in [
                (0, n),
                (1, n),
                (2, section.bucket_size),
                (3, full + partial),
                (6, 32_767),
                (8, full),
                (9, partial),
            ] {
                put(&mut file, at + 4 * word, &value.to_le_bytes());
            }
            put(&mut file, at + 16, &section.block.to_le_bytes());
            put(&mut file, at + 20, &12_u16.to_le_bytes());
            put(&mut file, at + 40, &u16::from(section.degree).to_le_bytes());
            file.extend(section.partial.iter().flat_map(|n| n.to_le_bytes()));
            file.extend(section.centers.iter().flatten().flat_map(|v| v.to_le_bytes()));
            for k in 0..section.positions.len() {
                self.push(section, k, &mut file);
            }
        }
        file
    }

    fn push(&self, section: &KsplatSection, i: usize, file: &mut Vec<u8>) {
        let real = |v: f32| match self.level {
            0 => v.to_le_bytes().to_vec(),
            _ => half::f16::from_f32(v).to_le_bytes().to_vec(),
        };
        let full = (section.centers.len() - section.partial.len()) * section.bucket_size as usize;
        let bucket = if i < full { i / section.bucket_size as usize } else { section.centers.len() - 1 };
        for (v, center) in section.positions[i].iter().zip(section.centers[bucket]) {
            match self.level {
                0 => file.extend(v.to_le_bytes()),
                _ => {
                    let steps = (v - center) / (0.5 * section.block) * 32_767.0 + 32_767.0;
                    file.extend((steps.round() as u16).to_le_bytes());
                }
            }
        }
        let scale = 0.1 * (i as f32 + 1.0);
        file.extend([scale, 2.0 * scale, 3.0 * scale].into_iter().flat_map(real));
        let (sine, cosine) = (0.15 * i as f32).sin_cos();
        file.extend([cosine, 0.0, sine, 0.0].into_iter().flat_map(real));
        file.extend([10 * i as u8, 100, 255, 204]);
        for degree in 1..=section.degree {
            let (first, end) = (usize::from(degree).pow(2), (usize::from(degree) + 1).pow(2));
            for channel in 0..3 {
                for k in first..end {
                    let value = 0.1 * k as f32 - 0.3 * channel as f32;
                    let [least, greatest] = self.harmonics;
                    match self.level {
                        2 => file.push(((value - least) / (greatest - least) * 255.0).round() as u8),
                        _ => file.extend(real(value)),
                    }
                }
            }
        }
    }
}

/// A SOG of three Gaussians: its `meta.json` and its pictures.
pub(crate) struct Sog {
    pub(crate) meta: String,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Sog {
    pub(crate) fn new(version: u32) -> Self {
        let mut files = Vec::new();
        let mut add = |name: &str, size: (u32, u32), pixels: &[[u8; 4]]| {
            let mut rgba: Vec<u8> = pixels.concat();
            rgba.resize((size.0 * size.1 * 4) as usize, 0);
            let mut bytes = Vec::new();
            image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
                .encode(&rgba, size.0, size.1, image::ExtendedColorType::Rgba8)
                .unwrap();
            files.push((name.to_owned(), bytes));
        };
        // 65535, 0, middle; three quarters, one quarter, three quarters.
        add("means_l.webp", (4, 4), &[[255, 0, 255, 255], [255, 0, 255, 255], [0, 0, 0, 255]]);
        add("means_u.webp", (4, 4), &[[255, 0, 127, 255], [191, 64, 191, 255], [0, 0, 0, 255]]);
        add("quats.webp", (4, 4), &[[128, 128, 128, 252], [255, 128, 128, 253], [9, 9, 9, 7]]);
        add("scales.webp", (4, 4), &[[0, 64, 128, 255]; 3]);
        add("sh0.webp", (4, 4), &[[0, 128, 255, 51]; 3]);
        let centroids: Vec<[u8; 4]> =
            (0..128_u8).flat_map(|n| (0..3).map(move |k| [n + k, 100, 0, 255])).collect();
        add("shN_centroids.webp", (192, 2), &centroids);
        add("shN_labels.webp", (4, 4), &[[65, 0, 0, 255], [0, 0, 0, 255], [1, 0, 0, 255]]);
        let book = |start: f32, parts: f32| -> String {
            let values: Vec<String> = (0..256).map(|v| (start + v as f32 / parts).to_string()).collect();
            format!("[{}]", values.join(","))
        };
        let sh_files = "\"files\":[\"shN_centroids.webp\",\"shN_labels.webp\"]";
        let means = "\"mins\":[-2,-2,-2],\"maxs\":[2,2,2],\"files\":[\"means_l.webp\",\"means_u.webp\"]";
        let meta = if version == 2 {
            format!(
                "{{\"version\":2,\"count\":3,\"antialias\":true,\"means\":{{{means}}},\
                 \"scales\":{{\"codebook\":{},\"files\":[\"scales.webp\"]}},\
                 \"quats\":{{\"files\":[\"quats.webp\"]}},\
                 \"sh0\":{{\"codebook\":{},\"files\":[\"sh0.webp\"]}},\
                 \"shN\":{{\"count\":128,\"bands\":1,\"codebook\":{},{sh_files}}}}}",
                book(-8.0, 64.0),
                book(-2.0, 64.0),
                book(-1.0, 128.0)
            )
        } else {
            format!(
                "{{\"means\":{{\"shape\":[3,3],\"dtype\":\"float32\",{means}}},\
                 \"scales\":{{\"mins\":[-8,-8,-8],\"maxs\":[-4,0,4],\"files\":[\"scales.webp\"]}},\
                 \"quats\":{{\"shape\":[3,4],\"encoding\":\"quaternion_packed\",\"files\":[\"quats.webp\"]}},\
                 \"sh0\":{{\"mins\":[-2,-2,-2,-6],\"maxs\":[2,2,2,6],\"files\":[\"sh0.webp\"]}},\
                 \"shN\":{{\"mins\":-1,\"maxs\":1,\"quantization\":8,{sh_files}}}}}"
            )
        };
        Self { meta, files }
    }
}
