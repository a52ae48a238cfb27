//! A report as aligned text.

use super::Report;

/// The share of joint quality below which a delta rate is marked as saying little.
pub(super) const LITTLE_OVERLAP: f64 = 0.75;

pub(super) fn table(report: &Report) -> String {
    let measures = report.measures();
    let mut headings: Vec<String> = ["clip", "variant", "point", "kbit/s", "region"].map(String::from).into();
    headings.extend(measures.iter().map(|m| m.label().to_owned()));
    let mut lines = vec![headings];
    for row in &report.rows {
        let rate = row.kbit_per_s.map_or_else(|| "-".into(), |rate| format!("{rate:.1}"));
        let mut line =
            vec![row.clip.clone(), row.variant.clone(), row.point.clone(), rate, row.region.clone()];
        line.extend(measures.iter().map(|&measure| match row.score(measure) {
            Some(score) => measure.show(score.pooled),
            None => "-".into(),
        }));
        lines.push(line);
    }
    let mut text = aligned(&lines, &[0, 1, 2, 4]);
    let deltas = report.deltas();
    if !deltas.is_empty() {
        text += &format!("\nBD-rate against {}, %\n", clean(report.anchor().unwrap_or_default()));
        let mut headings: Vec<String> = ["clip", "variant", "region"].map(String::from).into();
        headings.extend(measures.iter().map(|m| m.label().to_owned()));
        let mut lines = vec![headings];
        let mut little = false;
        let mut reasons = Vec::new();
        for (clip, region, variant) in keys(report) {
            let mut line = vec![clip.unwrap_or("mean").to_owned(), variant.to_owned(), region.to_owned()];
            for &measure in &measures {
                let delta = deltas.iter().find(|d| {
                    (d.clip.as_deref(), d.region.as_str(), d.variant.as_str(), d.measure)
                        == (clip, region, variant, measure)
                });
                line.push(match delta.map(|d| &d.result) {
                    Some(Ok(bd)) => {
                        let mark = bd.overlap < LITTLE_OVERLAP;
                        little |= mark;
                        format!("{:+.1}{}", bd.percent, if mark { "*" } else { "" })
                    }
                    Some(Err(reason)) => {
                        let clip = clip.unwrap_or("mean");
                        reasons.push(format!("{measure} of {clip}, {variant}, {region}: {reason}"));
                        "-".into()
                    }
                    None => "-".into(),
                });
            }
            lines.push(line);
        }
        text += &aligned(&lines, &[0, 1, 2]);
        if little {
            text += "* the curves share less than three quarters of their range of quality\n";
        }
        for reason in reasons {
            text += &format!("no BD-rate by {}\n", clean(&reason));
        }
    }
    let absences = report.absences();
    if !absences.is_empty() {
        text += "\nabsent\n";
        for line in absences {
            text += &format!("{}\n", clean(&line));
        }
    }
    text
}

/// Clip (`None` for the mean), region and variant of every line of delta rates.
pub(super) fn keys(report: &Report) -> Vec<(Option<&str>, &str, &str)> {
    let clips = report.names(|row| &row.clip);
    let anchor = report.anchor().unwrap_or_default();
    let mut keys = Vec::new();
    for region in report.names(|row| &row.region) {
        for variant in report.names(|row| &row.variant).into_iter().filter(|v| *v != anchor) {
            keys.extend(clips.iter().map(|clip| (Some(*clip), region, variant)));
            if clips.len() > 1 {
                keys.push((None, region, variant));
            }
        }
    }
    keys
}

/// Control characters would break the lines or steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Lines of equally many cells; the columns `left` are aligned at their left, the others at their right.
fn aligned(lines: &[Vec<String>], left: &[usize]) -> String {
    let lines: Vec<Vec<String>> = lines.iter().map(|l| l.iter().map(|c| clean(c)).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for line in &lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| match left.contains(&i) {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
