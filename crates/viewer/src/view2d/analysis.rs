//! A frame, and what becomes of it on its way through an encoder.

use std::sync::Arc;

use effigy_quality::Picture;
use effigy_splat::Frame;
use effigy_video::encoder::{self, QualityMap};
use effigy_video::{
    Alpha, FilterOptions, Importance, MapOptions, PlaneFormat, Planes, PreFilter, QualityMapper,
};

use super::setup::{Setup, Stage};

/// A rendered frame as it came from the renderer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) frame: Frame,
    /// Of each pixel: motion right and down, importance, 0.
    pub(crate) guide: Vec<[f32; 4]>,
    /// What a camera saw from there, premultiplied as the frame is.
    pub(crate) truth: Option<Arc<Frame>>,
}

/// A picture at one stage: what is seen, and its codes.
#[derive(Clone, Debug)]
pub(crate) struct StagePicture {
    pub(crate) rgb: Picture,
    pub(crate) codes: Codes,
}

/// Codes of a picture's planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    pub(crate) planes: [Vec<u16>; 3],
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Whether colour differences have half size.
    halved: bool,
    pub(crate) bit_depth: u32,
}

impl Codes {
    pub(crate) fn of(picture: &encoder::Picture<'_>) -> Self {
        Self {
            planes: picture.samples(),
            width: picture.width as usize,
            height: picture.height as usize,
            halved: !picture.layout.full_chroma(),
            bit_depth: picture.layout.bit_depth(),
        }
    }

    /// Of luma, blue and red differences at a pixel: those that belong to it, not interpolated.
    pub(crate) fn at(&self, [x, y]: [usize; 2]) -> Option<[u16; 3]> {
        let (cx, cy, cw) =
            if self.halved { (x / 2, y / 2, self.width.div_ceil(2)) } else { (x, y, self.width) };
        if x >= self.width || y >= self.height {
            return None;
        }
        let [luma, blue, red] = &self.planes;
        Some([*luma.get(y * self.width + x)?, *blue.get(cy * cw + cx)?, *red.get(cy * cw + cx)?])
    }
}

/// A frame and what has become of it.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub(crate) rendered: Arc<Rendered>,
    /// By stage; without what was not asked for, or is not there yet.
    pub(crate) stages: [Option<Arc<StagePicture>>; 4],
    /// What the decoded picture was rendered as: an earlier frame, where an encoder holds pictures back.
    pub(crate) decoded_of: Option<Arc<StagePicture>>,
    pub(crate) map: Option<QualityMap>,
    /// PSNR of what was rendered against the ground truth, of colour and of luma; dB.
    pub(crate) truth_psnr: Option<[f64; 2]>,
}

impl Analysis {
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.rendered.frame.width as usize, self.rendered.frame.height as usize]
    }

    pub(crate) fn stage(&self, stage: Stage) -> Option<&Arc<StagePicture>> {
        self.stages[stage as usize].as_ref()
    }

    /// What a difference is between: the last stage there is, and what it was made of; or what was rendered, and the ground
    /// truth, where there is one and `from_truth` is set.
    pub(crate) fn compared(&self, from_truth: bool) -> Option<[&Arc<StagePicture>; 2]> {
        if let (true, Some(truth)) = (from_truth, self.stage(Stage::Truth)) {
            return Some([truth, self.stage(Stage::Rendered)?]);
        }
        match (self.stage(Stage::Decoded), &self.decoded_of) {
            (Some(decoded), Some(of)) => Some([of, decoded]),
            _ => Some([self.stage(Stage::Rendered)?, self.stage(Stage::Filtered)?]),
        }
    }
}

/// Prepares frames for an encoder; follows what is looked at from frame to frame.
pub(crate) struct Preparation {
    mapper: QualityMapper,
    filter: PreFilter,
    size: (u32, u32),
}

/// A frame as an encoder takes it.
pub(crate) struct Prepared {
    pub(crate) rendered: Arc<StagePicture>,
    pub(crate) filtered: Option<Arc<StagePicture>>,
    pub(crate) truth: Option<Arc<StagePicture>>,
    /// The planes that are to be encoded.
    pub(crate) planes: Planes,
    pub(crate) map: Option<QualityMap>,
}

impl Preparation {
    pub(crate) fn new() -> Result<Self, String> {
        let text = |error: effigy_video::VideoError| error.to_string();
        Ok(Self {
            mapper: QualityMapper::new(MapOptions::default()).map_err(text)?,
            filter: PreFilter::new(FilterOptions::default()).map_err(text)?,
            size: (0, 0),
        })
    }

    /// Makes planes of a frame; with `filtering` also of the frame filtered, which then is what is to be encoded if the
    /// setup says so.
    pub(crate) fn prepare(
        &mut self,
        rendered: &Rendered,
        setup: &Setup,
        filtering: bool,
    ) -> Result<Prepared, String> {
        let frame = &rendered.frame;
        if self.size != (frame.width, frame.height) {
            *self = Self::new()?;
            self.size = (frame.width, frame.height);
        }
        let format = setup.format();
        let background = setup.background.map(|code| f32::from(code) / 255.0);
        let mut planes = Planes::default();
        let rendered_picture = Arc::new(stage_picture(frame, background, format, &mut planes)?);
        let truth = rendered
            .truth
            .as_ref()
            .map(|truth| stage_picture(truth, background, format, &mut Planes::default()).map(Arc::new));
        let importance = Importance::of_guide(frame.width, frame.height, &rendered.guide).ok();
        let mut filtered = None;
        if let (Some(importance), true) = (&importance, filtering || setup.filter) {
            let mut softened = frame.clone();
            self.filter
                .apply(importance, setup.filter_quality(), &mut softened)
                .map_err(|error| error.to_string())?;
            let mut own = Planes::default();
            filtered = Some(Arc::new(stage_picture(&softened, background, format, &mut own)?));
            if setup.filter {
                planes = own;
            }
        }
        let picture = planes.picture();
        let picture = picture.as_ref().map(encoder::Picture::of);
        let map = importance.and_then(|importance| {
            // Without a face there is nothing to be followed, which is no fault.
            self.mapper.map(&importance, picture.as_ref(), false).ok().cloned()
        });
        Ok(Prepared { rendered: rendered_picture, filtered, truth: truth.transpose()?, planes, map })
    }
}

/// A frame over its background: 8 bits as they are shown, and codes.
fn stage_picture(
    frame: &Frame,
    background: [f32; 3],
    format: PlaneFormat,
    planes: &mut Planes,
) -> Result<StagePicture, String> {
    let rgb = frame.color.iter().flat_map(|[r, g, b, alpha]| {
        let clear = 1.0 - alpha.clamp(0.0, 1.0);
        let over = |colour: f32, under: f32| ((colour + clear * under) * 255.0).round() as u8;
        [over(*r, background[0]), over(*g, background[1]), over(*b, background[2])]
    });
    let rgb = Picture::new(frame.width as usize, frame.height as usize, rgb.collect());
    let picture =
        planes.convert(frame, format, Alpha::Over(background)).map_err(|error| error.to_string())?;
    Ok(StagePicture {
        rgb: rgb.map_err(|error| error.to_string())?,
        codes: Codes::of(&encoder::Picture::of(&picture)),
    })
}
