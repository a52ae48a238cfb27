//! People in another light, against the CPU rasteriser's definition of it.

use std::sync::Arc;

use effigy_avatar::{Avatar, AvatarPoser, OpenOptions, PosedGaussians, normals};
use effigy_render::{GpuAvatar, Placement, Precision};
use effigy_rig::Pose;
use effigy_splat::{Camera, Filter, Frame, Gaussians, Light, Lit, Rasterizer};
use glam::{Quat, Vec3};

use crate::oracle;
use crate::stage::{Stage, difference, psnr};

const LIGHT: Light = Light {
    ambient: Vec3::new(0.3, 0.25, 0.4),
    key: Vec3::new(1.1, 0.9, 0.6),
    direction: Vec3::new(-2.0, 1.0, 1.5),
};

fn lit(stage: &Stage, avatar: &GpuAvatar, camera: &Camera, light: Option<&Light>) -> Frame {
    let mut view = stage.renderer.create_view(camera.width, camera.height).expect("a view");
    view.set_light(light).expect("a light");
    stage.picture_in(&mut view, &[avatar], camera)
}

fn expected(
    g: &Gaussians,
    frames: &[Quat],
    normals: &[Vec3],
    light: &Light,
    camera: &Camera,
    filter: Filter,
) -> Frame {
    let mut frame = Frame::default();
    let lit = Lit { light, normals };
    Rasterizer::new().render_lit(g, frames, &lit, camera, filter, &mut frame).expect("a picture");
    frame
}

#[test]
fn gaussians_of_no_surface_are_lit_as_on_the_cpu() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(64, 48);
    for degree in [0, 3] {
        let (g, _) = oracle::random_scene(7, 200, degree);
        let avatar = Avatar { name: String::new(), gaussians: g, filter: Filter::MIP, body: None };
        let normals = normals(&avatar);
        let want = expected(&avatar.gaussians, &[], &normals, &LIGHT, &camera, Filter::MIP);
        let uploaded = stage.renderer.upload(&Arc::new(avatar)).unwrap();
        let got = lit(&stage, &uploaded, &camera, Some(&LIGHT));
        assert!(difference(&got, &want) < 5e-4, "{}", difference(&got, &want));
        let plain = lit(&stage, &uploaded, &camera, None);
        assert!(psnr(&got, &plain) < 30.0, "the light does something");
        let captured = Light { ambient: Vec3::ONE, key: Vec3::ZERO, direction: Vec3::Y };
        assert!(difference(&lit(&stage, &uploaded, &camera, Some(&captured)), &plain) < 1e-4);
    }
}

#[test]
fn a_head_in_an_expression_is_lit_as_on_the_cpu() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
    let avatar = Arc::new(Avatar::open(path, &OpenOptions::default()).unwrap());
    let body = avatar.body.as_ref().unwrap();
    let mut pose = Pose::rest(&body.rig);
    for (name, weight) in [("jawOpen", 0.5), ("mouthSmileLeft", 0.8), ("browInnerUp", 0.7)] {
        pose.morph_weights[body.rig.morph(name).unwrap()] = weight;
    }
    let mut posed = PosedGaussians::default();
    AvatarPoser::new(&avatar).unwrap().pose(&avatar, &pose, &mut posed).unwrap();
    let turn = Quat::from_rotation_y(0.4);
    let g = &mut posed.gaussians;
    g.positions.iter_mut().for_each(|p| *p = turn * *p);
    g.rotations.iter_mut().for_each(|q| *q = turn * *q);
    posed.frames.iter_mut().for_each(|q| *q = turn * *q);

    let (low, high) = avatar.bounds().unwrap().unwrap();
    let middle = turn * (0.5 * (low + high));
    let camera = Camera::look_at(middle + 1.6 * Vec3::Z, middle, Vec3::Y, 0.35, 160, 160);
    let light = Light { direction: Vec3::new(-2.0, 0.3, 0.6), ..LIGHT };
    let want = expected(g, &posed.frames, &normals(&avatar), &light, &camera, avatar.filter);

    let stage = Stage::new(Precision::Full);
    let mut uploaded = stage.renderer.upload(&avatar).unwrap();
    uploaded.set_pose(&pose).unwrap();
    uploaded.set_placement(Placement { rotation: turn, ..Placement::default() }).unwrap();
    let got = lit(&stage, &uploaded, &camera, Some(&light));
    // Bases are half floats on the GPU.
    assert!(psnr(&got, &want) > 55.0, "{}", psnr(&got, &want));

    // The lamp stands to the left: the definition itself would not notice normals that point inwards.
    let red = |frame: &Frame, from: usize| -> f32 {
        frame.color.chunks(160).flat_map(|row| &row[from..from + 80]).map(|p| p[0]).sum()
    };
    let plain = lit(&stage, &uploaded, &camera, None);
    let [left, right] = [0, 80].map(|from| red(&got, from) / red(&plain, from));
    assert!(left > 1.3 * right, "{left} times as bright at the left, {right} at the right");
}

#[test]
fn what_is_no_light_is_refused() {
    let stage = Stage::new(Precision::Half);
    let mut view = stage.renderer.create_view(8, 8).unwrap();
    let dark = Light { direction: Vec3::ZERO, ..LIGHT };
    let error = view.set_light(Some(&dark)).unwrap_err();
    assert!(error.to_string().contains("direction"), "{error}");
}
