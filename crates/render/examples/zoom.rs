//! A camera goes slowly away from an avatar: how steady the picture stays with different filters.
//!
//! `cargo run --release -p effigy-render --example zoom -- assets/head.glb assets/zoom.png`
//!
//! Rows of the picture, from the top: no filter, that of the original 3D Gaussian Splatting, the Mip filter, the truth (the
//! mean of 16 samples a pixel). Columns: the avatar at 1, 2, 4, 8 and 12 times the distance, enlarged alike; and its
//! middle column of pixels over time, from 8 to 12 times.

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{AdapterChoice, Gpu, Precision, Renderer};
use effigy_splat::{Filter, Frame};
use glam::Vec3;
use sequence::{Dolly, faults};

/// Pixels each way.
const SIZE: u32 = 192;
const STEPS: usize = 181;
const FARTHEST: f32 = 12.0;
const SHOWN: [f32; 5] = [1.0, 2.0, 4.0, 8.0, FARTHEST];
/// Samples a pixel of the truth, each way.
const FINER: u32 = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: zoom AVATAR PICTURE.png";
    let (avatar, out) = (std::env::args().nth(1).ok_or(usage)?, std::env::args().nth(2).ok_or(usage)?);
    let avatar = Avatar::open(avatar, &OpenOptions::default())?;
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))?;
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half)?;
    let (low, high) = avatar.bounds()?.ok_or("the avatar is empty")?;
    let (target, height) = (0.5 * (low + high), high.y - low.y);
    let dolly = Dolly {
        target,
        eye: target + Vec3::new(0.5, 0.15, 2.6) * height,
        vertical_fov: 0.42,
        nearest: 1.0,
        farthest: FARTHEST,
        count: STEPS,
        size: SIZE,
    };
    let none = Filter { variance: 0.0, compensate: false, ..Filter::CLASSIC };
    let sequence = |filter, finer| -> Result<Vec<Frame>, Box<dyn std::error::Error>> {
        let uploaded = renderer.upload(&Arc::new(Avatar { filter, ..avatar.clone() }))?;
        Ok(dolly.pictures((&gpu.device, &gpu.queue, &renderer), &uploaded, finer)?)
    };
    let rows = [sequence(none, 1)?, sequence(Filter::CLASSIC, 1)?, sequence(Filter::MIP, 1)?];
    let truth = sequence(none, FINER)?;

    let nearest = |distance: f32| {
        let off = |i: usize| (dolly.distance(i) / distance).ln().abs();
        (0..STEPS).min_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or(0)
    };
    println!("steps of 8-bit colour, root mean square of what is shown: error, shimmer");
    for (name, pictures) in ["no filter", "classic", "mip"].iter().zip(&rows) {
        print!("{name:>9}");
        for span in SHOWN.windows(2) {
            let steps = nearest(span[0])..nearest(span[1]) + 1;
            let found = faults(&pictures[steps.clone()], &truth[steps]);
            print!("  {}-{}x: {:5.1} {:5.1}", span[0], span[1], found.error, found.shimmer);
        }
        println!();
    }

    let strip: Vec<Vec<&Frame>> =
        rows.iter().chain([&truth]).map(|row| SHOWN.map(|d| &row[nearest(d)]).into()).collect();
    let slices: Vec<&[Frame]> =
        rows.iter().chain([&truth]).map(|row| &row[nearest(8.0)..=nearest(FARTHEST)]).collect();
    strip::save(&strip, &SHOWN, &slices, &out)?;
    gpu.check()?;
    Ok(())
}

#[path = "zoom/sequence.rs"]
mod sequence;
#[path = "zoom/strip.rs"]
mod strip;
