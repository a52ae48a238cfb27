//! What the derivative of rendering sums up for each splat, and the memory that holds it between frames.

/// Working memory of the derivative.
pub(crate) struct BackwardMemory {
    /// Tile entries that are held at once (48 bytes each), where one row of tiles does not need more by itself.
    pub(crate) entry_budget: u64,
    /// What each entry of the band's tiles contributes.
    pub(crate) entry_sums: Vec<SplatSums>,
    /// For each splat, where its entries begin in `links`.
    pub(crate) first_link: Vec<usize>,
    /// The entries of each splat, in the order of tiles.
    pub(crate) links: Vec<usize>,
    pub(crate) cursors: Vec<usize>,
    pub(crate) sums: Vec<SplatSums>,
}

impl Default for BackwardMemory {
    fn default() -> Self {
        Self {
            entry_budget: 1 << 22,
            entry_sums: Vec::new(),
            first_link: Vec::new(),
            links: Vec::new(),
            cursors: Vec::new(),
            sums: Vec::new(),
        }
    }
}

/// Sums over pixels of what a splat's gradient is made of. `power` is the exponent, `d` the pixel's distance from the
/// splat's centre.
#[derive(Clone, Copy, Default)]
pub(crate) struct SplatSums(pub(crate) [f32; 12]);
