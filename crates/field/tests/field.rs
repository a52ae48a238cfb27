//! The field against its definition, written out here in double precision.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Instant;

use effigy_field::{
    ATTRIBUTES, BakedField, Field, FieldConfig, FieldError, FieldWeights, PlaneConfig, PlaneLayout,
    RegionBlend, Regions, Sites,
};
use effigy_rig::{Morph, Primitive, Rig};
use effigy_tests::Xorshift64;
use glam::{Vec2, Vec3};
use half::f16;

const SIDE: usize = 20;

/// A curved sheet of 20 × 20 vertices, 20 cm wide, with three morphs that move some of it.
fn rig() -> Rig {
    let mut rig = Rig::default();
    for j in 0..SIDE {
        for i in 0..SIDE {
            let uv = Vec2::new(i as f32, j as f32) / (SIDE - 1) as f32;
            rig.uvs.push(uv);
            rig.positions.push(Vec3::new(0.2 * uv.x, 0.2 * uv.y, 0.05 * (uv.x * 3.0).sin()));
            if i > 0 && j > 0 {
                let v = |i: usize, j: usize| (j * SIDE + i) as u32;
                rig.triangles.push([v(i - 1, j - 1), v(i, j - 1), v(i, j)]);
                rig.triangles.push([v(i - 1, j - 1), v(i, j), v(i - 1, j)]);
            }
        }
    }
    rig.primitives.push(Primitive {
        node: 0,
        mesh_name: String::new(),
        vertices: 0..(SIDE * SIDE) as u32,
        triangles: 0..rig.triangles.len() as u32,
        material: None,
        skinned: false,
    });
    for (name, rows, delta) in [
        ("jawOpen", 0..6, Vec3::new(0.0, -0.03, 0.0)),
        ("eyeBlinkLeft", 14..16, Vec3::new(0.0, -0.008, 0.002)),
        ("mouthSmileLeft", 4..9, Vec3::new(0.005, 0.004, 0.0)),
    ] {
        let indices: Vec<u32> = rows.flat_map(|j| (0..SIDE).map(move |i| (j * SIDE + i) as u32)).collect();
        rig.morphs.push(Morph {
            name: name.into(),
            default_weight: 0.0,
            deltas: vec![delta; indices.len()],
            indices,
        });
    }
    rig
}

fn small() -> FieldConfig {
    let plane = |resolution, channels| PlaneConfig { resolution, channels };
    FieldConfig {
        planes: vec![plane(8, 3), plane(24, 2)],
        triplane: plane(6, 2),
        hidden: 11,
        bases: 5,
        regions: 7,
        region_hidden: 6,
    }
}

fn field(rig: &Rig, config: FieldConfig) -> Field {
    let regions = Regions::new(rig, config.regions).unwrap();
    let texels = PlaneLayout::new(rig, &config).unwrap().texels();
    let mut weights = FieldWeights::zeros(&config, &texels, rig.morphs.len());
    let mut random = Xorshift64(0x1234_5678_9ABC_DEF1);
    for (_, array) in weights.arrays_mut() {
        array.iter_mut().for_each(|x| *x = 0.4 * random.signed());
    }
    Field::new(rig, config, regions, weights).unwrap()
}

/// `count` points all over the sheet.
fn points(rig: &Rig, count: usize) -> (Vec<u32>, Vec<Vec3>) {
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    (0..count)
        .map(|k| {
            let (a, b) = (random.signed().abs(), random.signed().abs());
            let (a, b) = if a + b > 1.0 { (1.0 - a, 1.0 - b) } else { (a, b) };
            ((k * 7919 % rig.triangles.len()) as u32, Vec3::new(1.0 - a - b, a, b))
        })
        .unzip()
}

/// What of the field's residual a point takes: morphs of [`rig`] move a vertex by centimetres or not at all.
fn mobility(rig: &Rig, triangle: u32, barycentric: Vec3) -> f32 {
    let moved = |v: u32| rig.morphs.iter().any(|m| m.indices.contains(&v));
    let corners = rig.triangles[triangle as usize];
    corners.iter().zip(barycentric.to_array()).map(|(&v, b)| if moved(v) { b } else { 0.0 }).sum()
}

#[test]
fn a_point_is_as_mobile_as_the_morph_that_moves_it_furthest() {
    for (delta, want) in [(0.0, 0.0), (1e-4, 0.0), (5.5e-4, 0.5), (1e-3, 1.0), (0.03, 1.0)] {
        let mut rig = rig();
        rig.morphs.truncate(2);
        for (morph, part) in rig.morphs.iter_mut().zip([1.0, 0.3]) {
            let all = 0..rig.positions.len() as u32;
            morph.deltas = vec![Vec3::new(0.0, delta * part, 0.0); all.len()];
            morph.indices = all.collect();
        }
        let field = field(&rig, small());
        let (triangles, barycentric) = points(&rig, 30);
        let sites = field.sites(&rig, &triangles, &barycentric).unwrap();
        for blend in &sites.regions {
            assert!((blend.mobility - want).abs() < 1e-5, "{delta} m: {}", blend.mobility);
            assert!((blend.weights().iter().sum::<f32>() - blend.mobility).abs() < 1e-6);
        }
        assert_eq!(field.bake(&sites).unwrap().gaussians.len(), if want > 0.0 { 30 } else { 0 });
    }
}

/// out = bias + x · matrix, one row for each input.
fn affine(x: &[f64], matrix: &[f32], bias: &[f32]) -> Vec<f64> {
    let n = bias.len();
    (0..n)
        .map(|j| f64::from(bias[j]) + (0..x.len()).map(|i| x[i] * f64::from(matrix[i * n + j])).sum::<f64>())
        .collect()
}

#[test]
fn coefficients_are_what_the_definition_says() {
    let rig = rig();
    let field = field(&rig, small());
    let (e, h, k) = (3, field.config.region_hidden, field.config.bases);
    let mut out = Vec::new();
    field.coefficients(&[0.0; 3], &mut out).unwrap();
    assert!(out.len() == 7 * k && out.iter().all(|w| *w == 0.0), "nothing moves at rest");
    let w = &field.weights;
    for controls in [[0.7, 0.0, 0.3], [-0.4, 1.0, 0.0], [1.0, 1.0, 1.0]] {
        field.coefficients(&controls, &mut out).unwrap();
        for r in 0..7 {
            let bias = &w.regions_1_bias[r * h..][..h];
            let x = controls.map(f64::from);
            let hidden: Vec<f64> = affine(&x, &w.regions_1[r * e * h..][..e * h], bias)
                .iter()
                .zip(bias)
                .map(|(x, b)| x.max(0.0) - f64::from(b.max(0.0)))
                .collect();
            let curved = affine(&hidden, &w.regions_2[r * h * k..][..h * k], &vec![0.0; k]);
            let straight = affine(&x, &w.regions_skip[r * e * k..][..e * k], &vec![0.0; k]);
            for j in 0..k {
                let want = curved[j] + straight[j];
                assert!((f64::from(out[r * k + j]) - want).abs() < 1e-5, "region {r}, basis {j}");
            }
        }
    }
    assert!(out.iter().any(|w| w.abs() > 0.1));
    assert!(matches!(field.coefficients(&[0.0; 2], &mut out), Err(FieldError::Weights(_))));
}

#[test]
fn bases_are_what_the_definition_says_and_halves_are_near_them() {
    let rig = rig();
    let field = field(&rig, small());
    let (triangles, barycentric) = points(&rig, 700);
    let sites = field.sites(&rig, &triangles, &barycentric).unwrap();
    let bases = field.bases(&sites).unwrap();
    let width = field.config.head_width();
    assert_eq!(bases.len(), 700 * width);
    let w = &field.weights;
    let (mut largest, rectify) =
        (0.0_f64, |x: Vec<f64>| x.into_iter().map(|x| x.max(0.0)).collect::<Vec<_>>());
    for g in 0..700 {
        let mut x = Vec::new();
        for ((level, table), channels) in sites.levels.iter().zip(&w.planes).zip([3, 2, 2]) {
            let read = |c: usize| {
                (g * level.corners..(g + 1) * level.corners)
                    .map(|i| {
                        f64::from(level.weights[i])
                            * f64::from(table[level.texels[i] as usize * channels + c])
                    })
                    .sum::<f64>()
            };
            x.extend((0..channels).map(read));
        }
        let h = rectify(affine(&x, &w.trunk_1, &w.trunk_1_bias));
        let h = rectify(affine(&h, &w.trunk_2, &w.trunk_2_bias));
        for (j, want) in affine(&h, &w.heads, &w.heads_bias).into_iter().enumerate() {
            assert!((f64::from(bases[g * width + j]) - want).abs() < 1e-5, "Gaussian {g}, output {j}");
            largest = largest.max(want.abs());
        }
    }
    assert!(largest > 0.5, "{largest}");

    let baked = field.bake(&sites).unwrap();
    let mobile: Vec<usize> =
        (0..700).filter(|&g| mobility(&rig, triangles[g], barycentric[g]) > 0.0).collect();
    assert!((200..500).contains(&mobile.len()), "{}", mobile.len());
    let kept: Vec<usize> = baked.gaussians.iter().map(|&g| g as usize).collect();
    assert_eq!(kept, mobile, "random weights move all that can move");
    for (row, &g) in baked.residuals.chunks_exact(width).zip(&kept) {
        let mobility = mobility(&rig, triangles[g], barycentric[g]);
        for (half, full) in row.iter().zip(&bases[g * width..]) {
            let full = mobility * full;
            // 11 significant bits, 2⁻²⁵ below the smallest normal half, and the rounding of the mobility.
            let near = full.abs() * (2.0_f32.powi(-11) + 1e-6) + 2.0_f32.powi(-25) + 1e-6;
            assert!((half.to_f32() - full).abs() <= near, "Gaussian {g}");
        }
    }

    // The residual of each Gaussian, blended between its two regions.
    let (mut coefficients, mut residuals) = (Vec::new(), Vec::new());
    field.coefficients(&[0.8, -0.2, 0.5], &mut coefficients).unwrap();
    baked.residuals(&coefficients, &mut residuals);
    for (row, &g) in mobile.iter().enumerate() {
        let RegionBlend { regions: [a, b], weight, .. } = sites.regions[g];
        for i in 0..ATTRIBUTES {
            let want: f64 = (0..5)
                .map(|k| {
                    let of = |r: u16| f64::from(coefficients[usize::from(r) * 5 + k]);
                    let blended = f64::from(weight) * of(a) + (1.0 - f64::from(weight)) * of(b);
                    blended * f64::from(baked.residuals[row * width + k * ATTRIBUTES + i].to_f32())
                })
                .sum();
            assert!((f64::from(residuals[row][i]) - want).abs() < 1e-5, "Gaussian {g}, attribute {i}");
        }
    }
}

#[test]
fn more_bases_than_are_summed_at_a_time() {
    let rig = rig();
    let field = field(&rig, FieldConfig { bases: 37, ..small() });
    let (triangles, barycentric) = points(&rig, 40);
    let baked = field.bake(&field.sites(&rig, &triangles, &barycentric).unwrap()).unwrap();
    let mut residuals = Vec::new();
    baked.residuals(&[1.0; 37 * 7], &mut residuals);
    for (row, residual) in baked.residuals.chunks_exact(37 * ATTRIBUTES).zip(&residuals) {
        for (i, x) in residual.iter().enumerate() {
            let want: f32 = row[i..].iter().step_by(ATTRIBUTES).map(|x| x.to_f32()).sum();
            assert!((x - want).abs() < 1e-4);
        }
    }
}

#[test]
fn what_is_negligible_is_skipped() {
    let rig = rig();
    let mut field = field(&rig, small());
    let (triangles, barycentric) = points(&rig, 600);
    let mut sites = field.sites(&rig, &triangles, &barycentric).unwrap();
    sites.regions.iter_mut().for_each(|blend| blend.mobility = 1.0);
    // Only the biases of the first basis: 9 µm and 0.9 of a thousandth, and then 11 µm.
    field.weights.heads.fill(0.0);
    field.weights.heads_bias.fill(0.0);
    field.weights.heads_bias[0] = 9e-6;
    field.weights.heads_bias[11] = 9e-4;
    assert!(field.bake(&sites).unwrap().gaussians.is_empty());
    field.weights.heads_bias[ATTRIBUTES] = 2e-6;
    let baked = field.bake(&sites).unwrap();
    assert_eq!(baked.gaussians.len(), 600, "two bases together move it");
    assert_eq!((baked.regions.len(), baked.residuals.len()), (600, 600 * field.config.head_width()));
    sites.regions.iter_mut().skip(400).for_each(|blend| blend.mobility = 0.8);
    assert_eq!(field.bake(&sites).unwrap().gaussians.len(), 400, "less mobile, it moves less");
}

#[test]
fn regions_change_without_a_step() {
    let rig = rig();
    let config = FieldConfig { regions: 12, ..small() };
    let field = field(&rig, config);
    // Across the sheet, through many regions; a line of triangles along a row of vertices.
    let steps = 40_000;
    let (mut triangles, mut barycentric) = (Vec::new(), Vec::new());
    for s in 0..steps {
        let x = s as f32 / steps as f32 * (SIDE - 1) as f32;
        let (i, f) = (x as usize, x.fract());
        // Row 9, the lower edge of each cell, from its left to its right vertex.
        triangles.push((9 * 2 * (SIDE - 1) + 2 * i) as u32);
        barycentric.push(Vec3::new(1.0 - f, f, 0.0));
    }
    let sites = field.sites(&rig, &triangles, &barycentric).unwrap();
    let share = |blend: &RegionBlend| {
        let mut out = [0.0_f32; 12];
        out[usize::from(blend.regions[0])] += blend.weight;
        out[usize::from(blend.regions[1])] += 1.0 - blend.weight;
        out
    };
    let mut changes = 0;
    for pair in sites.regions.windows(2) {
        let (a, b) = (share(&pair[0]), share(&pair[1]));
        let step = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(step < 0.01, "{:?} to {:?}", pair[0], pair[1]);
        changes += usize::from(pair[0].regions != pair[1].regions);
    }
    assert!(changes >= 4, "only {changes} boundaries were crossed");
}

#[test]
fn few_regions_and_the_same_regions_again() {
    let rig = rig();
    for count in [1, 2, 3] {
        let regions = Regions::new(&rig, count).unwrap();
        assert_eq!(Regions::around(&rig, regions.centers.clone()).unwrap(), regions);
        let (triangles, barycentric) = points(&rig, 50);
        let layout = PlaneLayout::new(&rig, &small()).unwrap();
        let sites = Sites::new(&rig, &layout, &regions, &triangles, &barycentric).unwrap();
        for blend in &sites.regions {
            assert!(
                blend.regions.iter().all(|&r| usize::from(r) < count) && (0.5..=1.0).contains(&blend.weight)
            );
            assert!(count > 1 || blend.weight == 1.0);
        }
    }
    // Lips and lids are regions of their own: what the jaw moves is relevant only where it moves something.
    let regions = Regions::new(&rig, 8).unwrap();
    let jaw: Vec<f32> = regions.relevance.iter().step_by(3).copied().collect();
    assert!(jaw.contains(&0.0) && jaw.contains(&1.0), "{jaw:?}");
    assert!(Regions::new(&rig, 0).is_err() && Regions::around(&rig, Vec::new()).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let rig = rig();
    let good = field(&rig, small());
    let refused = |change: fn(&mut FieldConfig, &mut Regions, &mut FieldWeights)| {
        let (mut config, mut regions, mut weights) =
            (good.config.clone(), good.regions.clone(), good.weights.clone());
        change(&mut config, &mut regions, &mut weights);
        let said = Field::new(&rig, config, regions, weights).unwrap_err().to_string();
        assert_eq!(said.lines().count(), 1);
        said
    };
    assert!(refused(|_, _, w| w.heads.truncate(769)).contains("heads has 769 values where 770"));
    assert!(refused(|_, _, w| drop(w.planes.pop())).contains("2 planes"));
    assert!(refused(|_, _, w| w.planes[1][3] = f32::NAN).contains("planes1"));
    assert!(refused(|_, _, w| w.regions_skip[0] = f32::INFINITY).contains("regionsSkip"));
    assert!(refused(|c, _, _| c.hidden = 12).contains("trunk1 has"));
    assert!(refused(|c, _, _| c.hidden = usize::MAX).contains("hidden width"));
    assert!(refused(|c, _, _| c.regions = 4096).contains("region centres"));
    assert!(refused(|_, r, _| r.centers[2][0] = f32::NAN).contains("finite"));
    assert!(refused(|_, r, _| r.relevance.clear()).contains("relevance"));
    // The largest sizes are counted, not allocated.
    let huge = refused(|c, _, _| {
        c.planes = vec![PlaneConfig { resolution: 4096, channels: 512 }; 2];
    });
    assert!(huge.contains("planes0 has"), "{huge}");

    let (triangles, barycentric) = points(&rig, 10);
    let sites = good.sites(&rig, &triangles, &barycentric).unwrap();
    let other =
        field(&rig, FieldConfig { planes: vec![PlaneConfig { resolution: 8, channels: 3 }], ..small() });
    assert!(other.bases(&sites).is_err() && other.bake(&sites).is_err());
    let mut wrong = sites.clone();
    wrong.regions[3].regions[1] = 7;
    assert!(good.bake(&wrong).is_err());
    wrong = sites.clone();
    wrong.levels[0].texels[5] = u32::MAX;
    assert!(good.bases(&wrong).is_err());
    assert!(good.sites(&rig, &[0, u32::MAX], &[Vec3::X; 2]).is_err());
    assert!(good.sites(&rig, &[0], &[Vec3::X; 2]).is_err());
    // Arrays that were changed after the checks.
    let mut broken = good.clone();
    broken.weights.trunk_2_bias.clear();
    assert!(broken.bases(&sites).is_err() && broken.fits(&rig).is_err());
    let mut broken = good.clone();
    broken.weights.regions_2.pop();
    assert!(broken.coefficients(&[0.0; 3], &mut Vec::new()).is_err());
    let mut fewer = rig.clone();
    fewer.morphs.pop();
    assert!(good.fits(&rig).is_ok() && good.fits(&fewer).is_err());

    // A baked field of unknown regions or of too few rows leaves Gaussians where they are.
    let baked = BakedField {
        bases: 1,
        gaussians: vec![0, 1, 2],
        regions: vec![RegionBlend { regions: [0, u16::MAX], weight: 0.5, mobility: 1.0 }; 3],
        residuals: vec![f16::ONE; ATTRIBUTES],
    };
    let mut out = Vec::new();
    baked.residuals(&[1.0], &mut out);
    assert_eq!(out, [[0.0; ATTRIBUTES]; 3]);
}

#[test]
fn lengths_and_zeros_agree() {
    let (config, texels) = (small(), [100, 1000, 108]);
    let zeros = FieldWeights::zeros(&config, &texels, 3);
    let found: Vec<(String, usize)> = zeros.arrays().into_iter().map(|(name, a)| (name, a.len())).collect();
    assert_eq!(found, FieldWeights::lengths(&config, &texels, 3));
}

#[test]
fn rounding_is_that_of_half_floats() {
    let rig = rig();
    let mut field = field(&rig, small());
    field.weights.heads[0] = 1.0 + 2.0_f32.powi(-12);
    field.weights.heads[1] = 1e9;
    let rounded = field.rounded();
    assert_eq!(rounded.weights.heads[..2], [1.0, 65504.0]);
    assert_eq!(rounded.clone().rounded(), rounded);
}

/// The bake is part of loading. The bound is loose: tests share the machine.
#[test]
fn baking_is_quick() {
    let rig = rig();
    let field = field(&rig, FieldConfig::default());
    let (triangles, barycentric) = points(&rig, 65_536);
    let start = Instant::now();
    let sites = field.sites(&rig, &triangles, &barycentric).unwrap();
    let found = start.elapsed();
    let start = Instant::now();
    let baked = field.bake(&sites).unwrap();
    let baking = start.elapsed();
    let (mut coefficients, mut out) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for _ in 0..10 {
        field.coefficients(&[0.8, -0.2, 0.5], &mut coefficients).unwrap();
    }
    let coefficients_each = start.elapsed() / 10;
    baked.residuals(&coefficients, &mut out);
    let start = Instant::now();
    for _ in 0..10 {
        baked.residuals(&coefficients, &mut out);
    }
    let residuals_each = start.elapsed() / 10;
    println!(
        "sites {found:?}, bake {baking:?}, coefficients {coefficients_each:?}, residuals {residuals_each:?}"
    );
    assert!(baked.gaussians.len() > 30_000, "most of the sheet moves");
    assert!(baking.as_secs_f64() < 3.0, "{baking:?}");
}
