//! SOG of both versions, made by the numbers of its description.

use effigy_avatar::splat_file::{
    SplatFileError, SplatLimits, SplatReadOptions, SplatScene, UpAxis, read_sog,
};
use effigy_splat::{Filter, opacity_from_logit};
use glam::{Quat, Vec3};

use crate::made::Sog;
use crate::{assert_close, message};

const FILE_AXES: SplatReadOptions = SplatReadOptions {
    up: Some(UpAxis::YUp),
    // Codebooks are long.
    limits: SplatLimits { max_header_bytes: 1 << 16, ..crate::Y_UP.limits },
    ..crate::Y_UP
};

fn read(sog: &Sog) -> Result<SplatScene, SplatFileError> {
    let fetch = |name: &str| {
        let file = sog.files.iter().find(|(path, _)| path == name);
        file.map(|(_, bytes)| bytes.clone()).ok_or(SplatFileError::Sog(format!("{name}: is missing")))
    };
    read_sog(sog.meta.as_bytes(), fetch, &FILE_AXES)
}

/// What is stored at x = sign · ln(1 + |x|) comes out as x.
#[test]
fn version_2() {
    let sog = Sog::new(2);
    let scene = read(&sog).unwrap();
    let g = &scene.gaussians;
    assert_eq!((g.len(), g.sh_degree, scene.filter), (3, 1, Filter::MIP));
    // 16 bits of -2 to 2: 65535 is e² - 1, 0 is 1 - e², and 49151.25 (halfway up) e - 1.
    let e = std::f32::consts::E;
    assert_close(&g.positions[0].to_array(), &[e * e - 1.0, 1.0 - e * e, 0.0], 1e-3);
    assert_close(&g.positions[1].to_array(), &[e - 1.0, 1.0 - e, e - 1.0], 1e-3);
    // The codebook of scales is -8 + v / 64.
    assert_close(&g.log_scales[0].to_array(), &[-8.0, -7.0, -6.0], 1e-6);
    // That of colours is -2 + v / 64.
    assert_close(&g.sh_of(0)[..3], &[-2.0, 0.0, 1.984_375], 1e-6);
    assert_close(&[opacity_from_logit(g.opacity_logits[0])], &[0.2], 1e-6);
    // 252: w is left out, the others are 0. 253: x is, and w √½ by byte 255.
    assert!(g.rotations[0].normalize().abs_diff_eq(Quat::IDENTITY, 5e-3), "{}", g.rotations[0]);
    let half = std::f32::consts::FRAC_1_SQRT_2;
    assert!(g.rotations[1].abs_diff_eq(Quat::from_xyzw(half, 0.0, 0.0, half), 5e-3), "{}", g.rotations[1]);
    // A tag that is none is no turn.
    assert!(g.rotations[2].abs_diff_eq(Quat::IDENTITY, 1e-6));
    // Labels 65, 0, 1; centroid n has n + k at harmonic k for red, 100 for green, 0 for blue, by v / 128 - 1.
    let rest = |n: f32, k: f32| [(n + k) / 128.0 - 1.0, 100.0 / 128.0 - 1.0, -1.0];
    for (i, label) in [65.0, 0.0, 1.0].into_iter().enumerate() {
        for k in 0..3 {
            assert_close(&g.sh_of(i)[3 + 3 * k..][..3], &rest(label, k as f32), 1e-6);
        }
    }
}

/// splat-transform 3.7 says it by the model's name.
#[test]
fn an_antialiased_model_gets_the_mip_filter() {
    for (model, filter) in [("antialiased", Filter::MIP), ("classic", Filter::CLASSIC)] {
        let mut sog = Sog::new(2);
        sog.meta = sog.meta.replace("\"antialias\":true", &format!("\"model\":\"{model}\""));
        assert!(sog.meta.contains(model));
        assert_eq!(read(&sog).unwrap().filter, filter, "{model}");
    }
}

/// Bounds instead of codebooks, and opacity as a logit.
#[test]
fn version_1() {
    let scene = read(&Sog::new(1)).unwrap();
    let g = &scene.gaussians;
    assert_eq!((g.len(), g.sh_degree, scene.filter), (3, 1, Filter::CLASSIC));
    // -8 to -4 in x, -8 to 0 in y, -8 to 4 in z.
    let part = |v: f32| v / 255.0;
    assert_close(
        &g.log_scales[0].to_array(),
        &[-8.0, -8.0 + 8.0 * part(64.0), -8.0 + 12.0 * part(128.0)],
        1e-5,
    );
    assert_close(&g.sh_of(0)[..3], &[-2.0, -2.0 + 4.0 * part(128.0), 2.0], 1e-5);
    assert_close(&g.opacity_logits[..1], &[-6.0 + 12.0 * part(51.0)], 1e-5);
    assert_close(&g.sh_of(1)[3..6], &[-1.0, -1.0 + 2.0 * part(100.0), -1.0], 1e-5);
}

#[test]
fn y_is_down_by_custom() {
    let sog = Sog::new(2);
    let fetch = |name: &str| Ok(sog.files.iter().find(|(path, _)| path == name).unwrap().1.clone());
    let custom = read_sog(sog.meta.as_bytes(), fetch, &SplatReadOptions { up: None, ..FILE_AXES }).unwrap();
    let [a, b] = [&custom.gaussians.positions[0], &read(&sog).unwrap().gaussians.positions[0]];
    assert_eq!(*a, Vec3::new(b.x, -b.y, -b.z));
}

#[test]
fn faults_are_named() {
    let edited = |from: &str, to: &str| {
        let mut sog = Sog::new(2);
        assert!(sog.meta.contains(from), "{}", sog.meta);
        sog.meta = sog.meta.replace(from, to);
        message(read(&sog))
    };
    assert_eq!(edited("\"version\":2", "\"version\":3"), "SOG: version 3 is not known; 1 and 2 are");
    assert!(edited("\"count\":3", "\"count\":30").contains("4x4 pixels are fewer than 30 Gaussians"));
    assert!(edited("\"count\":3", "\"count\":30000000000").contains("Gaussians are more than the limit"));
    assert!(edited("quats.webp", "gone.webp").contains("gone.webp: is missing"));
    assert!(
        edited("\"bands\":1", "\"bands\":2").contains("centroids of 2 bands in a picture 192 pixels wide")
    );
    assert!(edited("[-8,", "[").contains("codebook of 255"));
    let mut sog = Sog::new(2);
    sog.files[0].1.truncate(30);
    assert!(message(read(&sog)).starts_with("SOG: means_l.webp: "));
    sog.meta.truncate(100);
    assert!(message(read(&sog)).starts_with("SOG: meta.json: "));
}
