//! Parts of the person, told from rigs made by hand and from a real one.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::avatar;
use effigy_avatar::{Avatar, Binding, Body, OpenOptions, Part, parts};
use effigy_rig::{Expression, FrameMode, Joint, Material, Morph, Node, Primitive, Rig};
use effigy_splat::{Filter, Gaussians};
use effigy_tests::data;
use glam::{Affine3A, Quat, Vec2, Vec3};

/// A rig of small triangles, each a primitive of its own: material name, mesh name, node name.
fn rig_of(names: &[(&str, &str, &str)]) -> Rig {
    let mut rig = Rig { influences: 1, ..Rig::default() };
    let material = common::rig().materials.remove(0);
    for (i, &(material_name, mesh_name, node_name)) in names.iter().enumerate() {
        let (first, at) = (3 * i as u32, Vec3::X * i as f32);
        rig.positions.extend([at, at + 0.01 * Vec3::X, at + 0.01 * Vec3::Y]);
        rig.triangles.push([first, first + 1, first + 2]);
        rig.primitives.push(Primitive {
            node: i,
            mesh_name: mesh_name.into(),
            vertices: first..first + 3,
            triangles: i as u32..i as u32 + 1,
            material: Some(i),
            skinned: false,
        });
        rig.materials.push(Material {
            name: material_name.into(),
            base_color_image: None,
            ..material.clone()
        });
        rig.nodes.push(Node {
            name: node_name.into(),
            parent: None,
            translation: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            scale: Vec3::ONE,
        });
        rig.joints.push(Joint { node: i, node_from_mesh: Affine3A::IDENTITY });
        rig.joint_indices.extend([i as u16; 3]);
        rig.joint_weights.extend([1.0; 3]);
    }
    rig.normals = vec![Vec3::Z; rig.positions.len()];
    rig.uvs = vec![Vec2::ZERO; rig.positions.len()];
    rig
}

/// One Gaussian in the middle of each triangle.
fn on(rig: Rig) -> Avatar {
    let n = rig.triangles.len();
    let avatar = Avatar {
        name: String::new(),
        gaussians: Gaussians {
            positions: vec![Vec3::ZERO; n],
            rotations: vec![Quat::IDENTITY; n],
            log_scales: vec![Vec3::splat(-6.0); n],
            opacity_logits: vec![1.0; n],
            sh_degree: 0,
            sh: vec![0.0; 3 * n],
        },
        filter: Filter::MIP,
        body: Some(Body {
            rig,
            binding: Binding {
                triangles: (0..n as u32).collect(),
                barycentric: vec![Vec3::splat(1.0 / 3.0); n],
                frame: FrameMode::Skin,
            },
            field: None,
        }),
    };
    avatar.validate().unwrap();
    avatar
}

/// A morph that moves whole triangles, each by so many millimetres.
fn morph(name: &str, moved: &[(u32, f32)]) -> Morph {
    Morph {
        name: name.into(),
        default_weight: 0.0,
        indices: moved.iter().flat_map(|(t, _)| 3 * t..3 * t + 3).collect(),
        deltas: moved.iter().flat_map(|(_, millimetres)| [Vec3::Y * (millimetres / 1000.0); 3]).collect(),
    }
}

#[test]
fn names_tell_before_anything_else() {
    let cases = [
        (("Std_Cornea_L", "", ""), Part::Eyes),
        (("N00_000_00_EyeIris_00_EYE (Instance)", "Face.baked", ""), Part::Eyes),
        (("FaceEyelash", "", ""), Part::Eyes),
        (("lash", "head", "head"), Part::Eyes),
        (("", "lefteye", ""), Part::Eyes),
        (("", "", "EyeRight"), Part::Eyes),
        (("gums", "", ""), Part::Mouth),
        (("UpperTeeth.001", "", ""), Part::Mouth),
        (("FaceMouth", "", ""), Part::Mouth),
        (("", "Wolf3D_Beard", ""), Part::Hair),
        (("SCALP_TRANSPARENCY", "", ""), Part::Hair),
        (("Brown_Hair", "", ""), Part::Hair),
        (("EyeBrow", "", ""), Part::Face),
        (("FaceBrow", "", ""), Part::Face),
        // The material is nearer to the surface than the mesh.
        (("tongue", "hair", "eye"), Part::Mouth),
        // What speaks of two says nothing, and so do words that only look alike.
        (("eyes and teeth", "", ""), Part::Body),
        (("armchair", "eyewear", "flash"), Part::Body),
        (("argument", "skin", "head"), Part::Body),
    ];
    let mut rig = rig_of(&cases.map(|(names, _)| names));
    // As if all were moved as cheeks are; only what has no name of its own may become face.
    let all: Vec<(u32, f32)> = (0..cases.len() as u32).map(|t| (t, 5.0)).collect();
    let still = parts(&on(rig.clone()));
    rig.morphs = vec![morph("cheekPuff", &all)];
    let moved = parts(&on(rig));
    for (i, (names, part)) in cases.into_iter().enumerate() {
        assert_eq!(moved[i], if part == Part::Body { Part::Face } else { part }, "{names:?}");
        assert_eq!(still[i], part, "{names:?}");
    }
}

#[test]
fn shapes_tell_where_names_do_not() {
    let mut rig = rig_of(&[("skin", "", ""); 13]);
    rig.morphs = vec![
        morph("eyeBlinkLeft", &[(0, 8.0), (1, 1.3), (2, 0.9), (3, 2.0), (10, 0.4)]),
        morph("mouthPucker", &[(3, 3.0), (4, 10.0), (5, 5.2), (6, 4.0), (10, 0.4)]),
        morph("browInnerUp", &[(7, 6.0), (8, 0.7)]),
        morph("jawOpen", &[(8, 5.0), (9, 40.0)]),
        morph("noseSneerLeft", &[(12, 0.2)]),
        morph("Fcl_of_its_own", &[(11, 50.0)]),
    ];
    let found = parts(&on(rig.clone()));
    let expected = [
        Part::Eyes,  // the lid
        Part::Eyes,  // 1.3 mm, above a millimetre and 15 % of 8 mm
        Part::Face,  // too little for a lid
        Part::Face,  // the lips move it more, but by less than half of 10 mm
        Part::Mouth, // the lip
        Part::Mouth, // a bit more than half as far
        Part::Face,  // the cheek beside it
        Part::Face,  // the brow
        Part::Body,  // the ear or the throat, dragged along
        Part::Face,  // the chin
        Part::Face,  // 0.4 mm of a blink
        Part::Body,  // no shape of the face
        Part::Body,  // too little to see
    ];
    assert_eq!(found, expected);

    // The same surface in centimetres, under a node that says so.
    for position in &mut rig.positions {
        *position *= 100.0;
    }
    rig.morphs.iter_mut().flat_map(|m| &mut m.deltas).for_each(|d| *d *= 100.0);
    rig.nodes.iter_mut().for_each(|n| n.scale = Vec3::splat(0.01));
    assert_eq!(parts(&on(rig)), expected);
}

#[test]
fn expressions_are_shapes_too() {
    let mut rig = rig_of(&[("skin", "", ""); 4]);
    rig.morphs = vec![
        morph("Fcl_EYE_Close_L", &[(0, 6.0)]),
        morph("Fcl_MTH_U", &[(1, 4.0)]),
        morph("Fcl_ALL_Joy", &[(2, 4.0)]),
    ];
    assert_eq!(parts(&on(rig.clone())), [Part::Body; 4]);
    let expression = |name: &str, morph| Expression {
        name: name.into(),
        binds: vec![(morph, 1.0)],
        ..Expression::default()
    };
    rig.expressions = vec![expression("blinkLeft", 0), expression("ou", 1), expression("happy", 2)];
    assert_eq!(parts(&on(rig)), [Part::Eyes, Part::Mouth, Part::Face, Part::Body]);
}

#[test]
fn joints_tell_where_nothing_moves_the_face() {
    let mut rig = rig_of(&[("skin", "", ""); 5]);
    for (i, (name, parent)) in
        [("spine", None), ("Neck", Some(0)), ("Head", Some(1)), ("jaw", Some(2)), ("LeftEye", Some(2))]
            .into_iter()
            .enumerate()
    {
        rig.nodes[i].name = name.into();
        rig.nodes[i].parent = parent;
    }
    // Nodes that only carry meshes follow, so that names of joints are not names of meshes.
    for i in 0..5 {
        rig.primitives[i].node = 5;
        rig.primitives[i].skinned = true;
    }
    rig.nodes.push(Node { name: "mesh".into(), parent: None, ..rig.nodes[0].clone() });
    let by_joint = [Part::Body, Part::Body, Part::Face, Part::Face, Part::Eyes];
    assert_eq!(parts(&on(rig.clone())), by_joint);
    // Shapes say more about the face than the joint does, and nothing against the eye.
    rig.morphs = vec![morph("cheekPuff", &[(3, 9.0)])];
    assert_eq!(parts(&on(rig)), [Part::Body, Part::Body, Part::Body, Part::Face, Part::Eyes]);
}

#[test]
fn without_a_rig_or_a_sound_binding_all_is_body() {
    let mut avatar = avatar();
    assert_eq!(parts(&avatar).len(), 3);
    let binding = &mut avatar.body.as_mut().unwrap().binding;
    binding.triangles = vec![u32::MAX, 2];
    binding.barycentric.pop();
    assert_eq!(parts(&avatar), [Part::Body; 3]);
    avatar.body = None;
    assert_eq!(parts(&avatar), [Part::Body; 3]);
}

#[test]
fn importance_falls_from_the_eyes_down() {
    assert!(Part::ALL.is_sorted_by(|a, b| a < b && a.importance() > b.importance()));
    assert!(Part::ALL.iter().all(|p| p.importance() > 0.0 && p.importance() <= 1.0));
    assert_eq!(Part::ALL.map(Part::name).join(" "), "eyes mouth face hair body");
}

#[test]
fn a_real_head_has_its_parts_where_they_are() {
    let Some(path) = data("capture_head/head.glb") else { return };
    let mut options = OpenOptions::default();
    options.surface.count = 20_000;
    let avatar = Avatar::open(path, &options).unwrap();
    let found = parts(&avatar);
    let rest = avatar.posed_at_rest().unwrap().gaussians.positions;
    let body = avatar.body.as_ref().unwrap();
    let rig = &body.rig;
    let material = |name: &str| rig.materials.iter().position(|m| m.name == name).unwrap();
    let vertices_of = |name: &str| -> Vec<Vec3> {
        let wanted = Some(material(name));
        let primitives = rig.primitives.iter().filter(|p| p.material == wanted);
        primitives.flat_map(|p| p.vertices.clone()).map(|v| rig.positions[v as usize]).collect()
    };
    let centre = |points: &[Vec3]| points.iter().sum::<Vec3>() / points.len() as f32;
    // The person's left is +X.
    let (left, right): (Vec<Vec3>, Vec<Vec3>) = vertices_of("eye").into_iter().partition(|p| p.x > 0.0);
    let eyes = [centre(&left), centre(&right)];
    let teeth = vertices_of("teeth");
    let front_teeth = teeth.iter().copied().max_by(|a, b| a.z.total_cmp(&b.z)).unwrap();
    let skin = rig.primitives.iter().find(|p| p.material == Some(material("skin"))).unwrap();
    let is_skin = |i: usize| skin.triangles.contains(&body.binding.triangles[i]);

    let mut counts = [0_usize; 5];
    let mut on_skin = [0_usize; 5];
    for (i, (&part, &at)) in found.iter().zip(&rest).enumerate() {
        counts[part as usize] += 1;
        let from_eye = eyes.map(|e| e.distance(at)).into_iter().fold(f32::MAX, f32::min);
        if is_skin(i) {
            on_skin[part as usize] += 1;
            match part {
                Part::Eyes => assert!(from_eye < 0.035, "{at} is {from_eye} m from an eye"),
                Part::Mouth => assert!(front_teeth.distance(at) < 0.05, "{at} is no lip"),
                _ => {}
            }
        }
        // Scalp, nape and shoulders; the head is 26 cm wide and looks towards +Z.
        if at.y > 0.13 || at.z < -0.05 || at.y < -0.15 {
            assert_eq!(part, Part::Body, "{at}");
        }
        // The tip of the nose and the middle of the forehead.
        if is_skin(i) && at.z > 0.05 && (0.06..0.09).contains(&at.y) && at.x.abs() < 0.03 {
            assert_eq!(part, Part::Face, "{at}");
        }
    }
    println!("{counts:?} of {}, {on_skin:?} of them on the skin", found.len());
    // Both lids and both lips are found on the skin itself, not by their materials alone.
    assert!(on_skin[Part::Eyes as usize] > 50 && on_skin[Part::Mouth as usize] > 150, "{on_skin:?}");
    let percent = counts.map(|c| 100 * c / found.len());
    assert!((5..25).contains(&percent[0]) && (10..40).contains(&percent[1]), "{percent:?}");
    assert!((10..40).contains(&percent[2]) && percent[3] == 0 && percent[4] > 25, "{percent:?}");
}
