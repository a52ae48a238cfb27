//! Avatars with a field: posing, and the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{avatar, avatar_with_field, json_of, posed, with_json};
use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_field::{ATTRIBUTES, COLOR, Field, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION};
use effigy_rig::{FrameMode, Pose, PosedVertices, Poser};
use effigy_splat::sh_coefficients;
use effigy_tests::Xorshift64;
use glam::{Affine3A, Quat, Vec3};
use half::f16;
use serde_json::{Value, json};

fn field(avatar: &Avatar) -> &Field {
    avatar.body.as_ref().unwrap().field.as_ref().unwrap()
}

#[test]
fn posing_follows_the_anchor() {
    // By hand: the square turned a quarter about z, twice as large, at (5, 0, 0).
    let avatar = avatar();
    let turn = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    let posed = posed(&avatar, |pose| {
        let (scale, at) = (Vec3::splat(2.0), Vec3::new(5.0, 0.0, 0.0));
        pose.world_from_scene = Affine3A::from_scale_rotation_translation(scale, turn, at);
    });
    // Anchor of Gaussian 0: 0.2·v0 + 0.3·v1 + 0.5·v2 = (0.8, 0.5, 0); with its offset (0.9, 0.5, 0.05).
    let centre = posed.gaussians.positions[0];
    assert!(centre.abs_diff_eq(Vec3::new(5.0 - 1.0, 1.8, 0.1), 1e-5), "{centre}");
    assert!((posed.gaussians.log_scales[0].x - (-4.0 + 2.0_f32.ln())).abs() < 1e-5);
    assert!(posed.frames[0].dot(turn).abs() > 1.0 - 1e-6);
    assert!(posed.gaussians.rotations[1].dot(turn * Quat::from_rotation_y(0.7)).abs() > 1.0 - 1e-6);
}

#[test]
fn anchors_blend_vertices_as_rotations() {
    let mut avatar = avatar();
    let body = avatar.body.as_mut().unwrap();
    body.binding.barycentric[0] = Vec3::new(0.5, 0.5, 0.0);
    let quarter = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    let mut vertices = PosedVertices {
        positions: body.rig.positions.iter().map(|p| *p + Vec3::Z).collect(),
        rotations: vec![Quat::IDENTITY; 7],
        scales: vec![1.0; 7],
    };
    // Opposite signs are the same rotation.
    vertices.rotations[1] = -quarter;
    vertices.scales[0] = 3.0;
    let mut anchors = Vec::new();
    body.anchors(&vertices, &mut anchors).unwrap();
    assert_eq!(anchors.len(), 3);
    assert!(anchors[0].rotation.dot(Quat::from_rotation_z(std::f32::consts::FRAC_PI_4)).abs() > 1.0 - 1e-6);
    assert!(anchors[0].position.abs_diff_eq(Vec3::new(0.5, 0.0, 1.0), 1e-6) && anchors[0].scale == 2.0);
    assert!(body.anchors(&PosedVertices::default(), &mut anchors).is_err());
    body.binding.triangles[2] = 3;
    assert!(body.anchors(&vertices, &mut anchors).is_err());
    body.binding.triangles.pop();
    assert!(body.anchors(&vertices, &mut anchors).is_err());
}

#[test]
fn a_field_adds_to_the_static_attributes() {
    let avatar = avatar_with_field();
    let body = avatar.body.as_ref().unwrap();
    let rig = &body.rig;
    let still = Avatar { body: Some(effigy_avatar::Body { field: None, ..body.clone() }), ..avatar.clone() };
    // At rest nothing changes, though one morph rests at one half.
    let at_rest = posed(&avatar, |_| {});
    assert_eq!(at_rest, avatar.posed_at_rest().unwrap());

    let mut pose = Pose::rest(rig);
    pose.morph_weights = vec![0.6, 0.1];
    pose.world_from_scene = Affine3A::from_rotation_translation(Quat::from_rotation_x(0.4), Vec3::Y);
    let mut poser = AvatarPoser::new(&avatar).unwrap();
    let mut out = PosedGaussians::default();
    // Twice: sums must not pile up.
    poser.pose(&avatar, &pose, &mut out).unwrap();
    poser.pose(&avatar, &pose, &mut out).unwrap();
    assert!(poser.times().decode > 0.0 && poser.times().pose > 0.0);

    let mut vertices = PosedVertices::default();
    Poser::new(rig, FrameMode::Surface).unwrap().pose(rig, &pose, &mut vertices).unwrap();
    assert_eq!(poser.vertices(), Some(&vertices));
    let mut anchors = Vec::new();
    body.anchors(&vertices, &mut anchors).unwrap();
    let field = field(&avatar);
    let sites = field.sites(rig, &body.binding.triangles, &body.binding.barycentric).unwrap();
    let baked = field.bake(&sites).unwrap();
    let (mut coefficients, mut residuals) = (Vec::new(), Vec::new());
    field.coefficients(&[0.6, 0.1 - 0.5], &mut coefficients).unwrap();
    baked.residuals(&coefficients, &mut residuals);
    // The others lie where no morph moves the surface.
    assert_eq!(baked.gaussians, [0]);
    let mut moved = [[0.0; ATTRIBUTES]; 3];
    baked.gaussians.iter().zip(&residuals).for_each(|(&g, residual)| moved[g as usize] = *residual);
    let (rest, g) = (&avatar.gaussians, &out.gaussians);
    let without = posed(&still, |p| p.clone_from(&pose)).gaussians;
    for i in 0..3 {
        let (r, anchor) = (&moved[i], &anchors[i]);
        let offset = rest.positions[i] + Vec3::from_slice(&r[POSITION]);
        let centre = anchor.position + anchor.scale * (anchor.rotation * offset);
        assert!(g.positions[i].abs_diff_eq(centre, 1e-5));
        let q = Quat::from_vec4(glam::Vec4::from(rest.rotations[i]) + glam::Vec4::from_slice(&r[ROTATION]));
        let rotation = (anchor.rotation * q).normalize();
        assert!(g.rotations[i].normalize().dot(rotation).abs() > 1.0 - 1e-5);
        let log_scale = rest.log_scales[i] + Vec3::from_slice(&r[LOG_SCALE]) + anchor.scale.ln();
        assert!(g.log_scales[i].abs_diff_eq(log_scale, 1e-5));
        assert_eq!(g.opacity_logits[i], rest.opacity_logits[i] + r[OPACITY_LOGIT]);
        let sh = 3 * sh_coefficients(1);
        for c in 0..sh {
            let more = if c < 3 { r[COLOR.start + c] } else { 0.0 };
            assert_eq!(g.sh[i * sh + c], rest.sh[i * sh + c] + more);
        }
        let seen = !without.positions[i].abs_diff_eq(centre, 0.01);
        assert_eq!(seen, i == 0, "Gaussian {i}");
    }
    // And back to rest.
    poser.pose(&avatar, &Pose::rest(rig), &mut out).unwrap();
    assert_eq!(out.gaussians.opacity_logits, rest.opacity_logits);
    assert_eq!(out.gaussians.sh, rest.sh);
}

#[test]
fn a_poser_is_of_one_avatar() {
    let (with, without) = (avatar_with_field(), avatar());
    let pose = Pose::rest(&with.body.as_ref().unwrap().rig);
    let mut out = PosedGaussians::default();
    assert!(AvatarPoser::new(&without).unwrap().pose(&with, &pose, &mut out).is_err());
    assert!(AvatarPoser::new(&with).unwrap().pose(&without, &pose, &mut out).is_err());
    let mut fewer = pose.clone();
    fewer.morph_weights.pop();
    assert!(AvatarPoser::new(&with).unwrap().pose(&with, &fewer, &mut out).is_err());
    let alone = Avatar { body: None, ..without };
    AvatarPoser::new(&alone).unwrap().pose(&alone, &pose, &mut out).unwrap();
    assert_eq!(out.gaussians, alone.gaussians);
}

#[test]
fn a_field_comes_back_in_half_floats() {
    let before = avatar_with_field();
    let glb = before.to_glb().unwrap();
    assert_eq!(json_of(&glb)["extensions"]["EFFIGY_neural_avatar"]["version"], 2);
    let after = Avatar::from_glb(&glb).unwrap();
    assert_eq!(field(&after), &field(&before).clone().rounded());
    assert_ne!(field(&after), field(&before));
    assert_eq!(after.to_glb().unwrap(), glb);
    let without = json_of(&avatar().to_glb().unwrap());
    assert_eq!(without["extensions"]["EFFIGY_neural_avatar"]["version"], 1, "older readers read it");

    // The bytes, found by the JSON alone.
    let json = json_of(&glb);
    let view = json["extensions"]["EFFIGY_neural_avatar"]["field"]["weights"]["trunk2"].as_u64().unwrap();
    let view = &json["bufferViews"][view as usize];
    let binary = glb.len() - json["buffers"][0]["byteLength"].as_u64().unwrap() as usize;
    let at = binary + view["byteOffset"].as_u64().unwrap() as usize;
    let bytes = &glb[at..at + view["byteLength"].as_u64().unwrap() as usize];
    let trunk: Vec<f16> = bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
    let want: Vec<f16> = field(&before).weights.trunk_2.iter().map(|&x| f16::from_f32(x)).collect();
    assert_eq!(trunk, want);
}

#[test]
fn a_primitive_without_triangles_moves_no_texel() {
    let mut before = avatar_with_field();
    let body = before.body.as_mut().unwrap();
    let mut empty = body.rig.primitives[0].clone();
    (empty.vertices.end, empty.triangles.end) = (empty.vertices.start, empty.triangles.start);
    body.rig.primitives.insert(0, empty);
    before.validate().unwrap();
    let after = Avatar::from_glb(&before.to_glb().unwrap()).unwrap();
    assert_eq!(after.body.as_ref().unwrap().rig.primitives.len(), 2);
    assert_eq!(field(&after), &field(&before).clone().rounded());
}

#[test]
fn what_is_wrong_with_a_field_is_named() {
    let glb = avatar_with_field().to_glb().unwrap();
    let fault = |change: fn(&mut Value)| {
        let broken = with_json(&glb, |json| change(&mut json["extensions"]["EFFIGY_neural_avatar"]));
        let said = Avatar::from_glb(&broken).unwrap_err().to_string();
        assert!(said.starts_with("EFFIGY_neural_avatar") && said.lines().count() == 1, "{said}");
        said
    };
    assert!(fault(|e| e["version"] = json!(1)).contains("a field in version 1"));
    assert!(
        fault(|e| e["field"]["hidden"] = json!(6))
            .contains("field.weights.trunk1: 70 bytes for 42 entries of 2")
    );
    assert!(fault(|e| e["field"]["hidden"] = json!(1_000_000)).contains("hidden width 1000000"));
    assert!(fault(|e| e["field"]["hidden"] = json!(-1)).contains("-1"));
    assert!(fault(|e| e["field"]["bases"] = json!(0)).contains("number of bases 0"));
    assert!(fault(|e| e["field"]["planes"] = json!([])).contains("plane levels 0"));
    assert!(fault(|e| e["field"]["planes"][0]["channels"] = json!(512)).contains("planes0"));
    assert!(fault(|e| e["field"]["planes"][1]["resolution"] = json!(4097)).contains("resolution 4097"));
    assert!(fault(|e| e["field"]["controls"] = json!(3)).contains("3 controls, the mesh has 2"));
    assert!(fault(|e| e["field"]["regions"] = json!(4096)).contains("regions1"));
    assert!(fault(|e| e["field"]["centers"] = json!(99_999)).contains("no buffer view 99999"));
    assert!(fault(|e| e["field"]["weights"]["heads"] = json!(0)).contains("field.weights.heads"));
    assert!(fault(|e| e["field"]["weights"]["more"] = json!(0)).contains("14 arrays where 13"));
    assert!(
        fault(|e| {
            let weights = e["field"]["weights"].as_object_mut().unwrap();
            let view = weights.remove("heads").unwrap();
            weights.insert("tails".into(), view);
        })
        .contains("field.weights.heads is missing")
    );
    assert!(fault(|e| drop(e.as_object_mut().unwrap().remove("binding"))).contains("without a binding"));

    // A weight that is not finite.
    let json = json_of(&glb);
    let view = json["extensions"]["EFFIGY_neural_avatar"]["field"]["weights"]["regions2"].as_u64().unwrap();
    let binary = glb.len() - json["buffers"][0]["byteLength"].as_u64().unwrap() as usize;
    let at = binary + json["bufferViews"][view as usize]["byteOffset"].as_u64().unwrap() as usize;
    let mut broken = glb.clone();
    broken[at..at + 2].copy_from_slice(&f16::NAN.to_le_bytes());
    assert!(
        Avatar::from_glb(&broken)
            .unwrap_err()
            .to_string()
            .contains("regions2 holds a value that is not finite")
    );

    let mut other = avatar_with_field();
    other.body.as_mut().unwrap().rig.morphs.pop();
    assert!(other.validate().unwrap_err().to_string().contains("2 controls where the rig has 1"));
    assert!(AvatarPoser::new(&other).is_err());
}

#[test]
fn ten_thousand_random_poses_are_finite() {
    let avatar = avatar_with_field();
    let rig = &avatar.body.as_ref().unwrap().rig;
    let mut poser = AvatarPoser::new(&avatar).unwrap();
    let mut out = PosedGaussians::default();
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    let mut random = || random.wild();
    for i in 0..10_000 {
        let mut pose = Pose::rest(rig);
        pose.morph_weights.iter_mut().for_each(|w| *w = 2.0 * random());
        for node in &mut pose.nodes {
            node.rotation = Quat::from_xyzw(random(), random(), random(), random());
            node.scale = Vec3::new(random(), random(), random());
            node.translation = Vec3::new(random(), random(), random());
        }
        poser.pose(&avatar, &pose, &mut out).unwrap();
        let g = &out.gaussians;
        for (what, finite) in [
            ("positions", g.positions.iter().all(|v| v.is_finite())),
            ("log-scales", g.log_scales.iter().all(|v| v.is_finite())),
            ("rotations", g.rotations.iter().chain(&out.frames).all(|q| q.is_finite())),
            // An opacity of exactly 0 or 1 is an infinite logit.
            ("opacities", g.opacity_logits.iter().all(|x| !x.is_nan())),
            ("harmonics", g.sh.iter().all(|x| x.is_finite())),
        ] {
            assert!(finite, "pose {i}: {what}: {g:?}");
        }
    }
}
