//! What a frame is said to hold and to move, against a count on the CPU and by hand.

use effigy_render::{Counts, Precision, Stage as FrameStage, read_counts};
use effigy_splat::{Camera, Filter, Gaussians, Projector};
use glam::{DVec2, Quat, Vec3};

use crate::oracle;
use crate::stage::Stage;

const TILE: u32 = 16;

/// Pairs of Gaussian and tile for `splat`: at least those that have a pixel to be drawn, and at most those whose
/// hull of pixel centres, wider by a tenth of a pixel, the ellipse touches.
fn tiles(splat: &oracle::Splat, camera: &Camera) -> [u32; 2] {
    let (a, b, c) = (splat.inverse.x_axis.x, splat.inverse.x_axis.y, splat.inverse.y_axis.y);
    let level = 2.0 * (255.0 * splat.opacity).ln();
    let inside = |d: DVec2| a * d.x * d.x + 2.0 * b * d.x * d.y + c * d.y * d.y <= level;
    let mut found = [0, 0];
    for top in (0..camera.height).step_by(TILE as usize) {
        for left in (0..camera.width).step_by(TILE as usize) {
            let corner = DVec2::new(f64::from(left), f64::from(top)) + 0.5 - splat.center;
            let (mut drawn, mut touched) = (false, false);
            for x in 0..TILE {
                for y in 0..TILE {
                    drawn |= inside(corner + DVec2::new(x.into(), y.into()));
                }
                // The point of a line across that is deepest inside; lines a tenth beyond the first and the last column.
                for aside in [-0.1, 0.0, 0.1] {
                    let dx = corner.x + f64::from(x) + aside;
                    let dy = (-b * dx / c).clamp(corner.y - 0.1, corner.y + 15.1);
                    touched |= inside(DVec2::new(dx, dy));
                }
            }
            found[0] += u32::from(drawn);
            found[1] += u32::from(touched || drawn);
        }
    }
    found
}

#[test]
fn counts_are_those_of_the_cpu() {
    for precision in [Precision::Full, Precision::Half] {
        let stage = Stage::new(precision);
        for (seed, filter) in [(3, Filter::CLASSIC), (4, Filter::MIP)] {
            let (g, _) = oracle::random_scene(seed, 3000, 0);
            let camera = oracle::camera(160, 112);
            let projector = Projector::new(&camera, filter);
            let visible = (0..g.len())
                .filter(|&i| projector.project(g.positions[i], &g.activate(i)).is_some())
                .count() as i64;
            let scene = oracle::Scene::of(&g);
            let splats = oracle::splats(&scene, &[], &camera, filter);
            let mut pairs = [0, 0];
            for splat in splats.iter().flatten().filter(|splat| splat.opacity * 255.0 > 1.0) {
                let of_one = tiles(splat, &camera);
                pairs = [pairs[0] + of_one[0], pairs[1] + of_one[1]];
            }
            let avatar = stage.upload(g, filter);
            let mut view = stage.renderer.create_view(160, 112).unwrap();
            assert!(read_counts(&stage.gpu.device, &stage.gpu.queue, &view).is_err(), "nothing was drawn");
            stage.picture_in(&mut view, &[&avatar], &camera);
            let counts = read_counts(&stage.gpu.device, &stage.gpu.queue, &view).unwrap();
            println!("{visible} visible, {pairs:?} pairs on the CPU: {counts:?}");
            // A Gaussian that just touches the picture's edge may round either way.
            assert!((i64::from(counts.visible) - visible).abs() <= 2, "{counts:?}, {visible} on the CPU");
            assert!(visible > 1000 && visible < 2990, "some are culled");
            assert!((pairs[0]..=pairs[1]).contains(&counts.entries), "{counts:?}, {pairs:?} on the CPU");
            assert!(f64::from(pairs[1]) < 1.03 * f64::from(pairs[0]), "{pairs:?} says little");
        }
    }
}

/// Gaussians of degree 3 in a row, without a rig.
fn row(count: usize) -> Gaussians {
    let mut g = Gaussians::with_capacity(count, 3);
    for i in 0..count {
        g.positions.push(Vec3::new(i as f32 / count as f32 - 0.5, 0.0, 0.0));
        g.rotations.push(Quat::IDENTITY);
        g.log_scales.push(Vec3::splat(-4.0));
        g.opacity_logits.push(1.0);
        g.sh.extend([0.1; 48]);
    }
    g
}

/// By the documented model, worked out by hand for 4,096 and 8,192 Gaussians of degree 3 in half floats (24 words of
/// harmonics each) in a picture of 64 × 48, which has 12 tiles and so one pass over tiles.
#[test]
fn bytes_are_those_of_the_model() {
    let stage = Stage::new(Precision::Half);
    let camera = Camera::look_at(Vec3::Z * 3.0, Vec3::ZERO, Vec3::Y, 0.5, 64, 48);
    // A run of keys has 1,024 where a processor imitates a GPU and 2,048 elsewhere: c(k) = 1,024 bytes for each.
    let run: u64 = if stage.gpu.is_software() { 1024 } else { 2048 };
    let moved = |count: u32, counts: Counts| {
        let avatar = stage.upload(row(count as usize), Filter::CLASSIC);
        let mut view = stage.renderer.create_view(64, 48).unwrap();
        assert!(stage.renderer.traffic(&[&avatar], &view, counts).is_err(), "nothing was drawn");
        stage.picture_in(&mut view, &[&avatar], &camera);
        let other = stage.renderer.another(&avatar).unwrap();
        assert!(stage.renderer.traffic(&[&other], &view, counts).is_err(), "it was another that was drawn");
        stage.renderer.traffic(&[&avatar], &view, counts).unwrap()
    };
    let digits = |keys: u64| 4 * 1024 * keys.div_ceil(run);
    for n in [4096_u64, 8192] {
        let (v, e) = (n / 2, 3 * n);
        let counts = Counts { visible: v as u32, entries: e as u32 };
        let [pose, decode, project, sort, bin, rasterize] = moved(n as u32, counts);
        assert_eq!((pose, decode), (0, 0), "it has no rig");
        assert_eq!(project, 72 * n + (96 + 48) * v);
        // All at about the same depth: 16 bits, two passes.
        assert_eq!(sort, 8 * n + 8 * v + digits(n) + 20 * v + digits(v));
        assert_eq!(bin, 64 * v + 16 * v.div_ceil(256) + 12 * e + 20 * e + digits(e) + 8 * 12);
        assert_eq!(rasterize, 8 * 12 + 4 * e + 48 * v + 12 * 64 * 48);
    }
    let counts = Counts { visible: 100, entries: 300 };
    let [one, more] = [counts, Counts { visible: 100, entries: 1300 }].map(|counts| moved(4096, counts));
    assert_eq!(more[FrameStage::Rasterize as usize] - one[FrameStage::Rasterize as usize], 4 * 1000);
}

/// Of a rig only what is new is posed: the second frame of a pose moves nothing.
#[test]
fn a_pose_that_stays_moves_nothing() {
    let stage = Stage::new(Precision::Half);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
    let options = effigy_avatar::OpenOptions::default();
    let head = std::sync::Arc::new(effigy_avatar::Avatar::open(path, &options).unwrap());
    let avatar = stage.renderer.upload(&head).unwrap();
    let (low, high) = head.bounds().unwrap().unwrap();
    let middle = 0.5 * (low + high);
    let camera = Camera::look_at(middle + Vec3::Z, middle, Vec3::Y, 0.5, 64, 48);
    let mut view = stage.renderer.create_view(64, 48).unwrap();
    let counts = Counts { visible: 1000, entries: 1000 };
    let [first, second] = [(); 2].map(|()| {
        stage.picture_in(&mut view, &[&avatar], &camera);
        stage.renderer.traffic(&[&avatar], &view, counts).unwrap()
    });
    let rig = &head.body.as_ref().unwrap().rig;
    // At rest no morph is active: what vertices, morph indices, skin, frames and rings take, and what is written.
    let entries: usize = rig.morphs.iter().map(|morph| morph.indices.len()).sum();
    let v = rig.vertex_count();
    let without_rings = 16 * (v + 1)
        + 4 * entries
        + 4 * rig.morphs.len()
        + 8 * v * rig.influences
        + 48 * rig.joints.len()
        + 16 * v
        + 48 * (v + 1)
        + (16 + 32) * v;
    // Rings have 12 bytes for each neighbour, of which a vertex of a closed surface has about six.
    let rings = first[0] as f64 - without_rings as f64;
    assert!((3.0..9.0).contains(&(rings / (12 * v) as f64)), "{} bytes for {v} vertices", first[0]);
    assert!(first[1] > 0, "it has a field");
    assert_eq!(second[..2], [0, 0]);
    assert_eq!(second[2..], first[2..]);
}
