//! A folder of numbered pictures.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::QualityError;

/// Ranges of missing numbers that a warning lists.
const RANGES: usize = 6;
/// Numbers that leave out more than this many times what is there count something else than pictures, such as time.
const SPARSE: u64 = 10;

/// The files of `folder` that `is_picture` takes, in the order of the numbers in their names. Hidden ones, such as the
/// `._0001.png` that macOS leaves beside a picture on foreign disks, are left out. Numbers that are missing are told in a
/// warning.
///
/// # Errors
/// [`QualityError::Read`] for a folder that cannot be read, or holds two sequences, which it names.
pub(super) fn pictures(
    folder: &Path,
    is_picture: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, QualityError> {
    let fault = |e: std::io::Error| QualityError::read(folder, e);
    let mut files: Vec<(String, PathBuf)> = std::fs::read_dir(folder)
        .map_err(fault)?
        .map(|entry| entry.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())))
        .collect::<Result<_, _>>()
        .map_err(fault)?;
    files.retain(|(name, path)| is_picture(path) && !name.starts_with('.'));
    files.sort_by(|(a, _), (b, _)| by_number(a, b));
    let sequences = sequences(files.iter().map(|(name, _)| name.as_str()));
    match &sequences[..] {
        [] => {}
        [one] if one.numbers.len() == files.len() => {
            if let Some(missing) = one.missing() {
                tracing::warn!("{}: {missing}", folder.display());
            }
        }
        [_] => {}
        [first, second, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            return Err(QualityError::read(
                folder,
                format!("holds two sequences, {first} and {second}{more}; put each into a folder of its own"),
            ));
        }
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Several pictures whose names differ in one number alone.
#[derive(Debug, PartialEq, Eq)]
struct Sequence<'a> {
    before: &'a str,
    after: &'a str,
    /// Rising; those too large for it are left out.
    numbers: Vec<u64>,
}

impl std::fmt::Display for Sequence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}*{} ({} pictures)", self.before, self.after, self.numbers.len())
    }
}

impl Sequence<'_> {
    /// A line about what is missing in between, if anything is. Where all steps are multiples of one, such as of ten, so
    /// the pictures were meant to be.
    fn missing(&self) -> Option<String> {
        let steps = || self.numbers.windows(2).map(|pair| (pair[0], pair[1] - pair[0]));
        let step = steps().fold(0, |divisor, (_, step)| greatest_common_divisor(divisor, step));
        let gaps: Vec<(u64, u64)> =
            steps().filter(|&(_, by)| by > step).map(|(from, by)| (from, from + by)).collect();
        let count: u64 = gaps.iter().map(|(from, to)| (to - from) / step - 1).sum();
        if count == 0 || count / SPARSE > self.numbers.len() as u64 {
            return None;
        }
        let ranges = gaps.iter().take(RANGES).map(|&(from, to)| match (from + step, to - step) {
            (first, last) if first == last => first.to_string(),
            (first, last) if first + step == last => format!("{first}, {last}"),
            (first, last) => format!("{first} to {last}"),
        });
        let ranges = ranges.collect::<Vec<_>>().join(", ");
        let more = if gaps.len() > RANGES { ", ..." } else { "" };
        let Self { before, after, .. } = self;
        let are = if count == 1 { "number is" } else { "numbers are" };
        Some(format!("of {before}*{after} {count} {are} missing: {ranges}{more}"))
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The sequences among names in their order. A name belongs to that of its last number, all else being equal; where that
/// leaves every name alone or numbers do not repeat (as in times of day), names that differ in digits alone are one.
fn sequences<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Sequence<'a>> {
    let mut alike: BTreeMap<String, Vec<(&'a str, &'a str, u64)>> = BTreeMap::new();
    for name in names {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let Some(end) = stem.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1) else { continue };
        let start = stem[..end].rfind(|c: char| !c.is_ascii_digit());
        let start = start.map_or(0, |at| at + stem[at..].chars().next().map_or(1, char::len_utf8));
        let Ok(number) = stem[start..end].parse() else { continue };
        let mut shape = String::new();
        for c in stem.chars() {
            match c.is_ascii_digit() {
                true if shape.ends_with('0') => {}
                true => shape.push('0'),
                false => shape.push(c),
            }
        }
        alike.entry(shape).or_default().push((&stem[..start], &stem[end..], number));
    }
    let mut found = Vec::new();
    for group in alike.into_values() {
        let mut by_name: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for &(before, _, number) in &group {
            by_name.entry(before).or_default().push(number);
        }
        by_name.values_mut().for_each(|numbers| numbers.sort_unstable());
        let after = group[0].1;
        let mut all = by_name.iter();
        let repeats = match (all.next(), all.next()) {
            // The same views of several cameras, say.
            (Some((_, a)), Some((_, b))) => a.len() > 1 && a == b,
            _ => true,
        };
        if repeats {
            let sequence = |(before, numbers)| Sequence { before, after, numbers };
            found.extend(by_name.into_iter().map(sequence).filter(|s| s.numbers.len() > 1));
        }
    }
    found
}

/// By name, runs of digits as numbers: `f9` before `f10`.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    loop {
        let (Some(p), Some(q)) = (x.chars().next(), y.chars().next()) else {
            return x.len().cmp(&y.len()).then_with(|| a.cmp(b));
        };
        let order = if p.is_ascii_digit() && q.is_ascii_digit() {
            let [(m, rest_x), (n, rest_y)] = [x, y].map(|s| {
                let end = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
                let (digits, rest) = s.split_at(end);
                (digits.trim_start_matches('0'), rest)
            });
            (x, y) = (rest_x, rest_y);
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            (x, y) = (&x[p.len_utf8()..], &y[q.len_utf8()..]);
            p.cmp(&q)
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        let mut names = ["b2", "a10", "a9", "a09b", "a", "é1"];
        names.sort_by(|a, b| by_number(a, b));
        assert_eq!(names, ["a", "a9", "a09b", "a10", "b2", "é1"]);
    }

    fn missing(names: &[&str]) -> Vec<Option<String>> {
        sequences(names.iter().copied()).iter().map(Sequence::missing).collect()
    }

    #[test]
    fn gaps_are_told() {
        let told = |line: &str| vec![Some(line.to_owned())];
        assert_eq!(missing(&["1.png", "2.png", "4.png"]), told("of * 1 number is missing: 3"));
        assert_eq!(
            missing(&["f 0008.png", "f 0009.png", "f 0012.png", "f 0016.PNG"]),
            told("of f * 5 numbers are missing: 10, 11, 13 to 15")
        );
        // Every tenth, as it was rendered, but for one.
        assert_eq!(
            missing(&["a0.png", "a10.png", "a20.png", "a40.png"]),
            told("of a* 1 number is missing: 30")
        );
        let many: Vec<String> = [0, 1, 3, 5, 7, 9, 11, 13, 15].map(|n| format!("{n}.png")).into();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(missing(&names), told("of * 7 numbers are missing: 2, 4, 6, 8, 10, 12, ..."));
        // Whole ones, times, and names without numbers have none.
        assert_eq!(missing(&["f9.png", "f10.png", "f11.png"]), [None]);
        assert_eq!(missing(&["f5.png", "f7.png", "f9.png"]), [None]);
        assert_eq!(missing(&["1700000000.png", "1700000041.png", "1700009283.png"]), [None]);
        assert!(missing(&["front.png", "left.png", "999999999999999999999999.png"]).is_empty());
    }

    #[test]
    fn sequences_are_told_apart() {
        let of = |names: &[&str]| {
            sequences(names.iter().copied()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let two = ["color_1.png", "color_2.png", "mask_1.png", "mask_2.png", "mask_3.png"];
        assert_eq!(of(&two), ["color_* (2 pictures)", "mask_* (3 pictures)"]);
        let cameras = ["cam0 f1.png", "cam0 f2.png", "cam1 f1.png", "cam1 f2.png"];
        assert_eq!(of(&cameras), ["cam0 f* (2 pictures)", "cam1 f* (2 pictures)"]);
        // Times of day; shots of one name each; one sequence and a picture beside it.
        assert!(of(&["10.22.33.png", "10.22.41.png", "10.23.05.png"]).is_empty());
        assert!(of(&["shot1.png", "view1.png"]).is_empty());
        assert_eq!(of(&["f1.png", "f2.png", "sheet1.png", "é.png"]), ["f* (2 pictures)"]);
    }

    #[test]
    fn hidden_files_are_left_out_and_two_sequences_refused() {
        let folder = tempfile::tempdir().unwrap();
        let add = |name: &str| std::fs::write(folder.path().join(name), "x").unwrap();
        let find = || pictures(folder.path(), |path| path.extension().is_some_and(|e| e == "png"));
        for name in ["a 2.png", "a 10.png", "._a 2.png", ".a 3.png", "notes.txt"] {
            add(name);
        }
        let names = find().unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names, ["a 2.png", "a 10.png"]);
        add("b 1.png");
        assert_eq!(find().unwrap().len(), 3);
        add("b 2.png");
        let fault = find().unwrap_err().to_string();
        assert!(
            fault.ends_with(
                "holds two sequences, a * (2 pictures) and b * (2 pictures); put each into a folder of its own"
            ),
            "{fault}"
        );
    }
}
