//! Small well-formed files of each kind that the program reads, for tests to damage.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

/// Properties of a 3D Gaussian splatting PLY of degree 0.
const PROPERTIES: [&str; 14] = [
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0",
    "rot_1", "rot_2", "rot_3",
];

/// A PLY of as many Gaussians as there are rows.
pub(crate) fn ply(rows: &[[f32; 14]]) -> Vec<u8> {
    let mut out =
        format!("ply\nformat binary_little_endian 1.0\nelement vertex {}\n", rows.len()).into_bytes();
    PROPERTIES.iter().for_each(|name| out.extend(format!("property float {name}\n").bytes()));
    out.extend(b"end_header\n");
    out.extend(rows.iter().flatten().flat_map(|v| v.to_le_bytes()));
    out
}

/// One visible Gaussian.
pub(crate) const ROW: [f32; 14] = [0.1, 0.2, 0.3, 0.5, 0.5, 0.5, 2.0, -3.0, -3.0, -3.0, 1.0, 0.0, 0.0, 0.0];

/// A PlayCanvas compressed PLY of two Gaussians.
pub(crate) fn compressed_ply() -> Vec<u8> {
    let mut out = b"ply\nformat binary_little_endian 1.0\nelement chunk 1\n".to_vec();
    for bound in ["min", "max"] {
        for name in ["x", "y", "z", "scale_x", "scale_y", "scale_z"] {
            out.extend(format!("property float {bound}_{name}\n").bytes());
        }
    }
    out.extend(b"element vertex 2\n");
    for name in ["position", "rotation", "scale", "color"] {
        out.extend(format!("property uint packed_{name}\n").bytes());
    }
    out.extend(b"end_header\n");
    out.extend(
        [-1_f32, -1., -1., -5., -5., -5., 1., 1., 1., -3., -3., -3.].iter().flat_map(|v| v.to_le_bytes()),
    );
    out.extend([0_u32, 0, 0, !0, !0, 0, !0, !0].iter().flat_map(|v| v.to_le_bytes()));
    out
}

/// An SPZ of version 2 before it is compressed, with two Gaussians, that claims `count`.
pub(crate) fn spz_contents(version: u32, count: u32) -> Vec<u8> {
    let mut out = b"NGSP".to_vec();
    out.extend(version.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend([0, 12, 0, 0]);
    out.extend([0; 2 * 9]);
    out.extend([200; 2]);
    out.extend([128; 2 * 3]);
    out.extend([100; 2 * 3]);
    out.extend([127; 2 * 3]);
    out
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip of deflated entries.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip whose `head/skin.glb` really unpacks to `mebibytes` of zeros.
pub(crate) fn bomb(mebibytes: usize, offset_ply: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("head/offset.ply", SimpleFileOptions::default()).unwrap();
    writer.write_all(offset_ply).unwrap();
    writer.start_file("head/skin.glb", SimpleFileOptions::default()).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..mebibytes).for_each(|_| writer.write_all(&zeros).unwrap());
    writer.finish().unwrap().into_inner()
}

/// The zip with another unpacked size in the directory entries of `name`; nothing else changes.
pub(crate) fn claim(mut zip: Vec<u8>, name: &str, unpacked: u32) -> Vec<u8> {
    let mut claimed = 0;
    for at in 0..zip.len().saturating_sub(46 + name.len()) {
        // APPNOTE.TXT 4.3.7 and 4.3.12: local and central file headers.
        let (size, start) = match &zip[at..at + 4] {
            b"PK\x03\x04" => (at + 22, at + 30),
            b"PK\x01\x02" => (at + 24, at + 46),
            _ => continue,
        };
        if zip[start..].starts_with(name.as_bytes()) {
            zip[size..size + 4].copy_from_slice(&unpacked.to_le_bytes());
            claimed += 1;
        }
    }
    assert_eq!(claimed, 2, "one local and one central header");
    zip
}

/// A track of Live Link Face: the shapes named, and rows of values as they are to stand in the file.
pub(crate) fn csv(shapes: &[&str], rows: &[&[&str]]) -> String {
    let mut out = format!("Timecode,BlendshapeCount,{}\n", shapes.join(","));
    for (i, row) in rows.iter().enumerate() {
        out += &format!("12:00:00:{i:02}.000,{},{}\n", shapes.len(), row.join(","));
    }
    out
}
