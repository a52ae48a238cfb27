//! The parts of JSON text, taken apart a level at a time: parsed as a whole, text of many small parts would take many
//! times its size in memory.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::RigError;
use crate::error::within;

/// Bytes of a part that is parsed as a whole, such as one frame.
const MOST_BYTES: usize = 1 << 20;

/// A list or an object, and its parts as they stand in the text.
pub(super) enum Part<'a> {
    List(Vec<&'a RawValue>),
    Object(Vec<(String, &'a RawValue)>),
    /// A number, a text, and so on.
    Other,
}

/// How the values in a text follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    One,
    /// One after the other, such as a line each.
    Many,
}

/// The text without commas behind the last part of lists and objects, which some recorders leave there, if it needs
/// that to be JSON, and what it holds; at most `most` values.
pub(super) fn values(text: &str, most: u64) -> Result<(Cow<'_, str>, Values), RigError> {
    match count(text, most) {
        Ok(values) => Ok((Cow::Borrowed(text), values?)),
        Err(error) => {
            let mended = without_last_commas(text);
            match count(&mended, most) {
                Ok(values) => Ok((Cow::Owned(mended), values?)),
                Err(_) => Err(super::fault(&error)),
            }
        }
    }
}

fn count(text: &str, most: u64) -> Result<Result<Values, RigError>, serde_json::Error> {
    let mut count = 0;
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        value?;
        count += 1;
        if let Err(over) = within("the number of frames", count, most) {
            return Ok(Err(over));
        }
    }
    Ok(Ok(if count > 1 { Values::Many } else { Values::One }))
}

impl Values {
    /// The parts of `text`, which holds values like these, at most `most`.
    pub(super) fn parse(self, text: &str, most: u64) -> Result<Part<'_>, RigError> {
        match self {
            Self::One => part(text, most),
            Self::Many => {
                let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
                values.collect::<Result<_, _>>().map(Part::List).map_err(|e| super::fault(&e))
            }
        }
    }
}

/// The parts of one value, at most `most` of them.
pub(super) fn part(text: &str, most: u64) -> Result<Part<'_>, RigError> {
    let text = text.trim_start();
    if !text.starts_with(['[', '{']) {
        return Ok(Part::Other);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Parts { most }).map_err(|e| super::fault(&e))
}

/// `raw` parsed as a whole; `None` for what is too long for that, or no such value.
pub(super) fn whole<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    let text = raw.get();
    if text.len() > MOST_BYTES { None } else { serde_json::from_str(text).ok() }
}

struct Parts {
    most: u64,
}

impl Parts {
    fn room<E: serde::de::Error>(&self, parts: usize) -> Result<(), E> {
        within("the number of frames", parts as u64, self.most).map_err(E::custom)
    }
}

impl<'a> Visitor<'a> for Parts {
    type Value = Part<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Part<'a>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element()? {
            parts.push(part);
            self.room(parts.len())?;
        }
        Ok(Part::List(parts))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Part<'a>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = object.next_entry()? {
            parts.push(part);
            self.room(parts.len())?;
        }
        Ok(Part::Object(parts))
    }
}

fn without_last_commas(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in text.chars() {
        if in_text {
            in_text = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if c == '"' {
            (in_text, escaped) = (true, false);
        } else if matches!(c, '}' | ']') {
            let end = out.trim_end().len();
            if out[..end].ends_with(',') {
                out.truncate(end - 1);
            }
        }
        out.push(c);
    }
    out
}
