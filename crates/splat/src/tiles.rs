//! Which splats each tile of the picture shows, in depth order.

use std::ops::Range;

use crate::footprint::TILE;
use crate::projection::Splat;

/// The tiles of a picture and the lists of their splats. The lists are held for a band of rows at a time.
#[derive(Default)]
pub(crate) struct Tiles {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// The tiles of each splat; of culled ones it does not matter.
    pub(crate) bounds: Vec<TileBounds>,
    counts: Vec<u32>,
    band: Range<usize>,
    starts: Vec<usize>,
    entries: Vec<u32>,
}

impl Tiles {
    /// For a picture of `width` by `height` pixels and `splats` splats.
    pub(crate) fn reset(&mut self, width: u32, height: u32, splats: usize) {
        self.columns = (width as usize).div_ceil(TILE);
        self.rows = (height as usize).div_ceil(TILE);
        self.bounds.resize(splats, TileBounds::default());
        self.band = 0..0;
    }

    /// Counts the entries of every tile. The low words of `order` are the splats.
    pub(crate) fn count(&mut self, order: &[u64]) {
        self.counts.clear();
        self.counts.resize(self.columns * self.rows, 0);
        for &entry in order {
            for tile in self.bounds[entry as u32 as usize].iter(self.columns) {
                self.counts[tile] += 1;
            }
        }
    }

    /// The row of tiles before which to stop when starting at `first`, so that there are no more than `budget`
    /// entries. One row is always taken.
    pub(crate) fn band_end(&self, first: usize, budget: u64) -> usize {
        let mut entries = 0u64;
        for row in first..self.rows {
            entries += self.counts[row * self.columns..(row + 1) * self.columns]
                .iter()
                .map(|&c| u64::from(c))
                .sum::<u64>();
            if entries > budget && row > first {
                return row;
            }
        }
        self.rows
    }

    /// Lists the splats of every tile of the rows `band`, in depth order, unless they are listed already.
    pub(crate) fn bin(&mut self, band: Range<usize>, order: &[u64]) {
        if self.band == band {
            return;
        }
        let counts = &self.counts[band.start * self.columns..band.end * self.columns];
        self.starts.clear();
        let mut sum = 0;
        self.starts.extend(counts.iter().map(|&count| {
            sum += count as usize;
            sum - count as usize
        }));
        self.starts.push(sum);
        self.entries.resize(sum, 0);
        // Filling moves each start to its tile's end, which is the next tile's start: shift back when done.
        for &entry in order {
            let i = entry as u32;
            for tile in self.bounds[i as usize].within(&band).iter(self.columns) {
                let slot = &mut self.starts[tile - band.start * self.columns];
                self.entries[*slot] = i;
                *slot += 1;
            }
        }
        let tiles = counts.len();
        self.starts.copy_within(0..tiles, 1);
        self.starts[0] = 0;
        self.band = band;
    }

    /// The rows of tiles that are listed.
    pub(crate) fn band(&self) -> Range<usize> {
        self.band.clone()
    }

    /// Where the list of each tile of the band begins among all its entries, and at last where they end.
    pub(crate) fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The splats of tile `tile` of the band, nearest first.
    pub(crate) fn entries(&self, tile: usize) -> &[u32] {
        &self.entries[self.starts[tile]..self.starts[tile + 1]]
    }
}

/// The tiles that hold pixel centres of a splat's box: columns and rows, ends exclusive.
#[derive(Clone, Copy, Default)]
pub(crate) struct TileBounds {
    columns: [u16; 2],
    rows: [u16; 2],
}

impl TileBounds {
    #[inline(always)]
    pub(crate) fn of(splat: &Splat, columns: usize, rows: usize) -> Self {
        let range = |center: f32, extent: f32, count: usize| {
            // The casts saturate; the largest picture has 1,024 tiles a side.
            let first = ((center - extent - 0.5).ceil().max(0.0) as usize) / TILE;
            let last = (center + extent - 0.5).floor();
            let end = if last < 0.0 { first } else { ((last as usize) / TILE + 1).min(count) };
            [first.min(end) as u16, end as u16]
        };
        Self {
            columns: range(splat.center[0], splat.extent[0], columns),
            rows: range(splat.center[1], splat.extent[1], rows),
        }
    }

    /// The part in the rows `band`.
    #[inline(always)]
    pub(crate) fn within(self, band: &Range<usize>) -> Self {
        let [low, high] = self.rows;
        // Both limits are at most the number of rows, which fits.
        let low = low.max(band.start as u16);
        Self { rows: [low, high.min(band.end as u16).max(low)], ..self }
    }

    /// How many tiles there are.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        usize::from(self.rows[1] - self.rows[0]) * usize::from(self.columns[1] - self.columns[0])
    }

    /// Numbers of the tiles in a picture of `width` columns.
    #[inline(always)]
    pub(crate) fn iter(self, width: usize) -> impl Iterator<Item = usize> {
        let Self { columns, rows } = self;
        (usize::from(rows[0])..usize::from(rows[1]))
            .flat_map(move |y| (usize::from(columns[0])..usize::from(columns[1])).map(move |x| y * width + x))
    }
}
