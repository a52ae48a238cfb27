//! Messages to the user: what went wrong and what to do about it, or what has been done.

use std::time::{Duration, Instant};

/// How long a message about something done stays.
const NOTE: Duration = Duration::from_secs(5);
/// The most messages at once; the oldest go.
const MOST: usize = 6;

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// What the user can do about it.
    pub(crate) advice: Option<String>,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Goes away by itself.
    Note,
    /// Stays until it is closed.
    Fault,
}

/// What the user is being told.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    list: Vec<Message>,
}

impl Messages {
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.push(Kind::Note, text.into(), None);
    }

    /// Something went wrong; `advice` says what to do.
    pub(crate) fn fault(&mut self, text: impl Into<String>, advice: impl Into<String>) {
        let text = text.into();
        tracing::warn!("{text}");
        self.push(Kind::Fault, text, Some(advice.into()));
    }

    fn push(&mut self, kind: Kind, text: String, advice: Option<String>) {
        // What goes wrong in every frame is said once.
        self.list.retain(|message| message.text != text);
        if self.list.len() >= MOST {
            self.list.remove(0);
        }
        self.list.push(Message { kind, text, advice, since: Instant::now() });
    }

    /// Lets go what has been there for long enough, and says when the next goes.
    pub(crate) fn expire(&mut self) -> Option<Duration> {
        self.list.retain(|message| message.kind == Kind::Fault || message.since.elapsed() < NOTE);
        let notes = self.list.iter().filter(|message| message.kind == Kind::Note);
        notes.map(|message| NOTE.saturating_sub(message.since.elapsed())).min()
    }

    pub(crate) fn list(&self) -> &[Message] {
        &self.list
    }

    pub(crate) fn close(&mut self, index: usize) {
        if index < self.list.len() {
            self.list.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_old_messages_go() {
        let mut messages = Messages::default();
        for _ in 0..3 {
            messages.fault("a fault", "mend it");
        }
        assert_eq!(messages.list().len(), 1);
        for i in 0..10 {
            messages.note(format!("{i}"));
        }
        assert_eq!(messages.list().len(), MOST);
        assert_eq!(messages.list().last().unwrap().text, "9");
        messages.close(99);
        messages.close(0);
        assert_eq!(messages.list()[0].text, "5");
        assert!(messages.expire().unwrap() <= NOTE);
    }
}
