//! The frames of a page: their scores, and their pictures beside the truth.

use std::fmt::{self, Write};

use super::escape::Escaped;
use super::picture_files::{DIFFERENCE_GAIN, PictureFiles, Pictures};
use super::table::shown;
use super::{Report, Row};

/// A picture that is no part of a sequence, and its scores: rows of its regions.
struct Still<'a> {
    split: &'a str,
    name: &'a str,
    /// Its place in the rows.
    frame: usize,
    rows: Vec<&'a Row>,
}

/// Rows of one comparison follow one another.
fn stills(report: &Report) -> Vec<Still<'_>> {
    let mut stills = Vec::new();
    let labels = |row: &Row| (row.clip.clone(), row.split.clone(), row.variant.clone(), row.point.clone());
    for rows in report.rows.chunk_by(|a, b| labels(a) == labels(b)) {
        let names = rows.iter().flat_map(|row| row.names.iter().enumerate()).take(rows[0].names.len());
        stills.extend(names.map(|(frame, name)| Still {
            split: &rows[0].split,
            name,
            frame,
            rows: rows.iter().collect(),
        }));
    }
    stills
}

/// Every named frame's scores, and its pictures where there are any; nothing for sequences.
pub(super) fn write_stills(to: &mut String, report: &Report, pictures: &Pictures) -> fmt::Result {
    let stills = stills(report);
    if stills.is_empty() {
        return Ok(());
    }
    let regions = report.names(|row| &row.region);
    writeln!(to, "<h2>Frames</h2>\n<p><label>Region <select id=\"region\">")?;
    writeln!(to, r#"<option value="">all</option>"#)?;
    for (i, region) in regions.iter().enumerate() {
        writeln!(to, r#"<option value="{i}">{}</option>"#, Escaped(region))?;
    }
    writeln!(to, "</select></label> A heading sorts by its column, pictures and all.</p>")?;
    write_table(to, report, &stills, &regions)?;
    writeln!(
        to,
        "<h2>Pictures</h2>\n<p>Truth; ours (hold a button on it to see the truth in its place); their difference, \
         |ours &#8722; truth| &#215; {DIFFERENCE_GAIN}; FLIP error, black 0 to pale yellow 1.</p>"
    )?;
    writeln!(to, r#"<div id="cards">"#)?;
    for (i, still) in stills.iter().enumerate() {
        let files = pictures.get(&(still.split.to_owned(), still.name.to_owned()));
        write_card(to, i, still, files, report)?;
    }
    writeln!(to, "</div>\n<script>{SCRIPT}</script>")
}

fn write_table(to: &mut String, report: &Report, stills: &[Still<'_>], regions: &[&str]) -> fmt::Result {
    let measures = report.measures();
    writeln!(to, "<div class=\"wide\"><table id=\"frames\">\n<thead><tr>")?;
    write!(to, "<th><button>split</button></th><th><button>frame</button></th>")?;
    for (i, region) in regions.iter().enumerate() {
        for measure in &measures {
            let region = Escaped(region);
            write!(to, r#"<th data-region="{i}"><button>{region}<br />{measure}</button></th>"#)?;
        }
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for (at, still) in stills.iter().enumerate() {
        let (split, name) = (Escaped(still.split), Escaped(still.name));
        write!(to, r##"<tr data-card="f{at}"><td>{split}</td><td><a href="#f{at}">{name}</a></td>"##)?;
        for (i, region) in regions.iter().enumerate() {
            let row = still.rows.iter().find(|row| row.region == *region);
            for &measure in &measures {
                let score = row.and_then(|row| row.score(measure));
                let value = score.and_then(|s| s.per_frame.get(still.frame).copied().flatten());
                // As JavaScript's Number() reads it; empty where there is none.
                let number = match value {
                    Some(f64::INFINITY) => "Infinity".into(),
                    Some(v) => v.to_string(),
                    None => String::new(),
                };
                write!(to, r#"<td data-region="{i}" data-value="{number}">{}</td>"#, shown(measure, value))?;
            }
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table></div>")
}

fn write_card(
    to: &mut String,
    at: usize,
    still: &Still<'_>,
    files: Option<&PictureFiles>,
    report: &Report,
) -> fmt::Result {
    let (split, name) = (Escaped(still.split), Escaped(still.name));
    writeln!(to, r#"<section id="f{at}"><h3>{split} / {name}</h3>"#)?;
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
    for row in &still.rows {
        write!(to, "<p><b>{}</b>", Escaped(&row.region))?;
        let value = |m| row.score(m).and_then(|s| s.per_frame.get(still.frame).copied().flatten());
        match report.measures().into_iter().any(|m| value(m).is_some()) {
            true => {
                for measure in report.measures() {
                    write!(to, " &#183; {measure} {}", shown(measure, value(measure)))?;
                }
            }
            false => write!(to, " &#183; empty in this frame")?,
        }
        writeln!(to, "</p>")?;
    }
    writeln!(to, "</section>")
}

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
document.getElementById('region').addEventListener('change', (event) => {
  const chosen = event.target.value;
  table.querySelectorAll('[data-region]').forEach((cell) => {
    cell.hidden = chosen === '' ? false : cell.dataset.region !== chosen;
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
