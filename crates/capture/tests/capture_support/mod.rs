//! Small captures, written where a test wants them.

#![allow(dead_code)] // Each test program uses some of it.

use std::path::Path;

use effigy_rig::{Joint, Morph, Node, Primitive, Rig};
use glam::{Affine3A, Quat, Vec2, Vec3};
use image::{Rgba, RgbaImage};
use serde_json::{Value, json};

/// Three cameras of 100×80 pixels with focal lengths 120 and 110 and principal point 48 42, each as a camera-to-world
/// matrix with OpenGL's axes, as a world-to-camera quaternion (wxyz) and translation with OpenCV's, and with a point of
/// the world and the pixel it falls on. All was worked out by hand.
pub(crate) struct View {
    pub(crate) opengl: [[f64; 4]; 4],
    pub(crate) rotation_wxyz: [f64; 4],
    pub(crate) translation: [f64; 3],
    pub(crate) point: [f32; 3],
    pub(crate) pixel: [f32; 2],
}

const R: f64 = std::f64::consts::FRAC_1_SQRT_2;

pub(crate) const VIEWS: [View; 3] = [
    // At 0 0 2, looking along −z.
    View {
        opengl: [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0]],
        rotation_wxyz: [0.0, 1.0, 0.0, 0.0],
        translation: [0.0, 0.0, 2.0],
        point: [0.5, 0.25, 0.0],
        pixel: [78.0, 28.25],
    },
    // At 2 0 0, looking along −x.
    View {
        opengl: [[0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]],
        rotation_wxyz: [0.0, R, 0.0, -R],
        translation: [0.0, 0.0, 2.0],
        point: [0.5, 0.25, 0.1],
        pixel: [40.0, 42.0 - 110.0 * 0.25 / 1.5],
    },
    // x to y to z to x, then 0.1 0.2 3.
    View {
        opengl: [[0.0, -1.0, 0.0, -0.2], [0.0, 0.0, -1.0, -3.0], [1.0, 0.0, 0.0, -0.1], [0.0, 0.0, 0.0, 1.0]],
        rotation_wxyz: [0.5, 0.5, 0.5, 0.5],
        translation: [0.1, 0.2, 3.0],
        point: [0.3, 0.4, 0.5],
        pixel: [48.0 + 120.0 * 0.6 / 3.4, 42.0 + 110.0 * 0.5 / 3.4],
    },
];

pub(crate) fn picture(path: &Path, width: u32, height: u32, color: [u8; 4]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = RgbaImage::from_pixel(width, height, Rgba(color));
    if path.extension().is_some_and(|e| e == "jpg") {
        image::DynamicImage::from(picture).into_rgb8().save(path).unwrap();
    } else {
        picture.save(path).unwrap();
    }
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn write_json(path: &Path, value: &Value) {
    write(path, value.to_string());
}

/// The shared intrinsics of [`VIEWS`].
fn intrinsics() -> Value {
    json!({"w": 100, "h": 80, "fl_x": 120.0, "fl_y": 110, "cx": 48, "cy": 42.0})
}

/// A `transforms.json` with the given frames and [`intrinsics`].
pub(crate) fn transforms(frames: Vec<Value>) -> Value {
    let mut file = intrinsics();
    file["frames"] = Value::Array(frames);
    file
}

/// This program's format: the three views, in three splits, one with a mask.
pub(crate) fn own(folder: &Path) {
    let names = ["images/a.png", "images/b.jpg", "images/c.webp"];
    for (i, name) in names.iter().enumerate() {
        picture(&folder.join(name), 100, 80, [200, 100, 50 + i as u8, 255]);
    }
    picture(&folder.join("masks/b.png"), 100, 80, [77, 77, 77, 255]);
    let mut file = transforms(vec![
        json!({"file_path": names[0], "transform_matrix": VIEWS[0].opengl, "split": "train", "time": 0.5,
            "controls": {"JawOpen": 0.3, "eyeBlink_L": 1}, "joints": {"head": [0, 0, 0, 1]}}),
        json!({"file_path": names[1], "transform_matrix": VIEWS[1].opengl, "split": "novel_view",
            "camera": "left", "mask_path": "masks/b.png", "controls": {"jawOpen": 0.3}}),
        json!({"file_path": names[2], "transform_matrix": VIEWS[2].opengl, "split": "novel_expression",
            "camera": 7, "controls": {"jawOpen": 0.9}}),
    ]);
    file["rig"] = "head.glb".into();
    write(&folder.join("head.glb"), "not read by captures");
    write_json(&folder.join("transforms.json"), &file);
}

/// A COLMAP model of the views, with the first one's picture in a folder, and two points.
pub(crate) fn colmap(folder: &Path, binary: bool) {
    let names = ["a b/x.png", "m.png", "z.png"];
    for (i, name) in names.into_iter().enumerate() {
        picture(&folder.join("images").join(name), 100, 80, [i as u8, 2, 3, 255]);
    }
    picture(&folder.join("masks/m.png.png"), 100, 80, [9, 9, 9, 255]);
    let model = folder.join("sparse/0");
    let points = [([0.5, 0.25, -1.0], [10u8, 20, 30]), ([1.0, 2.0, 3.0], [255, 0, 1])];
    if !binary {
        write(
            &model.join("cameras.txt"),
            "# comment\n1 PINHOLE 100 80 120 110 48 42\n2 OPENCV 100 80 120 110 48 42 0 0 0 0\n",
        );
        let mut images = String::from("# comment\n");
        for (i, (view, name)) in VIEWS.iter().zip(names).enumerate().rev() {
            let [w, x, y, z] = view.rotation_wxyz;
            let [tx, ty, tz] = view.translation;
            // Points seen in the picture: one with an empty line, others with numbers.
            let seen = if i == 1 { "" } else { "1.5 2.5 -1 3 4 7" };
            let camera = if i == 2 { 2 } else { 1 };
            images += &format!("{} {w} {x} {y} {z} {tx} {ty} {tz} {camera} {name}\n{seen}\n", i + 1);
        }
        write(&model.join("images.txt"), images);
        let mut text = String::from("# comment\n");
        for (i, (p, c)) in points.iter().enumerate() {
            text += &format!("{i} {} {} {} {} {} {} 0.5 1 0 2 1\n", p[0], p[1], p[2], c[0], c[1], c[2]);
        }
        write(&model.join("points3D.txt"), text);
        return;
    }
    let f64s = |out: &mut Vec<u8>, values: &[f64]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    let mut cameras = 2u64.to_le_bytes().to_vec();
    for (id, model, extra) in [(1u32, 1i32, 0), (2, 4, 4)] {
        cameras.extend(id.to_le_bytes());
        cameras.extend(model.to_le_bytes());
        cameras.extend(100u64.to_le_bytes());
        cameras.extend(80u64.to_le_bytes());
        f64s(&mut cameras, &[120.0, 110.0, 48.0, 42.0]);
        f64s(&mut cameras, &vec![0.0; extra]);
    }
    write(&model.join("cameras.bin"), cameras);
    let mut images = 3u64.to_le_bytes().to_vec();
    for (i, (view, name)) in VIEWS.iter().zip(names).enumerate().rev() {
        images.extend((i as u32 + 1).to_le_bytes());
        f64s(&mut images, &view.rotation_wxyz);
        f64s(&mut images, &view.translation);
        images.extend(if i == 2 { 2u32 } else { 1 }.to_le_bytes());
        images.extend(name.as_bytes());
        images.push(0);
        images.extend((i as u64).to_le_bytes());
        for _ in 0..i {
            f64s(&mut images, &[1.5, 2.5]);
            images.extend(u64::MAX.to_le_bytes());
        }
    }
    write(&model.join("images.bin"), images);
    let mut bytes = 2u64.to_le_bytes().to_vec();
    for (i, (p, c)) in points.iter().enumerate() {
        bytes.extend((i as u64).to_le_bytes());
        f64s(&mut bytes, p);
        bytes.extend(c);
        f64s(&mut bytes, &[0.5]);
        bytes.extend(1u64.to_le_bytes());
        bytes.extend([0; 8]);
    }
    write(&model.join("points3D.bin"), bytes);
}

/// nerfstudio's folder: the views through a lens, one of them a fisheye, with points.
pub(crate) fn nerfstudio(folder: &Path) {
    let names = ["images/a.png", "images/b.png", "images/c.png"];
    let frames = names.iter().zip(&VIEWS).map(|(name, view)| {
        picture(&folder.join(name), 100, 80, [7, 2, 3, 255]);
        json!({"file_path": name, "transform_matrix": view.opengl})
    });
    let mut file = transforms(frames.collect());
    for (key, value) in [("k1", -0.1), ("k2", 0.02), ("p1", 0.001), ("p2", -0.002)] {
        file[key] = value.into();
    }
    file["camera_model"] = "OPENCV".into();
    file["frames"][2]["camera_model"] = "OPENCV_FISHEYE".into();
    file["applied_transform"] = json!([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]]);
    file["ply_file_path"] = "sparse_pc.ply".into();
    let header = "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n\
                  property uint8 red\nproperty uint8 green\nproperty uint8 blue\nend_header\n";
    write(&folder.join("sparse_pc.ply"), format!("{header}0.1 0.2 0.3 1 2 3\n-1 0 2.5 255 254 253\n"));
    write_json(&folder.join("transforms.json"), &file);
}

/// VHAP's layout: two timesteps from two cameras to train on, one more camera held out, one more timestep held out.
pub(crate) fn vhap(folder: &Path, with_controls: bool) {
    let frame = |timestep: u64, camera: u64| {
        let name = format!("images/{timestep:05}_{camera:02}.png");
        let mask = format!("fg_masks/{timestep:05}_{camera:02}.png");
        picture(&folder.join(&name), 100, 80, [timestep as u8, camera as u8, 3, 255]);
        picture(&folder.join(&mask), 100, 80, [255, 255, 255, 255]);
        json!({"timestep_index": timestep, "timestep_id": format!("frame_{timestep}"), "camera_index": camera,
            "camera_id": format!("22{camera}"), "file_path": format!("./{name}"), "fg_mask_path": mask,
            "flame_param_path": format!("flame_param/{timestep:05}.npz"), "w": 100, "h": 80, "fl_x": 120, "fl_y": 110,
            "cx": 48, "cy": 42, "transform_matrix": VIEWS[camera as usize].opengl})
    };
    let parts = [
        ("train", vec![frame(0, 0), frame(0, 1), frame(3, 0), frame(3, 1)]),
        ("val", vec![frame(0, 2), frame(3, 2)]),
        ("test", vec![frame(4, 0)]),
    ];
    let all: Vec<Value> = parts.iter().flat_map(|(_, frames)| frames.clone()).collect();
    write_json(&folder.join("transforms.json"), &json!({"frames": all, "timestep_indices": [0, 3, 4]}));
    for (name, frames) in parts {
        let file = json!({"frames": frames, "w": 5, "h": 5, "camera_indices": [0, 1, 2]});
        write_json(&folder.join(format!("transforms_{name}.json")), &file);
    }
    if with_controls {
        let controls = json!({"0": {"JawOpen": 0.1}, "00003": {"controls": {"jawOpen": 0.3},
            "joints": {"head": [0, 0, 0, 1]}}, "4": {"jawOpen": 0.4}});
        write_json(&folder.join("controls.json"), &controls);
    }
}

/// A rig: the surface of a cube 0.2 wide around the origin, with morphs `jawOpen` and `wrinkle`, and a node `head`.
pub(crate) fn cube() -> Rig {
    let corner = |i: usize, bit: usize| if i >> bit & 1 == 1 { 0.1 } else { -0.1 };
    let positions: Vec<Vec3> = (0..8).map(|i| Vec3::new(corner(i, 0), corner(i, 1), corner(i, 2))).collect();
    // Counter-clockwise from outside.
    let faces = [[1, 3, 7, 5], [0, 4, 6, 2], [2, 6, 7, 3], [0, 1, 5, 4], [4, 5, 7, 6], [0, 2, 3, 1]];
    let triangles: Vec<[u32; 3]> =
        faces.iter().flat_map(|f| [[f[0], f[1], f[2]], [f[0], f[2], f[3]]]).collect();
    let morph = |name: &str| Morph {
        name: name.into(),
        default_weight: 0.0,
        indices: vec![0],
        deltas: vec![Vec3::NEG_Y * 0.05],
    };
    Rig {
        normals: positions.iter().map(|p| p.normalize()).collect(),
        uvs: vec![Vec2::ZERO; 8],
        joint_indices: vec![0; 8],
        joint_weights: vec![1.0; 8],
        influences: 1,
        primitives: vec![Primitive {
            node: 0,
            mesh_name: String::new(),
            vertices: 0..8,
            triangles: 0..triangles.len() as u32,
            material: None,
            skinned: false,
        }],
        triangles,
        positions,
        morphs: vec![morph("jawOpen"), morph("wrinkle")],
        joints: vec![Joint { node: 0, node_from_mesh: Affine3A::IDENTITY }],
        nodes: vec![Node {
            name: "head".into(),
            parent: None,
            translation: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            scale: Vec3::ONE,
        }],
        ..Rig::default()
    }
}
