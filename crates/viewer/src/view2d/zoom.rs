//! Where the frame's pixels lie in the view. Sizes and places in it are pixels of the screen, from its upper left.

/// The scales that there are, screen pixels for each of the frame's: above 1 whole numbers, so that each pixel is a square
/// like all others.
const SCALES: [f32; 14] =
    [0.25, 1.0 / 3.0, 0.5, 2.0 / 3.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0];

/// How the frame is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Zoom {
    /// Scale, and what of the frame is in the middle of the view; nothing for all of it.
    chosen: Option<(f32, [f32; 2])>,
}

/// Where the frame lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placing {
    /// Screen pixels for each of the frame's.
    pub(crate) scale: f32,
    /// Its upper left, a whole number.
    pub(crate) origin: [f32; 2],
}

impl Placing {
    /// Which point of the frame is at a place in the view.
    pub(crate) fn point(&self, at: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|i| (at[i] - self.origin[i]) / self.scale)
    }

    /// Which pixel of a frame of the given size is at a place, if one is.
    pub(crate) fn pixel(&self, at: [f32; 2], frame: [u32; 2]) -> Option<[u32; 2]> {
        let point = self.point(at).map(f32::floor);
        let inside = (0..2).all(|i| point[i] >= 0.0 && point[i] < frame[i] as f32);
        inside.then_some(point.map(|v| v as u32))
    }
}

impl Zoom {
    /// All of the frame; whole multiples of its size where there is room for more than it.
    pub(crate) fn fit(&mut self) {
        self.chosen = None;
    }

    /// Where a frame lies in a view.
    pub(crate) fn placing(&self, view: [u32; 2], frame: [u32; 2]) -> Placing {
        let [view, frame] = [view, frame].map(|size| size.map(|side| side.max(1) as f32));
        let (scale, middle) = self.chosen.unwrap_or_else(|| {
            let whole = (view[0] / frame[0]).min(view[1] / frame[1]);
            let scale = if whole < 1.0 { whole } else { whole.floor().min(SCALES[SCALES.len() - 1]) };
            (scale, frame.map(|side| 0.5 * side))
        });
        Placing { scale, origin: [0, 1].map(|i| (0.5 * view[i] - middle[i] * scale).round()) }
    }

    /// A pixel of the screen for each of the frame.
    pub(crate) fn actual(&mut self, view: [u32; 2], frame: [u32; 2]) {
        self.rescale(1.0, view.map(|side| 0.5 * side as f32), view, frame);
    }

    /// Goes so many steps nearer, or further if below 0. What is at `at` stays there, to half a pixel of the screen.
    pub(crate) fn step(&mut self, steps: i32, at: [f32; 2], view: [u32; 2], frame: [u32; 2]) {
        let mut scale = self.placing(view, frame).scale;
        for _ in 0..steps.unsigned_abs() {
            let next = if steps > 0 {
                SCALES.into_iter().find(|other| *other > 1.001 * scale)
            } else {
                SCALES.into_iter().rev().find(|other| *other < 0.999 * scale)
            };
            scale = next.unwrap_or(scale);
        }
        self.rescale(scale, at, view, frame);
    }

    fn rescale(&mut self, scale: f32, at: [f32; 2], view: [u32; 2], frame: [u32; 2]) {
        let point = self.placing(view, frame).point(at);
        let middle = [0, 1].map(|i| point[i] - (at[i] - 0.5 * view[i] as f32) / scale);
        self.look_at(scale, middle, frame);
    }

    /// Moves the frame by so many pixels of the screen.
    pub(crate) fn pan(&mut self, by: [f32; 2], view: [u32; 2], frame: [u32; 2]) {
        let placing = self.placing(view, frame);
        let middle = placing.point(view.map(|side| 0.5 * side as f32));
        let middle = self.chosen.map_or(middle, |(_, middle)| middle);
        self.look_at(placing.scale, [0, 1].map(|i| middle[i] - by[i] / placing.scale), frame);
    }

    /// Some of the frame stays in the view.
    fn look_at(&mut self, scale: f32, middle: [f32; 2], frame: [u32; 2]) {
        self.chosen = Some((scale, [0, 1].map(|i| middle[i].clamp(0.0, frame[i] as f32))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: [u32; 2] = [900, 700];
    const FRAME: [u32; 2] = [512, 256];

    #[test]
    fn all_of_the_frame_is_shown_in_whole_multiples() {
        let zoom = Zoom::default();
        // 900/512 = 1.76 and 700/256 = 2.73: once. (900 - 512)/2 = 194, (700 - 256)/2 = 222.
        assert_eq!(zoom.placing(VIEW, FRAME), Placing { scale: 1.0, origin: [194.0, 222.0] });
        // 2.73 and 2.73: twice.
        assert_eq!(zoom.placing(VIEW, [256, 256]), Placing { scale: 2.0, origin: [194.0, 94.0] });
        // 900/1200 = 0.75 and 700/1400 = 0.5: half. (900 - 600)/2 = 150.
        assert_eq!(zoom.placing(VIEW, [1200, 1400]), Placing { scale: 0.5, origin: [150.0, 0.0] });
        assert_eq!(zoom.placing([0, 0], [1, 1]).scale, 1.0);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut zoom = Zoom::default();
        // At 294, 322 in the view is the frame's pixel 100, 100.
        let at = [294.5, 322.5];
        assert_eq!(zoom.placing(VIEW, FRAME).pixel(at, FRAME), Some([100, 100]));
        for scale in [2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 32.0] {
            zoom.step(1, at, VIEW, FRAME);
            let placing = zoom.placing(VIEW, FRAME);
            assert_eq!((placing.scale, placing.pixel(at, FRAME)), (scale, Some([100, 100])));
            assert_eq!(placing.origin, placing.origin.map(f32::round));
        }
        zoom.step(-20, at, VIEW, FRAME);
        assert_eq!(zoom.placing(VIEW, FRAME).scale, 0.25);
        zoom.fit();
        assert!(zoom == Zoom::default() && zoom.placing(VIEW, FRAME).scale == 1.0);
    }

    #[test]
    fn panning_moves_the_frame_with_the_hand() {
        let mut zoom = Zoom::default();
        zoom.step(2, [450.0, 350.0], VIEW, FRAME);
        // Three times: 450 - 256 * 3, 350 - 128 * 3.
        assert_eq!(zoom.placing(VIEW, FRAME), Placing { scale: 3.0, origin: [-318.0, -34.0] });
        zoom.pan([10.0, -20.0], VIEW, FRAME);
        assert_eq!(zoom.placing(VIEW, FRAME).origin, [-308.0, -54.0]);
        // Not out of sight: its upper left comes to the middle of the view at most.
        zoom.pan([1e6, 1e6], VIEW, FRAME);
        assert_eq!(zoom.placing(VIEW, FRAME).origin, [450.0, 350.0]);
        zoom.actual(VIEW, FRAME);
        assert_eq!(zoom.placing(VIEW, FRAME), Placing { scale: 1.0, origin: [450.0, 350.0] });
    }

    #[test]
    fn pixels_begin_and_end_where_they_should() {
        let placing = Placing { scale: 4.0, origin: [10.0, 20.0] };
        assert_eq!(placing.pixel([10.0, 20.0], [3, 2]), Some([0, 0]));
        assert_eq!(placing.pixel([21.9, 27.9], [3, 2]), Some([2, 1]));
        assert_eq!(placing.pixel([22.0, 27.9], [3, 2]), None);
        assert_eq!(placing.pixel([9.9, 20.0], [3, 2]), None);
    }
}
