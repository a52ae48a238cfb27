//! COLMAP's text files: one entry a line (two for pictures), `#` for comments.

use std::collections::BTreeMap;
use std::str::{FromStr, SplitAsciiWhitespace};

use glam::{DQuat, DVec3};

use super::{RawCamera, RawImage, RawPoint, lens_by_name};

/// The words of a line.
struct Words<'a> {
    line: usize,
    words: SplitAsciiWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn word(&mut self) -> Result<&'a str, String> {
        self.words.next().ok_or_else(|| format!("line {} is too short", self.line))
    }

    fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("line {}: {word:?} is not a number of the right kind", self.line))
    }

    fn vec3(&mut self) -> Result<DVec3, String> {
        Ok(DVec3::new(self.number()?, self.number()?, self.number()?))
    }
}

/// All lines, with their numbers.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, std::borrow::Cow<'_, str>)> {
    (1..).zip(text.split(|&b| b == b'\n')).map(|(n, line)| (n, String::from_utf8_lossy(line.trim_ascii())))
}

fn is_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn within(count: usize, limit: u64) -> Result<(), String> {
    if count as u64 >= limit { Err(format!("more entries than the limit of {limit}")) } else { Ok(()) }
}

pub(super) fn cameras(text: &[u8], limit: u64) -> Result<BTreeMap<u32, RawCamera>, String> {
    let mut cameras = BTreeMap::new();
    for (number, line) in lines(text).filter(|(_, line)| is_entry(line)) {
        within(cameras.len(), limit)?;
        let mut words = Words { line: number, words: line.split_ascii_whitespace() };
        let id = words.number()?;
        let lens = lens_by_name(words.word()?).map_err(|fault| format!("line {number}: {fault}"))?;
        let (width, height) = (words.number()?, words.number()?);
        let parameters = (0..lens.parameters).map(|_| words.number()).collect::<Result<_, _>>()?;
        if cameras.insert(id, RawCamera { lens, width, height, parameters }).is_some() {
            return Err(format!("line {number}: camera {id} stands there twice"));
        }
    }
    Ok(cameras)
}

pub(super) fn images(text: &[u8], limit: u64) -> Result<Vec<RawImage>, String> {
    let mut images = Vec::new();
    let mut lines = lines(text);
    while let Some((number, line)) = lines.next() {
        if !is_entry(&line) {
            continue;
        }
        within(images.len(), limit)?;
        let mut words = Words { line: number, words: line.split_ascii_whitespace() };
        words.word()?;
        let (w, v) = (words.number()?, words.vec3()?);
        let translation = words.vec3()?;
        let camera = words.number()?;
        // The name is the rest of the line: it may hold spaces.
        let mut rest: &str = &line;
        for _ in 0..9 {
            rest =
                rest.trim_start().split_once(|c: char| c.is_ascii_whitespace()).map_or("", |(_, rest)| rest);
        }
        let name = rest.trim().to_owned();
        if name.is_empty() {
            return Err(format!("line {number} is too short"));
        }
        images.push(RawImage { name, rotation: DQuat::from_xyzw(v.x, v.y, v.z, w), translation, camera });
        // The points seen in the picture, a line that may be empty.
        lines.next();
    }
    Ok(images)
}

pub(super) fn points(text: &[u8], limit: u64) -> Result<Vec<RawPoint>, String> {
    let mut points = Vec::new();
    for (number, line) in lines(text).filter(|(_, line)| is_entry(line)) {
        within(points.len(), limit)?;
        let mut words = Words { line: number, words: line.split_ascii_whitespace() };
        words.word()?;
        let position = words.vec3()?;
        let color = [words.number()?, words.number()?, words.number()?];
        points.push(RawPoint { position, color });
    }
    Ok(points)
}
