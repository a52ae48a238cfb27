//! Line charts as SVG.

use std::fmt::Write;

use super::escape::Escaped;

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 280.0;
/// Left, top, right and bottom edge of the plot.
const PLOT: [f64; 4] = [56.0, 34.0, 428.0, 236.0];

/// The colours of Okabe and Ito, which colour-blind readers tell apart as well.
pub(super) const COLORS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a"];

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) color: &'a str,
    /// From left to right; what is not finite breaks the line.
    pub(super) points: Vec<(f64, f64)>,
    /// Whether each point is marked.
    pub(super) marks: bool,
}

/// Lines over a common axis.
#[derive(Clone, Debug)]
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) x_label: &'a str,
    /// Whether the horizontal axis is logarithmic.
    pub(super) log_x: bool,
    pub(super) series: Vec<Series<'a>>,
}

impl Chart<'_> {
    /// The chart, or `None` where there is no point to draw.
    pub(super) fn svg(&self) -> Option<String> {
        let drawable = |&(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (x > 0.0 || !self.log_x);
        let points = || self.series.iter().flat_map(|s| &s.points).copied().filter(drawable);
        let scale = |x: f64| if self.log_x { x.log10() } else { x };
        let x_axis = Axis::over(points().map(|p| scale(p.0)), if self.log_x { 0.04 } else { 0.0 })?;
        let y_axis = Axis::over(points().map(|p| p.1), 0.06)?;
        let [left, top, right, bottom] = PLOT;
        let at_x = |x: f64| left + x_axis.share(scale(x)) * (right - left);
        let at_y = |y: f64| bottom - y_axis.share(y) * (bottom - top);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"11\" \
             fill=\"currentColor\">\n<text x=\"{left}\" y=\"18\" font-size=\"13\" font-weight=\"600\">{}</text>\n",
            Escaped(self.title)
        );
        let x_ticks = if self.log_x { log_ticks(x_axis.low, x_axis.high) } else { x_axis.ticks(6) };
        // Writing to a string cannot fail.
        for x in x_ticks {
            let at = at_x(x);
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"currentColor\" \
                 stroke-opacity=\"0.12\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 15.0,
                shown(x)
            );
        }
        for y in y_axis.ticks(8) {
            let at = at_y(y);
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"currentColor\" \
                 stroke-opacity=\"0.12\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                at + 4.0,
                shown(y)
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"currentColor\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            (left + right) / 2.0,
            bottom + 34.0,
            Escaped(self.x_label)
        );
        for Series { name, color, points, marks } in &self.series {
            let _ = writeln!(svg, "<g><title>{}</title>", Escaped(name));
            for run in points.split(|p| !drawable(p)).filter(|run| !run.is_empty()) {
                let places = run.iter().map(|&(x, y)| format!("{:.1},{:.1}", at_x(x), at_y(y)));
                let _ = writeln!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                    places.collect::<Vec<_>>().join(" ")
                );
                // A lone point has no line.
                for &(x, y) in run.iter().filter(|_| *marks || run.len() == 1) {
                    let (cx, cy) = (at_x(x), at_y(y));
                    let _ = writeln!(
                        svg,
                        "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\" fill=\"{color}\"><title>{}: {} at {}\
                         </title></circle>",
                        Escaped(name),
                        shown(y),
                        shown(x)
                    );
                }
            }
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>\n");
        Some(svg)
    }
}

/// A range along an axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Over values, with a margin on both sides as a share of their range.
    fn over(values: impl Iterator<Item = f64>, margin: f64) -> Option<Self> {
        let range = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), range);
        if !(low <= high) {
            return None;
        }
        let width = high - low;
        // A single value is shown with some room about it.
        let room = if width > low.abs() * 1e-9 { width * margin } else { (low.abs() * 0.01).max(1e-3) };
        Some(Self { low: low - room, high: high + room })
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// Round values, about `count` of them.
    fn ticks(&self, count: usize) -> Vec<f64> {
        let raw = (self.high - self.low) / count as f64;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= raw).unwrap_or(10.0) * power;
        let first = (self.low / step).ceil();
        (0..=2 * count).map(|i| (first + i as f64) * step).take_while(|v| *v <= self.high).collect()
    }
}

/// 1, 2 and 5 of each decade between two logarithms, powers of ten alone where that is too many, and round values where
/// it is too few.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = || (low.floor() as i32)..=(high.ceil() as i32);
    let of = |steps: &[f64]| -> Vec<f64> {
        let values = decades().flat_map(|d| steps.iter().map(move |s| s * 10_f64.powi(d)));
        values.filter(|v| (low..=high).contains(&v.log10())).collect()
    };
    let ticks = if high - low > 3.0 { of(&[1.0]) } else { of(&[1.0, 2.0, 5.0]) };
    if ticks.len() >= 2 { ticks } else { Axis { low: 10_f64.powf(low), high: 10_f64.powf(high) }.ticks(4) }
}

/// A number with at most five digits that say something.
fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(log_ticks(50_f64.log10(), 700_f64.log10()), [50.0, 100.0, 200.0, 500.0]);
        assert_eq!(Axis { low: 68.0, high: 93.0 }.ticks(5), [70.0, 75.0, 80.0, 85.0, 90.0]);
        assert_eq!(shown(0.96), "0.96");
        assert_eq!(shown(1200.0), "1200");
        assert_eq!(shown(100.0), "100");
    }

    // The plot runs from 56 to 428 across: with a margin of 4 % the first of two points stands at 0.04 / 1.08 of it.
    #[test]
    fn points_stand_where_they_should() {
        let series =
            Series { name: "a", color: "#000", points: vec![(10.0, 1.0), (1000.0, 2.0)], marks: false };
        let chart = Chart { title: "t", x_label: "x", log_x: true, series: vec![series] };
        let svg = chart.svg().unwrap();
        assert!(svg.contains("<polyline points=\"69.8,225.2 414.2,44.8\""), "{svg}");
        let empty = Chart { series: vec![], ..chart };
        assert!(empty.svg().is_none());
    }
}
