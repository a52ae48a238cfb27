//! COLMAP's text files: one entry a line (two for pictures), `#` for comments.

use std::str::{FromStr, SplitAsciiWhitespace};

use glam::{DQuat, DVec3};

use super::raw::{Cameras, RawCamera, RawImage, RawPoint};
use crate::models;

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

    /// A real number; NaN for what Windows writes in its place, such as `-nan(ind)` and `-1.#IND`.
    fn real(&mut self) -> Result<f64, String> {
        let word = self.words.clone().next().unwrap_or_default().to_ascii_lowercase();
        if word.contains("nan") || word.contains('#') {
            self.words.next();
            return Ok(f64::NAN);
        }
        self.number()
    }

    fn vec3(&mut self) -> Result<DVec3, String> {
        Ok(DVec3::new(self.real()?, self.real()?, self.real()?))
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

pub(super) fn cameras(text: &[u8], limit: u64) -> Result<Cameras, String> {
    let mut cameras = Cameras::new();
    for (number, line) in lines(text).filter(|(_, line)| is_entry(line)) {
        within(cameras.len(), limit)?;
        let mut words = Words { line: number, words: line.split_ascii_whitespace() };
        let id = words.number()?;
        let name = words.word()?;
        let camera = match models::by_name(name) {
            Some(model) => {
                let (width, height) = (words.number()?, words.number()?);
                let parameters = (0..model.parameters).map(|_| words.real()).collect::<Result<_, _>>()?;
                Ok(RawCamera { model, width, height, parameters })
            }
            None => Err(name.to_owned()),
        };
        if cameras.insert(id, camera).is_some() {
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
        let (w, v) = (words.real()?, words.vec3()?);
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
