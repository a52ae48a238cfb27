//! The posed mesh, drawn by a pipeline of the host, against rays through the mesh that the CPU has posed.

use std::f32::consts::{PI, TAU};
use std::sync::Arc;

use effigy_avatar::{Avatar, Binding, Body};
use effigy_render::{GpuAvatar, Placement, PosedMesh, Precision};
use effigy_rig::{FrameMode, Joint, Morph, Node, Pose, PosedVertices, Poser, Primitive, Rig};
use effigy_splat::{Camera, Filter, Gaussians};
use glam::camera::rh::proj::directx::perspective;
use glam::{Affine3A, DMat4, DVec3, Mat4, Quat, Vec2, Vec3};

use crate::stage::Stage;

/// Of a row that needs no padding.
const SIZE: u32 = 64;
const RINGS: u32 = 12;
const SECTORS: u32 = 18;

/// A sphere of radius 0.5 around the origin whose upper half hangs on a second joint at its middle, and which a morph
/// widens to the right.
fn ball() -> Rig {
    let place = |ring: u32, sector: u32| {
        let (polar, around) = (PI * ring as f32 / RINGS as f32, TAU * sector as f32 / SECTORS as f32);
        Vec3::new(polar.sin() * around.cos(), polar.cos(), -polar.sin() * around.sin())
    };
    let at = |ring: u32, sector: u32| ring * (SECTORS + 1) + sector;
    let positions: Vec<Vec3> =
        (0..=RINGS).flat_map(|ring| (0..=SECTORS).map(move |sector| 0.5 * place(ring, sector))).collect();
    let mut triangles = Vec::new();
    for ring in 0..RINGS {
        for sector in 0..SECTORS {
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(r, s)| at(ring + r, sector + s));
            // At the poles one of the two has no area.
            if ring + 1 < RINGS {
                triangles.push([corners[0], corners[1], corners[2]]);
            }
            if ring > 0 {
                triangles.push([corners[0], corners[2], corners[3]]);
            }
        }
    }
    let node = |name: &str, parent| Node {
        name: name.into(),
        parent,
        translation: Vec3::ZERO,
        rotation: Quat::IDENTITY,
        scale: Vec3::ONE,
    };
    let count = positions.len() as u32;
    let right: Vec<u32> = (0..count).filter(|&v| positions[v as usize].x > 0.1).collect();
    Rig {
        normals: positions.iter().map(|&p| 2.0 * p).collect(),
        uvs: vec![Vec2::ZERO; positions.len()],
        joint_indices: [0, 1, 0, 0].repeat(positions.len()),
        joint_weights: positions.iter().flat_map(|p| [0.5 - p.y, 0.5 + p.y, 0.0, 0.0]).collect(),
        influences: 4,
        primitives: vec![Primitive {
            node: 0,
            mesh_name: "ball".into(),
            vertices: 0..count,
            triangles: 0..triangles.len() as u32,
            material: None,
            skinned: true,
        }],
        morphs: vec![Morph {
            name: "jawRight".into(),
            default_weight: 0.0,
            deltas: right.iter().map(|&v| Vec3::new(0.6, 0.2, 0.0) * positions[v as usize].x).collect(),
            indices: right,
        }],
        joints: [0, 1].map(|node| Joint { node, node_from_mesh: Affine3A::IDENTITY }).into(),
        nodes: vec![node("body", None), node("head", Some(0))],
        positions,
        triangles,
        ..Rig::default()
    }
}

fn avatar() -> Arc<Avatar> {
    let mut gaussians = Gaussians::with_capacity(1, 0);
    gaussians.positions.push(Vec3::ZERO);
    gaussians.rotations.push(Quat::IDENTITY);
    gaussians.log_scales.push(Vec3::splat(-3.0));
    gaussians.opacity_logits.push(2.0);
    gaussians.sh.extend([0.0; 3]);
    let binding =
        Binding { triangles: vec![40], barycentric: vec![Vec3::splat(1.0 / 3.0)], frame: FrameMode::Surface };
    let body = Some(Body { rig: ball(), binding, field: None });
    Arc::new(Avatar { name: "ball".into(), gaussians, filter: Filter::MIP, body })
}

/// A pipeline that writes depth and nothing else, as one for a shadow map does.
fn depth_pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(
            "@group(0) @binding(0) var<uniform> clip_from_avatar: mat4x4<f32>;
            @vertex fn vertex(@location(0) position: vec3<f32>) -> @builtin(position) vec4<f32> {
                return clip_from_avatar * vec4<f32>(position, 1.0);
            }"
            .into(),
        ),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: None,
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: None,
            compilation_options: Default::default(),
            buffers: &[Some(PosedMesh::LAYOUT)],
        },
        primitive: Default::default(),
        depth_stencil: Some(wgpu::DepthStencilState {
            format: wgpu::TextureFormat::Depth32Float,
            depth_write_enabled: Some(true),
            depth_compare: Some(wgpu::CompareFunction::Less),
            stencil: Default::default(),
            bias: Default::default(),
        }),
        multisample: Default::default(),
        fragment: None,
        multiview_mask: None,
        cache: None,
    })
}

/// A depth map of the mesh of `avatar`, and the buffer that it is copied to.
fn draw(
    device: &wgpu::Device,
    encoder: &mut wgpu::CommandEncoder,
    avatar: &GpuAvatar,
    clip_from_world: Mat4,
) -> wgpu::Buffer {
    let mesh = avatar.mesh().expect("a mesh");
    let pipeline = depth_pipeline(device);
    let uniform = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 64,
        usage: wgpu::BufferUsages::UNIFORM,
        mapped_at_creation: true,
    });
    let clip_from_avatar = clip_from_world * mesh.world_from_avatar;
    let mut mapped = uniform.get_mapped_range_mut(..).expect("a mapped buffer");
    mapped.slice(..).copy_from_slice(bytemuck::bytes_of(&clip_from_avatar.to_cols_array()));
    drop(mapped);
    uniform.unmap();
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() }],
    });
    let depth = device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: SIZE, height: SIZE, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Depth32Float,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: &depth.create_view(&Default::default()),
            depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(1.0), store: wgpu::StoreOp::Store }),
            stencil_ops: None,
        }),
        ..Default::default()
    });
    pass.set_pipeline(&pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.set_vertex_buffer(0, mesh.vertices.slice(..));
    pass.set_index_buffer(mesh.indices.slice(..), PosedMesh::INDICES);
    pass.draw_indexed(0..mesh.index_count, 0, 0..1);
    drop(pass);
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(SIZE * SIZE * 4),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    encoder.copy_texture_to_buffer(
        depth.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &staging,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(SIZE * 4),
                rows_per_image: None,
            },
        },
        depth.size(),
    );
    staging
}

fn read(stage: &Stage, staging: &wgpu::Buffer) -> Vec<f32> {
    staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
    stage.gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("a device");
    bytemuck::pod_collect_to_vec(&staging.slice(..).get_mapped_range().expect("a mapped buffer"))
}

/// What the CPU makes of the pose, in the world.
fn posed(rig: &Rig, pose: &Pose, placement: Placement) -> Vec<DVec3> {
    let mut posed = PosedVertices::default();
    let mut poser = Poser::new(rig, FrameMode::Surface).expect("a valid rig");
    poser.pose(rig, pose, &mut posed).expect("a pose of this rig");
    let Placement { rotation, scale, translation } = placement;
    let place = |p: &Vec3| {
        translation.as_dvec3() + f64::from(scale) * (rotation.as_dquat().normalize() * p.as_dvec3())
    };
    posed.positions.iter().map(place).collect()
}

/// The least distance along −z at which a ray from the origin towards (`x`, `y`, −1) meets a triangle (Möller and
/// Trumbore 1997).
fn cast(x: f64, y: f64, vertices: &[DVec3], triangles: &[[u32; 3]]) -> Option<f64> {
    let ray = DVec3::new(x, y, -1.0);
    let hit = |corners: &[u32; 3]| {
        let [a, b, c] = corners.map(|v| vertices[v as usize]);
        let (ab, ac) = (b - a, c - a);
        let across = ray.cross(ac);
        let area = ab.dot(across);
        let u = -a.dot(across) / area;
        let along = (-a).cross(ab);
        let v = ray.dot(along) / area;
        let t = ac.dot(along) / area;
        (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && t > 0.0).then_some(t)
    };
    triangles.iter().filter_map(hit).min_by(f64::total_cmp)
}

/// Asserts that every pixel of `depth` is what rays within 1/64 of a pixel of its centre meet, since that is how finely
/// GPUs place vertices, to 0.1 mm; and returns how many pixels meet anything.
fn compare(depth: &[f32], projection: Mat4, camera: &Camera, rig: &Rig, world: &[DVec3]) -> usize {
    let camera_from_world = DMat4::from(camera.camera_from_world.as_daffine3());
    let vertices: Vec<_> = world.iter().map(|&p| camera_from_world.transform_point3(p)).collect();
    let (a, b) = (f64::from(projection.z_axis.z), f64::from(projection.w_axis.z));
    let mut hits = 0;
    for (i, &depth) in depth.iter().enumerate() {
        let (px, py) = ((i as u32 % SIZE) as f64 + 0.5, (i as u32 / SIZE) as f64 + 0.5);
        let (mut least, mut most, mut missed) = (f64::INFINITY, f64::NEG_INFINITY, false);
        for (dx, dy) in [(0.0, 0.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
            let x = (px + dx / 64.0 - f64::from(camera.cx)) / f64::from(camera.fx);
            let y = (f64::from(camera.cy) - py - dy / 64.0) / f64::from(camera.fy);
            match cast(x, y, &vertices, &rig.triangles) {
                Some(t) => (least, most) = (least.min(t), most.max(t)),
                None => missed = true,
            }
        }
        hits += usize::from(least.is_finite());
        if depth == 1.0 {
            assert!(missed, "nothing drawn at {px}, {py}, where the mesh is {least} m away");
        } else {
            let metres = b / (f64::from(depth) + a);
            assert!(
                metres > least - 1e-4 && metres < most + 1e-4,
                "{metres} m at {px}, {py}, not {least} to {most}"
            );
        }
    }
    hits
}

#[test]
fn a_host_draws_the_mesh_as_the_cpu_poses_it() {
    let stage = Stage::new(Precision::Half);
    let avatar = avatar();
    let rig = &avatar.body.as_ref().unwrap().rig;
    let mut uploaded = stage.renderer.upload(&avatar).unwrap();
    let placement = Placement {
        rotation: Quat::from_xyzw(0.36, 0.48, 0.0, 0.8),
        scale: 1.3,
        translation: Vec3::new(0.3, -0.1, 0.2),
    };
    uploaded.set_placement(placement).unwrap();
    let camera = Camera::look_at(Vec3::new(0.4, 0.6, 3.0), Vec3::ZERO, Vec3::Y, 0.7, SIZE, SIZE);
    let projection = perspective(0.7, 1.0, 0.1, 10.0);
    let clip_from_world = projection * Mat4::from(camera.camera_from_world);

    let mut bent = Pose::rest(rig);
    bent.morph_weights[0] = 0.8;
    bent.nodes[1].rotation = Quat::from_rotation_z(-0.9) * Quat::from_rotation_y(0.4);
    bent.nodes[1].translation = Vec3::new(0.0, 0.2, 0.0);
    bent.world_from_scene = Affine3A::from_translation(Vec3::new(-0.2, 0.0, 0.1));
    let poses = [Pose::rest(rig), bent];

    // Both frames in one submission: the mesh that is drawn after a frame is in the pose of that frame.
    let mut view = stage.renderer.create_view(SIZE, SIZE).unwrap();
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    let maps = poses.each_ref().map(|pose| {
        uploaded.set_pose(pose).unwrap();
        stage.renderer.record(&mut encoder, &[&uploaded], &camera, &mut view).unwrap();
        draw(&stage.gpu.device, &mut encoder, &uploaded, clip_from_world)
    });
    stage.gpu.queue.submit([encoder.finish()]);
    for (pose, map) in poses.iter().zip(&maps) {
        let hits = compare(&read(&stage, map), projection, &camera, rig, &posed(rig, pose, placement));
        assert!(hits > 500 && hits < 3000, "{hits} pixels");
    }

    // A later submission too, in another place.
    let elsewhere = Placement { translation: Vec3::new(-0.4, 0.3, -0.5), ..placement };
    uploaded.set_placement(elsewhere).unwrap();
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    let map = draw(&stage.gpu.device, &mut encoder, &uploaded, clip_from_world);
    stage.gpu.queue.submit([encoder.finish()]);
    compare(&read(&stage, &map), projection, &camera, rig, &posed(rig, &poses[1], elsewhere));
    stage.gpu.check().expect("no GPU errors");
}

#[test]
fn an_avatar_without_a_rig_has_no_mesh() {
    let stage = Stage::new(Precision::Half);
    assert!(stage.upload(Gaussians::with_capacity(0, 0), Filter::MIP).mesh().is_none());
}
