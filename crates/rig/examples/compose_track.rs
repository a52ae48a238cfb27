//! Composes the track that ships with the program: a short greeting with speech-like jaw motion, blinks and a smile.
//!
//! `cargo run -p effigy-rig --example compose_track -- assets/greeting.json`

use effigy_rig::Track;
use glam::{EulerRot, Quat};

/// Frames a second.
const FPS: f64 = 30.0;
/// Seconds; the last frame leads back to the first.
const LENGTH: f64 = 6.0;

/// Controls that move alike, and their keys (seconds, weight), eased between.
type Curve = (&'static [&'static str], &'static [(f64, f32)]);

/// "Hello, nice to meet you", roughly: open vowels on the jaw, rounded ones on funnel and pucker, lips closed for m.
const CURVES: &[Curve] = &[
    (
        &["jawOpen"],
        &[
            (0.5, 0.0),
            (0.7, 0.32),
            (0.85, 0.12),
            (1.05, 0.38),
            (1.3, 0.1),
            (1.6, 0.0),
            (1.8, 0.08),
            (2.0, 0.42),
            (2.25, 0.12),
            (2.4, 0.06),
            (2.55, 0.2),
            (2.75, 0.1),
            (2.9, 0.02),
            (3.1, 0.22),
            (3.3, 0.08),
            (3.5, 0.24),
            (3.8, 0.04),
            (4.2, 0.0),
        ],
    ),
    (&["mouthClose"], &[(2.72, 0.0), (2.88, 0.05), (3.0, 0.0)]),
    (
        &["mouthFunnel"],
        &[
            (0.95, 0.0),
            (1.12, 0.45),
            (1.45, 0.0),
            (2.4, 0.0),
            (2.55, 0.4),
            (2.75, 0.0),
            (3.35, 0.0),
            (3.55, 0.5),
            (3.85, 0.0),
        ],
    ),
    (&["mouthPucker"], &[(1.05, 0.0), (1.25, 0.35), (1.5, 0.0), (3.45, 0.0), (3.65, 0.45), (3.95, 0.0)]),
    (
        &["mouthStretchLeft", "mouthStretchRight"],
        &[(1.95, 0.0), (2.15, 0.3), (2.35, 0.0), (3.0, 0.0), (3.15, 0.28), (3.3, 0.0)],
    ),
    (
        &["mouthUpperUpLeft", "mouthUpperUpRight"],
        &[(0.6, 0.0), (0.8, 0.18), (1.0, 0.0), (1.9, 0.0), (2.05, 0.22), (2.3, 0.0)],
    ),
    (
        &["mouthLowerDownLeft", "mouthLowerDownRight"],
        &[
            (0.6, 0.0),
            (0.75, 0.2),
            (1.0, 0.05),
            (1.4, 0.0),
            (1.9, 0.0),
            (2.05, 0.28),
            (2.3, 0.0),
            (3.0, 0.0),
            (3.15, 0.2),
            (3.35, 0.0),
        ],
    ),
    (&["mouthPressLeft", "mouthPressRight"], &[(2.75, 0.0), (2.88, 0.3), (3.0, 0.0)]),
    (&["mouthSmileLeft"], &[(0.0, 0.05), (0.5, 0.12), (3.7, 0.12), (4.3, 0.78), (5.2, 0.72), (6.0, 0.05)]),
    (&["mouthSmileRight"], &[(0.0, 0.05), (0.5, 0.1), (3.7, 0.1), (4.35, 0.72), (5.2, 0.66), (6.0, 0.05)]),
    (&["mouthDimpleLeft", "mouthDimpleRight"], &[(3.9, 0.0), (4.4, 0.25), (5.2, 0.22), (5.9, 0.0)]),
    (&["cheekSquintLeft", "cheekSquintRight"], &[(3.9, 0.0), (4.4, 0.5), (5.2, 0.45), (5.9, 0.0)]),
    (&["eyeSquintLeft", "eyeSquintRight"], &[(3.9, 0.0), (4.4, 0.35), (5.2, 0.3), (5.9, 0.0)]),
    (
        &["eyeBlinkLeft", "eyeBlinkRight"],
        &[
            (0.3, 0.0),
            (0.38, 1.0),
            (0.42, 1.0),
            (0.58, 0.0),
            (2.62, 0.0),
            (2.7, 1.0),
            (2.74, 1.0),
            (2.92, 0.0),
            (5.3, 0.0),
            (5.39, 1.0),
            (5.43, 1.0),
            (5.62, 0.0),
        ],
    ),
    (
        &["browInnerUp"],
        &[(0.5, 0.0), (0.8, 0.35), (1.4, 0.1), (2.0, 0.3), (2.6, 0.05), (4.2, 0.15), (5.5, 0.0)],
    ),
    (&["browOuterUpLeft"], &[(0.5, 0.0), (0.8, 0.3), (1.5, 0.0), (1.9, 0.0), (2.1, 0.25), (2.7, 0.0)]),
    (&["browOuterUpRight"], &[(0.5, 0.0), (0.8, 0.3), (1.5, 0.0), (1.9, 0.0), (2.1, 0.22), (2.7, 0.0)]),
    (&["eyeLookInLeft", "eyeLookOutRight"], &[(1.4, 0.0), (1.48, 0.18), (2.6, 0.18), (2.7, 0.0)]),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: compose_track OUT.json")?;
    let frames = (LENGTH * FPS) as usize;
    let times: Vec<f64> = (0..frames).map(|i| i as f64 / FPS).collect();
    let track = Track {
        names: CURVES.iter().flat_map(|(names, _)| names.iter().map(|name| (*name).to_owned())).collect(),
        weights: times.iter().flat_map(|&t| CURVES.iter().flat_map(move |curve| weights(curve, t))).collect(),
        head_rotations: Some(times.iter().map(|&t| head(t)).collect()),
        times,
        ..Track::default()
    };
    std::fs::write(path, track.to_json()?)?;
    Ok(())
}

fn weights(&(names, keys): &Curve, time: f64) -> impl Iterator<Item = f32> {
    std::iter::repeat_n(eased(keys, time), names.len())
}

/// The value at `time`: eased between keys, held outside of them, to four decimals.
fn eased(keys: &[(f64, f32)], time: f64) -> f32 {
    let next = keys.partition_point(|(t, _)| *t <= time);
    let value = match (next.checked_sub(1).map(|i| keys[i]), keys.get(next)) {
        (Some((t0, a)), Some(&(t1, b))) => {
            let x = ((time - t0) / (t1 - t0)) as f32;
            a + (b - a) * x * x * (3.0 - 2.0 * x)
        }
        (Some((_, a)), None) => a,
        (None, Some(&(_, b))) => b,
        (None, None) => 0.0,
    };
    (value * 1e4).round() / 1e4
}

/// A head that is never quite still, with a small nod on the first word; it ends as it begins.
fn head(time: f64) -> Quat {
    let phase = (time / LENGTH * std::f64::consts::TAU) as f32;
    let nod = (-((time as f32 - 0.85) / 0.22).powi(2)).exp();
    let yaw = 0.07 * phase.sin() + 0.02 * (3.0 * phase).sin();
    let pitch = 0.03 * (2.0 * phase).sin() + 0.06 * nod;
    let roll = 0.025 * (phase + 0.8).sin() - 0.025 * 0.8f32.sin();
    Quat::from_euler(EulerRot::YXZ, yaw, pitch, roll)
}
