//! What a run is told.

use std::fmt;
use std::str::FromStr;

/// What whoever watches a run may ask of it, between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Wait.
    Pause,
    /// Go on.
    Resume,
    /// Write the avatar as it stands to the run's folder.
    Show,
    /// Stop, and keep the avatar as it stands.
    Keep,
    /// Stop, and write no avatar; the checkpoint is kept.
    Discard,
}

/// Orders with their words.
const WORDS: [(Order, &str); 5] = [
    (Order::Pause, "pause"),
    (Order::Resume, "resume"),
    (Order::Show, "show"),
    (Order::Keep, "keep"),
    (Order::Discard, "discard"),
];

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(order, _)| order == self).map_or("", |&(_, word)| word);
        f.write_str(word)
    }
}

impl FromStr for Order {
    type Err = ();

    /// None but the words that [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        WORDS.iter().find(|&&(_, word)| word == text).map(|&(order, _)| order).ok_or(())
    }
}
