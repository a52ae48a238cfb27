//! SPZ.

use effigy_avatar::splat_file::{SplatLimits, SplatReadOptions, SplatScene, read_splat, read_spz};
use effigy_splat::Filter;
use glam::Vec3;

use crate::made::{Spz, gzip, gzip_of_zeros, zstd_stored};
use crate::{Y_UP, assert_close, message, read_y_up};

#[test]
fn spz_of_every_version() {
    for version in 1..=4 {
        let spz = Spz::two(version);
        let file = if version < 4 { gzip(&spz.payload()) } else { spz.v4(&[]) };
        let SplatScene { gaussians, filter } = read_splat(&file, &SplatReadOptions::default()).unwrap();
        assert_eq!(read_spz(&file, &SplatLimits::default()).unwrap().gaussians, gaussians);
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
