//! The boxes that an avatar, its head and its face fill, for framing them.

use effigy_rig::Rig;
use glam::Vec3;

use crate::{Avatar, AvatarError, Body, Part, parts};

/// A box in world space, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// The least of each coordinate.
    pub low: Vec3,
    /// The greatest of each.
    pub high: Vec3,
}

/// What an avatar fills at rest, without its outermost stragglers: trained scenes hold a few Gaussians far out, and
/// faint ones anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extents {
    /// All of it.
    pub whole: Extent,
    /// What follows the head's node ([`Rig::head_node`]); where that is everything, what is above the chin; all of it
    /// where that is not known either.
    pub head: Extent,
    /// Eyes, mouth and what else of the face an expression moves ([`parts`]); the head where that is not known.
    pub face: Extent,
}

/// Of the Gaussians that are looked at, this part is left out at either end of each axis.
const STRAGGLERS: usize = 500;
/// Of a face's height, what belongs to the head below what an expression moves.
const CHIN: f32 = 0.12;

impl Extent {
    /// Its middle.
    pub fn center(&self) -> Vec3 {
        0.5 * (self.low + self.high)
    }

    /// Half its size.
    pub fn half(&self) -> Vec3 {
        0.5 * (self.high - self.low)
    }
}

impl Extents {
    /// Of `avatar` at rest. Without Gaussians, a metre around the origin.
    ///
    /// # Errors
    /// As [`Avatar::posed_at_rest`].
    pub fn of(avatar: &Avatar) -> Result<Self, AvatarError> {
        let gaussians = avatar.posed_at_rest()?.gaussians;
        let mut solid: Vec<usize> =
            (0..gaussians.len()).filter(|&i| gaussians.opacity_logits[i] > 0.0).collect();
        if solid.is_empty() {
            solid = (0..gaussians.len()).collect();
        }
        let around = |chosen: &dyn Fn(usize) -> bool| {
            let places: Vec<Vec3> =
                solid.iter().filter(|&&i| chosen(i)).map(|&i| gaussians.positions[i]).collect();
            around(&places)
        };
        let whole = around(&|_| true).unwrap_or(Extent { low: Vec3::splat(-0.5), high: Vec3::splat(0.5) });
        let head = avatar.body.as_ref().and_then(|body| {
            let of_head = vertices_of_head(&body.rig)?;
            around(&|i| corner(body, i).is_some_and(|vertex| of_head.get(vertex) == Some(&true)))
        });
        let parts = parts(avatar);
        let face = around(&|i| matches!(parts.get(i), Some(Part::Eyes | Part::Mouth | Part::Face)));
        // A bust whose only joint is the head's: what is above the chin.
        let chin = face.map(|face: Extent| face.low.y - CHIN * (face.high.y - face.low.y));
        let above = |chin: f32| around(&|i| gaussians.positions[i].y > chin);
        let head = head.filter(|head| *head != whole).or_else(|| above(chin?)).unwrap_or(whole);
        Ok(Self { whole, head, face: face.unwrap_or(head) })
    }
}

fn around(places: &[Vec3]) -> Option<Extent> {
    if places.is_empty() {
        return None;
    }
    let (mut low, mut high) = (Vec3::ZERO, Vec3::ZERO);
    for axis in 0..3 {
        let mut values: Vec<f32> = places.iter().map(|place| place[axis]).collect();
        let left_out = values.len() / STRAGGLERS;
        let last = values.len() - 1 - left_out;
        low[axis] = *values.select_nth_unstable_by(left_out, f32::total_cmp).1;
        high[axis] = *values.select_nth_unstable_by(last, f32::total_cmp).1;
    }
    Some(Extent { low, high })
}

/// A vertex of the triangle that Gaussian `i` sits on.
fn corner(body: &Body, i: usize) -> Option<usize> {
    let triangle = body.rig.triangles.get(*body.binding.triangles.get(i)? as usize)?;
    Some(triangle[0] as usize)
}

/// Which vertices follow the head more than anything else.
fn vertices_of_head(rig: &Rig) -> Option<Vec<bool>> {
    let head = rig.head_node()?;
    let mut below = vec![false; rig.nodes.len()];
    for (i, node) in rig.nodes.iter().enumerate() {
        below[i] = i == head || node.parent.is_some_and(|parent| below.get(parent) == Some(&true));
    }
    let of_head = |joint: u16| {
        let joint = rig.joints.get(usize::from(joint));
        joint.is_some_and(|joint| below.get(joint.node) == Some(&true))
    };
    let width = rig.influences.max(1);
    let influences = rig.joint_indices.chunks(width).zip(rig.joint_weights.chunks(width));
    let vertices: Vec<bool> = influences
        .map(|(joints, weights)| {
            let share: f32 = joints.iter().zip(weights).filter(|(j, _)| of_head(**j)).map(|(_, w)| w).sum();
            share > 0.5
        })
        .collect();
    vertices.contains(&true).then_some(vertices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_stragglers_do_not_widen_the_box() {
        // A thousand places from 0 to 0.999 along each axis, and two far away.
        let mut places: Vec<Vec3> = (0..1000).map(|i| Vec3::splat(i as f32 * 1e-3)).collect();
        places.extend([Vec3::splat(-50.0), Vec3::new(70.0, 0.0, 0.0)]);
        let extent = around(&places).unwrap();
        assert!(extent.low.cmpge(Vec3::ZERO).all() && extent.high.cmple(Vec3::ONE).all(), "{extent:?}");
        assert!(extent.high.x > 0.99);
        assert_eq!(around(&[]), None);
        let one = around(&[Vec3::X]).unwrap();
        assert_eq!((one.center(), one.half()), (Vec3::X, Vec3::ZERO));
    }

    #[test]
    fn the_bundled_face_is_within_its_head() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
        let avatar = Avatar::open(path, &crate::OpenOptions::default()).unwrap();
        let Extents { whole, head, face } = Extents::of(&avatar).unwrap();
        let slack = Vec3::splat(0.01);
        assert!(head.low.cmpge(whole.low - slack).all() && head.high.cmple(whole.high + slack).all());
        assert!(face.low.cmpge(head.low - slack).all() && face.high.cmple(head.high + slack).all());
        // An adult's face is 0.1 to 0.2 m wide, and looks along +Z: it lies before the head's middle.
        let width = 2.0 * face.half().x;
        assert!((0.08..0.25).contains(&width), "{width}");
        assert!(face.center().z > head.center().z);
    }
}
