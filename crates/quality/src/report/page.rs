//! A report as a page of HTML.

use std::fmt::{self, Write};

use super::chart::{COLORS, Chart, Series};
use super::escape::Escaped;
use super::frames::write_stills;
use super::picture_files::Pictures;
use super::table::{ABSENT, LITTLE_OVERLAP, range};
use super::{Report, Row};
use crate::measure::Measure;

/// How pages of this program begin to say that they are.
pub(super) const GENERATOR: &str = r#"<meta name="generator" content="effigy"#;

impl Report {
    /// A page of its own, without anything from elsewhere: of sequences curves over rate, or over frames where there is
    /// only one point; the delta rates, all scores, and those of each named frame.
    pub fn page(&self) -> String {
        self.page_with(&Pictures::new())
    }

    /// The same with the pictures that lie beside it.
    pub(super) fn page_with(&self, pictures: &Pictures) -> String {
        let mut html = String::new();
        // Writing to a string cannot fail.
        let _ = write_page(&mut html, self, pictures);
        html
    }
}

fn write_page(to: &mut String, report: &Report, pictures: &Pictures) -> fmt::Result {
    let title = Escaped(&report.title);
    writeln!(
        to,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n{GENERATOR}\" />"
    )?;
    writeln!(to, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />")?;
    writeln!(to, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>")?;
    write_deltas(to, report)?;
    write_charts(to, report)?;
    write_scores(to, report)?;
    write_flicker(to, report)?;
    write_stills(to, report, pictures)?;
    let absences = report.absences();
    if !absences.is_empty() {
        writeln!(to, "<h2>Absent</h2>\n<ul>")?;
        for line in absences {
            writeln!(to, "<li>{}</li>", Escaped(&line))?;
        }
        writeln!(to, "</ul>")?;
    }
    writeln!(to, "</body>\n</html>")
}

fn write_deltas(to: &mut String, report: &Report) -> fmt::Result {
    let deltas = report.deltas();
    if deltas.is_empty() {
        return Ok(());
    }
    let measures = report.measures();
    let anchor = Escaped(report.anchor().unwrap_or_default());
    writeln!(to, "<h2>BD-rate against {anchor}</h2>")?;
    writeln!(to, "<p>Mean difference of rate at equal quality; below 0 fewer bits are needed.</p>")?;
    write!(to, "<div class=\"wide\"><table>\n<thead><tr><th>clip</th><th>variant</th><th>region</th>")?;
    for measure in &measures {
        write!(to, "<th>{measure}</th>")?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for (clip, region, variant) in report.delta_keys() {
        let class = if clip.is_none() { " class=\"mean\"" } else { "" };
        let (name, variant_text, region_text) =
            (Escaped(clip.unwrap_or("mean")), Escaped(variant), Escaped(region));
        write!(
            to,
            "<tr{class}><td class=\"name\">{name}</td><td class=\"name\">{variant_text}</td><td class=\"name\">{region_text}</td>"
        )?;
        for &measure in &measures {
            let delta = deltas.iter().find(|d| d.is_of(clip, region, variant, measure));
            match delta.map(|d| &d.result) {
                Some(Ok(bd)) => {
                    let class = if bd.percent <= 0.0 { "less" } else { "more" };
                    let mark = if bd.overlap < LITTLE_OVERLAP { "*" } else { "" };
                    let overlap = bd.overlap * 100.0;
                    write!(
                        to,
                        "<td class=\"{class}\" title=\"overlap {overlap:.0} %\">{:+.1} %{mark}</td>",
                        bd.percent
                    )?;
                }
                Some(Err(reason)) => write!(to, "<td title=\"{}\">-</td>", Escaped(reason))?,
                None => write!(to, "<td>-</td>")?,
            }
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table></div>")?;
    if deltas.iter().any(|d| d.result.as_ref().is_ok_and(|bd| bd.overlap < LITTLE_OVERLAP)) {
        writeln!(to, "<p>* the curves share less than three quarters of their range of quality</p>")?;
    }
    Ok(())
}

fn write_charts(to: &mut String, report: &Report) -> fmt::Result {
    let sequences = Report {
        rows: report.rows.iter().filter(|row| row.names.is_empty()).cloned().collect(),
        ..report.clone()
    };
    let report = &sequences;
    let variants = report.names(|row| &row.variant);
    let colors = || variants.iter().zip(COLORS.iter().cycle());
    for clip in report.names(|row| &row.clip) {
        for region in report.names(|row| &row.region) {
            let charts: Vec<String> = report
                .measures()
                .into_iter()
                .filter_map(|measure| {
                    let over_rate: Vec<Series> = colors()
                        .map(|(variant, color)| Series {
                            name: variant,
                            color,
                            points: report
                                .curve(clip, region, variant, measure)
                                .iter()
                                .map(|p| (p.kbit_per_s, p.quality))
                                .collect(),
                            marks: true,
                        })
                        .collect();
                    let title = title_of(measure);
                    let has_curves = over_rate.iter().any(|s| s.points.len() > 1);
                    let (x_label, series) = match has_curves {
                        true => ("kbit/s", over_rate),
                        false => ("frame", over_frames(report, clip, region, measure)),
                    };
                    Chart { title: &title, x_label, log_x: has_curves, series }.svg()
                })
                .collect();
            if charts.is_empty() {
                continue;
            }
            writeln!(to, "<h2>{}: {}</h2>\n<p class=\"legend\">", Escaped(clip), Escaped(region))?;
            for (variant, color) in colors() {
                writeln!(to, "<span><i style=\"background: {color}\"></i>{}</span>", Escaped(variant))?;
            }
            writeln!(to, "</p>\n<div class=\"charts\">\n{}</div>", charts.concat())?;
        }
    }
    Ok(())
}

/// Each frame's value of every row, in the colours of the variants.
fn over_frames<'a>(report: &'a Report, clip: &str, region: &str, measure: Measure) -> Vec<Series<'a>> {
    let variants = report.names(|row| &row.variant);
    let rows = report.rows.iter().filter(|row| row.clip == clip && row.region == region);
    rows.filter_map(|row| {
        let index = variants.iter().position(|v| *v == row.variant)?;
        let values = row.score(measure)?.per_frame.iter().enumerate();
        let points = values.map(|(i, v)| (i as f64, v.unwrap_or(f64::NAN))).collect();
        let color = COLORS.iter().cycle().nth(index)?;
        Some(Series { name: &row.variant, color, points, marks: false })
    })
    .collect()
}

fn title_of(measure: Measure) -> String {
    let unit = if measure.unit().is_empty() { String::new() } else { format!(", {}", measure.unit()) };
    let direction = if measure.higher_is_better() { "" } else { " (lower is better)" };
    format!("{measure}{unit}{direction}")
}

fn write_scores(to: &mut String, report: &Report) -> fmt::Result {
    let (names, measures) = (report.names_in_use(), report.measures());
    let stills = |row: &Row| !row.names.is_empty();
    writeln!(to, "<h2>Scores</h2>\n<p>")?;
    if !report.rows.iter().all(stills) {
        writeln!(to, "Sequences: pooled over frames; below, the fifth percentile from the worst end.")?;
    }
    if report.rows.iter().any(stills) {
        writeln!(to, "Pictures: the mean; below, the range and the worst picture.")?;
    }
    write!(to, "</p>\n<div class=\"wide\"><table>\n<thead><tr>")?;
    for (heading, _) in &names {
        write!(to, "<th>{heading}</th>")?;
    }
    write!(to, "<th>region</th><th>kbit/s</th><th>frames</th>")?;
    for measure in &measures {
        let arrow = if measure.higher_is_better() { "&#8593;" } else { "&#8595;" };
        write!(to, "<th>{measure} {arrow}</th>")?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for row in &report.rows {
        write!(to, "<tr>")?;
        for (_, name) in &names {
            write!(to, "<td class=\"name\">{}</td>", Escaped(name(row)))?;
        }
        let rate = row.kbit_per_s.map_or_else(|| ABSENT.into(), |rate| format!("{rate:.1}"));
        let frames = if stills(row) { row.measured() } else { row.frames };
        write!(to, "<td class=\"name\">{}</td><td>{rate}</td><td>{frames}</td>", Escaped(&row.region))?;
        for &measure in &measures {
            match row.score(measure) {
                Some(score) => {
                    let pooled = measure.show(score.pooled);
                    let below = match stills(row) {
                        true => {
                            let worst = row.name_of(score.worst_frame);
                            format!("{}<br />{}", range(measure, score.range()), Escaped(&worst))
                        }
                        false => measure.show(score.worst_twentieth),
                    };
                    write!(to, "<td><strong>{pooled}</strong><br /><small>{below}</small></td>")?;
                }
                None => write!(to, "<td>{ABSENT}</td>")?,
            }
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

fn write_flicker(to: &mut String, report: &Report) -> fmt::Result {
    if report.flicker.is_empty() {
        return Ok(());
    }
    writeln!(
        to,
        "<h2>Flicker</h2>\n<p>Mean change from frame to frame of the error, beside that of the truth.</p>"
    )?;
    writeln!(to, "<div class=\"wide\"><table>\n<thead><tr><th>sequence</th><th>region</th><th>steps</th>")?;
    writeln!(to, "<th>flicker &#8595;</th><th>motion</th></tr></thead>\n<tbody>")?;
    for f in &report.flicker {
        let [sequence, region] = [&f.sequence, &f.area].map(|text| Escaped(text));
        write!(
            to,
            "<tr><td class=\"name\">{sequence}</td><td class=\"name\">{region}</td><td>{}</td>",
            f.steps
        )?;
        writeln!(to, "<td>{:.5}</td><td>{:.5}</td></tr>", f.flicker, f.motion)?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

const STYLE: &str = "
:root { color-scheme: light dark; --line: #ccc; --faint: #f3f3f3; --paper: #fff; --ink: #111; --link: #0645ad;
  --good: #00633f; --bad: #a11; }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --faint: #222; --paper: #151515; --ink: #e6e6e6; --link: #8ab4f8;
    --good: #5fd3a5; --bad: #ff8a7a; }
}
body { background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem; }
a { color: var(--link); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: right; white-space: nowrap; }
th { background: var(--faint); }
td.name, #frames td:nth-child(-n+2) { text-align: left; }
tr.mean { font-weight: 600; }
.less { color: var(--good); }
.more { color: var(--bad); }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1rem; }
.charts svg { max-width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 1rem; }
.legend i { display: inline-block; width: 1.5em; height: .3em; margin-right: .4em; vertical-align: middle; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); }
th[aria-sort=ascending] button::after { content: ' \\2191'; }
th[aria-sort=descending] button::after { content: ' \\2193'; }
.row { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .5rem; }
@media (max-width: 50rem) { .row { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
figure { margin: 0; }
img { width: 100%; height: auto; display: block; background: #000; }
img.ours { cursor: pointer; touch-action: pan-y; }
figcaption { text-align: center; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
section p { margin: .2rem 0; }
[hidden] { display: none; }
";
