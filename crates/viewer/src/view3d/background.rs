//! What is behind the avatar.

use std::path::{Path, PathBuf};

use egui::{Color32, ColorImage, Mesh, Rect, TextureHandle, TextureOptions, Ui, pos2, vec2};

use crate::look::{Background, Look};
use crate::message::Messages;

/// The side of one check, points.
const CHECK: f32 = 10.0;
/// The largest picture, pixels.
const MOST_PIXELS: usize = 1 << 26;

/// Textures of backgrounds.
#[derive(Default)]
pub(crate) struct Backgrounds {
    checks: Option<TextureHandle>,
    picture: Option<(PathBuf, Option<TextureHandle>)>,
}

impl Backgrounds {
    pub(crate) fn draw(&mut self, ui: &Ui, rect: Rect, look: &Look, messages: &mut Messages) {
        let painter = ui.painter();
        let [r, g, b] = look.colour;
        match (look.background, &look.picture) {
            (Background::Studio, _) => studio(ui, rect),
            (Background::Colour, _) | (Background::Picture, None) => {
                painter.rect_filled(rect, 0.0, Color32::from_rgb(r, g, b));
            }
            (Background::Picture, Some(path)) => {
                if let Some(texture) = self.picture(ui, path, messages) {
                    let full = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                    painter.image(
                        texture.id(),
                        rect,
                        covering(texture.size_vec2(), rect, full),
                        Color32::WHITE,
                    );
                } else {
                    painter.rect_filled(rect, 0.0, Color32::from_rgb(r, g, b));
                }
            }
            (Background::Checks, _) => {
                let texture = self.checks.get_or_insert_with(|| {
                    let (light, dark) = (Color32::from_gray(150), Color32::from_gray(110));
                    let image = ColorImage::new([2, 2], vec![light, dark, dark, light]);
                    ui.ctx().load_texture("checks", image, TextureOptions::NEAREST_REPEAT)
                });
                let many = rect.size() / (2.0 * CHECK);
                let all = Rect::from_min_size(pos2(0.0, 0.0), many);
                painter.image(texture.id(), rect, all, Color32::WHITE);
            }
        }
    }

    /// The picture of a file; it is read once, and if it cannot be that is said once.
    fn picture(&mut self, ui: &Ui, path: &Path, messages: &mut Messages) -> Option<&TextureHandle> {
        if self.picture.as_ref().is_none_or(|(known, _)| known != path) {
            let texture = match read(path) {
                Ok(image) => Some(ui.ctx().load_texture("background", image, TextureOptions::LINEAR)),
                Err(fault) => {
                    messages.fault(format!("{}: {fault}", path.display()), "Choose a PNG picture.");
                    None
                }
            };
            self.picture = Some((path.to_owned(), texture));
        }
        self.picture.as_ref()?.1.as_ref()
    }
}

/// A wall that is lit from the middle.
fn studio(ui: &Ui, rect: Rect) {
    let (middle, edge) = (Color32::from_gray(92), Color32::from_gray(48));
    let mut mesh = Mesh::default();
    let centre = rect.center() - vec2(0.0, 0.08 * rect.height());
    mesh.colored_vertex(centre, middle);
    // Around in steps that are too small to be seen as corners.
    const STEPS: u32 = 48;
    let radius = 0.75 * rect.size().length();
    for ring in 1..=6_u32 {
        let part = ring as f32 / 6.0;
        // Falls off smoothly on both ends.
        let fall = part * part * (3.0 - 2.0 * part);
        let level = egui::lerp(f32::from(middle.r())..=f32::from(edge.r()), fall);
        for step in 0..STEPS {
            let angle = std::f32::consts::TAU * step as f32 / STEPS as f32;
            mesh.colored_vertex(
                centre + radius * part * vec2(angle.cos(), angle.sin()),
                Color32::from_gray(level as u8),
            );
            let (here, next) = (1 + (ring - 1) * STEPS + step, 1 + (ring - 1) * STEPS + (step + 1) % STEPS);
            if ring == 1 {
                mesh.add_triangle(0, here, next);
            } else {
                mesh.add_triangle(here - STEPS, here, next);
                mesh.add_triangle(here - STEPS, next, next - STEPS);
            }
        }
    }
    ui.painter().with_clip_rect(rect).add(mesh);
}

/// The part of a picture that covers `rect` without being stretched.
fn covering(size: egui::Vec2, rect: Rect, full: Rect) -> Rect {
    let scale = (rect.size() / size).max_elem().max(f32::MIN_POSITIVE);
    Rect::from_center_size(full.center(), rect.size() / (scale * size))
}

fn read(path: &Path) -> Result<ColorImage, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(format!("{width} × {height} pixels are too many"));
    }
    let size = reader.output_buffer_size().ok_or("it is too large")?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(|error| error.to_string())?;
    let bytes = &bytes[..info.buffer_size()];
    let pixels = match info.color_type {
        png::ColorType::Rgba => {
            bytes.chunks_exact(4).map(|p| Color32::from_rgba_unmultiplied(p[0], p[1], p[2], p[3])).collect()
        }
        png::ColorType::GrayscaleAlpha => {
            bytes.chunks_exact(2).map(|p| Color32::from_rgba_unmultiplied(p[0], p[0], p[0], p[1])).collect()
        }
        other => return Err(format!("{other:?} pixels are not known")),
    };
    Ok(ColorImage::new([width, height], pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_cover_without_being_stretched() {
        let full = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 100.0));
        // A square picture on a room twice as wide: all of its width, the middle half of its height.
        let part = covering(vec2(50.0, 50.0), rect, full);
        assert_eq!((part.min, part.max), (pos2(0.0, 0.25), pos2(1.0, 0.75)));
    }
}
