//! SPZ.

use effigy_avatar::splat_file::{SplatReadOptions, SplatScene, UpAxis, read_splat, read_spz};
use effigy_splat::{Filter, Gaussians};
use glam::{DMat3, DVec3, Vec3};

use crate::made::{Spz, gzip, gzip_of_zeros, zstd_stored};
use crate::ply::{covariance, harmonics_after_first};
use crate::{Y_UP, assert_close, message, read_y_up, warnings};

#[test]
fn spz_of_every_version() {
    for version in 1..=4 {
        let spz = Spz::two(version);
        let file = if version < 4 { gzip(&spz.payload()) } else { spz.v4(&[]) };
        let SplatScene { gaussians, filter, .. } = read_splat(&file, &SplatReadOptions::default()).unwrap();
        assert_eq!(read_spz(&file, &SplatReadOptions::default()).unwrap().gaussians, gaussians);
        assert_eq!(filter, Filter::CLASSIC);
        let positions = match version {
            1 => [Vec3::new(1.5, -2.0, 0.25), Vec3::ZERO],
            _ => [Vec3::new(1.0, -1.0, -2048.0), Vec3::new(1.0 / 4096.0, 0.0, 2048.0 - 1.0 / 4096.0)],
        };
        assert_eq!(gaussians.positions, positions);
        let half = 0.5_f32.sqrt();
        let rotations = match version {
            // 204 / 127.5 - 1 = 0.6, 128 / 127.5 - 1 = 0.0039216.
            1 | 2 => [
                [0.6, 0.003_921_6, 0.003_921_6, 0.799_980_8],
                [0.003_921_6, 0.003_921_6, 0.003_921_6, 0.999_976_9],
            ],
            _ => [[0.0, 0.0, 0.0, 1.0], [half, -half, 0.0, 0.0]],
        };
        for (found, want) in gaussians.rotations.iter().zip(rotations) {
            assert_close(&found.to_array(), &want, 2e-7);
        }
        // ln(128 / 127).
        assert_close(&gaussians.opacity_logits[..1], &[0.007_843_177], 1e-7);
        assert_eq!(gaussians.opacity_logits[1], f32::INFINITY);
        assert_eq!(gaussians.log_scales, [Vec3::new(-2.0, -10.0, 5.9375), Vec3::ZERO]);
        assert_eq!(gaussians.sh_degree, 1);
        assert_close(&gaussians.sh_of(0)[..3], &[0.013_071_9, 3.333_333_3, -3.333_333_3], 1e-6);
        let want = [-1.0, 0.992_187_5, 0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.007_812_5];
        assert_eq!(gaussians.sh_of(0)[3..], want);
        assert_eq!(gaussians.sh_of(1)[11], -0.007_812_5);
    }
}

#[test]
fn spz_antialiased_has_the_mip_filter() {
    for version in [3, 4] {
        let spz = Spz { flags: 1, ..Spz::two(version) };
        let file = if version < 4 { gzip(&spz.payload()) } else { spz.v4(&[]) };
        assert_eq!(read_y_up(&file).filter, Filter::MIP);
    }
}

#[test]
fn spz_extensions_are_skipped() {
    let extension = [0x02, 0x00, 0xbe, 0xad, 4, 0, 0, 0, 1, 2, 3, 4];
    let spz = Spz { flags: 2, ..Spz::two(4) };
    assert_eq!(read_y_up(&spz.v4(&extension)), read_y_up(&Spz::two(4).v4(&[])));
    let mut old = Spz { flags: 2, ..Spz::two(3) };
    let plain = read_y_up(&gzip(&old.payload()));
    old.arrays.push(extension.to_vec());
    assert_eq!(read_y_up(&gzip(&old.payload())), plain);
}

#[test]
fn spz_of_degree_four_keeps_three() {
    let mut spz = Spz { degree: 4, ..Spz::two(4) };
    spz.arrays[5] = (0..144).map(|i| (i % 72) as u8 + 128 - 36).collect();
    let gaussians = read_y_up(&spz.v4(&[])).gaussians;
    assert_eq!(gaussians.sh_degree, 3);
    for i in 0..2 {
        let want: Vec<f32> = (0..45).map(|k| (k - 36) as f32 / 128.0).collect();
        assert_eq!(gaussians.sh_of(i)[3..], want);
    }
}

#[test]
fn spz_without_harmonics_or_gaussians() {
    let mut spz = Spz { degree: 0, ..Spz::two(4) };
    spz.arrays.pop();
    assert_eq!(read_y_up(&spz.v4(&[])).gaussians.sh_degree, 0);
    let none = Spz { count: 0, arrays: vec![], ..Spz::two(4) };
    assert!(read_y_up(&none.v4(&[])).gaussians.is_empty());
    let none = Spz { version: 3, ..none };
    assert!(read_y_up(&gzip(&none.payload())).gaussians.is_empty());
}

#[test]
fn spz_faults_are_named() {
    let read = |bytes: &[u8]| message(read_splat(bytes, &Y_UP));
    let v4 = Spz::two(4);
    assert_eq!(read(&Spz { version: 5, ..v4.clone() }.v4(&[])), "SPZ: version 5 is not one of 4 to 4");
    assert_eq!(read(&gzip(&v4.payload())), "SPZ: version 4 is not one of 1 to 3");
    assert_eq!(read(&gzip(b"not a splat, but long enough")), "SPZ: the gzip stream does not begin with NGSP");
    assert_eq!(
        read(&Spz { degree: 5, ..v4.clone() }.v4(&[])),
        "SPZ: harmonics of degree 5; at most 4 are possible"
    );
    assert_eq!(
        read(&Spz { fractional_bits: 31, ..v4.clone() }.v4(&[])),
        "SPZ: positions with 31 fractional bits of 24"
    );
    assert_eq!(
        read(&Spz { count: 3, ..v4.clone() }.v4(&[])),
        "SPZ: positions are 18 bytes by the table of contents, 27 by the header"
    );
    assert_eq!(
        read(&Spz { count: 2_000_000, ..v4.clone() }.v4(&[])),
        "2000000 Gaussians are more than the limit of 1048576"
    );
    assert_eq!(read(&Spz { degree: 0, ..v4.clone() }.v4(&[])), "SPZ: 6 streams where 5 are needed");
    assert_eq!(
        read(&gzip(&Spz { count: 3, ..Spz::two(3) }.payload())),
        "SPZ: stream of rotations: fewer than the 12 bytes that are needed"
    );
    let file = v4.v4(&[]);
    assert!(read(&file[..25]).starts_with("file ends within the table of contents"), "{}", read(&file[..25]));
    assert!(read(&file[..10]).starts_with("file ends within the header"));
    assert!(read(&file[..file.len() - 1]).starts_with("file ends within harmonics"));
    let mut longer = file.clone();
    // The first stream's own length, one byte more than the table of contents has.
    let at = 32 + 6 * 16;
    assert_eq!(longer[at..at + 4], [0x28, 0xb5, 0x2f, 0xfd]);
    let stream = zstd_stored(&[0; 19]);
    longer.splice(at..at + 30, stream);
    longer[32] = 31;
    assert_eq!(read(&longer), "SPZ: stream of positions: more than the 18 bytes that are needed");
    let mut old = Spz::two(3);
    old.arrays[0][3..6].copy_from_slice(&[0, 0, 0]);
    let mut packed = gzip(&old.payload());
    let crc = packed.len() - 6;
    packed[crc] ^= 1;
    assert!(read(&packed).starts_with("SPZ: stream of the end:"), "{}", read(&packed));
    assert_eq!(
        read(&gzip_of_zeros(&Spz::two(3).payload(), 2 << 20)),
        "1048577 bytes after the last Gaussian are more than the limit of 1048576"
    );
    assert_eq!(read(b"PK\x03\x04"), "not a splat file: it begins as neither PLY nor SPZ does");
    assert_eq!(read(b""), "not a splat file: it begins as neither PLY nor SPZ does");
}

/// The values of `SPZ_ADOBE_coordinate_system`, by the enumeration CoordinateSystem of nianticlabs/spz, and where X, Y and
/// Z point in the files that this library makes of upright Gaussians with them. It takes (x, y, z), Y up, to (x, -z, y) for
/// the last eight, RFU, and then changes the sign of the second or third of these where D is not U or B is not F.
const SYSTEMS: [(u32, &str, &str); 17] = [
    (0, "", "RUB"),
    (1, "LDB", "LDB"),
    (2, "RDB", "RDB"),
    (3, "LUB", "LUB"),
    (4, "RUB", "RUB"),
    (5, "LDF", "LDF"),
    (6, "RDF", "RDF"),
    (7, "LUF", "LUF"),
    (8, "RUF", "RUF"),
    (9, "LFD", "LBU"),
    (10, "RFD", "RBU"),
    (11, "LFU", "LFU"),
    (12, "RFU", "RFU"),
    (13, "LBD", "LBD"),
    (14, "RBD", "RBD"),
    (15, "LBU", "LFD"),
    (16, "RBU", "RFD"),
];

fn record(kind: u32, content: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &(content.len() as u32).to_le_bytes(), content].concat()
}

/// Two Gaussians of harmonics of degree 3, with `records` where its version has them.
fn spz_with(version: u32, flags: u8, records: &[u8]) -> Vec<u8> {
    let mut spz = Spz { degree: 3, flags, ..Spz::two(version) };
    spz.arrays[0] = if version == 1 {
        spz.arrays[0].clone()
    } else {
        vec![0, 0x10, 0, 0, 0xf0, 0xff, 7, 9, 0, 1, 2, 0, 3, 4, 0xff, 0, 5, 0]
    };
    spz.arrays[3] = vec![128, 100, 150, 160, 110, 130];
    spz.arrays[4] = match version {
        1 | 2 => vec![204, 90, 140, 60, 100, 180],
        _ => [0xc123_4567_u32, 0x3a5c_9f11].iter().flat_map(|word| word.to_le_bytes()).collect(),
    };
    spz.arrays[5] = (0..90_u32).map(|i| (i * 53 % 251) as u8).collect();
    if version == 4 {
        return spz.v4(records);
    }
    spz.arrays.push(records.to_vec());
    gzip(&spz.payload())
}

/// That `turned` is `stored` seen in other axes: `matrix` takes the old to the new.
fn assert_turned(stored: &Gaussians, turned: &Gaussians, matrix: DMat3) {
    for i in 0..stored.len() {
        assert_eq!(turned.positions[i].as_dvec3(), matrix * stored.positions[i].as_dvec3());
        let off = covariance(turned, i) - matrix * covariance(stored, i) * matrix.transpose();
        assert!(off.to_cols_array().iter().all(|v| v.abs() < 1e-6), "{off}");
        assert_eq!(stored.sh_of(i)[..3], turned.sh_of(i)[..3]);
        for direction in [DVec3::new(0.3, -0.8, 0.4), DVec3::new(-0.1, 0.2, 0.9), DVec3::new(0.7, 0.6, -0.5)]
        {
            let direction = direction.normalize();
            let (before, after) =
                (harmonics_after_first(direction), harmonics_after_first(matrix * direction));
            for channel in 0..3 {
                let seen = |gaussians: &Gaussians, basis: [f64; 15]| -> f64 {
                    (0..15).map(|k| basis[k] * f64::from(gaussians.sh_of(i)[3 * (k + 1) + channel])).sum()
                };
                assert!((seen(stored, before) - seen(turned, after)).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn spz_is_turned_by_what_its_record_says_of_its_axes() {
    let options = SplatReadOptions::default();
    for version in 1..=4 {
        let stored = read_splat(&spz_with(version, 0, &[]), &options).unwrap().gaussians;
        assert_eq!(stored.sh_degree, 3);
        for (value, name, axes) in SYSTEMS {
            let toward = |letter: char| match letter {
                'L' => DVec3::NEG_X,
                'R' => DVec3::X,
                'D' => DVec3::NEG_Y,
                'U' => DVec3::Y,
                'F' => DVec3::NEG_Z,
                _ => DVec3::Z,
            };
            let mut columns = axes.chars().map(toward);
            let mut column = || columns.next().unwrap();
            let matrix = DMat3::from_cols(column(), column(), column());
            // Others may come before and after.
            let others = record(0xadbe_0002, &[0; 12]);
            let records = [&others, &record(0xadbe_0003, &value.to_le_bytes()), &others[..]].concat();
            let file = spz_with(version, 2, &records);
            let scene = read_splat(&file, &options).unwrap();
            assert_turned(&stored, &scene.gaussians, matrix);
            assert!(scene.origin.axes_by.ends_with(name), "{:?}", scene.origin);
            if value == 16 {
                assert_eq!(scene.origin.axes, "X right, Y front, Z down");
                assert_eq!(scene.origin.axes_by, "the file's record SPZ_ADOBE_coordinate_system says RBU");
            }
            // A file whose flag says that there are none has none.
            assert_eq!(read_splat(&spz_with(version, 0, &records), &options).unwrap().gaussians, stored);
            // Who asks is right.
            let asked = SplatReadOptions { up: Some(UpAxis::YUp), ..options };
            assert_eq!(read_splat(&file, &asked).unwrap().gaussians, stored);
        }
    }
}

#[test]
fn spz_without_a_word_of_its_axes_is_y_up_unless_asked_otherwise() {
    let file = spz_with(3, 0, &[]);
    let read = |up| read_splat(&file, &SplatReadOptions { up, ..SplatReadOptions::default() }).unwrap();
    let custom = read(None);
    assert_eq!(custom.gaussians, read(Some(UpAxis::YUp)).gaussians);
    assert_eq!(custom.origin.axes, "X right, Y up, Z back");
    assert!(custom.origin.axes_by.contains("as SPZ is specified"), "{:?}", custom.origin);
    let down = read(Some(UpAxis::YDown));
    assert_turned(&custom.gaussians, &down.gaussians, DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0)));
    assert_eq!(
        (&*down.origin.axes, &*down.origin.axes_by),
        ("X right, Y down, Z front", "as it was asked for")
    );
}

#[test]
fn records_of_an_spz_that_make_no_sense_are_left_out_with_a_warning() {
    let plain = read_y_up(&spz_with(4, 0, &[])).gaussians;
    for records in
        [record(0xadbe_0003, &17_u32.to_le_bytes()), record(0xadbe_0003, &[6, 0, 0, 0])[..11].to_vec()]
    {
        for version in [3, 4] {
            let options = SplatReadOptions::default();
            let (scene, warned) = warnings(|| read_splat(&spz_with(version, 2, &records), &options).unwrap());
            assert_eq!(scene.gaussians.len(), plain.len());
            assert_eq!(scene.origin.axes, "X right, Y up, Z back");
            assert_eq!(warned.len(), 1, "{warned:?}");
        }
    }
    // Too short for what it should hold.
    let short = record(0xadbe_0003, &[6, 0]);
    assert_eq!(read_splat(&spz_with(4, 2, &short), &SplatReadOptions::default()).unwrap().gaussians, plain);
}

#[test]
fn an_option_comes_before_the_antialiasing_flag_of_an_spz() {
    let read = |flags, mip| {
        let options = SplatReadOptions { mip, ..SplatReadOptions::default() };
        read_splat(&spz_with(2, flags, &[]), &options).unwrap()
    };
    assert_eq!(read(1, None).filter, Filter::MIP);
    assert_eq!(read(1, Some(false)).filter, Filter::CLASSIC);
    assert_eq!(read(0, Some(true)).filter, Filter::MIP);
    assert_eq!(read(1, None).origin.filter_by, "the file's flag of antialiased training is set");
}

#[test]
fn an_spz_at_the_end_of_its_range_is_warned_of() {
    // The Gaussians of `two` are at -2048 m and just below 2048 m.
    let (_, warned) = warnings(|| read_y_up(&gzip(&Spz::two(3).payload())));
    assert!(warned.len() == 1 && warned[0].contains("2048 m"), "{warned:?}");
    let (_, warned) = warnings(|| read_y_up(&spz_with(3, 0, &[])));
    assert!(warned.is_empty(), "{warned:?}");
}
