//! The same man in two formats, from real files.

use effigy_avatar::splat_file::{
    SplatReadOptions, read_antimatter, read_khr, read_ply, read_splat, write_ply,
};
use effigy_rig::LoadLimits;
use effigy_splat::{Camera, Filter, Frame, Gaussians, Rasterizer};
use effigy_tests::data;
use glam::Vec3;

use crate::assert_close;

fn bytes(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(data(name)?).unwrap())
}

fn mean<const N: usize>(values: impl ExactSizeIterator<Item = [f32; N]>) -> [f64; N] {
    let n = values.len() as f64;
    let mut sum = [0.0; N];
    values.for_each(|v| sum.iter_mut().zip(v).for_each(|(s, v)| *s += f64::from(v)));
    sum.map(|s| s / n)
}

fn opacity(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// A Gaussian as numpy decoded it: index, position, rotation xyzw, log-scale, opacity, colour coefficients.
type Known = (usize, [f32; 3], [f32; 4], [f32; 3], f32, [f32; 3]);

fn assert_known(gaussians: &Gaussians, known: &[Known]) {
    for &(i, position, rotation, log_scale, alpha, color) in known {
        assert_close(&gaussians.positions[i].to_array(), &position, 1e-6);
        assert_close(&gaussians.rotations[i].to_array(), &rotation, 1e-6);
        assert_close(&gaussians.log_scales[i].to_array(), &log_scale, 1e-6);
        assert_close(&[opacity(gaussians.opacity_logits[i])], &[alpha], 1e-6);
        assert_close(gaussians.sh_of(i), &color, 1e-6);
    }
}

#[test]
fn the_same_man_in_two_formats() {
    let (Some(ply), Some(spz)) = (bytes("splat/biker.compressed.ply"), bytes("splat/biker.spz")) else {
        return;
    };
    let options = SplatReadOptions::default();
    let ply = read_splat(&ply, &options).unwrap();
    let spz = read_splat(&spz, &options).unwrap();
    assert_eq!((ply.filter, spz.filter), (Filter::CLASSIC, Filter::CLASSIC));
    let (ply, spz) = (ply.gaussians, spz.gaussians);
    assert_eq!((ply.len(), spz.len()), (152_746, 152_746));
    assert_eq!((ply.sh_degree, spz.sh_degree), (0, 0));

    // Decoded with numpy and the zstd program, and turned upright there.
    assert_known(&ply, &PLY_KNOWN);
    assert_known(&spz, &SPZ_KNOWN);
    for gaussians in [&ply, &spz] {
        let position = mean(gaussians.positions.iter().map(|p| p.to_array()));
        let want = [-0.048_573_3, 1.605_046_1, -0.002_286];
        assert!(position.iter().zip(want).all(|(f, w)| (f - w).abs() < 2e-6), "{position:?}");
        let [alpha] = mean(gaussians.opacity_logits.iter().map(|&logit| [opacity(logit)]));
        assert!((alpha - 0.296_625_33).abs() < 1e-6, "{alpha}");
        assert_eq!(gaussians.opacity_logits.iter().filter(|l| l.is_infinite()).count(), 198);
    }
    let scale = mean(ply.log_scales.iter().map(|s| s.to_array()));
    assert!(scale.iter().zip([-6.131_259_8, -5.379_001, -6.047_572_2]).all(|(f, w)| (f - w).abs() < 1e-5));
    let color = mean(spz.sh.as_chunks::<3>().0.iter().copied());
    assert!(color.iter().zip([-0.641_958_6, -0.681_634_3, -0.706_493_2]).all(|(f, w)| (f - w).abs() < 1e-5));

    // To the quantisation of SPZ: 1/4096 m, a sixteenth of a log-scale of at least -10, 1/38 of a coefficient.
    for i in 0..ply.len() {
        let offset = ply.positions[i] - spz.positions[i];
        assert!(offset.abs().max_element() <= 0.5 / 4096.0 + 1e-6, "{i}: {offset}");
        let turned = ply.rotations[i].normalize().dot(spz.rotations[i].normalize()).abs();
        assert!(turned > 0.999_99, "{i}: {turned}");
        let scale = ply.log_scales[i].max(Vec3::splat(-10.0)) - spz.log_scales[i];
        assert!(scale.abs().max_element() <= 0.5 / 16.0 + 1e-5, "{i}: {scale}");
        assert!((opacity(ply.opacity_logits[i]) - opacity(spz.opacity_logits[i])).abs() < 1e-6);
        for (p, s) in ply.sh_of(i).iter().zip(spz.sh_of(i)) {
            assert!((p - s).abs() <= 0.5 / (255.0 * 0.15) + 1e-5, "{i}: {p} {s}");
        }
    }

    // He stands on the ground, upright.
    let (low, high) = ply.bounds().unwrap();
    assert!(low.y.abs() < 1e-3 && (high.y - 3.18).abs() < 1e-2, "{low} {high}");
}

const PLY_KNOWN: [Known; 4] = [
    (
        0,
        [-0.104_536_8, 2.387_898_1, 0.360_811],
        [-0.062_9, -0.884_855_2, -0.022_809_9, 0.461_036_4],
        [-6.068_917, -4.206_542_7, -7.050_748],
        0.070_588_2,
        [0.547_868_5, 0.522_284_3, 0.568_151_8],
    ),
    (
        1000,
        [-0.104_504, 2.181_177_2, 0.329_727_5],
        [0.318_647_3, -0.036_634_1, 0.234_319_8, 0.917_723_3],
        [-6.402_240_2, -4.258_250_5, -5.642_286],
        0.309_803_9,
        [-1.388_236_6, -1.352_418_4, -1.335_404],
    ),
    (
        100000,
        [0.296_206_7, 2.195_413_7, -0.048_508],
        [0.398_827_6, 0.062_9, -0.176_258_3, 0.897_726_7],
        [-6.847_548, -5.674_485, -4.662_111],
        0.070_588_2,
        [0.495_784_6, 0.435_855, 0.202_987_5],
    ),
    (
        152745,
        [0.167_165_3, 0.603_064, -0.328_819_4],
        [0.040_781_3, 0.042_163_7, -0.013_133, 0.998_191_7],
        [-5.775_186, -4.842_164, -7.638_393],
        0.054_902,
        [1.119_755_3, 1.097_434_9, 1.059_750_7],
    ),
];

const SPZ_KNOWN: [Known; 4] = [
    (
        0,
        [-0.104_492_2, 2.387_939_5, 0.360_839_8],
        [0.062_269_7, 0.885_042_2, 0.022_140_3, -0.460_795_6],
        [-6.062_5, -4.187_5, -7.062_5],
        0.070_588_2,
        [0.535_947_7, 0.509_803_9, 0.562_091_5],
    ),
    (
        1000,
        [-0.104_492_2, 2.181_152_3, 0.329_834],
        [0.318_267_2, -0.035_978, 0.233_857_2, 0.917_999_1],
        [-6.375, -4.25, -5.625],
        0.309_803_9,
        [-1.398_692_8, -1.346_405_2, -1.346_405_2],
    ),
    (
        100000,
        [0.296_142_6, 2.195_312_5, -0.048_584],
        [0.398_525_9, 0.062_269_7, -0.175_738_9, 0.898_006_4],
        [-6.875, -5.687_5, -4.687_5],
        0.070_588_2,
        [0.483_660_1, 0.431_372_5, 0.196_078_4],
    ),
    (
        152745,
        [0.167_236_3, 0.603_027_3, -0.328_857_4],
        [0.040_129_3, 0.041_513_1, -0.012_453_9, 0.998_254_1],
        [-5.75, -4.812_5, -7.625],
        0.054_902,
        [1.111_111, 1.084_967_3, 1.058_823_5],
    ),
];

/// Files of other programs with `KHR_gaussian_splatting`: their splats are the same picture as from a PLY.
#[test]
fn splats_in_gltf_of_other_programs() {
    let options = SplatReadOptions::default();
    for (name, count, low, high) in [
        // Made by the review draft: each of its primitives is one splat at the same place.
        ("khr_conformance_matrix.glb", 15, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ("khr_extensible_fallback.gltf", 1, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        // Of splat-transform, with the bounds that it wrote.
        (
            "st_small.glb",
            500,
            [-0.338_752_24, 0.000_346_422_2, -0.519_980_2],
            [0.570_847_15, 3.165_186_6, 0.600_475_6],
        ),
    ] {
        let Some(file) = bytes(&format!("cases/35_khr_gaussian_splatting/{name}")) else { return };
        let scene = read_khr(&file, None, &LoadLimits::default(), &options).unwrap().unwrap();
        let g = &scene.gaussians;
        let (least, greatest) = g.bounds().unwrap();
        assert_eq!(g.len(), count);
        assert_close(&least.to_array(), &low, 1e-6);
        assert_close(&greatest.to_array(), &high, 1e-6);
        let mut ply = Vec::new();
        write_ply(g, scene.filter, &mut ply).unwrap();
        let again = read_ply(&ply, &options).unwrap().gaussians;
        let middle = 0.5 * (least + greatest);
        let camera = Camera::look_at(middle + Vec3::new(0.8, 0.5, 6.0), middle, Vec3::Y, 0.9, 160, 120);
        let [a, b] = [g, &again].map(|gaussians| {
            let mut frame = Frame::default();
            Rasterizer::new().render(gaussians, &[], &camera, scene.filter, &mut frame).unwrap();
            frame
        });
        let drawn = a.color.iter().filter(|pixel| pixel[3] > 0.02).count();
        // The second is a point of no extent.
        assert!(drawn > 300 || count == 1, "{name}: {drawn} pixels");
        let worst = a
            .color
            .iter()
            .flatten()
            .zip(b.color.iter().flatten())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    }
}

/// The same four splats by two formats.
#[test]
fn the_smallest_splat_and_ksplat() {
    let (Some(splat), Some(ksplat)) =
        (bytes("cases/34_splat_ksplat_sog/minimal.splat"), bytes("cases/34_splat_ksplat_sog/minimal.ksplat"))
    else {
        return;
    };
    let options = SplatReadOptions::default();
    let (a, b) = (read_antimatter(&splat, &options).unwrap(), read_splat(&ksplat, &options).unwrap());
    let (a, b) = (a.gaussians, b.gaussians);
    assert_eq!((a.len(), &a.positions), (4, &b.positions));
    assert_eq!((&a.opacity_logits, &a.sh), (&b.opacity_logits, &b.sh));
    for (a, b) in a.log_scales.iter().zip(&b.log_scales) {
        assert!(a.abs_diff_eq(*b, 1e-6) && (a.x - 0.1f32.ln()).abs() < 1e-6);
    }
}
