//! What importance saves: clips through an encoder with and without quality map or pre-filter, at several rates, measured
//! in the face and over the whole picture.
//!
//! `cargo run --release -p effigy-video --features x264 --example rate_distortion -- ENCODER OUT [OPTION=VALUE ...] CLIP ...`
//!
//! ENCODER is one of [`EncoderChoice`]'s names. OUT is the folder for the report: `report.html` and `report.json`. Each CLIP
//! is `NAME=COLOUR,IMPORTANCE`: two folders of PNG pictures (importance as grey ones), or two raw files of 512 x 512
//! pictures, the first of premultiplied RGBA of 16 bits, little-endian, the second of bytes. Options: `frames`, `every` (slow
//! measures of every so manieth picture; odd, else it meets only the better half of a cascade), `points` (comma-separated
//! quantisers), `variants` (comma-separated; `NAME+3` has all its points three quantisers higher, so that its rates are those
//! of the anchor, which comes first), `weights` (a file of the learned filter's, instead of those that ship), and of the map's options `outside`, `background`, `texture`, `cascade`. FFmpeg with libvmaf is named by `EFFIGY_FFMPEG`.

use std::path::{Path, PathBuf};

use effigy_splat::Frame;
use effigy_video::container::{Container, Elementary};
use effigy_video::encoder::{
    self, ColorInfo, EncoderChoice, EncoderConfig, FrameRequest, Layout, Matrix, QualityMap, Rate,
};
use effigy_video::quality::{
    CompareOptions, Ffmpeg, Frames, Gather, Interpolation, Labels, Mask, Picture, RectFinder, Region, Report,
    SourceOptions, compare, open_frames,
};
use effigy_video::{
    Alpha, Component, FilterOptions, Importance, LearnedFilter, LearnedNetwork, LearnedOptions, MapOptions,
    OutsideOffset, PlaneFormat, Planes, PreFilter, QualityMapper, plain_blur,
};

type Fault = Box<dyn std::error::Error>;

const RAW_SIDE: u32 = 512;
const FPS: f64 = 30.0;
/// sRGB behind raw pictures.
const BACKGROUND: [f32; 3] = [0.13, 0.135, 0.145];

struct Clip {
    name: String,
    size: (u32, u32),
    /// Opaque, as it is compared with.
    pictures: Vec<Picture>,
    importance: Vec<Vec<u8>>,
}

impl Clip {
    fn open(argument: &str, most: usize) -> Result<Self, Fault> {
        let wrong = || format!("{argument}: NAME=COLOUR,IMPORTANCE is meant");
        let (name, files) = argument.split_once('=').ok_or_else(wrong)?;
        let (color, importance) = files.split_once(',').ok_or_else(wrong)?;
        let (color, importance) = (Path::new(color), Path::new(importance));
        if color.is_dir() {
            return Self::of_folders(name, color, importance, most);
        }
        let pixels = (RAW_SIDE * RAW_SIDE) as usize;
        let maps: Vec<Vec<u8>> =
            read(importance)?.chunks_exact(pixels).take(most).map(<[u8]>::to_vec).collect();
        let over = |pixel: &[u8]| {
            let value = |i: usize| f32::from(u16::from_le_bytes([pixel[i], pixel[i + 1]])) / 65535.0;
            let left = 1.0 - value(6);
            [0, 1, 2].map(|c| (255.0 * (value(2 * c) + left * BACKGROUND[c])).round() as u8)
        };
        let pictures = read(color)?
            .chunks_exact(8 * pixels)
            .take(maps.len())
            .map(|bytes| {
                let rgb = bytes.chunks_exact(8).flat_map(over).collect();
                Picture::new(RAW_SIDE as usize, RAW_SIDE as usize, rgb)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self { name: name.into(), size: (RAW_SIDE, RAW_SIDE), pictures, importance: maps }.checked()
    }

    fn of_folders(name: &str, color: &Path, importance: &Path, most: usize) -> Result<Self, Fault> {
        let all = |path: &Path| -> Result<Vec<Picture>, Fault> {
            let mut frames = open_frames(path, Err("folders need none".into()), &SourceOptions::default())?;
            let mut pictures = Vec::new();
            while let Some(picture) = frames.next_frame()?.filter(|_| pictures.len() < most) {
                pictures.push(picture);
            }
            Ok(pictures)
        };
        let pictures = all(color)?;
        let red = |picture: Picture| picture.rgb().chunks_exact(3).map(|p| p[0]).collect();
        let importance = all(importance)?.into_iter().map(red).collect();
        let size = pictures.first().map_or((0, 0), |p| (p.width() as u32, p.height() as u32));
        Self { name: name.into(), size, pictures, importance }.checked()
    }

    fn checked(self) -> Result<Self, Fault> {
        match self.pictures.is_empty() || self.pictures.len() != self.importance.len() {
            true => Err(format!(
                "{}: {} pictures and {} maps of importance",
                self.name,
                self.pictures.len(),
                self.importance.len()
            )
            .into()),
            false => Ok(self),
        }
    }

    fn frame(&self, index: usize) -> Frame {
        let mut frame = Frame::default();
        frame.reset(self.size.0, self.size.1);
        for (to, from) in frame.color.iter_mut().zip(self.pictures[index].rgb().chunks_exact(3)) {
            let value = |c: usize| f32::from(from[c]) / 255.0;
            *to = [value(0), value(1), value(2), 1.0];
        }
        frame
    }

    fn importance(&self, index: usize) -> Result<Importance<'_>, Fault> {
        Ok(Importance::of_bytes(self.size.0, self.size.1, &self.importance[index])?)
    }

    fn face(&self) -> Result<Region, Fault> {
        let mut finder = RectFinder::default();
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        for map in &self.importance {
            let shares: Vec<f32> = map.iter().map(|v| f32::from(*v) / 255.0).collect();
            finder.push(&Mask::of_importance(width, height, &shares, 0.5)?);
        }
        let rect = finder.finish(Gather::Median).ok_or("nothing in the clip is important")?;
        Ok(Region::rect("face", rect))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// What is done to pictures before and while they are encoded.
#[derive(Default)]
struct Treatment {
    mapper: Option<QualityMapper>,
    filter: Option<PreFilter>,
    learned: Option<LearnedFilter>,
    /// Standard deviation, pixels.
    blur: f32,
}

impl Treatment {
    /// `anchor`, or one of the ways below.
    fn new(
        variant: &str,
        base: MapOptions,
        network: &LearnedNetwork,
        clip: &Clip,
        quality: f32,
    ) -> Result<Self, Fault> {
        let none = OutsideOffset::constant(0.0);
        let map = |options| -> Result<Self, Fault> {
            Ok(Self { mapper: Some(QualityMapper::new(options)?), ..Self::default() })
        };
        let filter = || PreFilter::new(FilterOptions::default());
        let learned = || LearnedFilter::new(network.clone(), LearnedOptions::default());
        let blurred = |blur| Ok(Self { blur, ..Self::default() });
        match variant {
            "anchor" => Ok(Self::default()),
            "map" => map(base),
            "cascade" => map(MapOptions { outside: none, background: 0.0, texture: 0.0, ..base }),
            "outside" => map(MapOptions { cascade: Vec::new(), texture: 0.0, ..base }),
            "texture" => map(MapOptions { outside: none, background: 0.0, cascade: Vec::new(), ..base }),
            "prefilter" => Ok(Self { filter: Some(filter()?), ..Self::default() }),
            "learned" => Ok(Self { learned: Some(learned()?), ..Self::default() }),
            // All of every picture by the strength that the filter reaches where it is strongest.
            "blur" => blurred(FilterOptions::default().sigma(quality)),
            // All of every picture, so that the first changes as much.
            "prefilter-blur" => blurred(as_strong(clip, |importance, frame| {
                Ok(filter()?.apply(importance, quality, frame)?)
            })?),
            "learned-blur" => blurred(as_strong(clip, |importance, frame| {
                Ok(learned()?.apply(importance, quality, frame)?)
            })?),
            other => Err(format!(
                "no variant {other:?}: anchor, map, cascade, outside, texture, prefilter, learned, blur, prefilter-blur and \
                 learned-blur are known"
            )
            .into()),
        }
    }
}

/// The standard deviation of the plain blur whose squared change of luma is that of `filter`, over a clip's first picture.
fn as_strong(
    clip: &Clip,
    filter: impl Fn(&Importance<'_>, &mut Frame) -> Result<(), Fault>,
) -> Result<f32, Fault> {
    let before = clip.frame(0);
    let change = |after: &Frame| -> f64 {
        let pairs = before.color.iter().zip(&after.color);
        let luma =
            |c: &[f32; 4]| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        pairs.map(|(a, b)| (luma(a) - luma(b)).powi(2)).sum()
    };
    let mut filtered = before.clone();
    filter(&clip.importance(0)?, &mut filtered)?;
    let wanted = change(&filtered);
    let (mut low, mut high) = (0.0, 3.0);
    for _ in 0..12 {
        let sigma = 0.5 * (low + high);
        let mut blurred = before.clone();
        plain_blur(sigma, &mut blurred)?;
        *(if change(&blurred) < wanted { &mut low } else { &mut high }) = sigma;
    }
    Ok(0.5 * (low + high))
}

/// Encodes a clip to a file and returns its rate, kbit/s.
fn encode(
    clip: &Clip,
    choice: &EncoderChoice,
    variant: &str,
    options: &MapOptions,
    network: &LearnedNetwork,
    quality: f32,
    path: &Path,
) -> Result<f64, Fault> {
    let (width, height) = clip.size;
    let config =
        EncoderConfig { fps: FPS, rate: Rate::Quality(quality), ..EncoderConfig::new(width, height) };
    let mut encoder = encoder::open(choice, &config)?;
    let mut file = Elementary::new(std::fs::File::create(path)?, &config);
    let mut how = Treatment::new(variant, options.clone(), network, clip, quality)?;
    let mut planes = Planes::default();
    let mut bytes = 0;
    let mut write = |packet: encoder::Packet| {
        bytes += packet.data.len();
        file.write(&packet)
    };
    for index in 0..clip.pictures.len() {
        let importance = clip.importance(index)?;
        let mut frame = clip.frame(index);
        if let Some(filter) = &mut how.filter {
            filter.apply(&importance, quality, &mut frame)?;
        }
        if let Some(filter) = &mut how.learned {
            filter.apply(&importance, quality, &mut frame)?;
        }
        if how.blur > 0.0 {
            plain_blur(how.blur, &mut frame)?;
        }
        let converted = planes.convert(&frame, PlaneFormat::VIDEO, Alpha::Over([0.0; 3]))?;
        let plane = |component| converted.plane(component).ok_or("a plane is missing");
        let [y, u, v] = [plane(Component::Luma)?, plane(Component::Cb)?, plane(Component::Cr)?];
        let input = encoder::Picture {
            planes: [y.bytes, u.bytes, v.bytes],
            strides: [y.stride, u.stride, v.stride],
            width,
            height,
            layout: Layout::I420,
            color: ColorInfo { matrix: Matrix::Bt709, full_range: false },
        };
        let key = index % config.key_interval as usize == 0;
        let map: Option<&QualityMap> = match &mut how.mapper {
            Some(mapper) => Some(mapper.map(&importance, Some(&input), key)?),
            None => None,
        };
        if let Some(packet) = encoder.encode(&input, FrameRequest { key, quality_map: map })? {
            write(packet)?;
        }
    }
    for packet in encoder.finish()? {
        write(packet)?;
    }
    file.finish()?;
    Ok(bytes as f64 * 8.0 * FPS / 1000.0 / clip.pictures.len() as f64)
}

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, out, rest @ ..] = arguments.as_slice() else {
        return Err("ENCODER OUT [OPTION=VALUE ...] NAME=COLOUR,IMPORTANCE ... is meant".into());
    };
    let choice: EncoderChoice = name.parse()?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let (mut most, mut every) = (usize::MAX, 11);
    let (mut points, mut variants, mut clips) = (vec![23.0_f32, 28.0, 33.0, 38.0], None, Vec::new());
    let (mut map, mut network) = (MapOptions::default(), LearnedNetwork::bundled()?);
    for argument in rest {
        match argument.split_once('=') {
            Some(("frames", value)) => most = value.parse()?,
            Some(("every", value)) => every = value.parse()?,
            Some(("points", value)) => points = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            Some(("weights", value)) => network = LearnedNetwork::open(value)?,
            Some(("outside", value)) => map.outside = OutsideOffset::constant(value.parse()?),
            Some(("background", value)) => map.background = value.parse()?,
            Some(("texture", value)) => map.texture = value.parse()?,
            Some(("cascade", value)) => {
                map.cascade = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            Some(("variants", value)) => variants = Some(value.split(',').map(str::to_owned).collect()),
            _ => clips.push(argument),
        }
    }
    let variants: Vec<String> = variants.unwrap_or_else(|| {
        let takes_maps = choice == EncoderChoice::X264;
        let names: &[&str] = if takes_maps { &["anchor", "map+3"] } else { &["anchor", "prefilter", "blur"] };
        names.iter().map(|v| (*v).to_owned()).collect()
    });
    let ffmpeg = Ffmpeg::find()?;
    let title = format!("{name}: bits by importance");
    let mut report = Report::new(title, variants.first().cloned(), Interpolation::Piecewise);
    for argument in clips {
        let clip = Clip::open(argument, most)?;
        let options = CompareOptions {
            regions: vec![clip.face()?, Region::whole()],
            ffmpeg: Ok(&ffmpeg),
            frames_per_second: Some(FPS),
            every,
            ..CompareOptions::default()
        };
        for variant in &variants {
            let (way, shift) = variant.split_once('+').unwrap_or((variant.as_str(), "0"));
            let shift: f32 = shift.parse()?;
            for quality in points.iter().map(|point| point + shift) {
                let path = out.join(format!("{}-{variant}-{quality}.264", clip.name));
                let kbit_per_s = encode(&clip, &choice, way, &map, &network, quality, &path)?;
                let mut decoded = open_frames(&path, Ok(&ffmpeg), &SourceOptions::default())?;
                let mut reference = Frames::new(clip.name.clone(), Some(FPS), clip.pictures.clone());
                let comparison = compare(&mut reference, &mut *decoded, None, &options, &mut |_| true)?
                    .ok_or("the comparison was ended")?;
                eprintln!("{} {variant} {quality}: {kbit_per_s:.1} kbit/s", clip.name);
                let labels = Labels {
                    clip: clip.name.clone(),
                    variant: variant.clone(),
                    point: format!("{quality}"),
                    kbit_per_s: Some(kbit_per_s),
                };
                report.add(&labels, &comparison);
            }
        }
        report.save_page(&out.join("report.html"))?;
        report.save_json(&out.join("report.json"), false)?;
    }
    print!("{}", report.table());
    Ok(())
}
