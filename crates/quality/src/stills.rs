//! Pictures that are no sequence: views of one subject, each weighing the same.

use crate::area::Area;
use crate::error::QualityError;
use crate::measure::Measure;
use crate::pair::Pair;
use crate::score::Comparison;
use crate::tally::{FrameValues, Pooling, Tally};

/// Takes pairs of pictures, of any sizes, and gathers their scores over the areas that come with each.
#[derive(Default)]
pub struct Stills {
    measures: Vec<Measure>,
    names: Vec<String>,
    /// By area, in the order in which they first came.
    tallies: Vec<(String, Tally)>,
}

impl Stills {
    /// To be measured by `measures`, such as [`Measure::OF_STILLS`].
    pub fn new(measures: &[Measure]) -> Self {
        Self { measures: measures.to_vec(), ..Self::default() }
    }

    /// Measures the picture `name` over `areas`. An area that another picture has and this one has not is empty in it.
    ///
    /// # Errors
    /// [`QualityError::Size`] for an area of another size than the pictures; nothing of the picture is then kept.
    pub fn push(&mut self, name: impl Into<String>, pair: &Pair, areas: &[Area]) -> Result<(), QualityError> {
        let size = (pair.width(), pair.height());
        for area in areas {
            let found = area.mask().map_or(size, |m| (m.width(), m.height()));
            if found != size {
                return Err(QualityError::size(format!("the mask of area {}", area.name()), found, size));
            }
        }
        for area in areas {
            let known = self.tallies.iter().position(|(name, _)| name == area.name());
            let at = known.unwrap_or_else(|| {
                let mut tally = Tally::new(self.measures.iter().map(|_| None));
                self.names.iter().for_each(|_| tally.push(FrameValues::none(self.measures.len())));
                self.tallies.push((area.name().to_owned(), tally));
                self.tallies.len() - 1
            });
            let values = FrameValues::of(pair, area.mask(), 1.0, &self.measures, |_| false);
            self.tallies[at].1.push(values);
        }
        for (name, tally) in &mut self.tallies {
            if areas.iter().all(|area| area.name() != name) {
                tally.push(FrameValues::none(self.measures.len()));
            }
        }
        self.names.push(name.into());
        Ok(())
    }

    /// The scores: of every measure the mean over the pictures that have a value.
    pub fn finish(self) -> Comparison {
        let Self { measures, names, tallies } = self;
        let regions =
            tallies.into_iter().map(|(area, tally)| tally.finish(area, None, &measures, Pooling::Mean, &[]));
        Comparison { frames: names.len(), regions: regions.collect(), names }
    }
}
