//! How the interface looks: dark and light, each also in high contrast.

use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, Style, TextStyle, Theme, Visuals, vec2};
use serde::{Deserialize, Serialize};

/// Dark, light, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ThemeChoice {
    /// What pictures are judged in.
    #[default]
    Dark,
    Light,
    System,
}

impl ThemeChoice {
    pub(crate) const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::System];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::System => "As the system",
        }
    }
}

/// The colours of one theme.
struct Palette {
    dark: bool,
    /// Behind everything, of panels, of fields, of buttons, of buttons under the mouse, and of lines.
    deepest: Color32,
    panel: Color32,
    field: Color32,
    button: Color32,
    hovered: Color32,
    line: Color32,
    /// Text, and text that is less to be seen.
    text: Color32,
    strong: Color32,
    weak: Color32,
    /// What is chosen, and text on it.
    accent: Color32,
    on_accent: Color32,
    warning: Color32,
    error: Color32,
}

const fn gray(level: u8) -> Color32 {
    Color32::from_gray(level)
}

const DARK: Palette = Palette {
    dark: true,
    deepest: gray(23),
    panel: gray(36),
    field: gray(24),
    button: gray(58),
    hovered: gray(74),
    line: gray(22),
    text: gray(214),
    strong: gray(250),
    weak: gray(150),
    accent: Color32::from_rgb(56, 112, 176),
    on_accent: gray(255),
    warning: Color32::from_rgb(240, 180, 80),
    error: Color32::from_rgb(255, 120, 105),
};

const LIGHT: Palette = Palette {
    dark: false,
    deepest: gray(206),
    panel: gray(232),
    field: gray(250),
    button: gray(212),
    hovered: gray(198),
    line: gray(192),
    text: gray(32),
    strong: gray(0),
    weak: gray(92),
    accent: Color32::from_rgb(44, 106, 180),
    on_accent: gray(255),
    warning: Color32::from_rgb(146, 84, 0),
    error: Color32::from_rgb(176, 24, 16),
};

impl Palette {
    /// Text and lines that stand out as far as they can.
    fn high_contrast(self) -> Self {
        let (ink, paper) = if self.dark { (gray(255), gray(0)) } else { (gray(0), gray(255)) };
        Self {
            deepest: paper,
            panel: paper,
            field: paper,
            line: ink,
            text: ink,
            strong: ink,
            weak: ink,
            accent: if self.dark { Color32::from_rgb(255, 210, 0) } else { Color32::from_rgb(0, 56, 140) },
            on_accent: paper,
            button: if self.dark { gray(40) } else { gray(225) },
            hovered: if self.dark { gray(80) } else { gray(190) },
            ..self
        }
    }

    fn visuals(&self) -> Visuals {
        let mut visuals = if self.dark { Visuals::dark() } else { Visuals::light() };
        visuals.panel_fill = self.panel;
        visuals.window_fill = self.panel;
        visuals.window_stroke = Stroke::new(1.0, self.line);
        visuals.window_corner_radius = CornerRadius::same(6);
        visuals.menu_corner_radius = CornerRadius::same(5);
        visuals.extreme_bg_color = self.field;
        visuals.faint_bg_color = if self.dark { gray(41) } else { gray(225) };
        visuals.weak_text_color = Some(self.weak);
        visuals.warn_fg_color = self.warning;
        visuals.error_fg_color = self.error;
        visuals.selection.bg_fill = self.accent;
        visuals.selection.stroke = Stroke::new(1.0, self.on_accent);
        visuals.slider_trailing_fill = true;
        visuals.striped = false;
        visuals.indent_has_left_vline = false;
        visuals.collapsing_header_frame = false;
        let radius = CornerRadius::same(3);
        let widgets = &mut visuals.widgets;
        widgets.noninteractive.bg_fill = self.panel;
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, self.line);
        widgets.noninteractive.fg_stroke = Stroke::new(1.0, self.text);
        for (state, fill, ink) in [
            (&mut widgets.inactive, self.button, self.text),
            (&mut widgets.hovered, self.hovered, self.strong),
            // What is pressed; its ink is that of strong text everywhere.
            (&mut widgets.active, self.hovered, self.strong),
            (&mut widgets.open, self.button, self.strong),
        ] {
            state.bg_fill = fill;
            state.weak_bg_fill = fill;
            state.bg_stroke = Stroke::NONE;
            state.fg_stroke = Stroke::new(1.0, ink);
            state.expansion = 0.0;
            state.corner_radius = radius;
        }
        widgets.noninteractive.corner_radius = radius;
        visuals
    }
}

/// Of what is behind the panels, as in gaps and strips of tabs.
pub(crate) fn deepest(ui: &egui::Ui, high_contrast: bool) -> Color32 {
    let palette = if ui.visuals().dark_mode { DARK } else { LIGHT };
    if high_contrast { palette.high_contrast().deepest } else { palette.deepest }
}

fn style(palette: &Palette) -> Style {
    let font = |size| FontId::new(size, FontFamily::Proportional);
    let mut style = Style { visuals: palette.visuals(), ..Style::default() };
    style.text_styles = [
        (TextStyle::Heading, font(14.0)),
        (TextStyle::Body, font(12.5)),
        (TextStyle::Button, font(12.5)),
        (TextStyle::Small, font(10.5)),
        (TextStyle::Monospace, FontId::new(11.5, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = vec2(6.0, 4.0);
    style.spacing.button_padding = vec2(7.0, 2.0);
    style.spacing.interact_size = vec2(34.0, 20.0);
    style.spacing.slider_width = 110.0;
    style.spacing.slider_rail_height = 4.0;
    style.spacing.indent = 12.0;
    style.spacing.icon_width = 13.0;
    style.spacing.icon_width_inner = 7.0;
    style.spacing.combo_width = 90.0;
    style.interaction.selectable_labels = false;
    style.animation_time = 0.08;
    style
}

/// Gives the interface its looks.
pub(crate) fn apply(context: &egui::Context, choice: ThemeChoice, high_contrast: bool, scale: f32) {
    let shade = |palette: Palette| if high_contrast { palette.high_contrast() } else { palette };
    context.set_style_of(Theme::Dark, style(&shade(DARK)));
    context.set_style_of(Theme::Light, style(&shade(LIGHT)));
    context.set_theme(match choice {
        ThemeChoice::Dark => egui::ThemePreference::Dark,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::System => egui::ThemePreference::System,
    });
    context.set_zoom_factor(scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.1: relative luminance and contrast.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let linear = |byte: u8| {
                let c = f32::from(byte) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read() {
        for palette in [DARK, LIGHT] {
            for (ink, paper) in [
                (palette.text, palette.panel),
                (palette.text, palette.field),
                (palette.text, palette.button),
                (palette.strong, palette.hovered),
                (palette.weak, palette.panel),
                (palette.on_accent, palette.accent),
                (palette.warning, palette.panel),
                (palette.error, palette.panel),
            ] {
                // AA, normal text.
                assert!(contrast(ink, paper) >= 4.5, "{ink:?} on {paper:?}: {}", contrast(ink, paper));
            }
            let high = palette.high_contrast();
            for (ink, paper) in [
                (high.text, high.panel),
                (high.weak, high.panel),
                (high.text, high.button),
                (high.on_accent, high.accent),
            ] {
                // AAA.
                assert!(contrast(ink, paper) >= 7.0, "{ink:?} on {paper:?}: {}", contrast(ink, paper));
            }
        }
    }
}
