//! The GPU pipeline against the CPU reference, from posing to pixels, on real avatars and on a made one.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod made;
mod picture;

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_rig::{FrameMode, Pose};
use effigy_splat::{BlendSpace, Camera, Filter, Frame, SplatRules};
use effigy_tests::data;
use glam::{Affine3A, Mat3, Quat, Vec3};
use picture::{Agreement, Renderers, compare, covered, frame_subject};

/// A pose far from rest: many morphs at once, the head turned on its joint, and the whole scene moved.
fn strong_pose(avatar: &Avatar) -> Option<Pose> {
    let rig = &avatar.body.as_ref()?.rig;
    let mut pose = Pose::rest(rig);
    let mut on = 0;
    for (name, weight) in [
        ("jawOpen", 0.8),
        ("mouthSmileLeft", 0.9),
        ("mouthFunnel", 0.4),
        ("eyeBlinkLeft", 1.0),
        ("eyeBlinkRight", 0.6),
        ("browInnerUp", 1.0),
        ("cheekPuff", 0.7),
        ("noseSneerRight", -0.3),
    ] {
        if let Some(morph) = rig.morph(name) {
            pose.morph_weights[morph] = weight;
            on += 1;
        }
    }
    assert!(on >= 6, "{}: only {on} of the eight shapes are there", avatar.name);
    if let Some(head) = rig.nodes.iter().position(|n| n.name.eq_ignore_ascii_case("head")) {
        pose.nodes[head].rotation *= Quat::from_euler(glam::EulerRot::YXZ, 0.4, -0.2, 0.15);
    }
    pose.world_from_scene =
        Affine3A::from_rotation_translation(Quat::from_rotation_y(-0.5), Vec3::new(0.3, -0.2, 0.1));
    Some(pose)
}

/// Compares the two renderers on an avatar of the shared data, at rest and in a strong pose, at 512² and 1024².
fn check_file(name: &str) {
    let Some(path) = data(name) else { return };
    let avatar = Arc::new(Avatar::open(&path, &OpenOptions::default()).unwrap());
    let mut renderers = Renderers::new(&avatar);
    let poses = [("rest", avatar.body.as_ref().map(|b| Pose::rest(&b.rig))), ("posed", strong_pose(&avatar))];
    let mut at_rest = None;
    for (what, pose) in poses {
        if what == "posed" && pose.is_none() {
            continue;
        }
        let posed = renderers.pose_on_cpu(pose.as_ref());
        for size in [512, 1024] {
            let camera = frame_subject(&posed.gaussians, size);
            let cpu = renderers.cpu(pose.as_ref(), &camera);
            let gpu = renderers.gpu(pose.as_ref(), &camera);
            let Agreement { psnr, psnr_covered, depth } = compare(&cpu, &gpu);
            println!(
                "{} {what} {size}²: {psnr:.1} dB, {psnr_covered:.1} dB where covered, depth within {depth:.1e}",
                path.file_name().unwrap().display()
            );
            assert!(covered(&cpu) > 0.08, "hardly anything is drawn: {}", covered(&cpu));
            assert!(psnr >= 50.0 && psnr_covered >= 50.0 && depth < 0.01, "the pictures differ");
            if what == "rest" {
                at_rest = Some(cpu);
            } else if let Some(rest) = at_rest.as_ref().filter(|rest| rest.width == size) {
                // Two renderers that ignore the pose would agree as well.
                let same = compare(rest, &cpu).psnr;
                assert!(same < 35.0, "the pose changes nothing: {same} dB");
            }
        }
    }
}

#[test]
fn avatars_of_another_system() {
    check_file("lam/james.zip");
    check_file("lam/p2-1.zip");
}

#[test]
fn scenes_without_a_rig() {
    check_file("splat/biker.spz");
    check_file("splat/biker.compressed.ply");
}

#[test]
fn heads_sampled_from_their_surface() {
    check_file("capture_head/head.glb");
    check_file("rigs/head_mh_female/head_mh_female_arkit52.glb");
}

/// A made avatar in a pose, at an odd size: the camera, the CPU's picture, and how far the GPU agrees.
fn drawn(renderers: &mut Renderers, pose: &Pose) -> (Camera, Frame, Agreement) {
    let posed = renderers.pose_on_cpu(Some(pose));
    let mut camera = frame_subject(&posed.gaussians, 256);
    (camera.width, camera.height) = (251, 203);
    let cpu = renderers.cpu(Some(pose), &camera);
    let agreement = compare(&cpu, &renderers.gpu(Some(pose), &camera));
    (camera, cpu, agreement)
}

#[test]
fn a_made_rig_in_many_poses() {
    for mode in [FrameMode::Surface, FrameMode::Skin] {
        for influences in [4, 8] {
            let avatar = Arc::new(made::avatar(mode, influences, 3000, Filter::MIP));
            let mut renderers = Renderers::new(&avatar);
            // From rest to rest: what one pose leaves on the GPU must not stay in the next.
            for strength in [0.0, 0.5, 1.0, -0.7, 0.0] {
                let pose = made::pose(&avatar.body.as_ref().unwrap().rig, strength);
                let (_, cpu, Agreement { psnr, psnr_covered, depth }) = drawn(&mut renderers, &pose);
                println!(
                    "made, {mode:?}, {influences} influences, strength {strength}: {psnr:.1} dB, \
                     {psnr_covered:.1} dB where covered, depth within {depth:.1e}"
                );
                assert!(covered(&cpu) > 0.05, "hardly anything is drawn");
                assert!(psnr_covered >= 60.0 && depth < 1e-3, "the pictures differ");
            }
        }
    }
}

/// Posed, an avatar keeps the rules that its splats came with.
#[test]
fn a_made_rig_by_the_rules_of_other_formats() {
    let linear = SplatRules { blending: BlendSpace::Linear, ..SplatRules::KHR_ELLIPSE };
    for rules in [SplatRules::KHR_ELLIPSE, linear] {
        let filter = Filter { rules, ..Filter::CLASSIC };
        let avatar = Arc::new(made::avatar(FrameMode::Surface, 4, 3000, filter));
        let classic = Arc::new(made::avatar(FrameMode::Surface, 4, 3000, Filter::CLASSIC));
        let (mut renderers, mut usual) = (Renderers::new(&avatar), Renderers::new(&classic));
        let pose = made::pose(&avatar.body.as_ref().unwrap().rig, 0.5);
        let posed = renderers.pose_on_cpu(Some(&pose));
        let camera = frame_subject(&posed.gaussians, 256);
        let cpu = renderers.cpu(Some(&pose), &camera);
        let Agreement { psnr, psnr_covered, depth } = compare(&cpu, &renderers.gpu(Some(&pose), &camera));
        let changed = compare(&cpu, &usual.cpu(Some(&pose), &camera)).psnr;
        println!(
            "made, {rules:?}: {psnr:.1} dB, {psnr_covered:.1} dB where covered, depth within {depth:.1e}; \
             {changed:.1} dB to the classic rules"
        );
        assert!(covered(&cpu) > 0.05, "hardly anything is drawn");
        assert!(psnr_covered >= 55.0 && depth < 1e-2, "the pictures differ");
        assert!(changed < 60.0, "the rules change nothing");
    }
}

#[test]
fn a_field_on_a_made_rig_in_many_poses() {
    // 3000 Gaussians and 1000: full groups of threads, and a last one that is not.
    for (count, bases) in [(3000, 16), (1000, 5)] {
        let without = Arc::new(made::avatar(FrameMode::Surface, 4, count, Filter::MIP));
        let mut avatar = (*without).clone();
        made::add_field(&mut avatar, bases);
        let mut renderers = Renderers::new(&Arc::new(avatar));
        let mut still = Renderers::new(&without);
        let rig = &without.body.as_ref().unwrap().rig;
        // The same expression with another turn of the head, and back to rest.
        let mut turned = made::pose(rig, 0.4);
        turned.nodes[1].rotation *= Quat::from_rotation_y(0.5);
        let poses = [0.0, 0.4, 0.9, -0.6, 0.4, 0.0].map(|strength| (strength, made::pose(rig, strength)));
        for (strength, pose) in poses.into_iter().chain([(0.4, turned)]) {
            let (camera, cpu, Agreement { psnr, psnr_covered, depth }) = drawn(&mut renderers, &pose);
            let moved = compare(&cpu, &still.cpu(Some(&pose), &camera)).psnr;
            println!(
                "made with a field of {bases} bases, strength {strength}: {psnr:.1} dB, {psnr_covered:.1} dB where \
                 covered, depth within {depth:.1e}; {moved:.1} dB to the same without"
            );
            assert!(covered(&cpu) > 0.05, "hardly anything is drawn");
            assert!(psnr_covered >= 60.0 && depth < 1e-3, "the pictures differ");
            if strength == 0.0 {
                assert!(moved > 100.0, "the field changes the rest pose: {moved} dB");
            } else {
                assert!(moved < 30.0, "the field changes nothing: {moved} dB");
            }
        }
    }
}

/// One small Gaussian on each of some vertices must appear where morphs, skinning and perspective, written out here in
/// double precision, put it.
#[test]
fn vertices_land_where_the_definitions_put_them() {
    for influences in [4, 8] {
        let rig = made::rig(influences);
        let pose = made::pose(&rig, 0.8);
        let expected = made::skinned_in_double_precision(&rig, &pose);
        let camera =
            Camera::look_at(Vec3::new(0.8, 1.4, 4.5), Vec3::new(0.1, 1.0, 0.0), Vec3::Y, 0.75, 640, 480);
        let mut seen = 0;
        // Far apart, so that each is alone in its window.
        for v in (0..rig.vertex_count()).step_by(11) {
            let avatar = Arc::new(made::dot(&rig, v));
            let mut renderers = Renderers::new(&avatar);
            let view = camera.camera_from_world;
            let (rotation, translation) = (Mat3::from(view.matrix3), Vec3::from(view.translation));
            let p = rotation.as_dmat3() * expected[v] + translation.as_dvec3();
            let want = (
                f64::from(camera.cx) + f64::from(camera.fx) * p.x / -p.z,
                f64::from(camera.cy) - f64::from(camera.fy) * p.y / -p.z,
            );
            for (who, frame) in
                [("GPU", renderers.gpu(Some(&pose), &camera)), ("CPU", renderers.cpu(Some(&pose), &camera))]
            {
                let (x, y, depth) = picture::centroid(&frame).expect("the Gaussian is not in the picture");
                assert!(
                    (x - want.0).abs() < 0.05 && (y - want.1).abs() < 0.05 && (depth + p.z).abs() < 1e-3,
                    "{who}, vertex {v}: at ({x:.3}, {y:.3}) depth {depth:.4}, expected {want:.3?} depth {:.4}",
                    -p.z
                );
            }
            seen += 1;
        }
        assert!(seen >= 8);
    }
}
