//! Which frame a packet shows: encoders count the pictures that they are given, players need to know when each was drawn.

use std::collections::VecDeque;

use crate::encoder::Packet;

/// The frames' numbers of the pictures that an encoder was given.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// From the first frame of the segment, one for each picture from number `from` on.
    frames: VecDeque<i64>,
    from: i64,
    first: Option<u64>,
}

impl Clock {
    /// The next picture is this frame; numbers rise.
    pub(super) fn push(&mut self, frame: u64) {
        let first = *self.first.get_or_insert(frame);
        self.frames.push_back(i64::try_from(frame.saturating_sub(first)).unwrap_or(i64::MAX));
    }

    /// Has a packet tell its times in frames from the segment's first. Packets come in decoding order.
    pub(super) fn set(&mut self, packet: &mut Packet) {
        // No later packet is shown or decoded before this one is decoded.
        while self.from < packet.dts && self.frames.len() > 1 {
            self.frames.pop_front();
            self.from += 1;
        }
        (packet.pts, packet.dts) = (self.frame(packet.pts), self.frame(packet.dts));
    }

    /// Beyond what is known, as if no frame were missing.
    fn frame(&self, picture: i64) -> i64 {
        let at = picture - self.from;
        let known = usize::try_from(at).ok().and_then(|at| self.frames.get(at));
        match (known, self.frames.front(), self.frames.back()) {
            (Some(frame), ..) => *frame,
            (None, Some(first), _) if at < 0 => first + at,
            (None, _, Some(last)) => last + at - (self.frames.len() as i64 - 1),
            _ => picture,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_tell_when_their_frames_were_drawn() {
        let mut clock = Clock::default();
        // Frames 10, 11, 14, 15, 19; two pictures are decoded ahead, as B-frames need it.
        let frames = [10, 11, 14, 15, 19];
        let (pts, dts) = ([0, 3, 1, 2, 4], [-2, -1, 0, 1, 2]);
        frames.iter().for_each(|frame| clock.push(*frame));
        let times: Vec<_> = pts
            .into_iter()
            .zip(dts)
            .map(|(pts, dts)| {
                let mut packet = Packet { data: Vec::new(), key: pts == 0, pts, dts };
                clock.set(&mut packet);
                (packet.pts, packet.dts)
            })
            .collect();
        assert_eq!(times, [(0, -2), (5, -1), (1, 0), (4, 1), (9, 4)]);
        assert!(clock.frames.len() <= 3, "what is over is forgotten");
    }
}
