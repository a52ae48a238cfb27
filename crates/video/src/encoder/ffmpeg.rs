//! Any encoder of FFmpeg's, in a process of its own: raw pictures into its standard input, packets out of its standard
//! output. What FFmpeg was built with stays outside this program, licences included.

mod arguments;
mod unpack;

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use effigy_quality::ffmpeg_program;

use super::{Backend, Capabilities, Codec, EncoderConfig, FrameRequest, Gated, Layout, Packet, Planar};
use crate::VideoError;
use arguments::Plan;
use unpack::Unpacker;

/// Pictures that wait for FFmpeg before the caller does.
const WAITING: usize = 2;

/// How FFmpeg is run.
#[derive(Clone, Debug)]
pub struct FfmpegOptions {
    /// The program; unless set otherwise the one that `EFFIGY_FFMPEG` names, or else `ffmpeg`.
    pub program: OsString,
    /// Arguments put before the output's, such as `-x265-params ...`.
    pub extra: Vec<String>,
    /// How long it may neither take a picture nor give a packet at the end before it is ended.
    pub patience: Duration,
}

impl Default for FfmpegOptions {
    fn default() -> Self {
        Self { program: ffmpeg_program(), extra: Vec::new(), patience: Duration::from_secs(60) }
    }
}

/// One of FFmpeg's encoders.
///
/// Works beside the caller: [`Encoder::encode`](super::Encoder::encode) returns a packet of an earlier picture if one is there. It makes no
/// key frame on request and takes no quality map. H.265 comes out without B-frames and a picture late, since its raw
/// stream does not say where a picture ends; SVT-AV1 keeps pictures back even in low latency.
pub type Ffmpeg = Gated<Process>;

/// FFmpeg at work.
pub struct Process {
    name: String,
    patience: Duration,
    child: Child,
    pictures: Option<SyncSender<Vec<u8>>>,
    packets: Receiver<Result<Packet, String>>,
    /// The last line on its standard error.
    last_line: Arc<Mutex<String>>,
    threads: Vec<JoinHandle<()>>,
    /// FFmpeg has ended and its status has been looked at.
    over: bool,
}

impl Ffmpeg {
    /// Starts FFmpeg with the encoder `name`.
    ///
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Unsupported`]; [`VideoError::Program`] if it cannot be started. An
    /// encoder that FFmpeg does not have shows only when pictures are given.
    pub fn new(name: &str, config: &EncoderConfig, options: &FfmpegOptions) -> Result<Self, VideoError> {
        let plan = arguments::plan(name, config, &options.extra)?;
        let capabilities = Capabilities {
            name: format!("ffmpeg:{name}"),
            // Given to FFmpeg as planes, whatever they were.
            layouts: Layout::ALL,
            alpha: false,
            quality_map: false,
            key_on_request: false,
            max_frame_bytes: arguments::holds_frame_size(name),
        };
        Self::open(capabilities, plan.codec, config, plan.padding, || {
            Process::start(name, &plan, config, options)
        })
    }
}

impl Process {
    fn start(
        name: &str,
        plan: &Plan,
        config: &EncoderConfig,
        options: &FfmpegOptions,
    ) -> Result<Self, VideoError> {
        let mut child = Command::new(&options.program)
            .args(&plan.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| VideoError::Program {
                program: options.program.to_string_lossy().into_owned(),
                reason: format!("cannot be started: {error}"),
            })?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(VideoError::Program { program: "ffmpeg".into(), reason: "has no pipes".into() });
        };

        // A thread for each pipe: whichever of them is full, the other two go on.
        let (pictures, waiting) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let writer = std::thread::spawn(move || {
            // An error here means that FFmpeg has gone; why shows on the other two.
            while let Ok(picture) = waiting.recv() {
                if stdin.write_all(&picture).is_err() {
                    return;
                }
            }
        });
        let (found, packets) = mpsc::channel();
        let unpacker = Unpacker::new(plan.codec, config.fps);
        let reader = std::thread::spawn(move || read_packets(stdout, unpacker, &found));
        let last_line = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&last_line);
        let listener = std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let mut line = Vec::new();
            while lines.by_ref().take(65_536).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line);
                if let (false, Ok(mut kept)) = (text.trim().is_empty(), keep.lock()) {
                    *kept = text.trim().to_owned();
                }
                line.clear();
            }
        });
        Ok(Self {
            name: format!("ffmpeg:{name}"),
            patience: options.patience,
            child,
            pictures: Some(pictures),
            packets,
            last_line,
            threads: vec![writer, reader, listener],
            over: false,
        })
    }

    /// Waits for the threads, whose pipes close with FFmpeg's end; not for long, as a program that FFmpeg's stand-in
    /// started may hold them open.
    fn settle(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// FFmpeg has gone, is stuck or talks nonsense: ends it and says what it said last.
    fn fail(&mut self, reason: Option<String>) -> VideoError {
        self.over = true;
        self.pictures = None;
        // If it closed its pipes it is about to end by itself, which gives a better status.
        let deadline = Instant::now() + Duration::from_secs(2);
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if reason.is_none() && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => {
                    // Only errors if it has ended in between.
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break None;
                }
            }
        };
        self.settle();
        // What the reader found wrong is the cause of whatever came after.
        let found = std::iter::from_fn(|| self.packets.try_recv().ok()).find_map(Result::err);
        let reason = reason.or(found);
        let said = self.last_line.lock().map(|line| line.clone()).unwrap_or_default();
        let reason = match (reason, said.is_empty()) {
            (Some(reason), true) => reason,
            (Some(reason), false) => format!("{reason}; its last line: {said}"),
            (None, false) => said,
            (None, true) => ended(status),
        };
        VideoError::Program { program: self.name.clone(), reason }
    }
}

fn ended(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("it ended ({status}) before its work was done and said nothing"),
        None => "it closed its output before its work was done".into(),
    }
}

fn read_packets(mut stdout: impl Read, mut unpacker: Unpacker, found: &mpsc::Sender<Result<Packet, String>>) {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = match stdout.read(&mut bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        if count == 0 {
            unpacker.end();
        } else {
            unpacker.push(&bytes[..count]);
        }
        loop {
            let next = match unpacker.next() {
                Ok(Some(packet)) => Ok(packet),
                Ok(None) => break,
                Err(reason) => Err(reason),
            };
            let bad = next.is_err();
            // Nobody listens any more, or nothing can follow.
            if found.send(next).is_err() || bad {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}

impl Backend for Process {
    fn encode(&mut self, planar: &Planar, _: u64, _: FrameRequest<'_>) -> Result<Option<Packet>, VideoError> {
        let mut bytes = planar.planes.concat();
        let deadline = Instant::now() + self.patience;
        loop {
            let Some(pictures) = &self.pictures else { return Err(self.fail(None)) };
            match pictures.try_send(bytes) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(self.fail(None)),
                Err(TrySendError::Full(back)) => bytes = back,
            }
            if Instant::now() > deadline {
                return Err(
                    self.fail(Some(format!("it took no picture for {:.0} s", self.patience.as_secs_f64())))
                );
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        self.poll()
    }

    fn poll(&mut self) -> Result<Option<Packet>, VideoError> {
        match self.packets.try_recv() {
            Ok(Ok(packet)) => Ok(Some(packet)),
            Ok(Err(reason)) => Err(self.fail(Some(reason))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) if self.over => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.fail(None)),
        }
    }

    fn finish(&mut self, pictures: u64) -> Result<Vec<Packet>, VideoError> {
        // The writer closes FFmpeg's input once the last picture is through.
        self.pictures = None;
        let mut last = Vec::new();
        loop {
            match self.packets.recv_timeout(self.patience) {
                Ok(Ok(packet)) => last.push(packet),
                Ok(Err(reason)) => return Err(self.fail(Some(reason))),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.patience.as_secs_f64();
                    return Err(self.fail(Some(format!("it gave nothing for {seconds:.0} s"))));
                }
            }
        }
        match self.child.wait() {
            Ok(status) if status.success() || pictures == 0 => {
                self.over = true;
                self.settle();
                Ok(last)
            }
            _ => Err(self.fail(None)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.pictures = None;
        if !self.over {
            // Only errors if it has ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.settle();
    }
}

/// The codec that an encoder of FFmpeg's makes, by its name.
pub(super) fn codec_of(name: &str) -> Option<Codec> {
    let has = |part: &str| name.contains(part);
    match () {
        () if has("264") => Some(Codec::H264),
        () if has("265") || has("hevc") => Some(Codec::H265),
        () if has("av1") || has("rav1e") => Some(Codec::Av1),
        () => None,
    }
}
