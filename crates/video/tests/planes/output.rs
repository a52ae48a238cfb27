//! Pictures through a whole output: in order, at their times, in segments, with their maps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use effigy_render::wgpu;
use effigy_splat::Frame;
use effigy_video::container::{Container, FragmentedMp4};
use effigy_video::encoder::{
    Capabilities, Encoder, EncoderChoice, EncoderConfig, FrameRequest, Layout, Packet, Picture, QualityMap,
    Rate,
};
use effigy_video::output::{
    OpenContainer, OutputFilter, OutputOptions, OutputReport, VideoOutput, one_segment,
};
use effigy_video::{
    Alpha, Association, FilterOptions, Importance, MapOptions, PlaneFormat, Planes, PreFilter, QualityMapper,
    Recorded, VideoError, WhenFull,
};

use crate::gpu::{device, texture};
use crate::{noise, picture};

/// What was written, by segment.
#[derive(Clone, Default)]
pub(crate) struct Written(pub(crate) Arc<Mutex<Vec<Vec<Packet>>>>);

impl Written {
    pub(crate) fn segments(&self) -> Vec<Vec<Packet>> {
        self.0.lock().expect("nobody panicked").clone()
    }

    /// Opens segments that are written here.
    pub(crate) fn open(&self) -> OpenContainer {
        let all = self.clone();
        Box::new(move |segment| {
            let mut segments = all.0.lock().expect("nobody panicked");
            assert_eq!(segment.number as usize, segments.len());
            segments.push(Vec::new());
            Ok(Box::new(all.clone()))
        })
    }
}

impl Container for Written {
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError> {
        self.0.lock().expect("nobody panicked").last_mut().expect("a segment").push(packet.clone());
        Ok(())
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        Ok(())
    }
}

/// Pictures given to it: their mean luma, and what was asked of them.
type Seen = Arc<Mutex<Vec<(f64, bool, Option<QualityMap>)>>>;

/// An encoder whose packets are empty.
pub(crate) struct Counter {
    capabilities: Capabilities,
    seen: Seen,
    took: Duration,
    count: i64,
}

impl Counter {
    pub(crate) fn new(seen: &Seen, took: Duration) -> Self {
        let capabilities = Capabilities {
            name: "counter".into(),
            layouts: &[Layout::I420],
            alpha: false,
            quality_map: true,
            key_on_request: true,
            max_frame_bytes: false,
        };
        Self { capabilities, seen: seen.clone(), took, count: 0 }
    }
}

impl Encoder for Counter {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        std::thread::sleep(self.took);
        let (width, stride) = (picture.width as usize, picture.strides[0]);
        let rows = picture.planes[0].chunks(stride).take(picture.height as usize);
        let sum: f64 = rows.flat_map(|row| &row[..width]).map(|y| f64::from(*y)).sum();
        let mean = sum / f64::from(picture.width * picture.height);
        self.seen.lock().expect("nobody panicked").push((mean, request.key, request.quality_map.cloned()));
        let pts = self.count;
        self.count += 1;
        Ok(Some(Packet { data: Vec::new(), key: pts == 0 || request.key, pts, dts: pts }))
    }

    fn finish(&mut self) -> Result<Vec<Packet>, VideoError> {
        Ok(Vec::new())
    }
}

/// A host that draws.
pub(crate) struct Host {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (device, queue) = device();
        Self { device, queue }
    }

    pub(crate) fn grey(&self, width: u32, height: u32, code: u8) -> wgpu::TextureView {
        let grey = (f32::from(code) - 16.0) / 219.0;
        texture(&self.device, &self.queue, &picture(width, height, |_, _| [grey, grey, grey, 1.0]))
    }

    pub(crate) fn frame(
        &self,
        output: &mut VideoOutput,
        color: &wgpu::TextureView,
        guide: Option<&wgpu::TextureView>,
    ) -> Result<Recorded, VideoError> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let recorded = output.record_picture(&mut encoder, color, guide);
        self.queue.submit([encoder.finish()]);
        recorded
    }
}

pub(crate) fn options(when_full: WhenFull) -> OutputOptions {
    let config = EncoderConfig { rate: Rate::Quality(20.0), ..EncoderConfig::new(16, 16) };
    OutputOptions { when_full, ..OutputOptions::new(config) }
}

pub(crate) const LONG: WhenFull = WhenFull::Block(Duration::from_secs(20));

fn finished(output: VideoOutput) -> OutputReport {
    output.finish().expect("a video")
}

/// Luma of what a stream of H.264 shows in the middle of its pictures, and their sizes.
fn decoded(packets: &[Packet]) -> Vec<(u8, (usize, usize))> {
    use openh264::formats::YUVSource;
    let mut decoder = openh264::decoder::Decoder::new().expect("a decoder");
    packets
        .iter()
        .map(|packet| {
            let picture = decoder.decode(&packet.data).expect("a picture").expect("a picture");
            let (width, height) = picture.dimensions();
            (picture.y()[height / 2 * picture.strides().0 + width / 2], (width, height))
        })
        .collect()
}

#[test]
fn pictures_arrive_in_order_and_at_their_times() {
    let host = Host::new();
    let written = Written::default();
    let mut output =
        VideoOutput::with_encoder(&host.device, options(LONG), EncoderChoice::OpenH264, written.open())
            .expect("an output");
    let codes: Vec<u8> = (0..20).map(|i| 40 + 9 * i).collect();
    for code in &codes {
        let recorded = host.frame(&mut output, &host.grey(64, 48, *code), None).expect("recorded");
        assert!(matches!(recorded, Recorded::Kept { .. }));
    }
    let report = finished(output);
    let segments = written.segments();
    assert_eq!(segments.len(), 1);
    let times: Vec<i64> = segments[0].iter().map(|packet| packet.pts).collect();
    assert_eq!(times, (0..20).collect::<Vec<_>>());
    for ((found, size), wanted) in decoded(&segments[0]).into_iter().zip(codes) {
        assert!(found.abs_diff(wanted) <= 2 && size == (64, 48), "{found} for {wanted}, {size:?}");
    }
    assert_eq!((report.frames.frames, report.frames.dropped, report.pictures), (20, 0, 20));
    let bytes: usize = segments[0].iter().map(|packet| packet.data.len()).sum();
    assert_eq!((report.packets, report.bytes, report.segments), (20, bytes as u64, 1));
    let times = report.times;
    assert!(
        times.encode > Duration::ZERO && times.read_back > Duration::ZERO && times.record > Duration::ZERO
    );
    assert_eq!(report.busy, None);
}

#[test]
fn a_slow_encoder_costs_frames_and_their_times_stay_true() {
    let host = Host::new();
    let (written, seen) = (Written::default(), Seen::default());
    let (watched, took) = (seen.clone(), Duration::from_millis(30));
    let mut output = VideoOutput::new(
        &host.device,
        options(WhenFull::Drop),
        Box::new(move |_| Ok(Box::new(Counter::new(&watched, took)))),
        written.open(),
    )
    .expect("an output");
    let greys: Vec<_> = (0..60).map(|i| host.grey(16, 16, 40 + 3 * i)).collect();
    let mut kept = Vec::new();
    for grey in &greys {
        let recorded = host.frame(&mut output, grey, None).expect("recorded");
        match recorded {
            Recorded::Kept { frame, waited } => {
                assert_eq!(waited, Duration::ZERO);
                kept.push(frame as i64);
            }
            Recorded::Dropped { waited, .. } => assert_eq!(waited, Duration::ZERO),
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    let report = finished(output);
    assert_eq!(report.frames.frames, 60);
    assert!(report.frames.dropped > 20 && report.frames.blocked == 0, "{report:?}");
    assert_eq!(report.frames.dropped + kept.len() as u64, 60);
    let packets = written.segments().remove(0);
    // The first is frame 0; those that were dropped leave gaps.
    assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), kept);
    let means: Vec<f64> = seen.lock().expect("nobody panicked").iter().map(|(mean, ..)| *mean).collect();
    for (mean, frame) in means.iter().zip(&kept) {
        assert!((mean - (40 + 3 * frame) as f64).abs() < 0.01, "{mean} for frame {frame}");
    }
    assert_eq!(means.len(), kept.len());
}

#[test]
fn another_size_begins_another_segment() {
    let host = Host::new();
    let written = Written::default();
    let mut open = written.open();
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let noted = sizes.clone();
    let mut output = VideoOutput::with_encoder(
        &host.device,
        options(LONG),
        EncoderChoice::OpenH264,
        Box::new(move |segment| {
            noted.lock().expect("nobody panicked").push((
                segment.config.width,
                segment.config.height,
                segment.first_frame,
            ));
            open(segment)
        }),
    )
    .expect("an output");
    for (width, height) in [(64, 48), (64, 48), (81, 33), (81, 33), (81, 33), (64, 48)] {
        host.frame(&mut output, &host.grey(width, height, 100), None).expect("recorded");
    }
    let report = finished(output);
    assert_eq!((report.segments, report.pictures), (3, 6));
    assert_eq!(*sizes.lock().expect("nobody panicked"), [(64, 48, 0), (81, 33, 2), (64, 48, 5)]);
    let segments = written.segments();
    assert_eq!(segments.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 1]);
    for segment in &segments {
        assert!(segment[0].key && segment[0].pts == 0);
        decoded(segment);
    }

    // Where there is one container only it is refused, and what was written before is whole.
    let config = EncoderConfig { rate: Rate::Quality(20.0), ..EncoderConfig::new(64, 48) };
    let file = Arc::new(Mutex::new(Vec::new()));
    let container = FragmentedMp4::new(Bytes(file.clone()), &config, 1).expect("a container");
    let options = OutputOptions { when_full: LONG, ..OutputOptions::new(config) };
    let mut output =
        VideoOutput::with_encoder(&host.device, options, EncoderChoice::OpenH264, one_segment(container))
            .expect("an output");
    for (width, height) in [(64, 48), (64, 48), (81, 33)] {
        host.frame(&mut output, &host.grey(width, height, 100), None).expect("recorded");
    }
    let error = output.finish().expect_err("another size");
    assert!(matches!(error, VideoError::Size { frame: 2, expected: (64, 48), found: (81, 33) }), "{error}");
    let fragments = file.lock().expect("nobody panicked").windows(4).filter(|name| name == b"moof").count();
    assert_eq!(fragments, 2);
}

#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_key_frame_comes_when_it_is_asked_for() {
    let host = Host::new();
    let written = Written::default();
    let mut output =
        VideoOutput::with_encoder(&host.device, options(LONG), EncoderChoice::OpenH264, written.open())
            .expect("an output");
    let grey = host.grey(64, 48, 90);
    for index in 0..12 {
        if index == 7 {
            // All before must have been taken.
            while output.report().pictures < 7 {
                std::thread::sleep(Duration::from_millis(1));
            }
            output.request_key();
        }
        host.frame(&mut output, &grey, None).expect("recorded");
    }
    finished(output);
    let keys: Vec<bool> = written.segments()[0].iter().map(|packet| packet.key).collect();
    assert_eq!(keys, (0..12).map(|index| index == 0 || index == 7).collect::<Vec<_>>());
}

/// Importance as a renderer gives it, of a face that moves.
fn guide(width: u32, height: u32, index: u32) -> Frame {
    let (left, top) = (30 + 5 * (index % 7), 20 + index % 3);
    picture(width, height, |x, y| {
        let face = (left..left + 40).contains(&x) && (top..top + 34).contains(&y);
        let body = (20..100).contains(&x) && y > 10;
        [0.0, 0.0, if face { 0.75 } else { f32::from(body) * 0.1 }, 0.0]
    })
}

/// By the filter and the mapper of the CPU, from pictures and importance brought back.
#[test]
fn maps_are_those_of_the_cpu() {
    let host = Host::new();
    let (width, height, quality) = (131, 86, 36.0);
    let seen = Seen::default();
    let watched = seen.clone();
    let written = Written::default();
    let filter = FilterOptions::default();
    let options = OutputOptions {
        filter: Some(OutputFilter::Focus(filter)),
        map: Some(MapOptions::default()),
        ..options(LONG)
    };
    let mut output = VideoOutput::new(
        &host.device,
        options.clone(),
        Box::new(move |_| Ok(Box::new(Counter::new(&watched, Duration::ZERO)))),
        written.open(),
    )
    .expect("an output");
    output.set_quality(&host.queue, quality);
    let mut mapper = QualityMapper::new(MapOptions::default()).expect("a mapper");
    let mut defined = PreFilter::new(filter).expect("a filter");
    let (mut planes, mut wanted) = (Planes::default(), Vec::new());
    let mut colors = noise(width, height);
    for value in colors.color.as_flattened_mut() {
        *value = (*value * 1024.0).round() / 1024.0;
    }
    let color = texture(&host.device, &host.queue, &colors);
    for index in 0..40 {
        let guide = guide(width, height, index);
        let importance = Importance::of_guide(width, height, &guide.color).expect("a guide");
        let mut filtered = colors.clone();
        defined.apply(&importance, quality, &mut filtered).expect("filtered");
        let picture = planes.convert(&filtered, PlaneFormat::VIDEO, options.alpha).expect("planes");
        let map = mapper.map(&importance, Some(&Picture::of(&picture)), index == 0).expect("a map");
        wanted.push(map.clone());
        let guide = texture(&host.device, &host.queue, &guide);
        host.frame(&mut output, &color, Some(&guide)).expect("recorded");
    }
    finished(output);
    let seen = seen.lock().expect("nobody panicked");
    assert_eq!(seen.len(), wanted.len());
    let (mut worst, mut spread) = (0.0_f32, 0.0_f32);
    for ((_, _, found), wanted) in seen.iter().zip(&wanted) {
        let found = found.as_ref().expect("a map");
        found.validate(width, height).expect("a map");
        for (found, wanted) in found.offsets.iter().zip(&wanted.offsets) {
            worst = worst.max((found - wanted).abs());
        }
        let offsets = || wanted.offsets.iter().copied();
        spread = spread.max(offsets().fold(f32::MIN, f32::max) - offsets().fold(f32::MAX, f32::min));
    }
    println!("offsets spread over {spread}, at most {worst} apart");
    // Rounded codes move the variance of a block's luma a little.
    assert!(worst < 0.02 && spread > 8.0, "{worst} of {spread}");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let host = Host::new();
    let start = |options| {
        VideoOutput::with_encoder(&host.device, options, EncoderChoice::OpenH264, Written::default().open())
    };
    let settings = |options| matches!(start(options), Err(VideoError::Settings(_)));
    let usual = || options(WhenFull::Drop);
    assert!(settings(OutputOptions { alpha: Alpha::Plane(Association::Straight), ..usual() }));
    let filter = FilterOptions::default();
    let mut other = MapOptions::default();
    other.focus.slack = 3.0;
    assert!(settings(OutputOptions {
        filter: Some(OutputFilter::Focus(filter)),
        map: Some(other),
        ..usual()
    }));
    assert!(matches!(start(OutputOptions { places: 0, ..usual() }), Err(VideoError::Planes(_))));
    // A filter needs a guide of the picture's size.
    let mut output =
        start(OutputOptions { filter: Some(OutputFilter::Focus(filter)), ..usual() }).expect("an output");
    let grey = host.grey(20, 20, 80);
    assert!(matches!(host.frame(&mut output, &grey, None), Err(VideoError::Settings(_))));
    let other = host.grey(20, 21, 80);
    assert!(matches!(host.frame(&mut output, &grey, Some(&other)), Err(VideoError::Settings(_))));
    host.frame(&mut output, &grey, Some(&grey)).expect("recorded");
    finished(output);
    // An encoder without maps, told by the first frame.
    let mut output = start(OutputOptions { map: Some(MapOptions::default()), ..usual() }).expect("an output");
    host.frame(&mut output, &grey, Some(&grey)).expect("recorded");
    assert!(matches!(output.finish(), Err(VideoError::Unsupported { .. })));
    // Nothing was drawn.
    let report = finished(start(usual()).expect("an output"));
    assert_eq!((report.pictures, report.segments), (0, 0));
}
