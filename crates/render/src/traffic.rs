//! How much memory the stages of a frame have to move: what their times are held against.

use effigy_shaders::{BLOCK_THREADS, SPLAT_SIZE};

use crate::memory::GUIDE_SIZE;
use crate::mesh::POSED_VERTEX_SIZE;
use crate::view::no_memory;
use crate::{Counts, GpuAvatar, Method, RenderError, Renderer, Stage, View};

/// Bytes of a 32-bit number: keys, values, counts.
const WORD: u64 = 4;
/// Between the two kernels that pose.
const POSITION: u64 = 16;
/// Three rows of an affine transform.
const PALETTE_ENTRY: u64 = 48;
const MORPH_DELTA: u64 = 12;
/// `Moved` in `shaders/field/decode.wesl`.
const MOVED: u64 = 8;
/// Fourteen floats.
const RESIDUAL: u64 = 56;
/// Seven words of two half floats.
const BASIS: u64 = 28;
/// First and end.
const RANGE: u64 = 8;
/// The motion of a Gaussian is found from where it was: two floats.
const PLACE: u64 = 8;

impl Renderer {
    /// How many bytes each stage, in the order of [`Stage::ALL`], had to read and write for the frame of `avatars` that
    /// was recorded last into `view` and gave `counts` ([`crate::read_counts`]).
    ///
    /// The model: caches are perfect within a kernel and forget everything between kernels. Each element of a buffer or
    /// texture that a kernel reads counts once for that kernel, however many threads read it, and each that it writes
    /// once more; an element of which only a part is used counts whole. With *n* Gaussians asked for, *v* visible, *e*
    /// entries, *t* tiles, *p* pixels, and digit counts of *c(k)* = 4 · 256 · ⌈k / run⌉ bytes for *k* sorted keys:
    ///
    /// - pose, of an avatar in a new pose: what its mesh at rest takes (vertices, indices of morphs, skin, frames, rings),
    ///   12 bytes for each displacement of an active morph, weights and joints; 16 bytes a vertex written, read again,
    ///   and 32 written. Nothing if the pose stayed.
    /// - decode, of an avatar in a new expression, for each Gaussian that moves: 8 + 28 K bytes read, 56 written.
    /// - project: 64 n for the Gaussians, 56 for each that moves, 32 a vertex (at most three a Gaussian); of those that
    ///   are visible the harmonics, and 4 for the normal if there is a light; 8 n + 48 v written. With a guide another
    ///   4 n + 8 · all + 76 v.
    /// - sort: a pass reads its keys twice and its values once and writes both, and goes four times through the digit
    ///   counts: 8 n + 8 v + 4 c(n) for the first, which makes its values up, 20 v + 4 c(v) for the others.
    /// - bin: 16 v + 48 v for the splats, 16 for each 256 of them, 8 e written; passes as above of 20 e + 4 c(e); 4 e + 8 t.
    /// - rasterize: 8 t + 4 e + 48 v read, and what a pixel of the pictures takes written. With a guide another 16 v;
    ///   with an occluder another 12 p.
    ///
    /// Left out are uniforms, counters and uploads. How early a tile is finished is not known, so rasterize counts all
    /// its entries: of solid things it reads fewer. *v* is divided among avatars by what is drawn of each.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the last frame of the view was not of these avatars, or was composited by quads.
    pub fn traffic(
        &self,
        avatars: &[&GpuAvatar],
        view: &View,
        counts: Counts,
    ) -> Result<[u64; Stage::ALL.len()], RenderError> {
        let Some(memory) = &view.memory else { return Err(no_memory()) };
        if view.method() == Method::Quads {
            let message = "what quads move is the hardware's affair".into();
            return Err(RenderError::Gpu { doing: "counting what stages move", message });
        }
        if !memory.is_bound(avatars) {
            return Err(RenderError::Gpu {
                doing: "finding what a frame moves",
                message: "the last frame was of other avatars".into(),
            });
        }
        let (guided, occluded) = view.target.kind();
        let (all, visible, entries) =
            (u64::from(view.gaussians()), u64::from(counts.visible), u64::from(counts.entries));
        let [columns, rows] = view.target.tiles();
        let tiles = u64::from(columns) * u64::from(rows);
        let pixels = u64::from(view.target.width) * u64::from(view.target.height);
        let color_pixel = if self.pipelines.full_precision { 16 } else { 8 };

        let (mut pose, mut decode, mut project) = (0, 0, 0);
        for (i, avatar) in avatars.iter().enumerate() {
            let drawn = view.drawn[i].drawn;
            if view.posed.get(i) == Some(&true) {
                pose += of_pose(avatar);
            }
            if view.decoded.get(i) == Some(&true) {
                decode += of_decode(avatar, drawn);
            }
            let seen = visible * u64::from(drawn) / all.max(1);
            project += of_projection(avatar, drawn, seen, view.is_lit());
            if guided {
                let shared = u64::from(avatar.shared.count);
                project += WORD * u64::from(drawn)
                    + PLACE * shared
                    + (SPLAT_SIZE + PLACE + WORD + GUIDE_SIZE) * seen;
            }
        }

        let depth_bits = if view.coarse_depths && !self.pipelines.full_precision { 16 } else { 24 };
        let sort = self.of_first_pass(all, visible) + (depth_bits / 8 - 1) * self.of_pass(visible);

        let tile_bits = u64::from(u64::BITS - tiles.saturating_sub(1).leading_zeros());
        let blocks = visible.div_ceil(BLOCK_THREADS);
        let bin = 2 * (WORD + WORD) * visible
            + SPLAT_SIZE * visible
            + 4 * WORD * blocks
            + 2 * WORD * entries
            + tile_bits.div_ceil(8) * self.of_pass(entries)
            + WORD * entries
            + RANGE * tiles;

        let mut rasterize =
            RANGE * tiles + WORD * entries + SPLAT_SIZE * visible + (color_pixel + WORD) * pixels;
        if guided {
            rasterize += GUIDE_SIZE * visible + color_pixel * pixels;
        }
        if occluded {
            // The host's depth in, the distance out and in.
            rasterize += 3 * WORD * pixels;
        }
        Ok([pose, decode, project, sort, bin, rasterize])
    }

    /// Four times the counts of `keys` keys: written by the first kernel of a pass, read and written by the second, read
    /// by the third.
    fn of_digit_counts(&self, keys: u64) -> u64 {
        4 * self.pipelines.lists.counts_size(keys)
    }

    /// The first pass over depths, which leaves out what is not visible.
    fn of_first_pass(&self, keys: u64, visible: u64) -> u64 {
        2 * WORD * keys + 2 * WORD * visible + self.of_digit_counts(keys)
    }

    /// Another pass over `pairs` pairs.
    fn of_pass(&self, pairs: u64) -> u64 {
        5 * WORD * pairs + self.of_digit_counts(pairs)
    }
}

fn of_pose(avatar: &GpuAvatar) -> u64 {
    let (Some(rig), Some(body)) = (&avatar.shared.rig, &avatar.shared.avatar.body) else { return 0 };
    let active: u64 = (body.rig.morphs.iter().zip(avatar.morph_weights()))
        .filter(|(_, weight)| **weight != 0.0)
        .map(|(morph, _)| morph.indices.len() as u64)
        .sum();
    let weights = WORD * body.rig.morphs.len() as u64;
    let joints = PALETTE_ENTRY * body.rig.joints.len() as u64;
    let vertices = u64::from(rig.vertices);
    let positions = rig.rest.size()
        + rig.morph_ids.size()
        + MORPH_DELTA * active
        + weights
        + rig.skin.size()
        + joints
        + POSITION * vertices;
    // Skin and joints are looked at again only where a vertex has no neighbourhood.
    let frames = rig.rest_frames.size() + rig.ring.size() + (POSITION + POSED_VERTEX_SIZE) * vertices;
    positions + frames
}

fn of_decode(avatar: &GpuAvatar, drawn: u32) -> u64 {
    avatar.shared.bases.as_ref().map_or(0, |bases| {
        let rows = u64::from(bases.rows_of(drawn));
        rows * (MOVED + BASIS * u64::from(bases.per_gaussian()) + RESIDUAL)
    })
}

fn of_projection(avatar: &GpuAvatar, drawn: u32, seen: u64, lit: bool) -> u64 {
    let shared = &avatar.shared;
    let each = |buffer: &wgpu::Buffer| buffer.size().checked_div(shared.count.into()).unwrap_or(0);
    let moved = shared.bases.as_ref().map_or(0, |bases| u64::from(bases.rows_of(drawn)));
    let drawn = u64::from(drawn);
    let vertices = shared.rig.as_ref().map_or(0, |rig| u64::from(rig.vertices).min(3 * drawn));
    // The normal comes last.
    let appearance = each(&shared.appearance).saturating_sub(if lit { 0 } else { WORD });
    (each(&shared.gaussians) + 2 * WORD) * drawn
        + RESIDUAL * moved
        + POSED_VERTEX_SIZE * vertices
        + (appearance + SPLAT_SIZE) * seen
}
