//! An output whose encoder dies, whose disk is full, or whose receiver stands still.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use effigy_video::container::{Container, FragmentedMp4};
use effigy_video::encoder::{
    Capabilities, Encoder, EncoderChoice, EncoderConfig, FrameRequest, OpenH264, Packet, Picture,
};
use effigy_video::output::{OutputOptions, VideoOutput, one_segment};
use effigy_video::{Recorded, VideoError, WhenFull};

use crate::output::{Bytes, Host, LONG, Written, options};

/// One that ends with its fourth picture.
struct Mortal(OpenH264, u32);

impl Encoder for Mortal {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        self.1 += 1;
        if self.1 > 3 {
            return Err(VideoError::Encoder { encoder: "mortal".into(), reason: "it died".into() });
        }
        self.0.encode(picture, request)
    }

    fn finish(&mut self) -> Result<Vec<Packet>, VideoError> {
        self.0.finish()
    }
}

/// Draws until told that the video has ended: what it was told, and then.
fn until_told(host: &Host, output: &mut VideoOutput) -> [String; 2] {
    let grey = host.grey(64, 48, 120);
    let begin = Instant::now();
    let mut told = Vec::new();
    while told.len() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(20), "nobody is told");
        if let Err(error) = host.frame(output, &grey, None) {
            told.push(error);
        }
    }
    let [first, then] = [told.remove(0), told.remove(0)];
    assert!(matches!(then, VideoError::Ended(_)), "{then}");
    [first.to_string(), then.to_string()]
}

#[test]
fn a_dead_encoder_is_told_and_leaves_what_was_finished() {
    let host = Host::new();
    for when_full in [WhenFull::Drop, LONG] {
        let file = Arc::new(Mutex::new(Vec::new()));
        let options = options(when_full);
        let config = EncoderConfig { width: 64, height: 48, ..options.config.clone() };
        let container = FragmentedMp4::new(Bytes(file.clone()), &config, 2).expect("a container");
        let mut output = VideoOutput::new(
            &host.device,
            options,
            Box::new(|config| Ok(Box::new(Mortal(OpenH264::new(config)?, 0)))),
            one_segment(container),
        )
        .expect("an output");
        let [first, then] = until_told(&host, &mut output);
        assert_eq!(first, "mortal: it died");
        assert_eq!(then, "the video has ended: mortal: it died");
        let report = output.report();
        assert_eq!((report.pictures, report.packets), (3, 3));
        assert!(matches!(output.finish(), Err(VideoError::Ended(_))));
        // Two pictures in the first fragment, and the third in one that was finished early.
        let fragments =
            file.lock().expect("nobody panicked").windows(4).filter(|name| name == b"moof").count();
        assert_eq!(fragments, 2);
    }
}

/// A disk with room for so many bytes.
struct Disk(usize, Arc<Mutex<Vec<u8>>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.1.lock().expect("nobody panicked");
        let count = bytes.len().min(self.0 - file.len());
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_whole_fragments() {
    let host = Host::new();
    let file = Arc::new(Mutex::new(Vec::new()));
    let options = options(WhenFull::Drop);
    let config = EncoderConfig { width: 64, height: 48, ..options.config.clone() };
    let container = FragmentedMp4::new(Disk(3000, file.clone()), &config, 1).expect("a container");
    let mut output =
        VideoOutput::with_encoder(&host.device, options, EncoderChoice::OpenH264, one_segment(container))
            .expect("an output");
    let [first, _] = until_told(&host, &mut output);
    assert!(first.starts_with("cannot write the video: "), "{first}");
    // As many whole fragments as packets were written.
    let file = file.lock().expect("nobody panicked");
    let (mut at, mut whole) = (0, 0);
    while let Some(&size) = file.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let end = at + u32::from_be_bytes(size) as usize;
        whole += u64::from(end <= file.len() && &file[at + 4..at + 8] == b"mdat");
        at = end;
    }
    assert_eq!(whole, output.report().packets);
    assert!(whole > 5, "{whole}");
}

/// A receiver that takes nothing after the second packet until told.
struct Stalling {
    written: Written,
    count: u32,
    release: Receiver<()>,
    finished: Arc<AtomicBool>,
}

impl Container for Stalling {
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError> {
        self.count += 1;
        if self.count == 3 {
            // Fails if it is not wanted any more.
            let _ = self.release.recv();
        }
        self.written.write(packet)
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        self.finished.store(true, Ordering::Release);
        Ok(())
    }
}

#[test]
fn a_receiver_that_stalls_costs_frames_and_no_time() {
    let host = Host::new();
    let grey = host.grey(64, 48, 120);
    for goes_on in [true, false] {
        let (release, released) = channel();
        let (written, finished) = (Written::default(), Arc::new(AtomicBool::new(false)));
        written.0.lock().expect("nobody panicked").push(Vec::new());
        let (written_to, done) = (written.clone(), finished.clone());
        let container = Stalling { written: written_to, count: 0, release: released, finished: done };
        let options = OutputOptions { patience: Duration::from_millis(300), ..options(WhenFull::Drop) };
        let mut output =
            VideoOutput::with_encoder(&host.device, options, EncoderChoice::OpenH264, one_segment(container))
                .expect("an output");
        let begin = Instant::now();
        let draw = |output: &mut VideoOutput| {
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", output.report());
            let recorded = host.frame(output, &grey, None).expect("recorded");
            std::thread::sleep(Duration::from_millis(1));
            let (Recorded::Kept { waited, .. } | Recorded::Dropped { waited, .. }) = recorded;
            assert_eq!(waited, Duration::ZERO);
            matches!(recorded, Recorded::Dropped { .. })
        };
        // All places are full, and it is seen for how long.
        while output.report().busy.is_none_or(|busy| busy < Duration::from_millis(100)) {
            draw(&mut output);
        }
        assert!((0..10).all(|_| draw(&mut output)));
        if goes_on {
            release.send(()).expect("a receiver");
            let before = output.report().packets;
            while output.report().packets < before + 20 {
                draw(&mut output);
            }
            let report = output.finish().expect("a video");
            assert!(report.frames.dropped > 10 && report.packets == report.pictures);
            let packets = written.segments().remove(0);
            assert_eq!(packets.len() as u64, report.packets);
            // The gap is in the times.
            assert!(packets.windows(2).any(|pair| pair[1].pts - pair[0].pts > 10));
        } else {
            let waiting = Instant::now();
            let error = output.finish().expect_err("it stalls");
            let VideoError::Stalled { what, waited } = &error else { panic!("{error}") };
            assert!(what == "a receiver" && *waited >= Duration::from_millis(300), "{error}");
            assert!(waiting.elapsed() < Duration::from_secs(5));
            // Its thread ends as soon as it can.
            drop(release);
            while !finished.load(Ordering::Acquire) {
                assert!(begin.elapsed() < Duration::from_secs(20));
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Nobody waits for room that a dead encoder will never make.
#[test]
fn a_renderer_that_is_blocked_is_let_go() {
    let host = Host::new();
    let options = OutputOptions { places: 1, ..options(WhenFull::Block(Duration::from_secs(60))) };
    let mut output = VideoOutput::new(
        &host.device,
        options,
        Box::new(|config| {
            std::thread::sleep(Duration::from_millis(200));
            let what = format!("{}x{} is too small", config.width, config.height);
            Err(VideoError::Unsupported { encoder: "picky".into(), what })
        }),
        Written::default().open(),
    )
    .expect("an output");
    let begin = Instant::now();
    let [first, _] = until_told(&host, &mut output);
    assert_eq!(first, "picky: 64x48 is too small");
    assert!(begin.elapsed() < Duration::from_secs(10));
}
