//! Values that depend on what the last frame had, too.

/// A value made of a key, and kept as long as it is asked for with the same one.
pub(crate) struct Memo<K, V>(Option<(K, V)>);

impl<K: PartialEq, V> Memo<K, V> {
    /// Before the first key.
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// The value of `key`, which `make` makes unless it is there.
    ///
    /// # Errors
    /// Those of `make`; there is no value then.
    pub(crate) fn of<E>(&mut self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<&mut V, E> {
        // Let the old memory go before the new is taken.
        self.0.take_if(|(kept, _)| *kept != key);
        match &mut self.0 {
            Some((_, value)) => Ok(value),
            none => Ok(&mut none.insert((key, make()?)).1),
        }
    }

    /// The last key and its value.
    pub(crate) fn last(&self) -> Option<(&K, &V)> {
        self.0.as_ref().map(|(key, value)| (key, value))
    }
}
