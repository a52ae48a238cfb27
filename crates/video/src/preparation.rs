//! What importance does to a picture on its way to an encoder: a filter before, quantiser offsets beside it.

use effigy_splat::Frame;

use crate::encoder::{self, EncoderConfig, Preset, QualityMap};
use crate::{
    FilterOptions, Importance, LearnedFilter, LearnedNetwork, LearnedOptions, MapOptions, PreFilter,
    QualityMapper, VideoError, plain_blur,
};

/// What takes detail out of pictures before they are encoded. How much follows the rate
/// ([`EncoderConfig::h264_quantiser`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filtering {
    /// Nothing.
    #[default]
    None,
    /// A blur of the whole picture, as strong as [`Self::Focus`] is where it is strongest: what that is to be compared
    /// with.
    Plain,
    /// [`PreFilter`]: a blur away from what is looked at.
    Focus,
    /// [`LearnedFilter`] with the weights that come with the program.
    Learned,
}

impl Filtering {
    /// Whether it wants to know the importance of pixels.
    pub const fn needs_importance(self) -> bool {
        matches!(self, Self::Focus | Self::Learned)
    }
}

/// How pictures are prepared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreparationOptions {
    /// Which filter.
    pub filtering: Filtering,
    /// Of filters that blur.
    pub filter: FilterOptions,
    /// Of the learned one.
    pub learned: LearnedOptions,
    /// Makes a quality map of every picture, for encoders with [`encoder::Capabilities::quality_map`].
    pub map: Option<MapOptions>,
}

/// Prepares the pictures of one stream, each once, in order.
#[derive(Clone, Debug)]
pub struct Preparation {
    filter: Filter,
    mapper: Option<QualityMapper>,
    /// What the filter's strength follows.
    quality: f32,
    key_interval: u64,
    mapped: u64,
}

#[derive(Clone, Debug)]
enum Filter {
    None,
    /// Its standard deviation, pixels.
    Plain(f32),
    Focus(Box<PreFilter>),
    Learned(Box<LearnedFilter>),
}

impl Preparation {
    /// For an encoder that was opened with `config`. With [`Preset::Offline`], where encoders look ahead, maps are made
    /// without [`MapOptions::cascade`].
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning.
    pub fn new(options: &PreparationOptions, config: &EncoderConfig) -> Result<Self, VideoError> {
        let quality = config.h264_quantiser();
        let filter = match options.filtering {
            Filtering::None => Filter::None,
            Filtering::Plain => Filter::Plain(options.filter.sigma(quality)),
            Filtering::Focus => Filter::Focus(Box::new(PreFilter::new(options.filter)?)),
            Filtering::Learned => {
                let network = LearnedNetwork::bundled().map_err(|e| VideoError::Settings(e.to_string()))?;
                Filter::Learned(Box::new(LearnedFilter::new(network, options.learned)?))
            }
        };
        let mapper = match &options.map {
            Some(map) => Some(QualityMapper::new(map_options(map, config))?),
            None => None,
        };
        Ok(Self { filter, mapper, quality, key_interval: u64::from(config.key_interval), mapped: 0 })
    }

    /// Filters the next picture in place.
    ///
    /// # Errors
    /// [`VideoError::Map`] if the filter needs importance and there is none of the picture's size,
    /// [`VideoError::Picture`] for a frame that lacks colours.
    pub fn filter(
        &mut self,
        importance: Option<&Importance<'_>>,
        frame: &mut Frame,
    ) -> Result<(), VideoError> {
        match &mut self.filter {
            Filter::None => Ok(()),
            Filter::Plain(sigma) if *sigma > 0.0 => plain_blur(*sigma, frame),
            Filter::Plain(_) => Ok(()),
            Filter::Focus(filter) => filter.apply(known(importance)?, self.quality, frame),
            Filter::Learned(filter) => filter.apply(known(importance)?, self.quality, frame),
        }
    }

    /// The quality map of the next picture, which has been filtered; `None` if none is to be made. `requested` says that
    /// a key frame is asked for beyond the encoder's interval.
    ///
    /// # Errors
    /// [`VideoError::Map`] if there is no importance of the picture's size, [`VideoError::Picture`] for a picture that is
    /// not valid.
    pub fn map(
        &mut self,
        importance: Option<&Importance<'_>>,
        picture: &encoder::Picture<'_>,
        requested: bool,
    ) -> Result<Option<&QualityMap>, VideoError> {
        let Some(mapper) = &mut self.mapper else { return Ok(None) };
        if requested {
            self.mapped = 0;
        }
        let key = match self.key_interval {
            0 => self.mapped == 0,
            interval => self.mapped.is_multiple_of(interval),
        };
        self.mapped += 1;
        mapper.map(known(importance)?, Some(picture), key).map(Some)
    }
}

/// A map for an encoder that was opened with `config`: one that looks ahead has a cascade of its own.
pub(crate) fn map_options(map: &MapOptions, config: &EncoderConfig) -> MapOptions {
    let mut map = map.clone();
    if config.preset == Preset::Offline {
        map.cascade.clear();
    }
    map
}

fn known<'a, 'b>(importance: Option<&'a Importance<'b>>) -> Result<&'a Importance<'b>, VideoError> {
    importance.ok_or_else(|| VideoError::Map("the importance of the picture's pixels is not given".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{Codec, Rate};
    use crate::{Alpha, PlaneFormat, Planes};

    const SIDE: u32 = 128;

    /// Opaque stripes of single pixels.
    fn stripes() -> Frame {
        let mut frame = Frame::default();
        frame.reset(SIDE, SIDE);
        for (i, pixel) in frame.color.iter_mut().enumerate() {
            let value = (i % 2) as f32;
            *pixel = [value, value, value, 1.0];
        }
        frame
    }

    fn face() -> Vec<u8> {
        (0..SIDE * SIDE)
            .map(|i| if (48..80).contains(&(i % SIDE)) && (48..80).contains(&(i / SIDE)) { 255 } else { 25 })
            .collect()
    }

    fn config(quality: f32) -> EncoderConfig {
        EncoderConfig { rate: Rate::Quality(quality), ..EncoderConfig::new(SIDE, SIDE) }
    }

    fn filtered(filtering: Filtering, config: &EncoderConfig) -> Frame {
        let options = PreparationOptions { filtering, ..Default::default() };
        let (values, mut frame) = (face(), stripes());
        let importance = Importance::of_bytes(SIDE, SIDE, &values).unwrap();
        Preparation::new(&options, config).unwrap().filter(Some(&importance), &mut frame).unwrap();
        frame
    }

    /// The height of the stripes at a pixel's right.
    fn contrast(frame: &Frame, x: usize, y: usize) -> f32 {
        let at = |x: usize| frame.color[y * SIDE as usize + x][0];
        (at(x + 1) - at(x)).abs()
    }

    // A Gaussian of σ = 0.96 pixels, that of quantiser 34, takes the highest frequency down to Σ wᵢ (-1)ⁱ; by hand with
    // weights exp(-i²/(2·0.9216)) of 1, 0.58131, 0.11419, 0.00758, 0.00017: 0.05182 / 2.40650 = 0.0215.
    #[test]
    fn filters_differ_in_where_they_work() {
        let config = config(34.0);
        assert_eq!(filtered(Filtering::None, &config), stripes());
        let (plain, focus) = (filtered(Filtering::Plain, &config), filtered(Filtering::Focus, &config));
        for (x, y) in [(64, 64), (4, 100)] {
            assert!((contrast(&plain, x, y) - 0.0215).abs() < 3e-3, "{}", contrast(&plain, x, y));
        }
        assert_eq!(contrast(&focus, 64, 64), 1.0);
        assert!((contrast(&focus, 4, 100) - 0.0215).abs() < 3e-3, "{}", contrast(&focus, 4, 100));
        let learned = filtered(Filtering::Learned, &config);
        let mut alone = stripes();
        let network = LearnedNetwork::bundled().unwrap();
        let values = face();
        LearnedFilter::new(network, LearnedOptions::default())
            .unwrap()
            .apply(&Importance::of_bytes(SIDE, SIDE, &values).unwrap(), 34.0, &mut alone)
            .unwrap();
        assert!(learned == alone && learned != stripes());
    }

    #[test]
    fn strength_follows_the_rate_whatever_the_codec_calls_it() {
        let av1 = EncoderConfig { codec: Codec::Av1, ..config(42.0) };
        assert_eq!(filtered(Filtering::Plain, &av1), filtered(Filtering::Plain, &config(34.0)));
        let at = |bits| EncoderConfig { rate: Rate::Bitrate(bits), ..config(0.0) };
        assert_eq!(filtered(Filtering::Plain, &at(20_000_000)), stripes());
        let left =
            [3_000, 12_000, 60_000].map(|bits| contrast(&filtered(Filtering::Plain, &at(bits)), 64, 64));
        assert!(left[0] < left[1] && left[1] < left[2], "{left:?}");
    }

    #[test]
    fn maps_begin_anew_at_key_frames_and_look_ahead_leaves_the_cascade_out() {
        let options = PreparationOptions { map: Some(MapOptions::default()), ..Default::default() };
        let (values, frame) = (face(), stripes());
        let importance = Importance::of_bytes(SIDE, SIDE, &values).unwrap();
        let mut planes = Planes::default();
        let planes = planes.convert(&frame, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).unwrap();
        let picture = encoder::Picture::of(&planes);
        let firsts = |preset, requests: [bool; 7]| {
            let config = EncoderConfig { preset, key_interval: 3, ..config(26.0) };
            let mut preparation = Preparation::new(&options, &config).unwrap();
            requests.map(|requested| {
                let map = preparation.map(Some(&importance), &picture, requested).unwrap().unwrap();
                map.validate(SIDE, SIDE).unwrap();
                map.offsets[0]
            })
        };
        let none = [false; 7];
        let plain = firsts(Preset::Offline, none);
        assert!(plain.iter().all(|v| *v == plain[0]) && plain[0] > 1.0, "{plain:?}");
        // Key frames at 0, 3 and 6, or at 0, 2 and 5.
        let steps = |offsets: [f32; 7]| offsets.map(|v| (v - plain[0]).round());
        assert_eq!(steps(firsts(Preset::LowLatency, none)), [-3.0, 2.0, -3.0, -3.0, 2.0, -3.0, -3.0]);
        let mut asked = none;
        asked[2] = true;
        assert_eq!(steps(firsts(Preset::LowLatency, asked)), [-3.0, 2.0, -3.0, 2.0, -3.0, -3.0, 2.0]);
    }

    #[test]
    fn importance_that_is_needed_must_be_there() {
        let options =
            PreparationOptions { filtering: Filtering::Focus, map: None, ..PreparationOptions::default() };
        let fault = Preparation::new(&options, &config(30.0)).unwrap().filter(None, &mut stripes());
        assert!(matches!(fault, Err(VideoError::Map(_))));
        assert!(Filtering::Focus.needs_importance() && !Filtering::Plain.needs_importance());
    }
}
