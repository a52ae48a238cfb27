//! Posing and surface frames against plain computations.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{
    FrameMode, LoadLimits, Palette, Pose, PosedVertices, Poser, Rig, RigError, SurfaceFrames,
    frame_from_tangents, joint_palette, rest_normals,
};
use glam::{Affine3A, Mat3, Mat4, Quat, Vec3, Vec4};
use serde_json::json;
use support::{Builder, morphing_square, square, two_bones};

fn load(b: &Builder) -> Rig {
    Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap()
}

fn posed(rig: &Rig, pose: &Pose, mode: FrameMode) -> PosedVertices {
    let mut out = PosedVertices::default();
    Poser::new(rig, mode).unwrap().pose(rig, pose, &mut out).unwrap();
    out
}

/// A bent sheet of 7 × 7 vertices with a morph that pulls and twists it, skinned to four joints of a chain.
fn sheet() -> Rig {
    let mut b = Builder::new();
    let grid: Vec<(f32, f32)> = (0..49).map(|i| ((i % 7) as f32 / 6.0, (i / 7) as f32 / 6.0)).collect();
    let positions: Vec<f32> =
        grid.iter().flat_map(|&(x, y)| [x, y, 0.3 * (2.0 * x).sin() - 0.2 * y * y]).collect();
    let deltas: Vec<f32> = grid.iter().flat_map(|&(x, y)| [0.1 * y, 0.3 * x * y, 0.2 * (x + y)]).collect();
    let triangles: Vec<u16> = (0..36u16)
        .flat_map(|i| {
            let v = i / 6 * 7 + i % 6;
            [v, v + 1, v + 8, v, v + 8, v + 7]
        })
        .collect();
    let weights: Vec<f32> = grid
        .iter()
        .flat_map(|&(x, y)| [x * y, x * (1.0 - y), (1.0 - x) * y, (1.0 - x) * (1.0 - y)])
        .collect();
    let attributes = json!({
        "POSITION": b.floats("VEC3", &positions),
        "JOINTS_0": b.accessor(&[0, 1, 2, 3].repeat(49), 5121, "VEC4", 49),
        "WEIGHTS_0": b.floats("VEC4", &weights),
    });
    let primitive = json!({
        "attributes": attributes, "indices": b.shorts(&triangles), "targets": [{ "POSITION": b.floats("VEC3", &deltas) }],
    });
    let mesh = b.mesh(json!({ "primitives": [primitive] }));
    b.node(json!({ "mesh": mesh, "skin": 0 }));
    for i in 1..=4 {
        let children: Vec<u32> = if i < 4 { vec![i + 1] } else { vec![] };
        b.node(json!({ "translation": [0.1, 0.2, -0.1], "rotation": [0, 0.6, 0, 0.8], "scale": [1, 1.5, 1], "children": children }));
    }
    b.json["nodes"][4].as_object_mut().unwrap().remove("children");
    b.json["skins"] = json!([{ "joints": [1, 2, 3, 4] }]);
    load(&b)
}

#[test]
fn two_bones_bend_as_worked_out_by_hand() {
    let rig = load(&two_bones());
    let mut pose = Pose::rest(&rig);
    assert_eq!(posed(&rig, &pose, FrameMode::Surface).positions, rig.positions);
    // The upper bone turns a quarter about z at (0, 1, 0).
    pose.nodes[2].rotation = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    let out = posed(&rig, &pose, FrameMode::Surface);
    let expected = [
        Vec3::new(-0.5, 0.0, 0.0),
        Vec3::new(0.5, 0.0, 0.0),
        // Half way between where they were and a quarter turn: (−0.5, 1) and (0, 0.5).
        Vec3::new(-0.25, 0.75, 0.0),
        Vec3::new(0.25, 1.25, 0.0),
        Vec3::new(-1.0, 0.5, 0.0),
        Vec3::new(-1.0, 1.5, 0.0),
    ];
    for (got, expected) in out.positions.iter().zip(expected) {
        assert!(got.abs_diff_eq(expected, 1e-6), "{got} for {expected}");
    }
    // With the skin's own frames the tip has turned a quarter, the middle an eighth.
    let skin = posed(&rig, &pose, FrameMode::Skin);
    assert!(skin.rotations[5].abs_diff_eq(pose.nodes[2].rotation, 1e-5));
    assert!(skin.rotations[2].abs_diff_eq(Quat::from_rotation_z(std::f32::consts::FRAC_PI_4), 1e-5));
    assert!(
        (skin.scales[2] - 0.5f32.sqrt()).abs() < 1e-5,
        "a quarter turn blended in halves shrinks by cos 45°"
    );
    assert_eq!(skin.positions, out.positions);
}

#[test]
fn posing_equals_a_plain_computation() {
    let rig = sheet();
    let mut pose = Pose::rest(&rig);
    pose.morph_weights[0] = -0.7;
    pose.world_from_scene =
        Affine3A::from_rotation_x(0.4) * Affine3A::from_translation(Vec3::new(1.0, -2.0, 0.5));
    for (i, node) in pose.nodes.iter_mut().enumerate() {
        node.rotation *= Quat::from_rotation_z(0.3 * i as f32);
        node.translation.x += 0.05;
    }
    let out = posed(&rig, &pose, FrameMode::Surface);
    // 4 × 4 matrices and homogeneous coordinates, each vertex and joint on its own.
    let world = |mut node: usize| {
        let mut m = Mat4::IDENTITY;
        loop {
            let t = &pose.nodes[node];
            m = Mat4::from_translation(t.translation)
                * Mat4::from_quat(t.rotation)
                * Mat4::from_scale(t.scale)
                * m;
            match rig.nodes[node].parent {
                Some(parent) => node = parent,
                None => return Mat4::from(pose.world_from_scene) * m,
            }
        }
    };
    for v in 0..rig.positions.len() {
        let mut p = rig.positions[v];
        for (m, morph) in rig.morphs.iter().enumerate() {
            if let Some(at) = morph.indices.iter().position(|&i| i as usize == v) {
                p += morph.deltas[at] * pose.morph_weights[m];
            }
        }
        let mut sum = Vec4::ZERO;
        for k in 0..4 {
            let joint = &rig.joints[usize::from(rig.joint_indices[v * 4 + k])];
            sum += rig.joint_weights[v * 4 + k]
                * (world(joint.node) * Mat4::from(joint.node_from_mesh) * p.extend(1.0));
        }
        assert!(out.positions[v].abs_diff_eq(sum.truncate(), 1e-5), "vertex {v}");
        assert!(out.rotations[v].is_normalized() && out.scales[v].is_finite());
    }
}

#[test]
fn rest_is_the_identity() {
    for rig in [sheet(), load(&two_bones()), load(&morphing_square())] {
        for mode in [FrameMode::Surface, FrameMode::Skin] {
            let out = posed(&rig, &Pose::rest(&rig), mode);
            assert!(out.rotations.iter().all(|q| q.abs_diff_eq(Quat::IDENTITY, 1e-4)));
            assert!(out.scales.iter().all(|s| (s - 1.0).abs() < 1e-5));
        }
    }
}

#[test]
fn frames_follow_rigid_motion_and_uniform_scale() {
    let rig = sheet();
    let turn = Quat::from_axis_angle(Vec3::new(1.0, 2.0, -0.5).normalize(), 2.1);
    for mode in [FrameMode::Surface, FrameMode::Skin] {
        for k in [1.0, 0.5, 1.75, 9.0] {
            let mut pose = Pose::rest(&rig);
            pose.world_from_scene =
                Affine3A::from_scale_rotation_translation(Vec3::splat(k), turn, Vec3::new(3.0, 1.0, -2.0));
            let out = posed(&rig, &pose, mode);
            for (q, s) in out.rotations.iter().zip(&out.scales) {
                assert!(q.angle_between(turn) < 2e-3, "{q} for {turn}");
                assert!((s - k.min(4.0)).abs() < 1e-3, "{s} for {k}");
            }
        }
    }
}

#[test]
fn morphs_turn_surface_frames() {
    // The square's far edge rises with slope 1: the surface turns 45° about −y and grows by sqrt(sqrt 2).
    let mut b = square();
    let raise = b.floats("VEC3", &[0., 0., 0., 0., 0., 1., 0., 0., 1., 0., 0., 0.]);
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{ "POSITION": raise }]);
    let rig = load(&b);
    let mut pose = Pose::rest(&rig);
    pose.morph_weights[0] = 1.0;
    let out = posed(&rig, &pose, FrameMode::Surface);
    let expected = Quat::from_rotation_y(-std::f32::consts::FRAC_PI_4);
    for (q, s) in out.rotations.iter().zip(&out.scales) {
        assert!(q.angle_between(expected) < 2e-3, "{q}");
        assert!((s - 2f32.powf(0.25)).abs() < 1e-4, "{s}");
    }
    let skin = posed(&rig, &pose, FrameMode::Skin);
    assert!(skin.rotations.iter().all(|q| q.abs_diff_eq(Quat::IDENTITY, 1e-5)));
}

#[test]
fn shear_turns_frames_by_half_and_collapse_falls_back_on_the_skin() {
    let mut b = square();
    let shear = b.floats("VEC3", &[0., 0., 0., 0., 0., 0., 1., 0., 0., 1., 0., 0.]);
    // All vertices to one point, and to a point that overflows when squared.
    let point = b.floats("VEC3", &[0., 0., 0., -1., 0., 0., -1., -1., 0., 0., -1., 0.]);
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{ "POSITION": shear }, { "POSITION": point }]);
    let rig = load(&b);
    let mut pose = Pose::rest(&rig);
    pose.morph_weights[0] = 1.0;
    // T stays, B leans 45° towards it: symmetric treatment turns by half of that, −22.5°, and keeps the area.
    let out = posed(&rig, &pose, FrameMode::Surface);
    for (q, s) in out.rotations.iter().zip(&out.scales) {
        let half = Quat::from_rotation_z(-std::f32::consts::PI / 8.0);
        assert!(q.angle_between(half) < 2e-3 && (s - 1.0).abs() < 1e-4, "{q} {s}");
    }
    for weights in [[0.0, 1.0], [0.0, 1e25], [1e38, 1e38], [f32::NAN, 0.0]] {
        pose.morph_weights.copy_from_slice(&weights);
        pose.world_from_scene = Affine3A::from_rotation_x(0.5);
        let out = posed(&rig, &pose, FrameMode::Surface);
        for (q, s) in out.rotations.iter().zip(&out.scales) {
            assert!(q.is_finite() && s.is_finite() && (0.25..=4.0).contains(s), "{weights:?}: {q} {s}");
        }
        if weights == [0.0, 1.0] {
            assert!(out.rotations[0].angle_between(Quat::from_rotation_x(0.5)) < 2e-3);
            assert_eq!(out.scales[0], 1.0);
        }
    }
}

#[test]
fn the_frame_of_perpendicular_tangents_is_theirs() {
    let q = Quat::from_euler(glam::EulerRot::XYZ, 0.3, -1.2, 2.0);
    let m = Mat3::from_quat(q);
    let (frame, area) = frame_from_tangents(m.x_axis * 2.0, m.y_axis * 0.5);
    assert!(frame.angle_between(q) < 2e-3 && (area - 1.0).abs() < 1e-6);
    let (frame, _) = frame_from_tangents(Vec3::X, Vec3::X);
    assert!(!frame.is_finite());
}

#[test]
fn seams_are_crossed_and_lips_are_not() {
    // Two squares side by side with their own copies of the shared edge (x = 1); vertices 1, 2 and 4, 7 coincide.
    let build = |delta: &[f32]| {
        let mut b = Builder::new();
        let positions = b.floats(
            "VEC3",
            &[0., 0., 0., 1., 0., 0., 1., 1., 0., 0., 1., 0., 1., 0., 0., 2., 0., 0., 2., 1., 0., 1., 1., 0.],
        );
        let indices = b.shorts(&[0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7]);
        let morph = b.floats("VEC3", delta);
        let mesh = b.mesh(json!({ "primitives": [{
            "attributes": { "POSITION": positions }, "indices": indices, "targets": [{ "POSITION": morph }],
        }] }));
        b.node(json!({ "mesh": mesh }));
        let rig = load(&b);
        let poser = Poser::new(&rig, FrameMode::Surface).unwrap();
        let frames = poser.frames();
        let ring = |v: usize| {
            let range = frames.ring_offsets[v] as usize..frames.ring_offsets[v + 1] as usize;
            frames.ring[range].iter().map(|e| e.neighbour).collect::<Vec<_>>()
        };
        (ring(1), ring(4))
    };
    let still = [0.0; 24];
    let (left, right) = build(&still);
    assert_eq!(left, right);
    assert_eq!(left, [0, 2, 5, 6], "both sides, copies counted once");
    let mut parting = still;
    parting[4 * 3 + 2] = 1.0;
    let (left, right) = build(&parting);
    assert_eq!((left.as_slice(), right.as_slice()), ([0, 2].as_slice(), [2, 5, 6].as_slice()));
}

/// A disc of `sectors` triangles about (0, 0), each with its own three vertices.
fn disc(sectors: u16) -> Rig {
    let mut b = Builder::new();
    let at = |i: u16| {
        let (sin, cos) = (std::f32::consts::TAU * f32::from(i % sectors) / f32::from(sectors)).sin_cos();
        [cos, sin, 0.0]
    };
    let positions: Vec<f32> = (0..sectors).flat_map(|i| [[0.0; 3], at(i), at(i + 1)]).flatten().collect();
    let positions = b.floats("VEC3", &positions);
    let mesh = b.mesh(json!({ "primitives": [{ "attributes": { "POSITION": positions } }] }));
    b.node(json!({ "mesh": mesh }));
    load(&b)
}

#[test]
fn rings_stay_small_where_many_triangles_meet() {
    let rings = |sectors: u16| {
        let rig = disc(sectors);
        let frames = SurfaceFrames::new(&rig, FrameMode::Surface).unwrap();
        let lengths: Vec<u32> = frames.ring_offsets.windows(2).map(|w| w[1] - w[0]).collect();
        let out = posed(&rig, &Pose::rest(&rig), FrameMode::Surface);
        assert!(out.rotations.iter().all(|q| q.angle_between(Quat::IDENTITY) < 2e-3));
        (lengths[0], lengths[1], frames.ring.len())
    };
    // Every copy of the centre has all of the rim for neighbours, a copy of a rim vertex the centre and two others.
    assert_eq!(rings(64), (64, 3, 64 * 64 + 2 * 64 * 3));
    assert_eq!(rings(65), (0, 3, 2 * 65 * 3));
    assert_eq!(rings(3000), (0, 3, 2 * 3000 * 3));
}

#[test]
fn poses_of_another_rig_are_refused() {
    let (rig, other) = (load(&two_bones()), sheet());
    let mut poser = Poser::new(&rig, FrameMode::Surface).unwrap();
    let mut out = PosedVertices::default();
    assert!(matches!(poser.pose(&rig, &Pose::rest(&other), &mut out), Err(RigError::Mismatch(_))));
    assert!(matches!(poser.pose(&other, &Pose::rest(&other), &mut out), Err(RigError::Mismatch(_))));
    let mut broken = rig.clone();
    broken.joint_indices[0] = 99;
    assert!(Poser::new(&broken, FrameMode::Surface).is_err());
}

#[test]
fn nothing_is_reallocated_from_frame_to_frame() {
    let rig = sheet();
    let (mut poser, mut out) = (Poser::new(&rig, FrameMode::Surface).unwrap(), PosedVertices::default());
    let mut pose = Pose::rest(&rig);
    poser.pose(&rig, &pose, &mut out).unwrap();
    let places = |out: &PosedVertices, poser: &Poser| {
        (
            out.positions.as_ptr(),
            out.rotations.as_ptr(),
            out.scales.as_ptr(),
            poser.palette().world_from_mesh.as_ptr(),
        )
    };
    let before = places(&out, &poser);
    pose.morph_weights[0] = 0.5;
    poser.pose(&rig, &pose, &mut out).unwrap();
    assert_eq!(places(&out, &poser), before);
    let mut palette = Palette::default();
    assert_eq!(joint_palette(&rig, &pose, &mut palette), poser.palette().world_from_mesh);
}

/// The surface itself is the witness: under a skin that shears, stretches and turns, its normals at rest are those of
/// its posed triangles, and the frames turn them into those of a pose that bends it rigidly.
#[test]
fn normals_are_those_of_the_surface() {
    let mut b = Builder::new();
    let attributes = json!({
        "POSITION": b.floats("VEC3", &[0.0, 0.0, 0.0, 1.0, 0.0, 0.2, 1.0, 1.0, 0.7, 0.0, 1.0, 0.5]),
        "JOINTS_0": b.accessor(&[0; 16], 5121, "VEC4", 4),
        "WEIGHTS_0": b.floats("VEC4", &[1.0, 0.0, 0.0, 0.0].repeat(4)),
    });
    let indices = b.shorts(&[0, 1, 2, 0, 2, 3]);
    let mesh = b.mesh(json!({ "primitives": [{ "attributes": attributes, "indices": indices }] }));
    b.node(json!({ "mesh": mesh, "skin": 0 }));
    b.node(json!({ "rotation": [0.6, 0, 0, 0.8], "scale": [1, 3, 0.5], "children": [2] }));
    b.node(json!({ "rotation": [0, 0.6, 0, 0.8], "translation": [0.3, 0, 0] }));
    b.json["skins"] = json!([{ "joints": [2] }]);
    let rig = load(&b);
    let plane = |out: &PosedVertices| {
        let [p, q, r] = [out.positions[0], out.positions[1], out.positions[2]];
        (q - p).cross(r - p).normalize()
    };
    let mut pose = Pose::rest(&rig);
    let at_rest = posed(&rig, &pose, FrameMode::Surface);
    let normals = rest_normals(&rig);
    assert_eq!(normals.len(), 4);
    for normal in &normals {
        assert!(normal.abs_diff_eq(plane(&at_rest), 1e-5), "{normal} for {}", plane(&at_rest));
    }
    // The root turns, and nothing is stretched further.
    pose.nodes[1].rotation = Quat::from_rotation_z(0.9) * pose.nodes[1].rotation;
    let out = posed(&rig, &pose, FrameMode::Surface);
    for (v, normal) in normals.iter().enumerate() {
        let turned = out.rotations[v] * *normal;
        assert!(turned.abs_diff_eq(plane(&out), 1e-4), "{turned} for {}", plane(&out));
    }
}
