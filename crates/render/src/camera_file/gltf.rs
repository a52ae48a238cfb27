//! The perspective cameras of glTF 2.0 (3.10).

use effigy_rig::{LoadLimits, split_glb};
use effigy_splat::Camera;
use glam::{Affine3A, Mat3, Mat4, Quat, Vec3};
use serde::Deserialize;
use serde_json::{Value, json};

use super::NamedCamera;

/// Pictures are this high where the file does not say it.
const HEIGHT: u32 = 1080;
/// Their width over their height, likewise: glTF leaves it to the viewport.
const ASPECT: f32 = 16.0 / 9.0;
/// Parts of a pixel by which a principal point may be off the middle.
const CENTRED: f32 = 0.01;

#[derive(Deserialize)]
struct Gltf {
    #[serde(default)]
    nodes: Vec<Node>,
    #[serde(default)]
    cameras: Vec<GltfCamera>,
}

#[derive(Deserialize)]
struct Node {
    camera: Option<usize>,
    #[serde(default)]
    children: Vec<usize>,
    matrix: Option<[f32; 16]>,
    #[serde(default)]
    translation: [f32; 3],
    rotation: Option<[f32; 4]>,
    scale: Option<[f32; 3]>,
}

#[derive(Deserialize)]
struct GltfCamera {
    perspective: Option<Perspective>,
    #[serde(default)]
    extras: Value,
}

#[derive(Deserialize)]
struct Perspective {
    yfov: f32,
    #[serde(rename = "aspectRatio")]
    aspect_ratio: Option<f32>,
}

#[derive(Deserialize)]
struct Marked {
    #[serde(rename = "asset")]
    _asset: serde::de::IgnoredAny,
}

/// Whether JSON text is a glTF, whatever else is wrong with it.
pub(super) fn is_gltf(json: &[u8]) -> bool {
    serde_json::from_slice::<Marked>(json).is_ok()
}

/// Every perspective camera that a node carries, in the order of the nodes.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Camera>, String> {
    let chunks = split_glb(bytes, &LoadLimits::default()).map_err(|error| error.to_string())?;
    let gltf: Gltf = super::parse(chunks.json, "a glTF")?;
    let mut parents = vec![None; gltf.nodes.len()];
    for (parent, node) in gltf.nodes.iter().enumerate() {
        for &child in &node.children {
            *parents
                .get_mut(child)
                .ok_or_else(|| format!("node {parent} has a child that is not there"))? = Some(parent);
        }
    }
    let mut cameras = Vec::new();
    for (i, node) in gltf.nodes.iter().enumerate() {
        let Some(GltfCamera { perspective: Some(perspective), extras }) =
            node.camera.and_then(|camera| gltf.cameras.get(camera))
        else {
            continue;
        };
        let (mut world_from_node, mut above, mut steps) = (node.local(), parents[i], 0);
        while let Some(parent) = above {
            steps += 1;
            if steps > gltf.nodes.len() {
                return Err(format!("node {i} is below its own children"));
            }
            world_from_node = gltf.nodes[parent].local() * world_from_node;
            above = parents[parent];
        }
        cameras.push(camera(perspective, extras, world_from_node));
    }
    Ok(cameras)
}

impl Node {
    fn local(&self) -> Affine3A {
        match self.matrix {
            Some(matrix) => Affine3A::from_mat4(Mat4::from_cols_array(&matrix)),
            None => Affine3A::from_scale_rotation_translation(
                self.scale.map_or(Vec3::ONE, Vec3::from_array),
                self.rotation.map_or(Quat::IDENTITY, Quat::from_array),
                self.translation.into(),
            ),
        }
    }
}

fn camera(perspective: &Perspective, extras: &Value, world_from_node: Affine3A) -> Camera {
    let side =
        |name: &str| extras.get(name).and_then(Value::as_u64).and_then(|side| u32::try_from(side).ok());
    let aspect = perspective.aspect_ratio.filter(|aspect| aspect.is_finite() && *aspect > 0.0);
    let (width, height, aspect) = match (side("width"), side("height")) {
        (Some(width), Some(height)) => (width, height, aspect.unwrap_or(width as f32 / height.max(1) as f32)),
        _ => {
            let aspect = aspect.unwrap_or(ASPECT);
            ((HEIGHT as f32 * aspect).round().clamp(1.0, 16384.0) as u32, HEIGHT, aspect)
        }
    };
    let tan = (0.5 * perspective.yfov).tan();
    // The specification: a camera is not scaled by its node.
    let m = Mat3::from(world_from_node.matrix3);
    let rotation = Mat3::from_cols(
        m.x_axis.normalize_or_zero(),
        m.y_axis.normalize_or_zero(),
        m.z_axis.normalize_or_zero(),
    );
    Camera {
        width,
        height,
        fx: 0.5 * width as f32 / (tan * aspect),
        fy: 0.5 * height as f32 / tan,
        cx: 0.5 * width as f32,
        cy: 0.5 * height as f32,
        camera_from_world: Affine3A::from_mat3_translation(rotation, world_from_node.translation.into())
            .inverse(),
        near: super::NEAR,
    }
}

/// Whether glTF can say all there is about `camera`.
pub(super) fn holds(camera: &Camera) -> bool {
    (camera.cx - 0.5 * camera.width as f32).abs() < CENTRED
        && (camera.cy - 0.5 * camera.height as f32).abs() < CENTRED
}

pub(super) fn write(cameras: &[NamedCamera]) -> Value {
    let all: Vec<usize> = (0..cameras.len()).collect();
    let nodes: Vec<Value> = cameras.iter().enumerate().map(|(i, named)| node(i, named)).collect();
    let lenses: Vec<Value> = cameras.iter().map(lens).collect();
    json!({
        "asset": { "version": "2.0", "generator": "effigy" },
        "scene": 0,
        "scenes": [{ "nodes": all }],
        "nodes": nodes,
        "cameras": lenses,
    })
}

fn node(index: usize, NamedCamera { name, camera }: &NamedCamera) -> Value {
    let (_, rotation, translation) = camera.camera_from_world.inverse().to_scale_rotation_translation();
    json!({
        "name": name,
        "camera": index,
        "translation": translation.to_array(),
        "rotation": rotation.normalize().to_array(),
    })
}

fn lens(NamedCamera { name, camera }: &NamedCamera) -> Value {
    let (width, height) = (camera.width as f32, camera.height as f32);
    json!({
        "name": name,
        "type": "perspective",
        "perspective": {
            "yfov": 2.0 * (0.5 * height / camera.fy).atan(),
            "aspectRatio": (width / camera.fx) / (height / camera.fy),
            "znear": camera.near,
        },
        // The size of the picture, which glTF has no word for.
        "extras": { "width": camera.width, "height": camera.height },
    })
}
