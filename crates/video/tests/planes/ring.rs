//! Frames on their way back: in order, dropped or waited for, of any size, and when the device is gone.

use std::time::{Duration, Instant};

use effigy_render::wgpu;
use effigy_video::{
    Alpha, Component, Converter, PlaneFormat, PlanesBuffer, PlanesError, PlanesRef, Recorded, Ring, Shape,
    WhenFull,
};

use crate::gpu::{device, texture};
use crate::picture;

/// Pictures of one grey each, by which frames are told apart.
struct Source {
    device: wgpu::Device,
    queue: wgpu::Queue,
    converter: Converter,
}

/// A size with its planes, and the greys.
struct Pictures {
    greys: Vec<wgpu::TextureView>,
    planes: PlanesBuffer,
}

const GREYS: u64 = 8;

impl Source {
    fn new() -> Self {
        let (device, queue) = device();
        let converter = Converter::new(&device).expect("a kernel");
        Self { device, queue, converter }
    }

    fn pictures(&self, width: u32, height: u32) -> Pictures {
        let grey = |i: u64| {
            let g = i as f32 / (GREYS - 1) as f32;
            texture(&self.device, &self.queue, &picture(width, height, |_, _| [g, g, g, 1.0]))
        };
        let shape = Shape::new(width, height, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).expect("a shape");
        Pictures {
            greys: (0..GREYS).map(grey).collect(),
            planes: self.converter.planes(&shape).expect("planes"),
        }
    }

    /// Draws the next frame, and asks for it.
    fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pictures: &mut Pictures,
        ring: &Ring,
    ) -> Result<Recorded, PlanesError> {
        let color = pictures.greys[(ring.counts().frames % GREYS) as usize].clone();
        self.converter.record(encoder, &color, &mut pictures.planes)?;
        ring.record(encoder, &pictures.planes)
    }

    fn frame(&self, pictures: &mut Pictures, ring: &Ring) -> Result<Recorded, PlanesError> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let recorded = self.record(&mut encoder, pictures, ring);
        self.queue.submit([encoder.finish()]);
        recorded
    }

    fn finish(&self) {
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU finishes");
    }
}

/// That a frame is the picture of its number.
fn check(planes: &PlanesRef) {
    let grey = (planes.frame() % GREYS) as f64 / (GREYS - 1) as f64;
    let wanted = (16.0 + 219.0 * grey).round() as u8;
    let picture = planes.picture().expect("planes");
    let luma = picture.plane(Component::Luma).expect("luma");
    let all = luma.iter().flatten().all(|y| *y == wanted);
    assert!(all, "frame {}: {} for {wanted}", planes.frame(), luma.bytes[0]);
}

fn kept(recorded: Result<Recorded, PlanesError>) -> bool {
    matches!(recorded.expect("recorded"), Recorded::Kept { .. })
}

#[test]
fn frames_come_back_in_order() {
    let source = Source::new();
    let mut pictures = source.pictures(20, 10);
    let ring = Ring::new(&source.device, 3, WhenFull::Drop).expect("a ring");
    assert!(ring.take().expect("no fault").is_none());
    for round in 0..5 {
        // Two in one submission, one in another that is made before and submitted after.
        let mut last = source.device.create_command_encoder(&Default::default());
        let mut first = source.device.create_command_encoder(&Default::default());
        assert!(kept(source.record(&mut first, &mut pictures, &ring)));
        assert!(kept(source.record(&mut first, &mut pictures, &ring)));
        assert!(kept(source.record(&mut last, &mut pictures, &ring)));
        assert!(!ring.has_room());
        let [first, last] = [first.finish(), last.finish()];
        source.queue.submit([last]);
        source.finish();
        // The newest is there, but not its turn.
        assert!(ring.take().expect("no fault").is_none());
        source.queue.submit([first]);
        source.finish();
        for i in 0..3 {
            let planes = ring.take().expect("no fault").expect("a frame");
            assert_eq!(planes.frame(), 3 * round + i);
            check(&planes);
        }
        assert!(ring.take().expect("no fault").is_none() && ring.has_room());
    }
    let counts = ring.counts();
    assert_eq!((counts.frames, counts.taken, counts.dropped, counts.lost), (15, 15, 0, 0));
    assert_eq!(counts.buffers, 3, "nothing is allocated after the first round");
    assert!(matches!(Ring::new(&source.device, 0, WhenFull::Drop), Err(PlanesError::EmptyRing)));
}

#[test]
fn a_full_ring_drops_the_newest_and_says_so() {
    let source = Source::new();
    let mut pictures = source.pictures(8, 8);
    let ring = Ring::new(&source.device, 2, WhenFull::Drop).expect("a ring");
    let outcomes: Vec<bool> = (0..5).map(|_| kept(source.frame(&mut pictures, &ring))).collect();
    assert_eq!(outcomes, [true, true, false, false, false]);
    source.finish();
    let first = ring.take().expect("no fault").expect("a frame");
    // What the encoder holds is not written over.
    assert!(!kept(source.frame(&mut pictures, &ring)));
    check(&first);
    drop(first);
    assert!(kept(source.frame(&mut pictures, &ring)));
    source.finish();
    let frames: Vec<u64> = std::iter::from_fn(|| ring.take().expect("no fault"))
        .map(|planes| {
            check(&planes);
            planes.frame()
        })
        .collect();
    assert_eq!(frames, [1, 6]);
    let counts = ring.counts();
    assert_eq!((counts.frames, counts.dropped, counts.taken, counts.blocked), (7, 4, 3, 0));
}

#[test]
fn a_blocking_ring_waits_for_the_encoder() {
    let source = Source::new();
    let mut pictures = source.pictures(8, 8);
    let ring = Ring::new(&source.device, 2, WhenFull::Block(Duration::from_secs(20))).expect("a ring");
    std::thread::scope(|scope| {
        let encoder = scope.spawn(|| {
            for frame in 0..30 {
                let planes = ring.take_within(Duration::from_secs(20)).expect("no fault").expect("a frame");
                assert_eq!(planes.frame(), frame);
                check(&planes);
                std::thread::sleep(Duration::from_millis(4));
            }
        });
        for _ in 0..30 {
            assert!(kept(source.frame(&mut pictures, &ring)));
        }
        source.finish();
        encoder.join().expect("an encoder");
    });
    let counts = ring.counts();
    assert_eq!((counts.frames, counts.taken, counts.dropped), (30, 30, 0));
    assert!(counts.blocked > 20 && counts.waited > Duration::from_millis(60), "{counts:?}");

    // Nobody takes any: it is dropped when it has been long enough, not before.
    let ring = Ring::new(&source.device, 1, WhenFull::Block(Duration::from_millis(50))).expect("a ring");
    assert!(kept(source.frame(&mut pictures, &ring)));
    let start = Instant::now();
    let Recorded::Dropped { frame: 1, waited } = source.frame(&mut pictures, &ring).expect("recorded") else {
        panic!("it was kept");
    };
    assert!(waited >= Duration::from_millis(50) && start.elapsed() < Duration::from_secs(5), "{waited:?}");
    assert_eq!((ring.counts().dropped, ring.counts().blocked), (1, 1));
}

#[test]
fn sizes_may_change_between_frames() {
    let source = Source::new();
    let (mut small, mut large) = (source.pictures(6, 4), source.pictures(31, 17));
    let ring = Ring::new(&source.device, 3, WhenFull::Drop).expect("a ring");
    for round in 0..4 {
        for i in 0..3 {
            let pictures = if (round + i) % 2 == 0 { &mut small } else { &mut large };
            assert!(kept(source.frame(pictures, &ring)));
        }
        source.finish();
        for i in 0..3 {
            let planes = ring.take().expect("no fault").expect("a frame");
            let wanted = if (round + i) % 2 == 0 { [6, 4] } else { [31, 17] };
            assert_eq!(planes.shape().picture(), wanted);
            check(&planes);
        }
    }
}

#[test]
fn commands_that_are_thrown_away_hold_nothing_up() {
    let source = Source::new();
    let mut pictures = source.pictures(8, 8);
    let ring = Ring::new(&source.device, 2, WhenFull::Drop).expect("a ring");
    for _ in 0..3 {
        let mut encoder = source.device.create_command_encoder(&Default::default());
        assert!(kept(source.record(&mut encoder, &mut pictures, &ring)));
        drop(encoder);
        assert!(kept(source.frame(&mut pictures, &ring)));
        source.finish();
        let planes = ring.take().expect("no fault").expect("a frame");
        check(&planes);
    }
    let counts = ring.counts();
    assert_eq!((counts.frames, counts.taken, counts.lost), (6, 3, 3));
}

#[test]
fn a_lost_device_is_an_error() {
    for in_flight in [false, true] {
        let source = Source::new();
        // What is submitted to a lost device is an error of the host's.
        source.device.on_uncaptured_error(std::sync::Arc::new(|_| {}));
        let mut pictures = source.pictures(8, 8);
        let ring = Ring::new(&source.device, 2, WhenFull::Block(Duration::from_secs(5))).expect("a ring");
        assert!(kept(source.frame(&mut pictures, &ring)));
        source.finish();
        let held = ring.take().expect("no fault").expect("a frame");
        if in_flight {
            assert!(kept(source.frame(&mut pictures, &ring)));
        }
        source.device.destroy();
        let _ = source.device.poll(wgpu::PollType::Poll);
        let mut failed = 0;
        for _ in 0..6 {
            failed += u32::from(source.frame(&mut pictures, &ring).is_err());
            let _ = source.device.poll(wgpu::PollType::Poll);
            failed += u32::from(ring.take().is_err());
        }
        assert!(failed > 0, "nobody is told: {:?}", ring.counts());
        // What was mapped may be gone, but not under the reader's hands.
        drop(held);
        assert!(ring.take_within(Duration::ZERO).is_err());
        assert!(
            ring.record(&mut source.device.create_command_encoder(&Default::default()), &pictures.planes)
                .is_err()
        );
    }
}

/// The longest that the renderer is held up by an encoder that takes ten times as long as a frame lasts.
#[test]
fn a_slow_encoder_never_stalls_the_renderer() {
    const FRAMES: u64 = 1000;
    let source = Source::new();
    let mut pictures = source.pictures(64, 64);
    let mut run = |encoder_takes: Option<Duration>| {
        let ring = Ring::new(&source.device, 3, WhenFull::Drop).expect("a ring");
        let done = std::sync::atomic::AtomicBool::new(false);
        let mut times = Vec::new();
        std::thread::scope(|scope| {
            let encoder = scope.spawn(|| {
                let mut last = None;
                while !done.load(std::sync::atomic::Ordering::Acquire) {
                    let Some(planes) = ring.take_within(Duration::from_millis(5)).expect("no fault") else {
                        continue;
                    };
                    assert!(last < Some(planes.frame()), "out of order");
                    last = Some(planes.frame());
                    check(&planes);
                    if let Some(time) = encoder_takes {
                        std::thread::sleep(time);
                    }
                }
            });
            for _ in 0..FRAMES {
                let start = Instant::now();
                let mut encoder = source.device.create_command_encoder(&Default::default());
                source.record(&mut encoder, &mut pictures, &ring).expect("recorded");
                times.push(start.elapsed());
                source.queue.submit([encoder.finish()]);
                source.device.poll(wgpu::PollType::Poll).expect("polled");
                // As one that draws 1000 frames a second.
                std::thread::sleep(Duration::from_millis(1).saturating_sub(start.elapsed()));
            }
            source.finish();
            done.store(true, std::sync::atomic::Ordering::Release);
            encoder.join().expect("an encoder");
        });
        times.sort();
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        println!(
            "encoder {encoder_takes:?}: recording takes {:?} (p50), {:?} (p99), {:?} at most; {:?}",
            at(50),
            at(99),
            at(100),
            ring.counts()
        );
        (at(50), at(99), ring.counts())
    };
    let (_, _, fast) = run(None);
    let slow_encoder = Duration::from_millis(20);
    let (p50, p99, slow) = run(Some(slow_encoder));
    assert!(fast.taken > FRAMES / 2, "{fast:?}");
    assert_eq!((slow.frames, slow.blocked, slow.lost), (FRAMES, 0, 0));
    assert!(slow.dropped > FRAMES / 2 && slow.taken + slow.dropped + 3 >= FRAMES, "{slow:?}");
    assert_eq!(slow.buffers, 3);
    // It waits for none of the encoder's frames; the scheduler of a busy machine may do it now and then.
    assert!(p50 < slow_encoder / 10 && p99 < slow_encoder, "{p50:?}, {p99:?}");
}
