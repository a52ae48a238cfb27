//! What a host program may do with a renderer: throw frames away, record several before submitting, swap avatars, come
//! close, composite.
#![expect(clippy::disallowed_methods, reason = "tests wait for the GPU")]

use std::sync::Arc;

use effigy_avatar::{Avatar, Binding, Body};
use effigy_render::{
    AdapterChoice, Compositor, DepthTarget, Gpu, GpuAvatar, Precision, Renderer, Stage, StageTimer, View,
    read_frame,
};
use effigy_rig::{FrameMode, Joint, Morph, Node, Pose, Primitive, Rig};
use effigy_splat::{Camera, Filter, Frame, Gaussians};
use effigy_tests::Xorshift64;
use glam::camera::rh::proj::directx::{perspective, perspective_infinite_reverse};
use glam::{Affine3A, Quat, Vec2, Vec3};

const SIZE: u32 = 64;

struct Host {
    gpu: Gpu,
    renderer: Renderer,
}

impl Host {
    fn new() -> Self {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))
            .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers");
        let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full).expect("kernels");
        Self { gpu, renderer }
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&Default::default())
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder, avatar: &GpuAvatar, view: &mut View) {
        self.renderer.record(encoder, &[avatar], &camera(3.0), view).expect("a frame");
    }

    fn submit(&self, encoder: wgpu::CommandEncoder) {
        self.gpu.queue.submit([encoder.finish()]);
    }

    fn read(&self, view: &View) -> Frame {
        let mut frame = Frame::default();
        read_frame(&self.gpu.device, &self.gpu.queue, view, &mut frame).expect("a picture");
        self.gpu.check().expect("no GPU errors");
        frame
    }

    /// Submits and waits for what `texture`, of four bytes a pixel, then holds.
    fn submit_and_copy(&self, mut encoder: wgpu::CommandEncoder, texture: &wgpu::Texture) -> Vec<u8> {
        let staging = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(texture.width() * texture.height() * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &staging,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(texture.width() * 4),
                    rows_per_image: None,
                },
            },
            texture.size(),
        );
        self.submit(encoder);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU");
        let bytes = staging.slice(..).get_mapped_range().expect("bytes").to_vec();
        self.gpu.check().expect("no GPU errors");
        bytes
    }

    fn picture(&self, avatar: &GpuAvatar, view: &mut View) -> Frame {
        let mut encoder = self.encoder();
        self.record(&mut encoder, avatar, view);
        self.submit(encoder);
        self.read(view)
    }
}

fn camera(distance: f32) -> Camera {
    Camera::look_at(Vec3::new(0.0, 0.0, distance), Vec3::ZERO, Vec3::Y, 0.8, SIZE, SIZE)
}

/// A square of two triangles with `per_side`² opaque Gaussians on it, and a morph that moves it to the right.
fn square(per_side: usize, color: Vec3) -> Arc<Avatar> {
    let corners = [(-0.4, -0.4), (0.4, -0.4), (0.4, 0.4), (-0.4, 0.4)];
    let rig = Rig {
        positions: corners.map(|(x, y)| Vec3::new(x, y, 0.0)).into(),
        normals: vec![Vec3::Z; 4],
        uvs: vec![Vec2::ZERO; 4],
        joint_indices: vec![0; 4],
        joint_weights: vec![1.0; 4],
        influences: 1,
        triangles: vec![[0, 1, 2], [0, 2, 3]],
        primitives: vec![Primitive {
            node: 0,
            mesh_name: "square".into(),
            vertices: 0..4,
            triangles: 0..2,
            material: None,
            skinned: false,
        }],
        morphs: vec![Morph {
            name: "jawRight".into(),
            default_weight: 0.0,
            indices: vec![0, 1, 2, 3],
            deltas: vec![Vec3::X * 0.3; 4],
        }],
        joints: vec![Joint { node: 0, node_from_mesh: Affine3A::IDENTITY }],
        nodes: vec![Node {
            name: "square".into(),
            parent: None,
            translation: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            scale: Vec3::ONE,
        }],
        ..Rig::default()
    };
    let mut g = Gaussians::with_capacity(per_side * per_side, 0);
    let mut binding = Binding { triangles: Vec::new(), barycentric: Vec::new(), frame: FrameMode::Surface };
    for i in 0..per_side * per_side {
        let at = |k: usize| (k as f32 + 0.5) / per_side as f32;
        let (s, t) = (at(i % per_side), at(i / per_side));
        // On triangle 0 (corners 0, 1, 2) where s > t, else on triangle 1 (0, 2, 3).
        let (triangle, weights) =
            if s > t { (0, Vec3::new(1.0 - s, s - t, t)) } else { (1, Vec3::new(1.0 - t, s, t - s)) };
        binding.triangles.push(triangle);
        binding.barycentric.push(weights);
        g.positions.push(Vec3::ZERO);
        g.rotations.push(Quat::IDENTITY);
        g.log_scales.push(Vec3::splat((1.0 / per_side as f32).ln()));
        g.opacity_logits.push(6.0);
        g.sh.extend(((color - 0.5) / effigy_splat::SH_C0).to_array());
    }
    let body = Some(Body { rig, binding, field: None });
    Arc::new(Avatar { name: "square".into(), gaussians: g, filter: Filter::MIP, body })
}

fn moved(avatar: &Avatar) -> Pose {
    let mut pose = Pose::rest(&avatar.body.as_ref().expect("a rig").rig);
    pose.morph_weights[0] = 1.0;
    pose
}

/// Mean column of what is drawn.
fn center(frame: &Frame) -> f32 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (i, c) in frame.color.iter().enumerate() {
        sum += c[3] * ((i as u32 % SIZE) as f32 + 0.5);
        weight += c[3];
    }
    assert!(weight > 50.0, "nothing was drawn");
    sum / weight
}

#[test]
fn a_frame_that_is_never_submitted_leaves_nothing_behind() {
    let host = Host::new();
    let avatar = square(20, Vec3::splat(0.8));
    let mut uploaded = host.renderer.upload(&avatar).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let mut thrown_away = host.encoder();
    host.record(&mut thrown_away, &uploaded, &mut view);
    drop(thrown_away);
    assert!((center(&host.picture(&uploaded, &mut view)) - 32.0).abs() < 0.2);
    uploaded.set_pose(&moved(&avatar)).unwrap();
    let mut thrown_away = host.encoder();
    host.record(&mut thrown_away, &uploaded, &mut view);
    drop(thrown_away);
    assert!(center(&host.picture(&uploaded, &mut view)) > 36.0);
}

#[test]
fn frames_recorded_for_one_submission_keep_their_own_pose_and_camera() {
    let host = Host::new();
    let avatar = square(20, Vec3::splat(0.8));
    let mut uploaded = host.renderer.upload(&avatar).unwrap();
    let [mut near, mut far, mut right] = [(); 3].map(|()| host.renderer.create_view(SIZE, SIZE).unwrap());
    let mut encoder = host.encoder();
    host.renderer.record(&mut encoder, &[&uploaded], &camera(2.0), &mut near).unwrap();
    host.renderer.record(&mut encoder, &[&uploaded], &camera(6.0), &mut far).unwrap();
    uploaded.set_pose(&moved(&avatar)).unwrap();
    host.record(&mut encoder, &uploaded, &mut right);
    host.submit(encoder);
    let covered = |frame: &Frame| frame.color.iter().map(|c| c[3]).sum::<f32>();
    let (near, far) = (host.read(&near), host.read(&far));
    assert!((center(&near) - 32.0).abs() < 0.2 && (center(&far) - 32.0).abs() < 0.2);
    // Three times as far is a ninth of the area.
    assert!((covered(&near) / covered(&far) - 9.0).abs() < 0.9, "{}", covered(&near) / covered(&far));
    assert!(center(&host.read(&right)) > 36.0);
}

#[test]
fn a_view_shows_one_avatar_after_another() {
    let host = Host::new();
    let red = host.renderer.upload(&square(20, Vec3::X)).unwrap();
    let green = host.renderer.upload(&square(90, Vec3::Y)).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let middle = |frame: Frame| frame.color[(SIZE / 2 * SIZE + SIZE / 2) as usize];
    for _ in 0..2 {
        let [r, g, ..] = middle(host.picture(&red, &mut view));
        assert!(r > 0.95 && g < 0.05);
        let [r, g, ..] = middle(host.picture(&green, &mut view));
        assert!(r < 0.05 && g > 0.95);
    }
}

#[test]
fn a_view_of_another_precision_is_refused_each_time() {
    let host = Host::new();
    let half = Renderer::new(&host.gpu.device, &host.gpu.queue, Precision::Half).unwrap();
    let mut view = half.create_view(SIZE, SIZE).unwrap();
    let uploaded = host.renderer.upload(&square(5, Vec3::ONE)).unwrap();
    for _ in 0..2 {
        let mut encoder = host.encoder();
        let error = host.renderer.record(&mut encoder, &[&uploaded], &camera(3.0), &mut view).unwrap_err();
        assert!(error.to_string().contains("precision"), "{error}");
    }
    host.gpu.check().unwrap();
}

#[test]
fn an_avatar_without_anything_is_an_empty_picture() {
    let host = Host::new();
    let nothing = Arc::new(Avatar {
        name: String::new(),
        gaussians: Gaussians::default(),
        filter: Filter::MIP,
        body: Some(Body {
            rig: Rig { influences: 1, ..Rig::default() },
            binding: Binding { triangles: Vec::new(), barycentric: Vec::new(), frame: FrameMode::Surface },
            field: None,
        }),
    });
    // Whether a rig of nothing is valid is for the rig to say; it must not bring the renderer down.
    if let Ok(uploaded) = host.renderer.upload(&nothing) {
        let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
        assert!(host.picture(&uploaded, &mut view).color.iter().flatten().all(|c| *c == 0.0));
    }
    host.gpu.check().unwrap();
}

#[test]
fn stages_can_be_timed_and_draw_the_same_picture() {
    let host = Host::new();
    let uploaded = host.renderer.upload(&square(30, Vec3::ONE)).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let want = host.picture(&uploaded, &mut view);
    let mut timed = host.renderer.create_view(SIZE, SIZE).unwrap();
    let times = host.renderer.time_stages(&[&uploaded], &camera(3.0), &mut timed).unwrap();
    assert_eq!(host.read(&timed), want);
    assert!(times[Stage::Rasterize as usize] > 0.0 && times.iter().sum::<f64>() < 60_000.0, "{times:?}");
}

#[test]
fn frames_that_skip_the_pose_can_be_timed_too() {
    let host = Host::new();
    let rigged = square(10, Vec3::ONE);
    let without_rig = Arc::new(Avatar { body: None, ..(*rigged).clone() });
    for avatar in [without_rig, rigged] {
        // Queries of its own for each avatar, so that none has been written before.
        let Some(timer) = StageTimer::new(&host.gpu.device, &host.gpu.queue) else {
            println!("skipped: this adapter has no timestamp queries");
            return;
        };
        let uploaded = host.renderer.upload(&avatar).unwrap();
        let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
        for _ in 0..3 {
            let mut encoder = host.encoder();
            host.renderer.record_timed(&mut encoder, &[&uploaded], &camera(3.0), &mut view, &timer).unwrap();
            host.submit(encoder);
            let times = timer.read(&host.gpu.device).unwrap();
            assert!(times.iter().all(|ms| (0.0..60_000.0).contains(ms)), "{times:?}");
        }
    }
    host.gpu.check().unwrap();
}

/// A frame of `avatar` in a white target of `size` by `size` pixels, drawn into a viewport of the view's size at `corner`:
/// four bytes a pixel.
fn composited(
    host: &Host,
    avatar: &GpuAvatar,
    view: &mut View,
    format: wgpu::TextureFormat,
    size: u32,
    corner: [u32; 2],
) -> Vec<u8> {
    let device = &host.gpu.device;
    let target = device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let compositor = Compositor::new(device, format, 1).expect("a compositor");
    let source = compositor.source(device, view).expect("a source");
    let mut encoder = host.encoder();
    host.record(&mut encoder, avatar, view);
    let attachment = target.create_view(&Default::default());
    let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: &attachment,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::WHITE),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    });
    let ([x, y], (width, height)) = (corner.map(|at| at as f32), view.size());
    pass.set_viewport(x, y, width as f32, height as f32, 0.0, 1.0);
    compositor.draw(&mut pass, &source);
    drop(pass);
    host.submit_and_copy(encoder, &target)
}

/// Premultiplied over the host's colour; into an sRGB target the colour comes out as it was rendered.
#[test]
fn compositing_covers_what_it_should() {
    let host = Host::new();
    let grey = Vec3::new(0.2, 0.5, 0.8);
    let uploaded = host.renderer.upload(&square(30, grey)).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    for format in [wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureFormat::Rgba8UnormSrgb] {
        let pixels = composited(&host, &uploaded, &mut view, format, SIZE, [0, 0]);
        assert_eq!(&pixels[..4], &[255; 4], "{format:?}: the corner is the host's");
        let at = ((SIZE / 2 * SIZE + SIZE / 2) * 4) as usize;
        for (got, want) in pixels[at..at + 3].iter().zip([51.0, 127.5, 204.0]) {
            // A little of the white shows through even here.
            assert!((f32::from(*got) - want).abs() < 2.0, "{format:?}: {:?}", &pixels[at..at + 4]);
        }
    }
}

/// As a panel of a user interface does it.
#[test]
fn a_viewport_gets_the_whole_view_pixel_for_pixel() {
    let host = Host::new();
    let avatar = square(7, Vec3::new(0.2, 0.5, 0.8));
    let mut uploaded = host.renderer.upload(&avatar).unwrap();
    uploaded.set_pose(&moved(&avatar)).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let (size, corner) = (2 * SIZE, [37, 20]);
    let format = wgpu::TextureFormat::Rgba8Unorm;
    let pixels = composited(&host, &uploaded, &mut view, format, size, corner);
    let frame = host.read(&view);
    for (i, pixel) in pixels.chunks_exact(4).enumerate() {
        let (x, y) = (i as u32 % size, i as u32 / size);
        let inside = x.wrapping_sub(corner[0]) < SIZE && y.wrapping_sub(corner[1]) < SIZE;
        let color =
            if inside { frame.color[((y - corner[1]) * SIZE + x - corner[0]) as usize] } else { [0.0; 4] };
        for channel in 0..3 {
            let want = 255.0 * (color[channel] + 1.0 - color[3]);
            assert!((f32::from(pixel[channel]) - want).abs() < 1.0, "{pixel:?} at {x}, {y}, not {want}");
        }
    }
}

#[test]
fn compositors_that_cannot_be_are_refused() {
    let host = Host::new();
    for (format, samples) in [(wgpu::TextureFormat::R32Uint, 1), (wgpu::TextureFormat::Rgba8Unorm, 7)] {
        assert!(Compositor::new(&host.gpu.device, format, samples).is_err(), "{format:?} × {samples}");
    }
    host.gpu.check().unwrap();
}

#[test]
fn the_hosts_depth_gets_that_of_the_avatar() {
    let host = Host::new();
    let uploaded = host.renderer.upload(&square(30, Vec3::splat(0.5))).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let device = &host.gpu.device;
    let texture = |format, usage| {
        device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width: SIZE, height: SIZE, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | usage,
            view_formats: &[],
        })
    };
    let color = texture(wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureUsages::empty());
    let depth = texture(wgpu::TextureFormat::Depth32Float, wgpu::TextureUsages::COPY_SRC);
    let frame = host.picture(&uploaded, &mut view);
    let covered: Vec<usize> = (0..frame.color.len()).filter(|&i| frame.color[i][3] >= 0.5).collect();
    assert!(covered.len() > 200 && covered.len() < frame.color.len());
    for (clip_from_camera, compare, cleared) in [
        (perspective(0.8, 1.0, 0.1, 40.0), wgpu::CompareFunction::Less, 1.0),
        (perspective_infinite_reverse(0.8, 1.0, 0.1), wgpu::CompareFunction::GreaterEqual, 0.0),
        // Something of the host's stands before everything.
        (perspective(0.8, 1.0, 0.1, 40.0), wgpu::CompareFunction::Less, 0.2),
    ] {
        let target = DepthTarget { format: wgpu::TextureFormat::Depth32Float, compare };
        let compositor = Compositor::with_depth(device, wgpu::TextureFormat::Rgba8Unorm, 1, target).unwrap();
        let source = compositor.source(device, &view).unwrap();
        source.set_projection(&host.gpu.queue, clip_from_camera);
        let mut encoder = host.encoder();
        let (color_view, depth_view) =
            (color.create_view(&Default::default()), depth.create_view(&Default::default()));
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &color_view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations::default(),
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &depth_view,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(cleared),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        compositor.draw(&mut pass, &source);
        drop(pass);
        let bytes = host.submit_and_copy(encoder, &depth);
        for (i, bytes) in bytes.chunks_exact(4).enumerate() {
            let found = f32::from_le_bytes(bytes.try_into().unwrap());
            let mut want = cleared;
            if covered.contains(&i) {
                let ours = clip_from_camera.project_point3(Vec3::new(0.0, 0.0, -frame.depth[i])).z;
                want = if compare == wgpu::CompareFunction::Less { ours.min(want) } else { ours.max(want) };
            }
            assert!((found - want).abs() < 1e-5, "pixel {i}: {found}, not {want}");
        }
    }
}

#[test]
fn two_thousand_random_poses_give_finite_pictures() {
    let host = Host::new();
    let avatar = square(12, Vec3::new(0.9, 0.5, 0.2));
    let rig = &avatar.body.as_ref().unwrap().rig;
    let mut people = vec![host.renderer.upload(&avatar).unwrap()];
    while people.len() < 200 {
        people.push(host.renderer.another(&people[0]).unwrap());
    }
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    let mut random = || random.wild();
    let mut drawn = 0;
    for _ in 0..10 {
        for person in &mut people {
            let mut pose = Pose::rest(rig);
            pose.morph_weights[0] = 2.0 * random();
            let node = &mut pose.nodes[0];
            node.rotation = Quat::from_xyzw(random(), random(), random(), random());
            node.scale = Vec3::new(random(), random(), random());
            node.translation = Vec3::new(random(), random(), random());
            person.set_pose(&pose).unwrap();
        }
        let all: Vec<&GpuAvatar> = people.iter().collect();
        let mut encoder = host.encoder();
        host.renderer.record(&mut encoder, &all, &camera(3.0), &mut view).unwrap();
        host.submit(encoder);
        let frame = host.read(&view);
        assert!(frame.color.iter().flatten().chain(&frame.depth).all(|x| x.is_finite()));
        drawn += frame.color.iter().filter(|c| c[3] > 0.0).count();
    }
    assert!(drawn > 2_000, "{drawn} pixels");
}

#[test]
fn a_storm_of_sizes_leaves_the_right_picture() {
    let host = Host::new();
    let mut uploaded = host.renderer.upload(&square(20, Vec3::ONE)).unwrap();
    let want = host.picture(&uploaded, &mut host.renderer.create_view(SIZE, SIZE).unwrap());
    let pose = moved(uploaded.avatar());
    for i in 0..150_u32 {
        let (width, height) = (1 + i * 37 % 211, 1 + i * 53 % 173);
        let mut view = host.renderer.create_view(width, height).unwrap();
        uploaded.set_pose(&pose).unwrap();
        let camera = Camera::look_at(Vec3::Z * 3.0, Vec3::ZERO, Vec3::Y, 0.8, width, height);
        let mut encoder = host.encoder();
        host.renderer.record(&mut encoder, &[&uploaded], &camera, &mut view).unwrap();
        host.submit(encoder);
    }
    uploaded.set_pose(&Pose::rest(&uploaded.avatar().clone().body.as_ref().unwrap().rig)).unwrap();
    assert_eq!(
        host.picture(&uploaded, &mut host.renderer.create_view(SIZE, SIZE).unwrap()).color,
        want.color
    );
}

#[test]
fn a_lost_device_is_told_and_another_goes_on() {
    let avatar = square(20, Vec3::ONE);
    let host = Host::new();
    let uploaded = host.renderer.upload(&avatar).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    let want = host.picture(&uploaded, &mut view);
    host.gpu.device.destroy();
    // Whichever of these notices first: none panics, and what is read says so.
    let recorded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut encoder = host.encoder();
        let recorded = host.renderer.record(&mut encoder, &[&uploaded], &camera(3.0), &mut view);
        host.gpu.queue.submit([encoder.finish()]);
        recorded.is_err()
            || read_frame(&host.gpu.device, &host.gpu.queue, &view, &mut Frame::default()).is_err()
    }));
    assert!(recorded.expect("no panic"), "the loss went unnoticed");
    assert!(host.renderer.upload(&avatar).is_err());

    let host = Host::new();
    let uploaded = host.renderer.upload(&avatar).unwrap();
    let mut view = host.renderer.create_view(SIZE, SIZE).unwrap();
    assert_eq!(host.picture(&uploaded, &mut view).color, want.color);
}
