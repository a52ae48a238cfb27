//! Frames for files: the GPU's against the CPU's, which has a rasteriser of importance of its own.

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{FrameRenderer, Precision, RenderError};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Light};
use glam::Vec3;

use crate::stage::{Stage, difference, psnr};

fn both(avatar: &Arc<Avatar>) -> [FrameRenderer; 2] {
    let Stage { gpu, renderer } = Stage::new(Precision::Full);
    let uploaded = renderer.upload(avatar).expect("an avatar");
    [
        FrameRenderer::gpu(Arc::new(gpu), Arc::new(renderer), uploaded),
        FrameRenderer::cpu(avatar).expect("an avatar"),
    ]
}

#[test]
fn the_gpu_and_the_cpu_draw_and_look_at_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
    let avatar = Arc::new(Avatar::open(path, &OpenOptions::default()).unwrap());
    let rig = &avatar.body.as_ref().unwrap().rig;
    let mut pose = Pose::rest(rig);
    pose.morph_weights[rig.morph("jawOpen").unwrap()] = 0.6;
    let (low, high) = avatar.bounds().unwrap().unwrap();
    let middle = 0.5 * (low + high);
    let camera =
        |width, height| Camera::look_at(middle + 1.6 * Vec3::Z, middle, Vec3::Y, 0.35, width, height);
    let [mut gpu, mut cpu] = both(&avatar);
    let (mut a, mut b) = (Frame::default(), Frame::default());
    let (mut looked_a, mut looked_b) = (vec![1.0], vec![1.0]);
    // Nobody looks before it is asked for.
    for (frames, looked) in [(&mut gpu, &mut looked_a), (&mut cpu, &mut looked_b)] {
        frames.render(None, &camera(8, 8), &mut a).unwrap();
        frames.importance(&camera(8, 8), looked).unwrap();
        assert!(looked.is_empty());
        frames.watch_importance();
    }
    let mut pictures = Vec::new();
    // A pose, then at rest again, and in another size and light.
    let dim = Light { ambient: Vec3::splat(0.3), key: Vec3::ONE, direction: Vec3::new(1.0, 1.0, 1.0) };
    for (pose, camera, light) in [
        (Some(&pose), camera(96, 80), None),
        (None, camera(96, 80), None),
        (Some(&pose), camera(61, 75), Some(dim)),
    ] {
        for (frames, frame, looked) in [(&mut gpu, &mut a, &mut looked_a), (&mut cpu, &mut b, &mut looked_b)]
        {
            frames.set_light(light);
            frames.render(pose, &camera, frame).unwrap();
            frames.importance(&camera, looked).unwrap();
            assert_eq!(looked.len(), frame.color.len());
        }
        assert!(psnr(&a, &b) > 55.0, "{}", psnr(&a, &b));
        let apart = looked_a.iter().zip(&looked_b).map(|(a, b)| (a - b).abs()).sum::<f32>();
        let apart = apart / looked_a.len() as f32;
        assert!(apart < 0.01 && looked_a.iter().any(|v| *v > 0.5), "{apart}");
        pictures.push(a.clone());
    }
    assert!(difference(&pictures[0], &pictures[1]) > 0.1, "the mouth opens and shuts");
    let mut other = pose.clone();
    other.morph_weights.pop();
    for frames in [&mut gpu, &mut cpu] {
        let fault = frames.render(Some(&other), &camera(8, 8), &mut a);
        assert!(matches!(fault, Err(RenderError::Avatar(_))));
        // And goes on.
        frames.render(None, &camera(8, 8), &mut a).unwrap();
    }
}
