//! Avatars sampled from surfaces, and simplified rigs.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::rig;
use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_avatar::{Avatar, AvatarPoser, OpenOptions, PosedGaussians, simplify};
use effigy_rig::{AlphaMode, LoadLimits, Morph, Pose, Primitive, Rig};
use effigy_tests::data;
use glam::{Quat, Vec2, Vec3, Vec4};

fn options(count: usize) -> SurfaceOptions {
    SurfaceOptions { count, ..SurfaceOptions::default() }
}

/// A flat square of n × n cells, of which a morph lifts the middle.
fn sheet(n: u32) -> Rig {
    let at = |i: u32| i as f32 / n as f32;
    let positions: Vec<Vec3> =
        (0..=n).flat_map(|y| (0..=n).map(move |x| Vec3::new(at(x), at(y), 0.0))).collect();
    let cell = |x: u32, y: u32| {
        let a = y * (n + 1) + x;
        [[a, a + 1, a + n + 2], [a, a + n + 2, a + n + 1]]
    };
    let lift = |p: &Vec3| 0.3 * (-40.0 * (p.truncate() - Vec2::splat(0.5)).length_squared()).exp();
    let count = positions.len();
    let mut sheet = rig();
    sheet.animations.clear();
    sheet.expressions.clear();
    sheet.morphs = vec![Morph {
        name: "jawOpen".into(),
        default_weight: 0.0,
        indices: (0..count as u32).collect(),
        deltas: positions.iter().map(|p| Vec3::Z * lift(p)).collect(),
    }];
    sheet.triangles = (0..n).flat_map(|y| (0..n).flat_map(move |x| cell(x, y))).collect();
    sheet.primitives = vec![Primitive {
        vertices: 0..count as u32,
        triangles: 0..sheet.triangles.len() as u32,
        skinned: false,
        node: 0,
        ..sheet.primitives[0].clone()
    }];
    sheet.uvs = positions.iter().map(|p| p.truncate()).collect();
    sheet.normals = vec![Vec3::Z; count];
    sheet.influences = 1;
    sheet.joint_indices = vec![0; count];
    sheet.joint_weights = vec![1.0; count];
    sheet.positions = positions;
    sheet
}

fn posed(avatar: &Avatar, weight: f32) -> PosedGaussians {
    let body = avatar.body.as_ref().unwrap();
    let mut pose = Pose::rest(&body.rig);
    pose.morph_weights[0] = weight;
    let mut out = PosedGaussians::default();
    AvatarPoser::new(avatar).unwrap().pose(avatar, &pose, &mut out).unwrap();
    out
}

/// The sheet with a morph that is no known control, so that rest alone counts.
fn plain_sheet(n: u32) -> Rig {
    let mut plain = sheet(n);
    plain.morphs[0].name = "lift".into();
    plain
}

#[test]
fn samples_are_even_flat_and_of_the_expected_size() {
    let avatar = sample(plain_sheet(10), &options(4000)).unwrap();
    let g = &posed(&avatar, 0.0).gaussians;
    assert_eq!(g.len(), 4000);
    // 4 × 4 equal parts of the unit square: 250 each. Random points would differ by 16 on average.
    let mut bins = [0_i32; 16];
    for p in &g.positions {
        assert!(p.z.abs() < 1e-6);
        bins[(p.y * 4.0).min(3.0) as usize * 4 + (p.x * 4.0).min(3.0) as usize] += 1;
    }
    assert!(bins.iter().all(|b| (b - 250).abs() < 16), "{bins:?}");
    let inside = |p: &Vec3| p.truncate().min_element().min(1.0 - p.truncate().max_element());
    for i in 0..g.len() {
        let a = g.activate(i);
        assert!((a.rotation * Vec3::Z).dot(Vec3::Z) > 0.999);
        // 0.8 · sqrt(1 / 4000) and a tenth of it.
        assert!((a.scale.z - 0.001_265).abs() < 1e-5, "{}", a.scale);
        if inside(&g.positions[i]) > 0.03 {
            assert!((a.scale.x - 0.012_649).abs() < 1e-4 && a.scale.x == a.scale.y, "{}", a.scale);
        }
        assert!(a.opacity > 0.95);
    }
    // The picture is (200, 100, 50), the factor (0.8, 1, 1): redder than green, greener than blue, in any light.
    let c = g.sh_of(0);
    assert!(c[0] > c[1] && c[1] > c[2]);
    // Hexagons of 4000 points in the unit square are 2 sqrt(1 / (2 √3 · 4000)) = 0.01699 apart. Random points come
    // within 0.0002 of each other.
    let middle: Vec<Vec3> = g.positions.iter().copied().filter(|p| inside(p) > 0.03).collect();
    let nearest =
        |p: &Vec3| middle.iter().map(|q| q.distance(*p)).filter(|d| *d > 0.0).fold(f32::INFINITY, f32::min);
    let distances: Vec<f32> = middle.iter().map(nearest).collect();
    let closest = distances.iter().copied().fold(f32::INFINITY, f32::min);
    let mean = distances.iter().sum::<f32>() / distances.len() as f32;
    assert!(closest > 0.6 * 0.016_99 && mean > 0.75 * 0.016_99, "{closest} {mean}");
}

#[test]
fn gaussians_end_at_the_border_and_cover_the_surface_up_to_it() {
    let avatar = sample(plain_sheet(10), &options(4000)).unwrap();
    let g = &posed(&avatar, 0.0).gaussians;
    let activated: Vec<_> = (0..g.len()).map(|i| (g.positions[i], g.activate(i))).collect();
    for (p, a) in &activated {
        // Standard deviation along x and y of the world.
        let (x, y) = (a.rotation * Vec3::X * a.scale.x, a.rotation * Vec3::Y * a.scale.y);
        let sigma = Vec2::new(x.x.hypot(y.x), x.y.hypot(y.y));
        let gap = p.truncate().min(Vec2::ONE - p.truncate());
        // In the four corners a Gaussian minds one of the two borders.
        if gap.max_element() > 0.03 {
            assert!((1.15 * sigma).cmple(gap + 1e-4).all(), "{p} reaches over the border: {sigma}");
        }
    }
    let seen_through = |at: Vec2| -> f32 {
        let through = |(p, a): &(Vec3, effigy_splat::ActivatedGaussian)| {
            let local: Vec3 = a.rotation.inverse() * (at.extend(0.0) - *p);
            let exponent = (local.x / a.scale.x).powi(2) + (local.y / a.scale.y).powi(2);
            1.0 - a.opacity * (-0.5 * exponent).exp()
        };
        activated.iter().map(through).product()
    };
    for step in 0..200 {
        let along = 0.05 + 0.9 * step as f32 / 199.0;
        // Spacing is 0.0158: a third of it within the border, one outside, and well inside.
        let (rim, outside) = (seen_through(Vec2::new(along, 0.005)), seen_through(Vec2::new(along, -0.0158)));
        let middle = seen_through(Vec2::new(along, 0.5));
        assert!(rim < 0.3 && outside > 0.8 && middle < 0.08, "{along}: {rim} {outside} {middle}");
    }
}

/// The sheet with slanted normals, which tell one side from the other.
fn slanted() -> Rig {
    let mut rig = plain_sheet(10);
    rig.normals.fill(Vec3::new(0.3, 0.1, 1.0).normalize());
    rig
}

#[test]
fn a_mirrored_node_over_a_mirrored_mesh_is_the_plain_mesh() {
    let plain = posed(&sample(slanted(), &options(1000)).unwrap(), 0.0).gaussians;
    let mut twice = slanted();
    let mirror = Vec3::new(-1.0, 1.0, 1.0);
    twice.positions.iter_mut().chain(&mut twice.normals).for_each(|v| *v *= mirror);
    twice.nodes[0].scale = mirror;
    let twice = posed(&sample(twice, &options(1000)).unwrap(), 0.0).gaussians;
    assert_eq!(plain.len(), twice.len());
    for i in 0..plain.len() {
        assert!(plain.positions[i].abs_diff_eq(twice.positions[i], 1e-5));
        let (a, b) = (plain.activate(i), twice.activate(i));
        assert!(a.rotation.dot(b.rotation).abs() > 0.9999 && a.scale.abs_diff_eq(b.scale, 1e-6));
        assert!(plain.sh_of(i).iter().zip(twice.sh_of(i)).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!((a.opacity - b.opacity).abs() < 1e-6);
    }
}

#[test]
fn a_mirrored_rig_is_sampled_to_the_mirror_picture() {
    let plain = posed(&sample(slanted(), &options(2000)).unwrap(), 0.0).gaussians;
    let mut mirrored = slanted();
    mirrored.nodes[0].scale = Vec3::new(-1.0, 1.0, 1.0);
    mirrored.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    // With the slant itself mirrored the light would fall in another way.
    let upright = |mut rig: Rig| {
        rig.normals.fill(Vec3::Z);
        posed(&sample(rig, &options(2000)).unwrap(), 0.0).gaussians
    };
    let (a, b) = (upright(slanted()), upright(mirrored.clone()));
    let mean = |g: &effigy_splat::Gaussians, channel: usize| {
        (0..g.len()).map(|i| g.sh_of(i)[channel]).sum::<f32>() / g.len() as f32
    };
    assert!((0..3).all(|channel| (mean(&a, channel) - mean(&b, channel)).abs() < 1e-3));
    let mirrored = posed(&sample(mirrored, &options(2000)).unwrap(), 0.0).gaussians;
    let axis = |rotation: Quat| rotation * Vec3::Z;
    let slant = Vec3::new(0.3, 0.1, 1.0).normalize();
    assert_eq!(plain.len(), mirrored.len());
    let inside = |p: Vec3| p.truncate().abs().min_element() > 0.05 && p.truncate().abs().max_element() < 0.95;
    for i in 0..plain.len() {
        if inside(plain.positions[i]) {
            assert!(axis(plain.activate(i).rotation).abs_diff_eq(slant, 1e-3));
        }
        let m = mirrored.activate(i);
        assert!((-1.0..=0.0).contains(&mirrored.positions[i].x) && m.opacity > 0.95);
        if inside(mirrored.positions[i]) {
            assert!(axis(m.rotation).abs_diff_eq(slant * Vec3::new(-1.0, 1.0, 1.0), 1e-3), "{m:?}");
        }
    }
}

#[test]
fn vertex_colours_multiply_the_base_colour() {
    let color = Vec4::new(0.5, 0.25, 0.75, 0.5);
    let same = |a: Rig, b: Rig| {
        let (a, b) = (sample(a, &options(300)).unwrap(), sample(b, &options(300)).unwrap());
        assert_eq!(a.gaussians.len(), b.gaussians.len());
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&a.gaussians.sh, &b.gaussians.sh));
        assert!(near(&a.gaussians.opacity_logits, &b.gaussians.opacity_logits));
    };
    for alpha in [AlphaMode::Opaque, AlphaMode::Mask(0.4), AlphaMode::Blend] {
        let mut by_factor = plain_sheet(10);
        by_factor.materials[0].alpha = alpha;
        let mut by_vertex = by_factor.clone();
        by_vertex.colors = vec![color; by_vertex.positions.len()];
        let factor = Vec4::from_array(by_factor.materials[0].base_color) * color;
        by_factor.materials[0].base_color = factor.to_array();
        same(by_factor, by_vertex);
    }
    // Without a material the colour is that of the vertices alone, as under glTF's white default.
    let mut bare = plain_sheet(10);
    bare.primitives[0].material = None;
    bare.colors = vec![color; bare.positions.len()];
    let mut white = plain_sheet(10);
    let material = &mut white.materials[0];
    (material.base_color_image, material.base_color) = (None, color.to_array());
    (material.roughness, material.metallic) = (1.0, 0.0);
    same(bare, white);

    // Between vertices they are interpolated: darker to the left.
    let mut fading = plain_sheet(1);
    fading.colors = fading.positions.iter().map(|p| Vec4::new(p.x, p.x, p.x, 1.0)).collect();
    let g = posed(&sample(fading, &options(1000)).unwrap(), 0.0).gaussians;
    let mean = |from: f32, to: f32| {
        let found: Vec<f32> =
            (0..g.len()).filter(|&i| (from..to).contains(&g.positions[i].x)).map(|i| g.sh_of(i)[0]).collect();
        found.iter().sum::<f32>() / found.len() as f32
    };
    let steps = [mean(0.0, 0.25), mean(0.25, 0.5), mean(0.5, 0.75), mean(0.75, 1.0)];
    assert!(steps.is_sorted_by(|a, b| a + 0.1 < *b), "{steps:?}");
}

#[test]
fn what_motion_stretches_is_sampled_as_it_will_be_then() {
    let middle = |rig: Rig| {
        let avatar = sample(rig, &options(4000)).unwrap();
        let near = |p: &&Vec3| (p.truncate() - Vec2::splat(0.5)).length() < 0.2;
        posed(&avatar, 0.0).gaussians.positions.iter().filter(near).count() as f32
    };
    // A lift of h = 0.3 exp(−40 r²) has the slope 80 r h. Integrated with numpy, sqrt(1 + slope²) is 1.682 on average
    // within r = 0.2 and 1.108 over the sheet.
    let growth = middle(sheet(40)) / middle(plain_sheet(40));
    assert!((growth - 1.682 / 1.108).abs() < 0.06, "{growth}");
}

#[test]
fn transparent_parts_cost_no_gaussians() {
    // A picture whose left half is clear.
    let mut picture = image::RgbaImage::from_pixel(64, 64, image::Rgba([200, 100, 50, 255]));
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        pixel[3] = if x < 32 { 0 } else { 255 };
    }
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut half = plain_sheet(10);
    half.images[0].bytes = png.into_inner();
    half.materials[0].alpha = AlphaMode::Blend;
    let avatar = sample(half.clone(), &options(1000)).unwrap();
    assert_eq!(avatar.gaussians.len(), 1000);
    let g = posed(&avatar, 0.0).gaussians;
    assert!(g.positions.iter().all(|p| p.x > 0.45 || p.x < 0.05), "the picture repeats at its edge");
    // The size that belongs to 1000 on half the square: 0.8 · sqrt(0.5 / 1000).
    assert!((g.activate(0).scale.x - 0.017_89).abs() < 0.000_5, "{}", g.activate(0).scale);

    half.materials[0].base_color[3] = 0.0;
    assert!(sample(half, &options(1000)).unwrap_err().to_string().contains("transparent everywhere"));
}

#[test]
fn a_seed_gives_the_same_avatar_and_another_does_not() {
    let make = |seed| sample(rig(), &SurfaceOptions { seed, ..options(300) }).unwrap();
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}

#[test]
fn counts_and_surfaces_that_make_no_sense_are_refused() {
    assert!(sample(rig(), &options(0)).is_err());
    assert!(sample(rig(), &options(usize::MAX)).is_err());
    let mut flat = rig();
    flat.positions.fill(Vec3::ONE);
    assert!(sample(flat, &options(10)).unwrap_err().to_string().contains("no surface"));
    let mut broken = rig();
    broken.images[0].bytes.truncate(20);
    assert!(sample(broken, &options(10)).unwrap_err().to_string().contains("brown"));
}

#[test]
fn pictures_are_limited_together_and_the_same_one_counts_once() {
    // Every picture here has 2 × 2 pixels.
    let with_pictures = |alike: bool| {
        let mut rig = rig();
        for i in 1..3_u8 {
            let (mut image, mut material) = (rig.images[0].clone(), rig.materials[0].clone());
            if !alike {
                let mut png = std::io::Cursor::new(Vec::new());
                let plain = image::RgbaImage::from_pixel(2, 2, image::Rgba([i; 4]));
                plain.write_to(&mut png, image::ImageFormat::Png).unwrap();
                image.bytes = png.into_inner();
            }
            material.base_color_image = Some(usize::from(i));
            rig.images.push(image);
            rig.materials.push(material);
        }
        rig
    };
    let with = |rig, pixels| sample(rig, &SurfaceOptions { max_picture_pixels: pixels, ..options(10) });
    assert!(with(with_pictures(true), 4).is_ok());
    assert!(with(with_pictures(false), 12).is_ok());
    assert!(with(with_pictures(false), 11).unwrap_err().to_string().contains("picture"));
}

#[test]
fn simplifying_keeps_borders_and_what_moves() {
    let full = sheet(40);
    let small = simplify(&full, 400);
    small.validate().unwrap();
    assert!(small.triangles.len() < 700, "{}", small.triangles.len());
    let area = |r: &Rig| -> f32 {
        let p = |v: u32| r.positions[v as usize];
        r.triangles.iter().map(|t| 0.5 * (p(t[1]) - p(t[0])).cross(p(t[2]) - p(t[0])).length()).sum()
    };
    assert!((area(&small) - 1.0).abs() < 1e-4, "the square is still whole");
    // More vertices stay where the morph bends the sheet than an even spread would leave.
    let near = |r: &Rig| {
        let inside = r.positions.iter().filter(|p| (p.truncate() - Vec2::splat(0.5)).length() < 0.3).count();
        let inner = r.positions.iter().filter(|p| p.x * (1.0 - p.x) * p.y * (1.0 - p.y) > 1e-6).count();
        inside as f32 / inner as f32
    };
    assert!(near(&small) > 1.5 * near(&full), "{} {}", near(&small), near(&full));
    assert_eq!(simplify(&full, 1 << 20), full);
}

#[test]
fn samples_bound_to_a_simplified_rig_move_as_on_the_full_one() {
    let full = sample(sheet(40), &options(2000)).unwrap();
    let small = sample(sheet(40), &SurfaceOptions { simplify_to: Some(600), ..options(2000) }).unwrap();
    assert!(small.body.as_ref().unwrap().rig.triangles.len() < 1000);
    for weight in [0.0, 1.0] {
        let (a, b) = (posed(&full, weight), posed(&small, weight));
        let distances = a.gaussians.positions.iter().zip(&b.gaussians.positions).map(|(p, q)| p.distance(*q));
        let worst = distances.fold(0.0, f32::max);
        assert!(worst < if weight == 0.0 { 1e-5 } else { 0.04 }, "{weight}: {worst}");
    }
}

#[test]
fn a_real_head_keeps_its_place_when_simplified() {
    let Some(path) = data("capture_head/head.glb") else { return };
    let mut open = OpenOptions { surface: options(8000), ..OpenOptions::default() };
    open.surface.simplify_to = Some(16_000);
    let small = Avatar::open(&path, &open).unwrap();
    open.surface.simplify_to = None;
    let full = Avatar::open(&path, &open).unwrap();
    assert_eq!((small.gaussians.len(), full.gaussians.len()), (8000, 8000), "clear lashes are made up for");
    let jaw = Rig::open(&path, &LoadLimits::default()).unwrap().morph("jawOpen").unwrap();
    for weight in [0.0, 1.0] {
        let place = |avatar: &Avatar| {
            let body = avatar.body.as_ref().unwrap();
            let mut pose = Pose::rest(&body.rig);
            pose.morph_weights[jaw] = weight;
            let mut out = PosedGaussians::default();
            AvatarPoser::new(avatar).unwrap().pose(avatar, &pose, &mut out).unwrap();
            out.gaussians.positions
        };
        let mut distances: Vec<f32> =
            place(&full).iter().zip(place(&small)).map(|(p, q)| p.distance(q)).collect();
        distances.sort_by(f32::total_cmp);
        let (most, worst) = (distances[distances.len() * 99 / 100], distances[distances.len() - 1]);
        // Millimetres: lips that stuck together would leave some by centimetres.
        assert!(most < 0.0015 && worst < 0.008, "weight {weight}: 99 % {most}, worst {worst}");
    }
}

#[test]
fn unknown_and_absent_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.glb");
    let fault = |path: &std::path::Path| Avatar::open(path, &OpenOptions::default()).unwrap_err().to_string();
    assert!(fault(&path).contains("x.glb"));
    std::fs::write(&path, b"hello").unwrap();
    let said = fault(&path);
    assert!(said.contains("x.glb") && said.contains("not an avatar") && said.lines().count() == 1, "{said}");
    std::fs::write(&path, b"").unwrap();
    assert!(fault(&path).contains("not an avatar"));
}
