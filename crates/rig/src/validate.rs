//! Whether a rig's arrays agree with one another.

use crate::{ChannelValues, Interpolation, Rig, RigError, error::invalid};

impl Rig {
    /// Checks that all lengths agree, all indices are in range, all numbers finite, and parents stand before their
    /// children. Everything that this crate loads passes; a rig put together by hand should be checked once.
    ///
    /// # Errors
    /// [`RigError::Invalid`] with the first fault.
    pub fn validate(&self) -> Result<(), RigError> {
        let vertices = self.positions.len();
        let lengths = [("normals", self.normals.len()), ("uvs", self.uvs.len())];
        for (what, length) in lengths {
            if length != vertices {
                return Err(invalid(what, format!("{length} entries for {vertices} vertices")));
            }
        }
        if !matches!(self.influences, 1 | 4 | 8) && vertices > 0 {
            return Err(invalid(
                "influences",
                format!("{} per vertex instead of 1, 4 or 8", self.influences),
            ));
        }
        if !self.colors.is_empty() && self.colors.len() != vertices {
            let fault = format!("{} entries for {vertices} vertices", self.colors.len());
            return Err(invalid("colours", fault));
        }
        let influences = vertices.saturating_mul(self.influences);
        if self.joint_indices.len() != influences || self.joint_weights.len() != influences {
            return Err(invalid("joint indices and weights", format!("not {influences} of each")));
        }
        let finite = self.positions.iter().all(|p| p.is_finite())
            && self.normals.iter().all(|n| n.is_finite())
            && self.uvs.iter().all(|t| t.is_finite())
            && self.colors.iter().all(|c| c.is_finite())
            && self.joint_weights.iter().all(|w| w.is_finite());
        if !finite {
            return Err(invalid("vertices", "a value is not finite"));
        }
        if self.joint_indices.iter().any(|&j| usize::from(j) >= self.joints.len()) {
            return Err(invalid("joint indices", "one is out of range"));
        }
        if self.triangles.iter().flatten().any(|&v| v as usize >= vertices) {
            return Err(invalid("triangles", "a vertex is out of range"));
        }
        self.validate_scene()?;
        self.validate_controls()?;
        self.validate_animations()
    }

    fn validate_scene(&self) -> Result<(), RigError> {
        for (i, p) in self.primitives.iter().enumerate() {
            let inside = |r: &std::ops::Range<u32>, n: usize| r.start <= r.end && r.end as usize <= n;
            if !inside(&p.vertices, self.positions.len())
                || !inside(&p.triangles, self.triangles.len())
                || p.node >= self.nodes.len()
                || p.material.is_some_and(|m| m >= self.materials.len())
            {
                return Err(invalid(format!("primitive {i}"), "refers to something out of range"));
            }
        }
        for (i, joint) in self.joints.iter().enumerate() {
            if joint.node >= self.nodes.len() || !joint.node_from_mesh.is_finite() {
                return Err(invalid(format!("joint {i}"), "has no node or a matrix that is not finite"));
            }
        }
        for (i, node) in self.nodes.iter().enumerate() {
            if node.parent.is_some_and(|p| p >= i) {
                return Err(invalid(format!("node {i}"), "stands before its parent"));
            }
            if !(node.translation.is_finite() && node.rotation.is_finite() && node.scale.is_finite()) {
                return Err(invalid(format!("node {i}"), "a value is not finite"));
            }
        }
        if let Some((bone, _)) = self.humanoid.iter().find(|(_, node)| **node >= self.nodes.len()) {
            return Err(invalid(format!("the bone {bone}"), "has no node"));
        }
        for (i, m) in self.materials.iter().enumerate() {
            let images = [m.base_color_image, m.normal_image.map(|n| n.0), m.metallic_roughness_image];
            if images.into_iter().flatten().any(|image| image >= self.images.len()) {
                return Err(invalid(format!("material {i}"), "refers to a picture that is not there"));
            }
        }
        Ok(())
    }

    fn validate_controls(&self) -> Result<(), RigError> {
        for morph in &self.morphs {
            let place = || format!("morph {}", morph.name);
            if morph.indices.len() != morph.deltas.len() {
                return Err(invalid(place(), "as many vertices as displacements are needed"));
            }
            if !morph.indices.is_sorted_by(|a, b| a < b)
                || morph.indices.last().is_some_and(|&v| v as usize >= self.positions.len())
            {
                return Err(invalid(place(), "vertices are out of range or not ascending"));
            }
            if !morph.default_weight.is_finite() || !morph.deltas.iter().all(|d| d.is_finite()) {
                return Err(invalid(place(), "a value is not finite"));
            }
        }
        for expression in &self.expressions {
            if expression.binds.iter().any(|&(m, w)| m >= self.morphs.len() || !w.is_finite()) {
                return Err(invalid(format!("expression {}", expression.name), "a bind means nothing"));
            }
        }
        Ok(())
    }

    fn validate_animations(&self) -> Result<(), RigError> {
        for (i, animation) in self.animations.iter().enumerate() {
            for (k, channel) in animation.channels.iter().enumerate() {
                let (target, values, finite) = match &channel.values {
                    ChannelValues::Translation(node, v) | ChannelValues::Scale(node, v) => {
                        (*node < self.nodes.len(), v.len(), v.iter().all(|v| v.is_finite()))
                    }
                    ChannelValues::Rotation(node, v) => {
                        (*node < self.nodes.len(), v.len(), v.iter().all(|v| v.is_finite()))
                    }
                    ChannelValues::Weights(morphs, v) => (
                        morphs.iter().all(|&m| m < self.morphs.len()),
                        v.len() / morphs.len().max(1),
                        v.iter().all(|v| v.is_finite()),
                    ),
                };
                let per_key = if channel.interpolation == Interpolation::CubicSpline { 3 } else { 1 };
                let times = &channel.times;
                let ascending = times.iter().all(|t| t.is_finite()) && times.is_sorted_by(|a, b| a < b);
                if !target || !finite || !ascending || times.is_empty() || values != times.len() * per_key {
                    return Err(invalid(
                        format!("animation {i}, channel {k}"),
                        "its target, times or values do not fit together",
                    ));
                }
            }
        }
        Ok(())
    }
}
