//! A report as a page of HTML.

use std::fmt::{self, Write};

use super::chart::{COLORS, Chart, Series};
use super::escape::Escaped;
use super::table::{LITTLE_OVERLAP, keys};
use super::{Measure, Report};

pub(super) fn page(report: &Report) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut html, report);
    html
}

fn write_page(to: &mut String, report: &Report) -> fmt::Result {
    let title = Escaped(&report.title);
    writeln!(to, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />")?;
    writeln!(to, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />")?;
    writeln!(to, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>")?;
    write_deltas(to, report)?;
    write_charts(to, report)?;
    write_scores(to, report)?;
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
    for (clip, region, variant) in keys(report) {
        let class = if clip.is_none() { " class=\"mean\"" } else { "" };
        let (name, variant_text, region_text) =
            (Escaped(clip.unwrap_or("mean")), Escaped(variant), Escaped(region));
        write!(to, "<tr{class}><td>{name}</td><td>{variant_text}</td><td>{region_text}</td>")?;
        for &measure in &measures {
            let delta = deltas.iter().find(|d| {
                (d.clip.as_deref(), d.region.as_str(), d.variant.as_str(), d.measure)
                    == (clip, region, variant, measure)
            });
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
    let measures = report.measures();
    writeln!(
        to,
        "<h2>Scores</h2>\n<p>Pooled over frames; below, the fifth percentile from the worst end.</p>"
    )?;
    write!(to, "<div class=\"wide\"><table>\n<thead><tr><th>clip</th><th>variant</th><th>region</th>")?;
    write!(to, "<th>point</th><th>kbit/s</th><th>frames</th>")?;
    for measure in &measures {
        write!(to, "<th>{measure}</th>")?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for row in &report.rows {
        let [clip, variant, region, point] =
            [&row.clip, &row.variant, &row.region, &row.point].map(|text| Escaped(text));
        let rate = row.kbit_per_s.map_or_else(|| "-".into(), |rate| format!("{rate:.1}"));
        write!(to, "<tr><td>{clip}</td><td>{variant}</td><td>{region}</td><td>{point}</td><td>{rate}</td>")?;
        write!(to, "<td>{}</td>", row.frames)?;
        for &measure in &measures {
            match row.score(measure) {
                Some(score) => {
                    let [pooled, worst] = [score.pooled, score.worst_twentieth].map(|v| measure.show(v));
                    write!(to, "<td>{pooled}<br /><small>{worst}</small></td>")?;
                }
                None => write!(to, "<td>-</td>")?,
            }
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

const STYLE: &str = "
:root { color-scheme: light dark; --line: #ccc; --faint: #f3f3f3; --paper: #fff; --ink: #111; --good: #00633f; --bad: #a11; }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --faint: #222; --paper: #151515; --ink: #e6e6e6; --good: #5fd3a5; --bad: #ff8a7a; }
}
body { background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: right; white-space: nowrap; }
th { background: var(--faint); }
td:nth-child(-n+3) { text-align: left; }
tr.mean { font-weight: 600; }
.less { color: var(--good); }
.more { color: var(--bad); }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1rem; }
.charts svg { max-width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 1rem; }
.legend i { display: inline-block; width: 1.5em; height: .3em; margin-right: .4em; vertical-align: middle; }
";
