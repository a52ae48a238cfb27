//! The page of pictures, written frame by frame.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::page::{self, GENERATOR, PictureFiles};
use super::whole_files::PartialFolder;
use super::{Comparison, JudgeError, Pair, Picture, Report};

/// What the difference picture multiplies |ours - truth| by.
pub const DIFFERENCE_GAIN: f32 = 8.0;

const PAGE: &str = "index.html";
const PICTURES: &str = "pictures";
const KINDS: [&str; 4] = ["truth", "ours", "difference", "flip"];

/// A folder with `index.html` and, in `pictures/`, four PNGs per frame: truth, ours, the difference times
/// [`DIFFERENCE_GAIN`], and the FLIP error in the magma colours. The page needs nothing from elsewhere.
///
/// Pictures are written as they come and not kept. The folder takes its place in [`HtmlReport::finish`]; until then, or
/// if it is dropped before, nothing is to be seen of it and an older report stays.
#[derive(Debug)]
pub struct HtmlReport {
    folder: PartialFolder,
    pictures: HashMap<(String, String), PictureFiles>,
}

impl HtmlReport {
    /// Begins the report that will stand in `folder`, which is replaced if it is an earlier report or empty.
    ///
    /// # Errors
    /// [`JudgeError::Output`] when there is something else in the folder, or its parent does not exist or cannot be
    /// written to.
    pub fn create(folder: &Path) -> Result<Self, JudgeError> {
        refuse_foreign(folder)?;
        let folder = PartialFolder::begin(folder)?;
        fs::create_dir(folder.inside().join(PICTURES)).map_err(|e| JudgeError::output(folder.path(), e))?;
        Ok(Self { folder, pictures: HashMap::new() })
    }

    /// Adds the pictures of the frame `name` of `split`. A frame added again replaces its pictures.
    ///
    /// # Errors
    /// [`JudgeError::Size`] when the pictures and the comparison are of different sizes, [`JudgeError::Output`] when a
    /// PNG cannot be written.
    pub fn add(
        &mut self,
        split: &str,
        name: &str,
        truth: Picture<'_>,
        ours: Picture<'_>,
        comparison: &Comparison,
    ) -> Result<(), JudgeError> {
        let pair = Pair::new(truth, ours)?;
        let flip = &comparison.flip;
        if (flip.width, flip.height) != (pair.width, pair.height) {
            return Err(JudgeError::Size {
                what: "the FLIP map".into(),
                width: flip.width,
                height: flip.height,
                expected_width: pair.width,
                expected_height: pair.height,
            });
        }
        let key = (split.to_owned(), name.to_owned());
        let index = self.pictures.get(&key).map_or(self.pictures.len(), |p| p.index);
        let files = PictureFiles { index, width: pair.width, height: pair.height };
        let channel = |kind: usize, c: usize, i: usize| {
            let (truth, ours) = (pair.truth[c].values[i], pair.ours[c].values[i]);
            match kind {
                0 => truth,
                1 => ours,
                2 => (ours - truth).abs() * DIFFERENCE_GAIN,
                _ => {
                    let entry = (flip.values[i].clamp(0.0, 1.0) * 255.0 + 0.5) as usize;
                    flip_rs::MAGMA[entry][c]
                }
            }
        };
        KINDS.par_iter().enumerate().try_for_each(|(kind, name)| {
            let rgb =
                (0..pair.width * pair.height).flat_map(|i| [0, 1, 2].map(|c| quantise(channel(kind, c, i))));
            let rgb: Vec<u8> = rgb.collect();
            self.write_png(&files.file(name), pair.width, pair.height, &rgb)
        })?;
        self.pictures.insert(key, files);
        Ok(())
    }

    /// Writes the page for `report`, whose frames are shown with the pictures added for them, and puts the folder in
    /// its place.
    ///
    /// # Errors
    /// [`JudgeError::Output`] when it cannot be written.
    pub fn finish(self, title: &str, report: &Report) -> Result<(), JudgeError> {
        let Self { folder, pictures } = self;
        let html = page::page(title, report, &pictures);
        fs::write(folder.inside().join(PAGE), html).map_err(|e| JudgeError::output(folder.path(), e))?;
        folder.place()
    }

    fn write_png(&self, file: &str, width: usize, height: usize, rgb: &[u8]) -> Result<(), JudgeError> {
        let fault = |e: String| JudgeError::output(&self.folder.path().join(PICTURES).join(file), e);
        let side = |n: usize| u32::try_from(n).map_err(|e| fault(e.to_string()));
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
            .write_image(rgb, side(width)?, side(height)?, ExtendedColorType::Rgb8)
            .map_err(|e| fault(e.to_string()))?;
        let path = self.folder.inside().join(PICTURES).join(file);
        fs::write(path, bytes).map_err(|e| fault(e.to_string()))
    }
}

fn quantise(value: f32) -> u8 {
    // The cast saturates.
    (value * 255.0 + 0.5) as u8
}

/// That the folder, if there is one, may be replaced.
fn refuse_foreign(folder: &Path) -> Result<(), JudgeError> {
    if !folder.exists() {
        return Ok(());
    }
    let fault = |e: std::io::Error| JudgeError::output(folder, e);
    let mut any = false;
    for entry in fs::read_dir(folder).map_err(fault)? {
        let name = entry.map_err(fault)?.file_name();
        any = true;
        if name != PAGE && name != PICTURES {
            return Err(foreign(folder, &name.to_string_lossy()));
        }
    }
    if any && !is_report(&folder.join(PAGE)) {
        return Err(foreign(folder, PAGE));
    }
    let pictures = folder.join(PICTURES);
    if pictures.exists() {
        for entry in fs::read_dir(&pictures).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let name = name.to_string_lossy();
            if !page::is_picture_file(&name, &KINDS) {
                return Err(foreign(folder, &format!("{PICTURES}/{name}")));
            }
        }
    }
    Ok(())
}

fn foreign(folder: &Path, name: &str) -> JudgeError {
    let message = format!("the folder holds other files ({name}) and will not be replaced; name a new one");
    JudgeError::output(folder, message)
}

/// Whether a page is one that this program wrote.
fn is_report(page: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::File::open(page).and_then(|f| BufReader::new(f).take(1024).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).contains(GENERATOR)
}
