//! VRM animations (VRMC_vrm_animation-1.0, `.vrma`): expressions, the head, and the gaze.

use glam::{EulerRot, Quat};
use serde_json::Value;

use crate::error::{invalid, within};
use crate::load::Extensions;
use crate::{Animation, Channel, ChannelValues, Pose, Rig, RigError};

use super::gltf_weights::sample_times;
use super::{Track, TrackLimits, names};

pub(super) const EXTENSION: &str = "VRMC_vrm_animation";

/// The track of the first animation. Weights of expressions are the X of their nodes' translations, from 0 to 1. The head
/// turns as its neck and itself do: a track has no chest to turn with. The gaze turns both eyes, without roll.
pub(super) fn read(
    rig: &Rig,
    extension: &Value,
    extensions: &Extensions,
    limits: &TrackLimits,
) -> Result<Track, RigError> {
    let Some(animation) = rig.animations.first() else { return Err(invalid("the file", "has no animation")) };
    let node_of = |part: &Value| extensions.node(part.get("node")?.as_u64()?);
    let moves = |node: usize, is_it: fn(&ChannelValues) -> Option<usize>| {
        animation.channels.iter().any(|channel| is_it(&channel.values) == Some(node))
    };
    let mut found = Vec::new();
    let mut still = 0_usize;
    let groups = extension.get("expressions").and_then(Value::as_object);
    let groups = ["preset", "custom"].into_iter().filter_map(|group| groups?.get(group)?.as_object());
    for (name, part) in groups.flatten() {
        match node_of(part).filter(|&node| moves(node, translated)) {
            Some(node) => found.push((name.clone(), node)),
            None => still += 1,
        }
        within("the number of controls", found.len() as u64, limits.controls)?;
    }
    if still > 0 {
        tracing::warn!("{still} expressions of the VRM animation do not move, and are left out");
    }
    let bones = extension.get("humanoid").and_then(|h| h.get("humanBones"));
    let bone = |name: &str| node_of(bones?.get(name)?);
    let (head, neck) = (bone("head"), bone("neck"));
    let turning = |node: &Option<usize>| node.is_some_and(|node| moves(node, rotated));
    let head = head.filter(|_| turning(&head) || turning(&neck));
    let gaze = extension.get("lookAt").and_then(node_of).filter(|&node| moves(node, rotated));
    if found.is_empty() && head.is_none() && gaze.is_none() {
        let fault =
            "the VRM animation moves no expression, neither the head nor the gaze: it is of a body alone";
        return Err(RigError::Unsupported(fault.into()));
    }
    let used = |channel: &&Channel| {
        let expression =
            translated(&channel.values).is_some_and(|node| found.iter().any(|(_, n)| *n == node));
        let turned =
            |node| head.is_some() && (Some(node) == head || Some(node) == neck) || Some(node) == gaze;
        expression || rotated(&channel.values).is_some_and(turned)
    };
    let animation = Animation {
        name: animation.name.clone(),
        channels: animation.channels.iter().filter(used).cloned().collect(),
    };
    let times = sample_times(animation.duration(), found.len(), limits)?;
    let (names, nodes): (Vec<String>, Vec<usize>) = found.into_iter().unzip();
    let names = if names.is_empty() { names } else { names::of_own_layout(names, true)? };
    let mut track = Track { names, ..Track::default() };
    let mut pose = Pose::rest(rig);
    let rest = head.map(|head| world(rig, &pose, head));
    let (mut heads, mut eyes) = (Vec::new(), Vec::new());
    for &time in &times {
        animation.sample(time, &mut pose);
        let weight =
            |&node: &usize| pose.nodes.get(node).map_or(0.0, |node| node.translation.x.clamp(0.0, 1.0));
        track.weights.extend(nodes.iter().map(weight));
        if let (Some(head), Some(rest)) = (head, rest) {
            heads.push((world(rig, &pose, head) * rest.inverse()).normalize());
        }
        if let Some(node) = gaze.and_then(|gaze| pose.nodes.get(gaze)) {
            let (yaw, pitch, _) = node.rotation.to_euler(EulerRot::YXZ);
            let eye = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(pitch);
            eyes.push([eye.normalize(); 2]);
        }
    }
    track.head_rotations = Some(heads).filter(|heads| !heads.is_empty());
    track.eye_rotations = Some(eyes).filter(|eyes| !eyes.is_empty());
    track.times = times;
    Ok(track)
}

fn translated(values: &ChannelValues) -> Option<usize> {
    if let ChannelValues::Translation(node, _) = values { Some(*node) } else { None }
}

fn rotated(values: &ChannelValues) -> Option<usize> {
    if let ChannelValues::Rotation(node, _) = values { Some(*node) } else { None }
}

/// The rotation of a node in the world.
fn world(rig: &Rig, pose: &Pose, node: usize) -> Quat {
    let mut rotation = Quat::IDENTITY;
    let mut at = Some(node);
    while let Some(node) = at {
        let local = pose.nodes.get(node).map_or(Quat::IDENTITY, |node| node.rotation);
        rotation = local * rotation;
        // Parents come before their children.
        at = rig.nodes.get(node).and_then(|n| n.parent).filter(|&parent| parent < node);
    }
    rotation
}
