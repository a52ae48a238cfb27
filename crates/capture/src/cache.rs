//! Decoded pictures, kept in memory as far as they fit.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::limits::CaptureLimits;
use crate::picture::Picture;
use crate::reading::Reading;

/// The pictures of a capture, decoded when asked for and kept within a budget of memory: those used longest ago go first.
/// May be used from several threads; what it returns depends on nothing but the files.
#[derive(Debug)]
pub struct PictureCache {
    sources: Vec<Source>,
    limits: CaptureLimits,
    budget: u64,
    kept: Mutex<Kept>,
}

/// What [`PictureCache::preload`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preloaded {
    /// Pictures decoded.
    pub decoded: usize,
    /// Pictures left for later, since the budget is used up.
    pub left: usize,
}

/// Where a frame's picture is, and what it becomes.
#[derive(Debug)]
struct Source {
    picture: PathBuf,
    mask: Option<PathBuf>,
    reading: Reading,
    /// Width and height in memory.
    size: (u32, u32),
}

/// A frame and how often its picture is halved.
type Key = (usize, u32);

#[derive(Debug, Default)]
struct Kept {
    pictures: HashMap<Key, (Arc<Picture>, u64)>,
    /// Keys by when they were last used.
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: u64,
}

impl Kept {
    fn get(&mut self, key: Key) -> Option<Arc<Picture>> {
        let (picture, used) = self.pictures.get_mut(&key)?;
        self.uses += 1;
        self.by_use.remove(used);
        self.by_use.insert(self.uses, key);
        *used = self.uses;
        Some(Arc::clone(picture))
    }

    fn insert(&mut self, key: Key, picture: &Arc<Picture>, budget: u64) {
        if picture.bytes() > budget || self.pictures.contains_key(&key) {
            return;
        }
        self.bytes += picture.bytes();
        while self.bytes > budget
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            if let Some((picture, _)) = self.pictures.remove(&oldest) {
                self.bytes -= picture.bytes();
            }
        }
        self.uses += 1;
        self.by_use.insert(self.uses, key);
        self.pictures.insert(key, (Arc::clone(picture), self.uses));
    }
}

impl PictureCache {
    /// A cache for the pictures of `capture` of at most `budget` bytes, 4 for each pixel. Pictures in use elsewhere, and
    /// those being decoded, come on top.
    pub fn new(capture: &Capture, budget: u64) -> Self {
        let sources = capture.frames.iter().map(|frame| Source {
            picture: frame.picture.clone(),
            mask: frame.mask.clone(),
            reading: frame.reading.clone(),
            size: (frame.camera.width, frame.camera.height),
        });
        Self { sources: sources.collect(), limits: capture.limits.clone(), budget, kept: Mutex::default() }
    }

    /// The picture of frame `index`, halved `level` times (see [`Picture::halved`]).
    ///
    /// # Errors
    /// [`CaptureError`] with the name of a file that cannot be decoded or has another size than its camera.
    pub fn get(&self, index: usize, level: u32) -> Result<Arc<Picture>, CaptureError> {
        // No side is longer.
        let level = level.min(u32::BITS);
        if let Some(picture) = self.kept().get((index, level)) {
            return Ok(picture);
        }
        // From the smallest larger one that is there.
        let larger = (0..level).rev().find_map(|l| Some((l, self.kept().get((index, l))?)));
        let (from, mut picture) = match larger {
            Some(larger) => larger,
            None => (0, Arc::new(self.decode(index)?)),
        };
        for _ in from..level {
            picture = Arc::new(picture.halved());
        }
        self.kept().insert((index, level), &picture, self.budget);
        Ok(picture)
    }

    /// Decodes the pictures of the given frames in parallel and halves them `level` times, up to the budget, and calls
    /// `progress` with how many of how many are done, from any thread.
    ///
    /// # Errors
    /// One [`CaptureError`] for each picture that cannot be decoded, in the order of `frames`.
    pub fn preload(
        &self,
        frames: &[usize],
        level: u32,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Preloaded, Vec<CaptureError>> {
        let expected = |index: usize| {
            let (w, h) = self.sources.get(index).map_or((0, 0), |source| source.size);
            let side = |n: u32| u64::from(n.checked_shr(level).unwrap_or(0).max(1));
            side(w).saturating_mul(side(h)).saturating_mul(4)
        };
        let mut room = self.budget;
        let fits = |&&index: &&usize| {
            let rest = room.checked_sub(expected(index));
            room = rest.unwrap_or(room);
            rest.is_some()
        };
        let fitting: Vec<usize> = frames.iter().take_while(fits).copied().collect();
        let done = AtomicUsize::new(0);
        let errors: Vec<CaptureError> = fitting
            .par_iter()
            .filter_map(|&index| {
                let result = self.get(index, level);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, fitting.len());
                result.err()
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Preloaded { decoded: fitting.len(), left: frames.len() - fitting.len() })
    }

    /// Bytes kept now.
    pub fn bytes(&self) -> u64 {
        self.kept().bytes
    }

    fn decode(&self, index: usize) -> Result<Picture, CaptureError> {
        let count = self.sources.len();
        let source = self.sources.get(index).ok_or(CaptureError::NoSuchPicture { index, count })?;
        Picture::read(&source.picture, source.mask.as_deref(), &source.reading, &self.limits)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that panics runs under the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
