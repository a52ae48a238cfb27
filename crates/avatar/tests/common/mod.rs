//! Small avatars made by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "no test uses all of it")]

use effigy_avatar::{Avatar, AvatarPoser, Binding, Body, PosedGaussians};
use effigy_field::{Field, FieldConfig, FieldWeights, PlaneConfig, PlaneLayout, Regions};
use effigy_rig::{
    AlphaMode, Animation, Channel, ChannelValues, Expression, FrameMode, Image, Interpolation, Joint,
    Material, Morph, Node, Override, Pose, Primitive, Rig,
};
use effigy_splat::{Filter, Gaussians};
use effigy_tests::Xorshift64;
use glam::{Affine3A, Quat, Vec2, Vec3};
use serde_json::Value;

fn node(name: &str, parent: Option<usize>) -> Node {
    Node { name: name.into(), parent, translation: Vec3::ZERO, rotation: Quat::IDENTITY, scale: Vec3::ONE }
}

/// A skinned unit square in z = 0 and an unskinned triangle on a node of its own, with two morphs.
pub(crate) fn rig() -> Rig {
    let mut positions = vec![Vec3::ZERO, Vec3::X, Vec3::new(1.0, 1.0, 0.0), Vec3::Y];
    positions.extend([Vec3::new(2.0, 0.0, 0.0), Vec3::new(3.0, 0.0, 0.0), Vec3::new(2.0, 1.0, 0.0)]);
    let mut joint_indices = Vec::new();
    let mut joint_weights = Vec::new();
    for v in 0..7 {
        joint_indices.extend(if v < 4 { [0, 1, 0, 0] } else { [2, 0, 0, 0] });
        joint_weights.extend(if v < 4 { [0.25, 0.75, 0.0, 0.0] } else { [1.0, 0.0, 0.0, 0.0] });
    }
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_pixel(2, 2, image::Rgba([200, 100, 50, 255]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    let inverse_bind = Affine3A::from_translation(Vec3::new(0.0, -1.0, 0.0));
    let mut head = node("head", Some(0));
    head.translation = Vec3::Y;
    Rig {
        copyright: Some("2020 A. Maker, CC BY 4.0".into()),
        normals: vec![Vec3::Z; 7],
        uvs: positions.iter().map(|p| Vec2::new(p.x * 0.3, 1.0 - p.y)).collect(),
        positions,
        joint_indices,
        joint_weights,
        influences: 4,
        triangles: vec![[0, 1, 2], [0, 2, 3], [4, 5, 6]],
        primitives: vec![
            Primitive {
                node: 2,
                mesh_name: "square".into(),
                vertices: 0..4,
                triangles: 0..2,
                material: Some(0),
                skinned: true,
            },
            Primitive {
                node: 3,
                mesh_name: String::new(),
                vertices: 4..7,
                triangles: 2..3,
                material: None,
                skinned: false,
            },
        ],
        morphs: vec![
            Morph {
                name: "jawOpen".into(),
                default_weight: 0.0,
                indices: vec![1, 2],
                deltas: vec![Vec3::Z, Vec3::new(0.0, 0.5, 0.1)],
            },
            Morph { name: "empty".into(), default_weight: 0.5, indices: vec![], deltas: vec![] },
        ],
        joints: vec![
            Joint { node: 0, node_from_mesh: Affine3A::IDENTITY },
            Joint { node: 1, node_from_mesh: inverse_bind },
            Joint { node: 3, node_from_mesh: Affine3A::IDENTITY },
        ],
        nodes: vec![node("root", None), head, node("mesh", None), node("", Some(1))],
        materials: vec![Material {
            name: "skin".into(),
            base_color: [0.8, 1.0, 1.0, 1.0],
            base_color_image: Some(0),
            normal_image: None,
            metallic_roughness_image: None,
            metallic: 0.0,
            roughness: 0.5,
            alpha: AlphaMode::Opaque,
            double_sided: true,
        }],
        images: vec![Image { name: "brown".into(), mime: "image/png".into(), bytes: png.into_inner() }],
        expressions: vec![Expression {
            name: "aa".into(),
            binds: vec![(0, 0.8)],
            binary: true,
            overrides: [Override::Block, Override::Blend, Override::Blend],
        }],
        colors: Vec::new(),
        humanoid: [("head".into(), 1)].into(),
        animations: vec![Animation {
            name: "nod".into(),
            channels: vec![
                Channel {
                    interpolation: Interpolation::Linear,
                    times: vec![0.0, 0.5, 1.25],
                    values: ChannelValues::Rotation(
                        1,
                        (0..3).map(|k| Quat::from_rotation_x(0.1 + 0.3 * k as f32)).collect(),
                    ),
                },
                Channel {
                    interpolation: Interpolation::Step,
                    times: vec![0.0, 1.0],
                    values: ChannelValues::Weights(vec![0], vec![0.25, 1.0]),
                },
            ],
        }],
    }
}

/// Three Gaussians on [`rig`].
pub(crate) fn avatar() -> Avatar {
    let gaussians = Gaussians {
        positions: vec![Vec3::new(0.1, 0.0, 0.05), Vec3::ZERO, Vec3::new(0.0, -0.25, 0.0)],
        rotations: vec![Quat::IDENTITY, Quat::from_rotation_y(0.7), Quat::from_rotation_x(-1.3)],
        log_scales: vec![Vec3::new(-4.0, -5.0, -6.5), Vec3::splat(-3.125), Vec3::splat(-2.0)],
        opacity_logits: vec![0.5, f32::INFINITY, -2.0],
        sh_degree: 1,
        sh: (0..36).map(|i| i as f32 / 16.0 - 1.0).collect(),
    };
    let binding = Binding {
        triangles: vec![0, 1, 2],
        barycentric: vec![Vec3::new(0.2, 0.3, 0.5), Vec3::X, Vec3::splat(1.0 / 3.0)],
        frame: FrameMode::Surface,
    };
    Avatar {
        name: "test".into(),
        gaussians,
        filter: Filter::MIP,
        body: Some(Body { rig: rig(), binding, field: None }),
    }
}

/// [`avatar`] with a small field of random weights, strong enough to see.
pub(crate) fn avatar_with_field() -> Avatar {
    let mut avatar = avatar();
    let body = avatar.body.as_mut().unwrap();
    let plane = |resolution, channels| PlaneConfig { resolution, channels };
    let config = FieldConfig {
        planes: vec![plane(6, 3), plane(12, 2)],
        triplane: plane(4, 2),
        hidden: 5,
        bases: 3,
        regions: 2,
        region_hidden: 4,
    };
    let texels = PlaneLayout::new(&body.rig, &config).unwrap().texels();
    let mut weights = FieldWeights::zeros(&config, &texels, body.rig.morphs.len());
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    for (_, array) in weights.arrays_mut() {
        array.iter_mut().for_each(|x| *x = random.signed());
    }
    let regions = Regions::new(&body.rig, config.regions).unwrap();
    body.field = Some(Field::new(&body.rig, config, regions, weights).unwrap());
    avatar
}

/// The JSON part of a GLB.
pub(crate) fn json_of(glb: &[u8]) -> Value {
    let length = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    serde_json::from_slice(&glb[20..20 + length]).unwrap()
}

/// The file with its JSON changed.
pub(crate) fn with_json(glb: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let length = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    let mut value = json_of(glb);
    change(&mut value);
    let mut text = value.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let rest = &glb[20 + length..];
    let mut out = glb[..8].to_vec();
    out.extend((20 + text.len() as u32 + rest.len() as u32).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(&glb[16..20]);
    out.extend(text);
    out.extend(rest);
    out
}

/// The Gaussians of an avatar with a body, in its rest pose as `change` leaves it.
pub(crate) fn posed(avatar: &Avatar, change: impl FnOnce(&mut Pose)) -> PosedGaussians {
    let body = avatar.body.as_ref().unwrap();
    let mut pose = Pose::rest(&body.rig);
    change(&mut pose);
    let mut out = PosedGaussians::default();
    AvatarPoser::new(avatar).unwrap().pose(avatar, &pose, &mut out).unwrap();
    out
}

/// Calls `check` on `rounds` damaged copies of `bytes`: bits flipped, bytes replaced, ranges cut, filled or doubled.
pub(crate) fn mutate(bytes: &[u8], rounds: u64, mut check: impl FnMut(&[u8])) {
    let mut random = Xorshift64(0x1234_5678_9ABC_DEF0);
    let mut random = |below: usize| (random.bits() % below.max(1) as u64) as usize;
    for _ in 0..rounds {
        let mut copy = bytes.to_vec();
        for _ in 0..=random(3) {
            // Headers and JSON stand in front; damage there matters most.
            let span = if random(2) == 0 { copy.len().min(4096) } else { copy.len() };
            let at = random(span);
            let end = (at + 1 + random(64)).min(copy.len());
            match random(6) {
                0 => copy[at] ^= 1 << random(8),
                1 => copy[at] = [0, 1, 0x7F, 0x80, 0xFF, b'9'][random(6)],
                2 => copy.truncate(at.max(1)),
                3 => copy[at..end].fill([0, 0xFF, b'9'][random(3)]),
                4 => drop(copy.drain(at..end)),
                _ => {
                    let piece = copy[at..end].to_vec();
                    copy.splice(at..at, piece);
                }
            }
            if copy.is_empty() {
                copy.push(0);
            }
        }
        check(&copy);
    }
}
