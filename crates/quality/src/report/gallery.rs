//! A page with pictures, written frame by frame.

use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;

use rayon::prelude::*;

use super::Report;
use super::page::GENERATOR;
use super::picture_files::{DIFFERENCE_GAIN, KINDS, PictureFiles, Pictures, is_picture_file};
use crate::error::QualityError;
use crate::pair::Pair;
use crate::whole_files::PartialFolder;

const PAGE: &str = "index.html";
const PICTURES: &str = "pictures";

/// A folder with `index.html` and, in `pictures/`, four PNGs per frame: truth, ours, the difference times
/// [`DIFFERENCE_GAIN`], and the FLIP error in the magma colours. The page needs nothing from elsewhere.
///
/// Pictures are written as they come and not kept. The folder takes its place in [`Gallery::finish`]; until then, or
/// if it is dropped before, nothing is to be seen of it and an older report stays.
#[derive(Debug)]
pub struct Gallery {
    folder: PartialFolder,
    pictures: Pictures,
}

impl Gallery {
    /// Begins the report that will stand in `folder`, which is replaced if it is an earlier report or empty.
    ///
    /// # Errors
    /// [`QualityError::Write`] when there is something else in the folder, or its parent does not exist or cannot be
    /// written to.
    pub fn create(folder: &Path) -> Result<Self, QualityError> {
        refuse_foreign(folder)?;
        let folder = PartialFolder::begin(folder)?;
        fs::create_dir(folder.inside().join(PICTURES)).map_err(|e| QualityError::write(folder.path(), e))?;
        Ok(Self { folder, pictures: Pictures::new() })
    }

    /// Adds the pictures of the frame `name` of `split`. A frame added again replaces its pictures.
    ///
    /// # Errors
    /// [`QualityError::Write`] when a PNG cannot be written, or there is no FLIP of pictures so large.
    pub fn add(&mut self, split: &str, name: &str, pair: &Pair) -> Result<(), QualityError> {
        let flip =
            pair.flip().map_err(|e| QualityError::write(self.folder.path(), format!("{name}: {e}")))?;
        let key = (split.to_owned(), name.to_owned());
        let index = self.pictures.get(&key).map_or(self.pictures.len(), |p| p.index);
        let files = PictureFiles { index, width: pair.width(), height: pair.height() };
        KINDS.par_iter().enumerate().try_for_each(|(kind, name)| {
            let rgb: Vec<u8> = match kind {
                0 => pair.reference().rgb().into_owned(),
                1 => pair.test().rgb().into_owned(),
                2 => {
                    let pixels = pair.reference().codes().zip(pair.test().codes());
                    let difference = |(a, b): ([f64; 3], [f64; 3])| {
                        [0, 1, 2].map(|c| ((b[c] - a[c]).abs() * DIFFERENCE_GAIN + 0.5) as u8)
                    };
                    pixels.flat_map(difference).collect()
                }
                _ => {
                    let entry = |v: &f64| flip_rs::MAGMA[(v.clamp(0.0, 1.0) * 255.0 + 0.5) as usize];
                    let magma = flip.values.iter().flat_map(entry);
                    magma.map(|v| (v * 255.0 + 0.5) as u8).collect()
                }
            };
            self.write_png(&files.file(name), files, &rgb)
        })?;
        self.pictures.insert(key, files);
        Ok(())
    }

    /// Writes the page for `report`, whose frames are shown with the pictures added for them, and puts the folder in
    /// its place.
    ///
    /// # Errors
    /// [`QualityError::Write`] when it cannot be written.
    pub fn finish(self, report: &Report) -> Result<(), QualityError> {
        let Self { folder, pictures } = self;
        let html = report.page_with(&pictures);
        fs::write(folder.inside().join(PAGE), html).map_err(|e| QualityError::write(folder.path(), e))?;
        folder.place()
    }

    fn write_png(&self, file: &str, size: PictureFiles, rgb: &[u8]) -> Result<(), QualityError> {
        let fault = |e: String| QualityError::write(self.folder.path(), e);
        let side = |n: usize| u32::try_from(n).map_err(|e| fault(e.to_string()));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(size.width)?, side(size.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(rgb));
        written.map_err(|e| fault(e.to_string()))?;
        let path = self.folder.inside().join(PICTURES).join(file);
        fs::write(path, bytes).map_err(|e| fault(e.to_string()))
    }
}

/// That the folder, if there is one, may be replaced.
fn refuse_foreign(folder: &Path) -> Result<(), QualityError> {
    if !folder.exists() {
        return Ok(());
    }
    let fault = |e: std::io::Error| QualityError::write(folder, e);
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
            if !is_picture_file(&name) {
                return Err(foreign(folder, &format!("{PICTURES}/{name}")));
            }
        }
    }
    Ok(())
}

fn foreign(folder: &Path, name: &str) -> QualityError {
    let message = format!("the folder holds other files ({name}) and will not be replaced; name a new one");
    QualityError::write(folder, message)
}

/// Whether a page is one that this program wrote.
fn is_report(page: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::File::open(page).and_then(|f| BufReader::new(f).take(1024).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).contains(GENERATOR)
}
