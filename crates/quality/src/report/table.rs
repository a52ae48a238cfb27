//! A report as aligned text.

use std::fmt;

use super::{Report, Row};
use crate::measure::Measure;

/// The share of joint quality below which a delta rate is marked as saying little.
pub(super) const LITTLE_OVERLAP: f64 = 0.75;

/// What stands where there is no value.
pub(super) const ABSENT: &str = "-";

/// A part of what a row is called: its heading, and how it is had.
pub(super) type Name = (&'static str, fn(&Row) -> &str);

/// What a row is called.
pub(super) const NAMES: [Name; 4] = [
    ("clip", |row| &row.clip),
    ("split", |row| &row.split),
    ("variant", |row| &row.variant),
    ("point", |row| &row.point),
];

impl Report {
    /// Scores and delta rates as aligned text, with the flicker, and the reasons for what is absent below. Of pictures that
    /// are no sequence also PSNR's range and the frame in which it is worst.
    pub fn table(&self) -> String {
        let mut text = self.scores_table();
        if !self.deltas().is_empty() {
            text += &format!("\n{}", self.delta_table());
        }
        if !self.flicker.is_empty() {
            let columns = ["sequence", "region", "steps", "flicker", "motion"];
            let mut table = Table::new(columns.into_iter().zip([true, true, false, false, false]));
            for f in &self.flicker {
                let [flicker, motion] = [f.flicker, f.motion].map(|v| format!("{v:.5}"));
                table.row(vec![f.sequence.clone(), f.area.clone(), f.steps.to_string(), flicker, motion]);
            }
            text += &format!("\n{table}");
        }
        let absences = self.absences();
        if !absences.is_empty() {
            text += "\nabsent\n";
            for line in absences {
                text += &format!("{}\n", clean(&line));
            }
        }
        text
    }

    /// Every frame and region as aligned text.
    pub fn frame_table(&self) -> String {
        let (names, measures) = (self.names_in_use(), self.measures());
        let mut table = Table::new(
            names
                .iter()
                .map(|(heading, _)| (*heading, true))
                .chain([("frame", true), ("region", true)])
                .chain(measures.iter().map(|m| (m.label(), false))),
        );
        for row in &self.rows {
            for frame in 0..row.frames {
                let mut line: Vec<String> = names.iter().map(|(_, name)| name(row).to_owned()).collect();
                line.extend([row.name_of(frame), row.region.clone()]);
                let value =
                    |&m: &Measure| row.score(m).and_then(|s| s.per_frame.get(frame).copied().flatten());
                line.extend(measures.iter().map(|m| shown(*m, value(m))));
                table.row(line);
            }
        }
        table.to_string()
    }

    fn scores_table(&self) -> String {
        let (names, measures) = (self.names_in_use(), self.measures());
        let rates = self.rows.iter().any(|row| row.kbit_per_s.is_some());
        let stills = self.rows.iter().any(|row| !row.names.is_empty());
        let mut columns: Vec<(&str, bool)> = names.iter().map(|(heading, _)| (*heading, true)).collect();
        columns.extend(rates.then_some(("kbit/s", false)));
        columns.push(("region", true));
        columns.extend(stills.then_some(("frames", false)));
        columns.extend(measures.iter().map(|m| (m.label(), false)));
        if stills {
            columns.extend([("PSNR min..max", false), ("worst frame", true)]);
        }
        let mut table = Table::new(columns);
        for row in &self.rows {
            let mut line: Vec<String> = names.iter().map(|(_, name)| name(row).to_owned()).collect();
            if rates {
                line.push(row.kbit_per_s.map_or_else(|| ABSENT.into(), |rate| format!("{rate:.1}")));
            }
            line.push(row.region.clone());
            if stills {
                line.push(row.measured().to_string());
            }
            line.extend(measures.iter().map(|&m| shown(m, row.score(m).map(|s| s.pooled))));
            if stills {
                let psnr = row.score(Measure::PsnrRgb);
                line.push(psnr.map_or_else(|| ABSENT.into(), |s| range(Measure::PsnrRgb, s.range())));
                line.push(psnr.map_or_else(|| ABSENT.into(), |s| row.name_of(s.worst_frame)));
            }
            table.row(line);
        }
        table.to_string()
    }

    fn delta_table(&self) -> String {
        let (deltas, measures) = (self.deltas(), self.measures());
        let headings = ["clip", "variant", "region"].map(|heading| (heading, true));
        let mut table = Table::new(headings.into_iter().chain(measures.iter().map(|m| (m.label(), false))));
        let (mut little, mut reasons) = (false, Vec::new());
        for (clip, region, variant) in self.delta_keys() {
            let mut line = vec![clip.unwrap_or("mean").to_owned(), variant.to_owned(), region.to_owned()];
            for &measure in &measures {
                let delta = deltas.iter().find(|d| d.is_of(clip, region, variant, measure));
                line.push(match delta.map(|d| &d.result) {
                    Some(Ok(bd)) => {
                        let mark = bd.overlap < LITTLE_OVERLAP;
                        little |= mark;
                        format!("{:+.1}{}", bd.percent, if mark { "*" } else { "" })
                    }
                    Some(Err(reason)) => {
                        let clip = clip.unwrap_or("mean");
                        reasons.push(format!("{measure} of {clip}, {variant}, {region}: {reason}"));
                        ABSENT.into()
                    }
                    None => ABSENT.into(),
                });
            }
            table.row(line);
        }
        let mut text = format!("BD-rate against {}, %\n{table}", clean(self.anchor().unwrap_or_default()));
        if little {
            text += "* the curves share less than three quarters of their range of quality\n";
        }
        for reason in reasons {
            text += &format!("no BD-rate by {}\n", clean(&reason));
        }
        text
    }

    /// The names that any row has.
    pub(super) fn names_in_use(&self) -> Vec<Name> {
        NAMES.into_iter().filter(|(_, name)| self.rows.iter().any(|row| !name(row).is_empty())).collect()
    }

    /// Clip (`None` for the mean), region and variant of every line of delta rates.
    pub(super) fn delta_keys(&self) -> Vec<(Option<&str>, &str, &str)> {
        let clips = self.names(|row| &row.clip);
        let anchor = self.anchor().unwrap_or_default();
        let mut keys = Vec::new();
        for region in self.names(|row| &row.region) {
            for variant in self.names(|row| &row.variant).into_iter().filter(|v| *v != anchor) {
                keys.extend(clips.iter().map(|clip| (Some(*clip), region, variant)));
                if clips.len() > 1 {
                    keys.push((None, region, variant));
                }
            }
        }
        keys
    }
}

/// A value as tables show it.
pub(super) fn shown(measure: Measure, value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.into(), |v| measure.show(v))
}

pub(super) fn range(measure: Measure, [low, high]: [f64; 2]) -> String {
    format!("{}..{}", measure.show(low), measure.show(high))
}

/// Control characters would break the lines or steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Rows of cells under headings.
struct Table {
    /// Whether a column's cells stand at its left.
    left: Vec<bool>,
    /// The headings first.
    lines: Vec<Vec<String>>,
}

impl Table {
    fn new<'a>(columns: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let (headings, left): (Vec<&str>, Vec<bool>) = columns.into_iter().unzip();
        Self { left, lines: vec![headings.into_iter().map(String::from).collect()] }
    }

    /// Adds a row of one cell per column.
    fn row(&mut self, cells: Vec<String>) {
        self.lines.push(cells.iter().map(|cell| clean(cell)).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |i: usize| self.lines.iter().filter_map(|l| l.get(i)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..self.left.len()).map(|i| width(i).unwrap_or(0)).collect();
        for line in &self.lines {
            let cells = line.iter().zip(&widths).zip(&self.left).map(|((cell, &width), left)| match left {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
