//! Quantiser offsets from geometry: fewer bits where nobody looks, and in pictures that no other is predicted from for
//! long.

use crate::VideoError;
use crate::encoder::{Layout, Picture, QualityMap};
use crate::focus::{Focus, FocusOptions, Importance};
use crate::gpu_focus::RegionRef;

const BLOCK: u32 = QualityMap::BLOCK;
/// No sum of offsets reaches further; encoders clip the quantiser itself.
const FURTHEST: f32 = 20.0;

/// The offset far from the face, by how much of the subject the face is ([`Focus::share`]).
///
/// The smaller the face's share, the more of the whole picture's quality is lost outside of it for the same offset:
/// linear between `low` and `high`, constant beyond them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutsideOffset {
    /// A share, and the offset there and below.
    pub low: (f32, f32),
    /// A larger share, and the offset there and above.
    pub high: (f32, f32),
}

impl OutsideOffset {
    /// The same for any share.
    pub const fn constant(offset: f32) -> Self {
        Self { low: (0.0, offset), high: (1.0, offset) }
    }

    fn at(&self, share: f32) -> f32 {
        let ((x0, y0), (x1, y1)) = (self.low, self.high);
        y0 + (y1 - y0) * ((share - x0) / (x1 - x0)).clamp(0.0, 1.0)
    }
}

/// What a map is made of. All offsets are added up.
///
/// The defaults are a compromise between face and whole picture, found by rate-distortion curves (`effigy bench video`)
/// for x264's `veryfast` preset without delay, on talking heads over a plain background. Each part can be switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct MapOptions {
    /// How the face is followed.
    pub focus: FocusOptions,
    /// Away from the face.
    pub outside: OutsideOffset,
    /// Added in blocks without any importance: what is behind the subject.
    pub background: f32,
    /// How far the offset outside takes to rise, in blocks: standard deviation of the Gaussian that falls off from the
    /// face's rectangle outwards. It never reaches into the rectangle.
    pub feather: f32,
    /// One after another for the pictures from each key frame on, then again from the first: better pictures, which the
    /// next are predicted from, alternate with cheaper ones. Empty for none. Encoders with look-ahead or B-frames do this
    /// themselves: leave it empty with them.
    pub cascade: Vec<f32>,
    /// Which part of the encoder's variance adaptive quantisation (x264's mode 1 at strength 1) is undone within the face,
    /// 0 to 1. That gives more bits to flat blocks, the less a block's variance is; in faces it takes them from eyes, lips and
    /// hair for skin. Needs the picture.
    pub texture: f32,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self {
            focus: FocusOptions::default(),
            outside: OutsideOffset { low: (0.45, 3.0), high: (0.6, 7.5) },
            background: 6.0,
            feather: 0.8,
            cascade: vec![-3.0, 2.0],
            texture: 0.25,
        }
    }
}

/// Makes a [`QualityMap`] for every picture of a stream. Allocates for the first picture, and when the size changes.
#[derive(Clone, Debug)]
pub struct QualityMapper {
    options: MapOptions,
    focus: Focus,
    since_key: usize,
    started: bool,
    map: QualityMap,
}

impl QualityMapper {
    /// Before the first picture.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning.
    pub fn new(options: MapOptions) -> Result<Self, VideoError> {
        let OutsideOffset { low, high } = options.outside;
        let offset = |v: f32| v.abs() <= FURTHEST;
        if !(low.0 < high.0 && low.0.is_finite() && high.0.is_finite() && offset(low.1) && offset(high.1)) {
            return Err(VideoError::Settings(
                "offsets outside of the face are from -20 to 20, for two shares of which the second is larger".into(),
            ));
        }
        if !options.cascade.iter().chain([&options.background]).all(|v| offset(*v)) {
            return Err(VideoError::Settings(
                "the background's and a cascade's offsets are from -20 to 20".into(),
            ));
        }
        if !(options.feather > 0.0 && options.feather.is_finite() && (0.0..=1.0).contains(&options.texture)) {
            return Err(VideoError::Settings("a feather is above 0, a part of texture from 0 to 1".into()));
        }
        let focus = Focus::new(options.focus)?;
        let map = QualityMap { block: BLOCK, columns: 0, rows: 0, offsets: Vec::new() };
        Ok(Self { options, focus, since_key: 0, started: false, map })
    }

    /// The map of the next picture. `key` says that a key frame is asked of it, or that the encoder makes one by its
    /// interval; the first is one anyway. `picture`, where given, is what will be encoded, for [`MapOptions::texture`].
    ///
    /// Where no face was seen yet, only the cascade is there.
    ///
    /// # Errors
    /// [`VideoError::Picture`] for a picture that is not valid, [`VideoError::Map`] if it is not of the importance's size.
    pub fn map(
        &mut self,
        importance: &Importance<'_>,
        picture: Option<&Picture<'_>>,
        key: bool,
    ) -> Result<&QualityMap, VideoError> {
        let size = importance.size();
        check(size, picture)?;
        self.focus.update(importance);
        let span = |index: u32| index * BLOCK..(index + 1) * BLOCK;
        Ok(self.offsets(size, |column, row| importance.is_empty(span(column), span(row)), picture, key))
    }

    /// The same of a picture of `width` × `height` in which the GPU followed what is looked at.
    pub(crate) fn map_region(
        &mut self,
        (width, height): (u32, u32),
        region: &RegionRef<'_>,
        picture: Option<&Picture<'_>>,
        key: bool,
    ) -> Result<&QualityMap, VideoError> {
        check((width, height), picture)?;
        self.focus.adopt(region.edges(), region.share());
        let columns = width.div_ceil(BLOCK);
        let empty =
            |column: u32, row: u32| region.is_empty(row as usize * columns as usize + column as usize);
        Ok(self.offsets((width, height), empty, picture, key))
    }

    fn offsets(
        &mut self,
        (width, height): (u32, u32),
        is_empty: impl Fn(u32, u32) -> bool,
        picture: Option<&Picture<'_>>,
        key: bool,
    ) -> &QualityMap {
        self.since_key = if key || !self.started { 0 } else { self.since_key + 1 };
        self.started = true;
        let cascade = match self.options.cascade.len() {
            0 => 0.0,
            length => self.options.cascade[self.since_key % length],
        };
        let outside = self.options.outside.at(self.focus.share());
        let found = self.focus.edges().is_some();
        let map = &mut self.map;
        (map.columns, map.rows) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
        map.offsets.clear();
        for row in 0..map.rows {
            for column in 0..map.columns {
                let low = [(column * BLOCK) as f32, (row * BLOCK) as f32];
                let high = low.map(|v| v + BLOCK as f32);
                let mut offset = cascade;
                if found {
                    let distance = self.focus.distance(low, high) / BLOCK as f32;
                    let within = (-0.5 * (distance / self.options.feather).powi(2)).exp();
                    offset += outside * (1.0 - within);
                    if is_empty(column, row) {
                        offset += self.options.background * (1.0 - within);
                    }
                    if let Some(picture) = picture.filter(|_| self.options.texture > 0.0 && within > 0.01) {
                        offset -= self.options.texture * within * variance_offset(picture, column, row);
                    }
                }
                map.offsets.push(offset.clamp(-FURTHEST, FURTHEST));
            }
        }
        &self.map
    }

    /// What is followed.
    pub fn focus(&self) -> &Focus {
        &self.focus
    }
}

fn check((width, height): (u32, u32), picture: Option<&Picture<'_>>) -> Result<(), VideoError> {
    let Some(picture) = picture else { return Ok(()) };
    picture.validate()?;
    if (picture.width, picture.height) != (width, height) {
        return Err(VideoError::Map(format!(
            "an importance map of {width}x{height} pixels for a picture of {}x{}",
            picture.width, picture.height
        )));
    }
    Ok(())
}

/// The offset that x264's adaptive quantisation by variance (mode 1, strength 1) gives a block: by the logarithm of the
/// block's sum of squared differences of luma from their mean, zero at 2^14.427. Colour, of which there is less, is left
/// out. At the right and lower edge the last column and row are repeated as the encoder does.
fn variance_offset(picture: &Picture<'_>, column: u32, row: u32) -> f32 {
    let (stride, bytes) = (picture.strides[0], picture.layout.bytes());
    let (mut sum, mut squares) = (0_u64, 0_u64);
    for y in row * BLOCK..(row + 1) * BLOCK {
        let start = y.min(picture.height - 1) as usize * stride;
        let line = &picture.planes[0][start..start + picture.width as usize * bytes];
        for x in column * BLOCK..(column + 1) * BLOCK {
            let at = x.min(picture.width - 1) as usize * bytes;
            let code = match picture.layout {
                Layout::I420 | Layout::Nv12 | Layout::I444 => u64::from(line[at]),
                Layout::I420P10 | Layout::I444P10 => {
                    u64::from(u16::from_le_bytes([line[at], line[at + 1]])) >> 2
                }
                Layout::P010 => u64::from(line[at + 1]),
            };
            sum += code;
            squares += code * code;
        }
    }
    let energy = squares - sum * sum / u64::from(BLOCK * BLOCK);
    1.0397 * ((energy.max(1) as f32).log2() - 14.427)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::ColorInfo;

    const SIZE: u32 = 256;

    /// A subject of half the picture's width with a face of `side` pixels from `x`, `y` on.
    fn importance(x: u32, y: u32, side: u32) -> Vec<u8> {
        let at = |i: u32| {
            let (px, py) = (i % SIZE, i / SIZE);
            match (x..x + side).contains(&px) && (y..y + side).contains(&py) {
                true => 200,
                false if (64..192).contains(&px) => 40,
                false => 0,
            }
        };
        (0..SIZE * SIZE).map(at).collect()
    }

    fn plain(cascade: Vec<f32>) -> QualityMapper {
        let outside = OutsideOffset::constant(6.0);
        QualityMapper::new(MapOptions {
            outside,
            cascade,
            texture: 0.0,
            background: 0.0,
            ..Default::default()
        })
        .unwrap()
    }

    fn offsets(mapper: &mut QualityMapper, values: &[u8], key: bool) -> Vec<f32> {
        let importance = Importance::of_bytes(SIZE, SIZE, values).unwrap();
        let map = mapper.map(&importance, None, key).unwrap();
        map.validate(SIZE, SIZE).unwrap();
        map.offsets.clone()
    }

    #[test]
    fn offsets_are_zero_on_the_face_and_rise_outwards_to_the_limit() {
        let mut mapper = plain(vec![]);
        // Pixels 90 to 149: blocks 5 to 9 each way.
        let map = offsets(&mut mapper, &importance(90, 90, 60), true);
        let at = |column: usize, row: usize| map[row * 16 + column];
        for row in 5..=9 {
            for column in 5..=9 {
                assert_eq!(at(column, row), 0.0);
            }
        }
        for column in 10..15 {
            assert!(at(column, 7) < at(column + 1, 7) || at(column, 7) > 5.999, "{map:?}");
            assert!(at(column, 12) >= at(column, 7));
        }
        // By hand: block 11 begins 26 pixels, 1.625 blocks, right of the face: 6 (1 - exp(-0.5 (1.625 / 0.8)^2)).
        assert!((at(11, 7) - 5.2375).abs() < 1e-3, "{}", at(11, 7));
        assert!((at(0, 0) - 6.0).abs() < 1e-3);
        // Without anything to look at nothing is taken away.
        assert!(offsets(&mut plain(vec![]), &[0; 256 * 256], true).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn what_is_behind_the_subject_gets_the_least() {
        let outside = OutsideOffset::constant(6.0);
        let options =
            MapOptions { outside, cascade: vec![], texture: 0.0, background: 5.0, ..Default::default() };
        let mut values = importance(90, 90, 60);
        // One pixel of something in the second block makes it the subject's.
        values[8 * 256 + 20] = 1;
        let map = offsets(&mut QualityMapper::new(options).unwrap(), &values, true);
        assert!((map[0] - 11.0).abs() < 1e-3 && (map[1] - 6.0).abs() < 1e-3 && (map[4] - 6.0).abs() < 1e-3);
        assert_eq!(map[7 * 16 + 7], 0.0);
    }

    #[test]
    fn the_cascade_starts_at_key_frames() {
        let mut mapper = plain(vec![-3.0, 2.0, 1.0]);
        let values = importance(90, 90, 60);
        let keys = [false, false, false, false, false, true, false];
        let center: Vec<f32> =
            keys.iter().map(|key| offsets(&mut mapper, &values, *key)[7 * 16 + 7]).collect();
        assert_eq!(center, [-3.0, 2.0, 1.0, -3.0, 2.0, -3.0, 2.0]);
    }

    #[test]
    fn a_trembling_face_does_not_make_the_map_tremble() {
        let mut mapper = plain(vec![]);
        // Across a border of blocks, and with a speck far off that is no face.
        let mut maps = Vec::new();
        for (i, x) in [96, 95, 96, 97, 95, 96, 95, 97, 96].into_iter().enumerate() {
            let mut values = importance(x, 90, 64);
            values[(10 + i) * 256 + 240] = 255;
            maps.push(offsets(&mut mapper, &values, i == 0));
        }
        // 95..=161 has been seen after the fourth picture.
        assert!(maps[4..].windows(2).all(|pair| pair[0] == pair[1]));
        // It grows at once, so that no part of the face is ever outside.
        let moved = offsets(&mut mapper, &importance(140, 90, 64), false);
        assert!((8..13).all(|column| moved[7 * 16 + column] == 0.0));
        // And recedes slowly.
        let settled = (0..60).map(|_| offsets(&mut mapper, &importance(140, 90, 64), false)).last().unwrap();
        assert!(settled[7 * 16 + 5] > 5.0);
        assert_eq!(moved[7 * 16 + 6], 0.0);
    }

    #[test]
    fn small_faces_leave_more_to_the_rest() {
        let outside = OutsideOffset { low: (0.2, 4.0), high: (0.6, 8.0) };
        let options =
            MapOptions { outside, cascade: vec![], texture: 0.0, background: 0.0, ..Default::default() };
        let corner = |side| {
            offsets(&mut QualityMapper::new(options.clone()).unwrap(), &importance(64, 0, side), true)[255]
        };
        // Of the subject's 128 x 256 pixels: an eighth, half, and between them 0.28125.
        assert!((corner(64) - 4.0).abs() < 0.01, "{}", corner(64));
        assert!((corner(128) - 7.0).abs() < 0.01, "{}", corner(128));
        assert!((corner(96) - 4.8125).abs() < 0.01, "{}", corner(96));
    }

    #[test]
    fn undoes_adaptive_quantisation_on_the_face_only() {
        let options = MapOptions {
            outside: OutsideOffset::constant(0.0),
            cascade: vec![],
            texture: 0.5,
            background: 0.0,
            ..Default::default()
        };
        let mut mapper = QualityMapper::new(options).unwrap();
        // Left half flat, right half stripes of 100 and 120: squared differences from the mean sum up to 256 x 100.
        let luma: Vec<u8> =
            (0..SIZE * SIZE).map(|i| if i % SIZE < 128 || i % 2 == 0 { 100 } else { 120 }).collect();
        let chroma = vec![128; 128 * 128];
        let picture = Picture {
            planes: [&luma, &chroma, &chroma],
            strides: [256, 128, 128],
            width: SIZE,
            height: SIZE,
            layout: Layout::I420,
            color: ColorInfo::default(),
        };
        let values = importance(80, 80, 96);
        let importance = Importance::of_bytes(SIZE, SIZE, &values).unwrap();
        let map = mapper.map(&importance, Some(&picture), true).unwrap();
        // 0.5 x 1.0397 x 14.427, and -0.5 x 1.0397 x (log2(25600) - 14.427).
        assert!((map.offsets[7 * 16 + 6] - 7.49988).abs() < 1e-3, "{}", map.offsets[7 * 16 + 6]);
        assert!((map.offsets[7 * 16 + 9] + 0.11273).abs() < 1e-3, "{}", map.offsets[7 * 16 + 9]);
        // A block away it has fallen to exp(-0.5 / 0.8^2).
        assert!((map.offsets[7 * 16 + 3] - 3.43363).abs() < 1e-3, "{}", map.offsets[7 * 16 + 3]);
        assert!(map.offsets[0] == 0.0 && map.offsets[255] == 0.0);
        let small = Picture { width: 128, ..picture };
        assert!(matches!(mapper.map(&importance, Some(&small), true), Err(VideoError::Map(_))));
    }

    #[test]
    fn options_without_meaning_are_refused() {
        let refused = |options| assert!(QualityMapper::new(options).is_err());
        let base = MapOptions::default;
        refused(MapOptions { outside: OutsideOffset { low: (0.5, 4.0), high: (0.5, 8.0) }, ..base() });
        refused(MapOptions { outside: OutsideOffset::constant(f32::NAN), ..base() });
        refused(MapOptions { cascade: vec![-3.0, 99.0], ..base() });
        refused(MapOptions { feather: 0.0, ..base() });
        refused(MapOptions { texture: 1.5, ..base() });
        refused(MapOptions { focus: FocusOptions { follow: f32::NAN, ..Default::default() }, ..base() });
        assert!(Importance::of_bytes(4, 4, &[0; 15]).is_err());
    }
}
