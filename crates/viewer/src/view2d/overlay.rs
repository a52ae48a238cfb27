//! What is drawn over the frame: lines between pixels, numbers, labels and legends.

use effigy_video::encoder::QualityMap;
use egui::{
    Align2, Color32, CornerRadius, FontId, Mesh, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2,
};

use super::layers::{self, STRONGEST_MOTION, STRONGEST_OFFSET};
use super::setup::Layer;

/// From so many pixels of the screen on for each of the frame there are lines between them.
const GRID_FROM: f32 = 8.0;
/// A block has to be so many points wide to have a number.
const NUMBER_FROM: f32 = 34.0;

const INK: Color32 = Color32::WHITE;
const CHIP: Color32 = Color32::from_black_alpha(170);

fn small() -> FontId {
    FontId::proportional(11.0)
}

/// Lines between the pixels of a frame that fills `rect`, of which `seen` is seen.
pub(crate) fn pixel_grid(painter: &Painter, seen: Rect, rect: Rect, scale: f32, pixels_per_point: f32) {
    if scale < GRID_FROM {
        return;
    }
    let step = scale / pixels_per_point;
    // Fainter where there are more of them.
    let alpha = (24.0 + 3.0 * (scale - GRID_FROM)).min(80.0) as u8;
    let stroke = Stroke::new(1.0 / pixels_per_point, Color32::from_white_alpha(alpha));
    let lines = |start: f32, low: f32, high: f32| {
        let first = ((low - start) / step).ceil() as i32;
        let last = ((high - start) / step).floor() as i32;
        (first..=last).map(move |i| start + step * i as f32)
    };
    for x in lines(rect.left(), seen.left(), seen.right()) {
        painter.vline(x, seen.y_range(), stroke);
    }
    for y in lines(rect.top(), seen.top(), seen.bottom()) {
        painter.hline(seen.x_range(), y, stroke);
    }
}

/// A line around the frame.
pub(crate) fn frame_edge(painter: &Painter, rect: Rect) {
    painter.rect_stroke(rect, 0.0, Stroke::new(1.0, Color32::from_white_alpha(28)), StrokeKind::Outside);
}

/// The offsets of blocks in numbers, where there is room for them.
pub(crate) fn offsets(painter: &Painter, map: &QualityMap, seen: Rect, block: impl Fn(u32, u32) -> Rect) {
    let width = block(0, 0).width();
    for row in 0..map.rows {
        for column in 0..map.columns {
            let rect = block(column, row);
            let offset = map.offsets.get((row * map.columns + column) as usize);
            let (Some(offset), true) = (offset, rect.intersects(seen)) else { continue };
            if width >= 12.0 {
                let line = Stroke::new(0.5, Color32::from_black_alpha(60));
                painter.rect_stroke(rect, 0.0, line, StrokeKind::Middle);
            }
            if width >= NUMBER_FROM {
                let text = format!("{offset:+.1}");
                painter.text(rect.center(), Align2::CENTER_CENTER, text, small(), INK);
            }
        }
    }
}

/// The name of a part, in its upper left if it is wide enough.
pub(crate) fn label(painter: &Painter, corner: Pos2, width: f32, text: &str) {
    let galley = painter.layout_no_wrap(text.into(), small(), INK);
    let size = galley.size() + vec2(12.0, 5.0);
    if width < size.x + 12.0 {
        return;
    }
    let chip = Rect::from_min_size(corner + vec2(6.0, 6.0), size);
    painter.rect_filled(chip, CornerRadius::same(3), CHIP);
    painter.galley(chip.min + vec2(6.0, 2.5), galley, INK);
}

/// A line of text in the middle.
pub(crate) fn notice(painter: &Painter, rect: Rect, text: &str) {
    painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(12.5), Color32::GRAY);
}

/// What divides two stages.
pub(crate) fn divider(painter: &Painter, x: f32, seen: Rect, active: bool) {
    let stroke = Stroke::new(if active { 2.0 } else { 1.0 }, INK);
    painter.vline(x, seen.y_range(), Stroke::new(stroke.width + 2.0, Color32::from_black_alpha(90)));
    painter.vline(x, seen.y_range(), stroke);
    let middle = pos2(x, seen.center().y);
    let grip = Rect::from_center_size(middle, vec2(14.0, 22.0));
    painter.rect_filled(grip, CornerRadius::same(4), if active { INK } else { Color32::from_gray(225) });
    for way in [-1.0_f32, 1.0] {
        let tip = middle + vec2(5.0 * way, 0.0);
        let back = 3.5 * way;
        let points = vec![tip, tip + vec2(-back, -4.0), tip + vec2(-back, 4.0)];
        painter.add(egui::Shape::convex_polygon(points, Color32::from_gray(60), Stroke::NONE));
    }
}

/// The pixel that is read.
pub(crate) fn mark(painter: &Painter, rect: Rect, pinned: bool) {
    let rect = if pinned { rect.expand(2.0) } else { rect };
    painter.rect_stroke(rect, 0.0, Stroke::new(2.0, Color32::from_black_alpha(160)), StrokeKind::Outside);
    let colour = if pinned { Color32::from_rgb(255, 200, 40) } else { INK };
    painter.rect_stroke(rect, 0.0, Stroke::new(1.0, colour), StrokeKind::Outside);
}

/// What the colours of a layer mean, at the lower left.
pub(crate) fn legend(painter: &Painter, room: Rect, layer: Layer, gain: f32) {
    let corner = room.left_bottom() + vec2(8.0, -8.0);
    match layer {
        Layer::Importance => {
            bar(painter, corner, layers::heat, ["0", "0.5", "1"]);
        }
        Layer::Quantiser => {
            let colour = |part: f32| layers::offset_colour((2.0 * part - 1.0) * STRONGEST_OFFSET);
            bar(painter, corner, colour, ["−12 better", "0", "worse +12"]);
        }
        Layer::Motion => wheel(painter, corner, STRONGEST_MOTION / gain),
        Layer::Difference => {
            let most = 255.0 / gain;
            let colour = |part: f32| Color32::from_gray((255.0 * part) as u8);
            let middle = format!("{:.0}", 0.5 * most);
            bar(painter, corner, colour, ["0", &middle, &format!("{most:.0} of 255")]);
        }
        _ => {}
    }
}

/// A strip of colours over its numbers.
fn bar(painter: &Painter, corner: Pos2, colour: impl Fn(f32) -> Color32, ends: [&str; 3]) {
    const STEPS: u32 = 48;
    let chip = Rect::from_min_max(corner - vec2(0.0, 36.0), corner + vec2(216.0, 0.0));
    painter.rect_filled(chip, CornerRadius::same(3), CHIP);
    let strip = Rect::from_min_size(chip.min + vec2(8.0, 6.0), vec2(200.0, 10.0));
    let mut mesh = Mesh::default();
    for i in 0..=STEPS {
        let part = i as f32 / STEPS as f32;
        let x = egui::lerp(strip.left()..=strip.right(), part);
        mesh.colored_vertex(pos2(x, strip.top()), colour(part));
        mesh.colored_vertex(pos2(x, strip.bottom()), colour(part));
        if i > 0 {
            mesh.add_triangle(2 * i - 2, 2 * i - 1, 2 * i);
            mesh.add_triangle(2 * i - 1, 2 * i, 2 * i + 1);
        }
    }
    painter.add(mesh);
    let below = strip.bottom() + 3.0;
    for (text, x, align) in [
        (ends[0], strip.left(), Align2::LEFT_TOP),
        (ends[1], strip.center().x, Align2::CENTER_TOP),
        (ends[2], strip.right(), Align2::RIGHT_TOP),
    ] {
        painter.text(pos2(x, below), align, text, FontId::proportional(10.5), INK);
    }
}

/// Directions and how far `most` pixels are.
fn wheel(painter: &Painter, corner: Pos2, most: f32) {
    const STEPS: u32 = 36;
    const RINGS: u32 = 4;
    const RADIUS: f32 = 26.0;
    let chip = Rect::from_min_max(corner - vec2(0.0, 78.0), corner + vec2(74.0, 0.0));
    painter.rect_filled(chip, CornerRadius::same(3), CHIP);
    let middle = pos2(chip.center().x, chip.top() + 8.0 + RADIUS);
    let mut mesh = Mesh::default();
    for ring in 0..=RINGS {
        for step in 0..STEPS {
            let part = ring as f32 / RINGS as f32;
            let angle = std::f32::consts::TAU * step as f32 / STEPS as f32;
            let at = part * vec2(angle.cos(), angle.sin());
            mesh.colored_vertex(middle + RADIUS * at, layers::direction(at.x, at.y, 1.0));
            if ring > 0 {
                let (here, next) = (ring * STEPS + step, ring * STEPS + (step + 1) % STEPS);
                mesh.add_triangle(here, next, here - STEPS);
                mesh.add_triangle(next, next - STEPS, here - STEPS);
            }
        }
    }
    painter.add(mesh);
    let text = if most >= 1.0 { format!("{most:.0} pixels") } else { format!("{most:.1} pixels") };
    let below = pos2(middle.x, chip.bottom() - 4.0);
    painter.text(below, Align2::CENTER_BOTTOM, text, FontId::proportional(10.5), INK);
}
