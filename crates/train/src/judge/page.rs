//! The HTML of a report's page.

use std::collections::HashMap;
use std::fmt::{self, Write};

use super::report::shown;
use super::{DIFFERENCE_GAIN, FrameScores, Metric, Report};

/// How a page of ours is known.
pub(super) const GENERATOR: &str = r#"<meta name="generator" content="effigy eval" />"#;

/// The PNGs of one frame. Their names come from a number, never from the frame's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureFiles {
    pub(super) index: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl PictureFiles {
    pub(super) fn file(&self, kind: &str) -> String {
        format!("{:05}_{kind}.png", self.index)
    }
}

/// Whether a file is one that a report's folder of pictures holds.
pub(super) fn is_picture_file(name: &str, kinds: &[&str]) -> bool {
    let stem = name.strip_suffix(".png").and_then(|n| n.split_once('_'));
    stem.is_some_and(|(number, kind)| {
        number.len() >= 5 && number.bytes().all(|b| b.is_ascii_digit()) && kinds.contains(&kind)
    })
}

/// The page of `report`; frames without pictures have only their scores.
pub(super) fn page(
    title: &str,
    report: &Report,
    pictures: &HashMap<(String, String), PictureFiles>,
) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut html, title, report, pictures);
    html
}

fn write_page(
    to: &mut String,
    title: &str,
    report: &Report,
    pictures: &HashMap<(String, String), PictureFiles>,
) -> fmt::Result {
    let areas = report.areas();
    let title = Escaped(title);
    writeln!(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n{GENERATOR}")?;
    writeln!(to, r#"<meta name="viewport" content="width=device-width, initial-scale=1" />"#)?;
    writeln!(to, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>")?;
    write_summary(to, report)?;
    write_flicker(to, report)?;
    writeln!(to, "<h2>Frames</h2>\n<p><label>Area <select id=\"area\">")?;
    writeln!(to, r#"<option value="">all</option>"#)?;
    for (i, area) in areas.iter().enumerate() {
        writeln!(to, r#"<option value="{i}">{}</option>"#, Escaped(area))?;
    }
    writeln!(to, "</select></label> A heading sorts by its column, pictures and all.</p>")?;
    write_frames(to, report, &areas)?;
    writeln!(
        to,
        "<h2>Pictures</h2>\n<p>Truth; ours (hold a button on it to see the truth in its place); their difference, \
         |ours &#8722; truth| &#215; {DIFFERENCE_GAIN}; FLIP error, black 0 to pale yellow 1.</p>"
    )?;
    writeln!(to, r#"<div id="cards">"#)?;
    for (i, frame) in report.frames.iter().enumerate() {
        let files = pictures.get(&(frame.split.clone(), frame.name.clone()));
        write_card(to, i, frame, files)?;
    }
    writeln!(to, "</div>\n<script>{SCRIPT}</script>\n</body>\n</html>")
}

fn write_summary(to: &mut String, report: &Report) -> fmt::Result {
    writeln!(to, "<h2>Means per split</h2>\n<div class=\"wide\"><table>\n<thead><tr>")?;
    write!(to, "<th>split</th><th>area</th><th>frames</th>")?;
    for metric in Metric::ALL {
        let arrow = if metric.higher_is_better() { "&#8593;" } else { "&#8595;" };
        write!(to, "<th>{} {arrow}</th><th>min..max</th><th>worst frame</th>", metric.label())?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for summary in report.summaries() {
        let (split, area) = (Escaped(&summary.split), Escaped(&summary.area));
        write!(to, "<tr><td>{split}</td><td>{area}</td><td>{}</td>", summary.frames)?;
        for metric in Metric::ALL {
            match summary.spread(metric) {
                Some(s) => {
                    let [mean, min, max] = [s.mean, s.min, s.max].map(|v| metric.show(v));
                    let worst = Escaped(&s.worst);
                    write!(to, "<td><b>{mean}</b></td><td>{min}..{max}</td><td>{worst}</td>")?;
                }
                None => write!(to, "<td>-</td><td>-</td><td>-</td>")?,
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
    writeln!(to, "<div class=\"wide\"><table>\n<thead><tr><th>sequence</th><th>area</th><th>steps</th>")?;
    writeln!(to, "<th>flicker &#8595;</th><th>motion</th></tr></thead>\n<tbody>")?;
    for f in &report.flicker {
        let (sequence, area) = (Escaped(&f.sequence), Escaped(&f.area));
        write!(to, "<tr><td>{sequence}</td><td>{area}</td><td>{}</td>", f.steps)?;
        writeln!(to, "<td>{:.5}</td><td>{:.5}</td></tr>", f.flicker, f.motion)?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

fn write_frames(to: &mut String, report: &Report, areas: &[&str]) -> fmt::Result {
    writeln!(to, "<div class=\"wide\"><table id=\"frames\">\n<thead><tr>")?;
    write!(to, "<th><button>split</button></th><th><button>frame</button></th>")?;
    for (i, area) in areas.iter().enumerate() {
        for metric in Metric::ALL {
            let (area, label) = (Escaped(area), metric.label());
            write!(to, r#"<th data-area="{i}"><button>{area}<br />{label}</button></th>"#)?;
        }
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for (row, frame) in report.frames.iter().enumerate() {
        let (split, name) = (Escaped(&frame.split), Escaped(&frame.name));
        write!(to, r##"<tr data-card="f{row}"><td>{split}</td><td><a href="#f{row}">{name}</a></td>"##)?;
        for (i, area) in areas.iter().enumerate() {
            let scores = frame.areas.iter().find(|a| a.area == *area).and_then(|a| a.scores.as_ref());
            for metric in Metric::ALL {
                let value = scores.and_then(|s| metric.of(s));
                // As JavaScript's Number() reads it; empty where there is none.
                let number = match value {
                    Some(f64::INFINITY) => "Infinity".into(),
                    Some(v) => v.to_string(),
                    None => String::new(),
                };
                write!(to, r#"<td data-area="{i}" data-value="{number}">{}</td>"#, shown(metric, value))?;
            }
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

fn write_card(to: &mut String, row: usize, frame: &FrameScores, files: Option<&PictureFiles>) -> fmt::Result {
    let (split, name) = (Escaped(&frame.split), Escaped(&frame.name));
    writeln!(to, r#"<section id="f{row}"><h3>{split} / {name}</h3>"#)?;
    if let Some(files) = files {
        let difference = format!("difference \u{d7} {DIFFERENCE_GAIN}");
        let kinds =
            [("truth", "truth"), ("ours", "ours"), ("difference", difference.as_str()), ("flip", "FLIP")];
        writeln!(to, "<div class=\"row\">")?;
        for (kind, caption) in kinds {
            let (file, width, height) = (files.file(kind), files.width, files.height);
            writeln!(
                to,
                r#"<figure><img src="pictures/{file}" class="{kind}" width="{width}" height="{height}" loading="lazy" alt="{caption} of {name}" /><figcaption>{caption}</figcaption></figure>"#
            )?;
        }
        writeln!(to, "</div>")?;
    }
    for area in &frame.areas {
        write!(to, "<p><b>{}</b>", Escaped(&area.area))?;
        match &area.scores {
            Some(scores) => {
                for metric in Metric::ALL {
                    write!(to, " &#183; {} {}", metric.label(), shown(metric, metric.of(scores)))?;
                }
            }
            None => write!(to, " &#183; empty in this frame")?,
        }
        writeln!(to, "</p>")?;
    }
    writeln!(to, "</section>")
}

/// Text for an HTML element or a quoted attribute. Characters that HTML does not allow become U+FFFD.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(' ')?,
                '\u{fffe}' | '\u{ffff}' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = "
:root { color-scheme: light dark; --line: #ccc; --faint: #f3f3f3; --paper: #fff; --ink: #111; --link: #0645ad; }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --faint: #222; --paper: #151515; --ink: #e6e6e6; --link: #8ab4f8; }
}
body { background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem; }
a { color: var(--link); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: right; white-space: nowrap; }
th { background: var(--faint); }
td:first-child, td:nth-child(2) { text-align: left; }
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

// Without `<` and `&`, so that the page is well-formed to XML parsers as well.
const SCRIPT: &str = "
'use strict';
const table = document.getElementById('frames'), cards = document.getElementById('cards');
const heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
const key = (row, i) => {
  const cell = row.cells[i], value = cell.dataset.value;
  return value === undefined ? cell.textContent : value === '' ? null : Number(value);
};
const order = (a, b) => {
  if (typeof a === 'string') return a.localeCompare(b, undefined, { numeric: true });
  return a === b ? 0 : a > b ? 1 : -1;
};
heads.forEach((head, i) => head.firstElementChild.addEventListener('click', () => {
  const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
  heads.forEach((other) => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
  const rows = Array.from(body.rows);
  rows.sort((p, q) => {
    const a = key(p, i), b = key(q, i);
    // Frames without a value stay last.
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * order(a, b);
  });
  rows.forEach((row) => {
    body.append(row);
    cards.append(document.getElementById(row.dataset.card));
  });
}));
document.getElementById('area').addEventListener('change', (event) => {
  const chosen = event.target.value;
  table.querySelectorAll('[data-area]').forEach((cell) => {
    cell.hidden = chosen === '' ? false : cell.dataset.area !== chosen;
  });
});
document.querySelectorAll('img.ours').forEach((ours) => {
  const own = ours.getAttribute('src');
  const truth = own.replace('_ours.png', '_truth.png');
  ours.addEventListener('pointerdown', () => { ours.src = truth; });
  ['pointerup', 'pointerleave', 'pointercancel'].forEach((name) => {
    ours.addEventListener(name, () => { ours.src = own; });
  });
});
";
