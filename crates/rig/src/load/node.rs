//! The node tree: order, transforms, and which nodes the scene shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use glam::{Mat3, Mat4, Quat, Vec3};
use gltf::json::Root;

use crate::error::{invalid, within};
use crate::{LoadLimits, Node, RigError};

/// The file's nodes with parents before children. Where the file keeps to that already, its order is kept.
pub(super) struct Order {
    /// File indices in rig order.
    pub(super) files: Vec<usize>,
    /// Rig indices in file order.
    rigs: Vec<usize>,
    /// Parents, both in rig order.
    parents: Vec<Option<usize>>,
    /// Whether the scene shows the node, in rig order.
    pub(super) shown: Vec<bool>,
}

impl Order {
    pub(super) fn new(root: &Root, limits: &LoadLimits) -> Result<Self, RigError> {
        let count = root.nodes.len();
        within("the number of nodes", count as u64, limits.nodes)?;
        let children = |node: usize| {
            let children = root.nodes.get(node).and_then(|n| n.children.as_deref()).unwrap_or_default();
            children.iter().map(|c| c.value())
        };
        let mut parents = vec![None; count];
        for node in 0..count {
            for child in children(node) {
                match parents.get_mut(child) {
                    None => {
                        return Err(invalid(format!("node {node}"), format!("there is no child {child}")));
                    }
                    Some(Some(_)) => return Err(invalid(format!("node {child}"), "is a child twice")),
                    Some(parent) => *parent = Some(node),
                }
            }
        }
        let mut ready: BinaryHeap<_> = (0..count).filter(|&n| parents[n].is_none()).map(Reverse).collect();
        let mut files = Vec::with_capacity(count);
        while let Some(Reverse(node)) = ready.pop() {
            files.push(node);
            ready.extend(children(node).map(Reverse));
        }
        if files.len() != count {
            return Err(invalid("the nodes", "form a cycle"));
        }
        let mut rigs = vec![0; count];
        for (rig, &file) in files.iter().enumerate() {
            rigs[file] = rig;
        }
        let parents: Vec<Option<usize>> = files.iter().map(|&f| parents[f].map(|p| rigs[p])).collect();

        let scene = match root.scene {
            Some(index) => Some(root.scenes.get(index.value()).ok_or_else(|| {
                invalid("the default scene", format!("there is no scene {}", index.value()))
            })?),
            None => root.scenes.first(),
        };
        let mut shown = vec![scene.is_none(); count];
        for node in scene.map(|s| s.nodes.as_slice()).unwrap_or_default() {
            let rig = rigs.get(node.value()).copied();
            match rig.and_then(|r| shown.get_mut(r)) {
                Some(shown) => *shown = true,
                None => return Err(invalid("the scene", format!("there is no node {}", node.value()))),
            }
        }
        for node in 0..count {
            shown[node] |= parents[node].is_some_and(|p| shown[p]);
        }
        Ok(Self { files, rigs, parents, shown })
    }

    /// The rig's node for the file's.
    pub(super) fn rig(&self, file: usize) -> Option<usize> {
        self.rigs.get(file).copied()
    }

    pub(super) fn nodes(&self, root: &Root) -> Result<Vec<Node>, RigError> {
        let mut nodes = Vec::with_capacity(self.files.len());
        for (&file, &parent) in self.files.iter().zip(&self.parents) {
            let Some(node) = root.nodes.get(file) else { continue };
            let place = || format!("node {file}");
            let (scale, rotation, translation) = match &node.matrix {
                Some(matrix) => decompose(Mat4::from_cols_array(matrix)),
                None => (
                    node.scale.map_or(Vec3::ONE, Vec3::from),
                    node.rotation.map_or(Quat::IDENTITY, |r| Quat::from_array(r.0)),
                    node.translation.map_or(Vec3::ZERO, Vec3::from),
                ),
            };
            if !(scale.is_finite() && rotation.is_finite() && translation.is_finite()) {
                return Err(invalid(place(), "its transform is not finite"));
            }
            let length = rotation.length();
            if !(length > 1e-6 && length.is_finite()) {
                return Err(invalid(place(), "its rotation is not a quaternion of unit length"));
            }
            // Unit quaternions stay as they are, bit for bit.
            let rotation = if (length - 1.0).abs() < 1e-6 { rotation } else { rotation / length };
            nodes.push(Node {
                name: node.name.clone().unwrap_or_default(),
                parent,
                translation,
                rotation,
                scale,
            });
        }
        Ok(nodes)
    }
}

/// Scale, rotation and translation of a matrix without shear; what shear there is gets lost.
fn decompose(m: Mat4) -> (Vec3, Quat, Vec3) {
    let linear = Mat3::from_mat4(m);
    let mut scale = Vec3::new(linear.x_axis.length(), linear.y_axis.length(), linear.z_axis.length());
    if linear.determinant() < 0.0 {
        scale.x = -scale.x;
    }
    let rotation = Mat3::from_cols(linear.x_axis / scale.x, linear.y_axis / scale.y, linear.z_axis / scale.z);
    // A matrix of rank below 3 has no rotation of its own.
    let rotation = if rotation.is_finite() { Quat::from_mat3(&rotation).normalize() } else { Quat::IDENTITY };
    (scale, if rotation.is_finite() { rotation } else { Quat::IDENTITY }, m.w_axis.truncate())
}
