//! A host program with its own device draws an avatar over its own picture.
//!
//! `cargo run --release -p effigy-render --example host -- assets/head.glb picture.png`

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{Compositor, Precision, Renderer};
use effigy_rig::Pose;
use effigy_splat::Camera;
use glam::Vec3;

const SIZE: u32 = 512;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: host AVATAR PICTURE.png";
    let (avatar, out) = (std::env::args().nth(1).ok_or(usage)?, std::env::args().nth(2).ok_or(usage)?);
    let avatar = Arc::new(Avatar::open(avatar, &OpenOptions::default())?);
    // What the host has anyway: a device, a queue, a colour target.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;
    let target = host::target(&device, SIZE, FORMAT);

    // Once.
    let renderer = Renderer::new(&device, &queue, Precision::Half)?;
    let compositor = Compositor::new(&device, FORMAT, 1)?;
    let mut uploaded = renderer.upload(&avatar)?;
    let mut view = renderer.create_view(SIZE, SIZE)?;
    let source = compositor.source(&device, &view)?;
    let (low, high) = avatar.bounds()?.ok_or("the avatar is empty")?;
    let (middle, height) = (0.5 * (low + high), high.y - low.y);

    // Every frame: set the pose, record the avatar, draw it over what the host has drawn.
    if let Some(body) = &avatar.body {
        let mut pose = Pose::rest(&body.rig);
        if let Some(smile) = body.rig.morph("mouthSmileLeft") {
            pose.morph_weights[smile] = 0.8;
        }
        uploaded.set_pose(&pose)?;
    }
    let eye = middle + Vec3::new(0.3, 0.1, 3.0) * height;
    let camera = Camera::look_at(eye, middle, Vec3::Y, 0.4, SIZE, SIZE);
    let mut encoder = device.create_command_encoder(&Default::default());
    renderer.record(&mut encoder, &[&uploaded], &camera, &mut view)?;
    let mut pass = host::begin_pass(&mut encoder, &target);
    compositor.draw(&mut pass, &source);
    drop(pass);
    host::submit_and_save(&device, &queue, encoder, &target, &out)
}

/// Code that a host program has already.
#[path = "host/host.rs"]
mod host;
