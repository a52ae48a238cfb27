//! What iFacialMocap and Facemotion3d send, a packet a line: `jawOpen-25|eyeBlink_L-3|=head#rx,ry,rz,x,y,z|rightEye#rx,
//! ry,rz|leftEye#rx,ry,rz|`. Weights run from 0 to 100, angles are degrees; `&` may stand for `-`. There is no time but
//! what a recorder has put in front of the line: packets come 60 times per second.

use glam::Quat;

use crate::RigError;
use crate::error::invalid;

use super::gathered::{Frame, Gathered, from_degrees, known_only};
use super::times::Clock;
use super::{Track, TrackLimits};

const RATE: f64 = 60.0;
/// What ends a packet that came by TCP.
const END: &str = "___iFacialMocap";

/// Whether the first line is such a packet.
pub(super) fn is_it(text: &str) -> bool {
    let line = packets(text).next().unwrap_or_default();
    let (_, packet) = time(line);
    packet.contains('|')
        && packet.split('|').take(8).filter_map(weight).any(|(name, _)| crate::canonical(name).is_some())
}

pub(super) fn read(text: &str, limits: &TrackLimits) -> Result<Track, RigError> {
    let mut gathered = Gathered::new(limits);
    for (i, line) in packets(text).enumerate() {
        gathered.add(frame(line).map_err(|fault| invalid(format!("packet {}", i + 1), fault)))?;
    }
    gathered.track(Clock::Unknown, RATE)
}

fn packets(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split(END)).map(str::trim).filter(|line| !line.is_empty())
}

/// What a recorder wrote before the packet, and the packet.
fn time(line: &str) -> (Option<f64>, &str) {
    let Some((before, packet)) = line.split_once([' ', '\t', ',', ';']) else { return (None, line) };
    match before.trim_end_matches([':', ',']).parse::<f64>() {
        Ok(time) if time.is_finite() => (Some(time), packet.trim_start()),
        _ => (None, line),
    }
}

fn weight(part: &str) -> Option<(&str, f32)> {
    let (name, value) = part.split_once(['-', '&'])?;
    let value: f32 = value.trim().parse().ok()?;
    value.is_finite().then_some((name.trim(), value / 100.0))
}

fn frame(line: &str) -> Result<Frame, String> {
    let (time, packet) = time(line);
    let mut frame = Frame { time, ..Frame::default() };
    let (mut left, mut right) = (None, None);
    let mut weights = std::collections::BTreeMap::new();
    // `=` ends the weights, and stands at the end of the last one or alone.
    for part in packet.split(['|', '=']).filter(|part| !part.is_empty()) {
        if let Some((of, numbers)) = part.split_once('#') {
            let turn = angles(numbers).ok_or_else(|| format!("the angles of {of:.16?} are no numbers"))?;
            match of.trim() {
                "head" => frame.head = Some(turn),
                "leftEye" => left = Some(turn),
                "rightEye" => right = Some(turn),
                _ => {}
            }
            continue;
        }
        let (name, weight) = weight(part).ok_or_else(|| format!("{part:.32?} is no weight"))?;
        // Some senders go on without a face.
        if name == "trackingStatus" && weight == 0.0 {
            return Err("no face was tracked".into());
        }
        weights.insert(name.to_owned(), weight);
    }
    frame.eyes = left.zip(right).map(|(left, right)| [left, right]);
    frame.weights = known_only(weights);
    if frame.weights.is_empty() { Err("has no weights".into()) } else { Ok(frame) }
}

/// Three angles, and a position where it is the head.
fn angles(numbers: &str) -> Option<Quat> {
    let numbers: Option<Vec<f32>> = numbers.split(',').take(6).map(|n| n.trim().parse().ok()).collect();
    let angles = numbers?.first_chunk::<3>().copied()?;
    angles.iter().all(|angle| angle.is_finite()).then(|| from_degrees(angles))
}
