//! Rectangles of pixels.

use serde::{Deserialize, Serialize};

/// A rectangle of pixels; the origin is the picture's top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge, pixels.
    pub x: usize,
    /// Top edge, pixels.
    pub y: usize,
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
}

impl Rect {
    /// A whole picture.
    pub fn whole(width: usize, height: usize) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// Whether it has pixels and all of them lie in a picture of this size.
    pub fn lies_in(&self, width: usize, height: usize) -> bool {
        let within = |start: usize, length: usize, whole: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        within(self.x, self.width, width) && within(self.y, self.height, height)
    }

    /// Grown about its centre to at least `least` pixels a side and to even edges, then moved into the picture; a
    /// picture that is smaller is taken whole. Windowed measures and chroma-subsampled planes want both.
    pub fn grown(&self, least: usize, width: usize, height: usize) -> Self {
        let (x, width) = grown_span(self.x, self.width, least, width);
        let (y, height) = grown_span(self.y, self.height, least, height);
        Self { x, y, width, height }
    }
}

/// Start and length along one axis of `whole` pixels.
fn grown_span(start: usize, length: usize, least: usize, whole: usize) -> (usize, usize) {
    let end = start.saturating_add(length).min(whole);
    let start = start.min(end);
    let missing = least.saturating_sub(end - start);
    let start = start.saturating_sub(missing.div_ceil(2));
    let start = start - start % 2;
    let end = end.max(start.saturating_add(least));
    let end = end.saturating_add(end % 2);
    if end <= whole {
        return (start, end - start);
    }
    // Pushed back from the far edge. Where that edge is odd the last column is left out, unless little remains.
    let end = whole - whole % 2;
    let start = start.min(end.saturating_sub(least));
    let start = start - start % 2;
    if end.saturating_sub(start) < least { (0, whole) } else { (start, end - start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: usize, y: usize, width: usize, height: usize) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn grows_to_even_edges_and_the_least_size_within_the_picture() {
        assert_eq!(rect(101, 51, 99, 81).grown(64, 512, 512), rect(100, 50, 100, 82));
        assert_eq!(rect(101, 51, 98, 80).grown(64, 512, 512), rect(100, 50, 100, 82));
        assert_eq!(rect(100, 100, 10, 10).grown(64, 512, 512), rect(72, 72, 64, 64));
        assert_eq!(rect(0, 500, 10, 12).grown(64, 512, 512), rect(0, 448, 64, 64));
        assert_eq!(rect(5, 5, 10, 10).grown(64, 48, 512), rect(0, 0, 48, 64));
        // An odd picture: its last column is left out, and the rectangle stays even.
        assert_eq!(rect(100, 0, 51, 64).grown(64, 151, 64), rect(86, 0, 64, 64));
        // Nonsense stays inside.
        assert!(rect(usize::MAX, 9, usize::MAX, 1).grown(64, 100, 100).lies_in(100, 100));
    }

    #[test]
    fn knows_what_lies_in_a_picture() {
        assert!(rect(0, 0, 4, 4).lies_in(4, 4));
        assert!(!rect(1, 0, 4, 4).lies_in(4, 4));
        assert!(!rect(0, 0, 0, 4).lies_in(4, 4));
        assert!(!rect(usize::MAX, 0, 2, 4).lies_in(4, 4));
    }
}
