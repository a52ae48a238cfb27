//! An avatar made here: a tube on two bones with morphs, covered with Gaussians.

use std::f32::consts::TAU;

use effigy_avatar::{Avatar, Binding, Body};
use effigy_field::{ATTRIBUTES, Field, FieldConfig, FieldWeights, PlaneConfig, PlaneLayout, Regions};
use effigy_rig::{FrameMode, Joint, Morph, Node, Pose, Primitive, Rig};
use effigy_splat::{Filter, Gaussians, sh_coefficients};
use effigy_tests::Xorshift64;
use glam::{Affine3A, DMat4, DQuat, DVec3, DVec4, Quat, Vec2, Vec3};

const AROUND: usize = 12;
const RINGS: usize = 9;

/// From −1 to 1 each.
fn vector(random: &mut Xorshift64) -> Vec3 {
    Vec3::new(random.signed(), random.signed(), random.signed())
}

/// A tube 2 m high around the y axis, on a lower and an upper bone that bends at 1 m.
pub(crate) fn rig(influences: usize) -> Rig {
    let mut rig = Rig { influences, ..Rig::default() };
    for ring in 0..RINGS {
        for step in 0..AROUND {
            let (sin, cos) = (step as f32 / AROUND as f32 * TAU).sin_cos();
            let height = 2.0 * ring as f32 / (RINGS - 1) as f32;
            rig.positions.push(Vec3::new(0.4 * sin, height, 0.3 * cos));
            rig.normals.push(Vec3::new(sin, 0.0, cos));
            let upper = (height - 0.5).clamp(0.0, 1.0);
            // The eight-influence rig splits each weight over joints that are told apart by their matrices.
            let weights = match influences {
                8 => vec![0.7 - 0.7 * upper, 0.7 * upper, 0.1, 0.05, 0.05, 0.0, 0.06, 0.04],
                _ => vec![1.0 - upper, upper, 0.0, 0.0],
            };
            rig.joint_weights.extend(weights);
            rig.joint_indices.extend([0_u16, 1, 2, 1, 0, 0, 2, 1].iter().take(influences));
        }
    }
    let uv = |v: usize| Vec2::new((v % AROUND) as f32 / AROUND as f32, (v / AROUND) as f32 / RINGS as f32);
    rig.uvs = (0..rig.positions.len()).map(uv).collect();
    for ring in 0..RINGS - 1 {
        for step in 0..AROUND {
            let at = |r: usize, s: usize| (r * AROUND + s % AROUND) as u32;
            let [a, b, c, d] =
                [at(ring, step), at(ring, step + 1), at(ring + 1, step + 1), at(ring + 1, step)];
            rig.triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    let node = |name: &str, parent, translation| Node {
        name: name.into(),
        parent,
        translation,
        rotation: Quat::from_rotation_z(0.1),
        scale: Vec3::ONE,
    };
    rig.nodes =
        vec![node("root", None, Vec3::ZERO), node("head", Some(0), Vec3::Y), node("twig", Some(1), Vec3::X)];
    rig.nodes[2].scale = Vec3::new(1.2, 0.9, 1.1);
    rig.primitives = vec![Primitive {
        node: 0,
        mesh_name: "tube".into(),
        vertices: 0..rig.positions.len() as u32,
        triangles: 0..rig.triangles.len() as u32,
        material: None,
        skinned: true,
    }];
    // Bound where the bones stand at rest, so that the rest pose leaves the tube as it is.
    let mut world: Vec<Affine3A> = Vec::new();
    for n in &rig.nodes {
        let local = Affine3A::from_scale_rotation_translation(n.scale, n.rotation, n.translation);
        world.push(n.parent.map_or(local, |p| world[p] * local));
    }
    rig.joints = (0..3).map(|j| Joint { node: j, node_from_mesh: world[j].inverse() }).collect();
    let all = 0..rig.positions.len() as u32;
    let morph = |name: &str, default_weight, indices: Vec<u32>, delta: &dyn Fn(Vec3) -> Vec3| Morph {
        name: name.into(),
        default_weight,
        deltas: indices.iter().map(|&v| delta(rig.positions[v as usize])).collect(),
        indices,
    };
    rig.morphs = vec![
        morph("bulge", 0.0, all.clone().collect(), &|p| {
            Vec3::new(p.x, 0.0, p.z) * (-4.0 * (p.y - 1.0).powi(2)).exp()
        }),
        morph("unused", 0.0, vec![], &|p| p),
        morph("shear", 0.2, all.clone().filter(|v| v % 3 != 0).collect(), &|p| Vec3::X * 0.3 * p.y * p.z),
        morph("twist", 0.0, all.filter(|v| v / 12 > 4).collect(), &|p| {
            Quat::from_rotation_y(0.8 * (p.y - 1.0)) * p - p
        }),
    ];
    rig
}

/// Morphs, both bones and the scene, all moved by `strength`; rest at 0.
pub(crate) fn pose(rig: &Rig, strength: f32) -> Pose {
    let mut pose = Pose::rest(rig);
    for (weight, change) in pose.morph_weights.iter_mut().zip([1.0, 3.0, -0.8, 1.0]) {
        *weight += strength * change;
    }
    pose.nodes[0].rotation *= Quat::from_rotation_y(0.4 * strength);
    pose.nodes[1].rotation *=
        Quat::from_euler(glam::EulerRot::XZY, 0.7 * strength, -0.5 * strength, 0.3 * strength);
    pose.nodes[1].translation.y += 0.1 * strength;
    pose.nodes[2].rotation *= Quat::from_rotation_x(strength);
    pose.world_from_scene = Affine3A::from_rotation_translation(
        Quat::from_rotation_x(-0.3 * strength),
        Vec3::new(0.2, 0.0, -0.4) * strength,
    );
    pose
}

/// glTF 2.0, sections 3.7.2.2 and 3.7.3.1, word for word.
pub(crate) fn skinned_in_double_precision(rig: &Rig, pose: &Pose) -> Vec<DVec3> {
    let matrix = |m: &Affine3A| glam::Mat4::from(*m).as_dmat4();
    let mut world: Vec<DMat4> = Vec::new();
    for (node, local) in rig.nodes.iter().zip(&pose.nodes) {
        let rotation = DQuat::from_array(local.rotation.to_array().map(f64::from)).normalize();
        let local = DMat4::from_scale_rotation_translation(
            local.scale.as_dvec3(),
            rotation,
            local.translation.as_dvec3(),
        );
        world.push(node.parent.map_or(matrix(&pose.world_from_scene), |p| world[p]) * local);
    }
    (0..rig.positions.len())
        .map(|v| {
            let mut p = rig.positions[v].as_dvec3();
            for (morph, &weight) in rig.morphs.iter().zip(&pose.morph_weights) {
                for (&i, delta) in morph.indices.iter().zip(&morph.deltas) {
                    if i as usize == v {
                        p += f64::from(weight) * delta.as_dvec3();
                    }
                }
            }
            let mut sum = DVec4::ZERO;
            for k in v * rig.influences..(v + 1) * rig.influences {
                let joint = &rig.joints[usize::from(rig.joint_indices[k])];
                sum += f64::from(rig.joint_weights[k])
                    * (world[joint.node] * matrix(&joint.node_from_mesh) * p.extend(1.0));
            }
            sum.truncate()
        })
        .collect()
}

/// The tube covered with Gaussians of every kind, with harmonics of degree 1.
pub(crate) fn avatar(frame: FrameMode, influences: usize, count: usize, filter: Filter) -> Avatar {
    let rig = rig(influences);
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    let mut gaussians = Gaussians::with_capacity(count, 1);
    let mut binding = Binding { triangles: Vec::new(), barycentric: Vec::new(), frame };
    for _ in 0..count {
        let triangle = (random.unit() * rig.triangles.len() as f32) as u32;
        let (a, b) = (random.unit(), random.unit());
        let (a, b) = if a + b > 1.0 { (1.0 - a, 1.0 - b) } else { (a, b) };
        binding.triangles.push(triangle.min(rig.triangles.len() as u32 - 1));
        binding.barycentric.push(Vec3::new(1.0 - a - b, a, b));
        gaussians.positions.push(0.05 * vector(&mut random));
        gaussians.rotations.push(Quat::from_scaled_axis(3.0 * vector(&mut random)) * (0.5 + random.unit()));
        gaussians.log_scales.push(Vec3::splat(-3.6) + vector(&mut random));
        gaussians.opacity_logits.push(6.0 * random.unit() - 3.0);
        gaussians.sh.extend((0..3 * sh_coefficients(1)).map(|_| random.signed()));
    }
    Avatar { name: "tube".into(), gaussians, filter, body: Some(Body { rig, binding, field: None }) }
}

/// Gives `avatar` a field of random weights, strong enough to be seen but not to tear it apart.
pub(crate) fn add_field(avatar: &mut Avatar, bases: usize) {
    let body = avatar.body.as_mut().unwrap();
    let plane = |resolution, channels| PlaneConfig { resolution, channels };
    let config = FieldConfig {
        planes: vec![plane(8, 4), plane(16, 4)],
        triplane: plane(6, 4),
        hidden: 16,
        bases,
        regions: 9,
        region_hidden: 8,
    };
    let texels = PlaneLayout::new(&body.rig, &config).unwrap().texels();
    let mut weights = FieldWeights::zeros(&config, &texels, body.rig.morphs.len());
    let mut random = Xorshift64(0x2545_F491_4F6C_DD1D);
    for (_, array) in weights.arrays_mut() {
        array.iter_mut().for_each(|x| *x = 0.5 * random.signed());
    }
    // What a unit is worth differs from attribute to attribute.
    let gain = |attribute: usize| match attribute {
        0..3 => 0.02,
        3..7 => 0.3,
        7..10 => 0.2,
        10 => 0.8,
        _ => 0.5,
    };
    for array in [&mut weights.heads, &mut weights.heads_bias] {
        array.iter_mut().enumerate().for_each(|(i, x)| *x *= gain(i % ATTRIBUTES));
    }
    let regions = Regions::new(&body.rig, config.regions).unwrap();
    body.field = Some(Field::new(&body.rig, config, regions, weights).unwrap());
}

/// A single small opaque Gaussian on vertex `v`.
pub(crate) fn dot(rig: &Rig, v: usize) -> Avatar {
    let (triangle, corner) = rig
        .triangles
        .iter()
        .enumerate()
        .find_map(|(t, corners)| Some((t, corners.iter().position(|&c| c as usize == v)?)))
        .unwrap();
    let gaussians = Gaussians {
        positions: vec![Vec3::ZERO],
        rotations: vec![Quat::IDENTITY],
        log_scales: vec![Vec3::splat(-5.0)],
        opacity_logits: vec![4.0],
        sh_degree: 0,
        sh: vec![1.0; 3],
    };
    let binding = Binding {
        triangles: vec![triangle as u32],
        barycentric: vec![Vec3::AXES[corner]],
        frame: FrameMode::Surface,
    };
    let body = Some(Body { rig: rig.clone(), binding, field: None });
    Avatar { name: "dot".into(), gaussians, filter: Filter::MIP, body }
}
