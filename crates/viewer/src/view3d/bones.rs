//! The skeleton over the avatar.

use effigy_rig::{Palette, Pose, Rig, joint_palette};
use effigy_splat::Camera;
use egui::{Color32, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};
use glam::Vec3;

/// Draws the joints of `rig` and the nodes they hang on, as bones from parent to child.
pub(crate) fn draw(ui: &Ui, rect: Rect, rig: &Rig, pose: &Pose, camera: &Camera) {
    let mut palette = Palette::default();
    joint_palette(rig, pose, &mut palette);
    let mut is_bone = vec![false; rig.nodes.len()];
    for joint in &rig.joints {
        // What a joint hangs on moves it too.
        let mut node = Some(joint.node);
        while let Some(at) = node.filter(|&at| is_bone.get(at) == Some(&false)) {
            is_bone[at] = true;
            node = rig.nodes[at].parent;
        }
    }
    let places: Vec<Option<Pos2>> = palette
        .world_from_node
        .iter()
        .map(|world_from_node| project(camera, rect, world_from_node.translation.into()))
        .collect();
    let painter = ui.painter().with_clip_rect(rect);
    let (fill, line) = (Color32::from_rgba_unmultiplied(255, 196, 64, 90), Color32::from_rgb(255, 214, 120));
    for (node, &end) in places.iter().enumerate().filter(|(node, _)| is_bone[*node]) {
        let Some(end) = end else { continue };
        if let Some(start) = rig.nodes[node].parent.filter(|&p| is_bone[p]).and_then(|parent| places[parent])
        {
            painter.add(bone(start, end, fill, line));
        }
        painter.circle(end, 3.5, Color32::from_black_alpha(120), Stroke::new(1.5, line));
        painter.text(
            end + vec2(6.0, -2.0),
            egui::Align2::LEFT_BOTTOM,
            &rig.nodes[node].name,
            egui::FontId::proportional(10.5),
            line,
        );
    }
}

/// A kite, thick at its start.
fn bone(start: Pos2, end: Pos2, fill: Color32, line: Color32) -> Shape {
    let along = end - start;
    let across = 0.09 * vec2(-along.y, along.x);
    let thick = start + 0.18 * along;
    Shape::convex_polygon(vec![start, thick + across, end, thick - across], fill, Stroke::new(1.0, line))
}

/// Where a point is drawn; nowhere behind the camera.
fn project(camera: &Camera, rect: Rect, point: Vec3) -> Option<Pos2> {
    let p = camera.camera_from_world.transform_point3(point);
    if -p.z < camera.near {
        return None;
    }
    let x = (camera.cx - camera.fx * p.x / p.z) / camera.width as f32;
    let y = (camera.cy + camera.fy * p.y / p.z) / camera.height as f32;
    Some(pos2(rect.min.x + x * rect.width(), rect.min.y + y * rect.height()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_in_the_middle_and_nothing_is_drawn_behind() {
        let camera = Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 0.6, 640, 480);
        let rect = Rect::from_min_size(pos2(100.0, 50.0), vec2(320.0, 240.0));
        let middle = project(&camera, rect, Vec3::ZERO).unwrap();
        assert!((middle - rect.center()).length() < 1e-3);
        assert!(project(&camera, rect, Vec3::new(0.0, 0.1, 0.0)).unwrap().y < rect.center().y);
        assert!(project(&camera, rect, Vec3::new(0.0, 0.0, 3.0)).is_none());
    }
}
