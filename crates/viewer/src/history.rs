//! Undo and redo: the states that the document was in.

use std::collections::VecDeque;

/// The most steps that are kept.
const STEPS: usize = 200;

/// The states that something was in, and where in them it is now.
///
/// Whoever edits says nothing: [`History::watch`] is told the state after every frame and whether an edit is under way (a
/// drag, a key held), and makes one step of all that happened until it was over.
#[derive(Debug)]
pub(crate) struct History<T> {
    past: VecDeque<T>,
    present: T,
    future: Vec<T>,
}

impl<T: Clone + PartialEq> History<T> {
    pub(crate) fn new(present: T) -> Self {
        Self { past: VecDeque::new(), present, future: Vec::new() }
    }

    /// Makes a step of what has changed, unless an edit is still under way. Says whether it did.
    pub(crate) fn watch(&mut self, now: &T, under_way: bool) -> bool {
        if under_way || *now == self.present {
            return false;
        }
        if self.past.len() == STEPS {
            self.past.pop_front();
        }
        self.past.push_back(std::mem::replace(&mut self.present, now.clone()));
        self.future.clear();
        true
    }

    /// Takes `now` as it is, as if it had always been so.
    pub(crate) fn adopt(&mut self, now: &T) {
        self.present = now.clone();
    }

    /// Goes a step back, from `now`.
    pub(crate) fn undo(&mut self, now: &mut T) -> bool {
        self.watch(now, false);
        let Some(before) = self.past.pop_back() else { return false };
        self.future.push(std::mem::replace(&mut self.present, before));
        *now = self.present.clone();
        true
    }

    /// Goes a step forward again.
    pub(crate) fn redo(&mut self, now: &mut T) -> bool {
        // An edit since makes another future.
        if self.watch(now, false) {
            return false;
        }
        let Some(after) = self.future.pop() else { return false };
        self.past.push_back(std::mem::replace(&mut self.present, after));
        *now = self.present.clone();
        true
    }

    /// What undo would go back to.
    pub(crate) fn before(&self) -> Option<&T> {
        self.past.back()
    }

    /// What redo would go on to.
    pub(crate) fn after(&self) -> Option<&T> {
        self.future.last()
    }

    /// The state after the last step.
    pub(crate) fn present(&self) -> &T {
        &self.present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::new(0);
        let mut now = 0;
        for value in 1..=5 {
            now = value;
            assert!(!history.watch(&now, true));
        }
        assert!(history.watch(&now, false));
        assert!(!history.watch(&now, false));
        assert!(history.undo(&mut now));
        assert_eq!(now, 0);
        assert!(!history.undo(&mut now));
        assert!(history.redo(&mut now));
        assert_eq!(now, 5);
        assert!(!history.redo(&mut now));
    }

    #[test]
    fn an_edit_after_undo_drops_what_was_undone() {
        let mut history = History::new('a');
        let mut now = 'b';
        history.watch(&now, false);
        now = 'c';
        history.watch(&now, false);
        history.undo(&mut now);
        assert_eq!((now, history.before(), history.after()), ('b', Some(&'a'), Some(&'c')));
        now = 'd';
        history.watch(&now, false);
        assert!(!history.redo(&mut now));
        history.undo(&mut now);
        assert_eq!(now, 'b');
    }

    #[test]
    fn undo_in_the_middle_of_an_edit_takes_the_edit_back() {
        let mut history = History::new(1);
        let mut now = 2;
        history.watch(&now, true);
        assert!(history.undo(&mut now));
        assert_eq!(now, 1);
        assert!(history.redo(&mut now));
        assert_eq!(now, 2);
    }

    #[test]
    fn the_oldest_steps_go() {
        let mut history = History::new(0);
        for value in 1..=STEPS + 10 {
            history.watch(&value, false);
        }
        let mut now = STEPS + 10;
        let mut undone = 0;
        while history.undo(&mut now) {
            undone += 1;
        }
        assert_eq!((undone, now), (STEPS, 10));
    }
}
