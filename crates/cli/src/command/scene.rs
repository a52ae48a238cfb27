//! What `effigy bench` measures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use effigy_avatar::Avatar;
use effigy_avatar::surface::{SurfaceOptions, sample};

use crate::command::bundled;
use crate::failure::bad_input;
use crate::generated::ellipsoid;
use crate::source::SourceOptions;

/// One thing to look at.
pub(super) struct Scene {
    /// For people.
    pub(super) name: String,
    /// The same for scenes that differ only in their number of Gaussians.
    pub(super) family: String,
    /// What it was read from or, of what has no file but the bundled avatar, what to call it.
    pub(super) path: Option<PathBuf>,
    source: Source,
}

enum Source {
    Open(Arc<Avatar>),
    /// Made when it is its turn, for it may be large.
    Generated(usize),
}

impl Scene {
    /// The bundled avatar.
    pub(super) fn bundled() -> anyhow::Result<Self> {
        let source = Source::Open(Arc::new(bundled::avatar()?));
        Ok(Self { name: "bundled".into(), family: "bundled".into(), path: None, source })
    }

    /// The avatar at `path`.
    pub(super) fn open(path: &Path, options: SourceOptions) -> anyhow::Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let source = Source::Open(Arc::new(options.open(path)?));
        Ok(Self { family: name.clone(), name, path: Some(path.into()), source })
    }

    /// Made-up Gaussians.
    pub(super) fn generated(count: usize) -> Self {
        let family = "generated".to_owned();
        let name = format!("{family} {}", short(count));
        Self { path: Some(name.clone().into()), name, family, source: Source::Generated(count) }
    }

    /// Each of `scenes` with its surface sampled into each of `counts` Gaussians.
    pub(super) fn sampled(scenes: &[Self], counts: &[usize]) -> anyhow::Result<Vec<Self>> {
        let mut out = Vec::new();
        for scene in scenes {
            let at_fault = || scene.path.as_deref().unwrap_or(Path::new(&scene.name)).display().to_string();
            let own = scene.avatar();
            let Some(body) = &own.body else {
                return Err(bad_input(format!("{}: --gaussians needs an avatar with a rig", at_fault())));
            };
            for &count in counts {
                let options = SurfaceOptions { count, ..SurfaceOptions::default() };
                let mut avatar = sample(body.rig.clone(), &options).with_context(at_fault)?;
                // A field lies over the rig, not over these or those Gaussians; over a simplified rig it would lie
                // otherwise.
                if let Some(sampled) = avatar.body.as_mut().filter(|sampled| sampled.rig == body.rig) {
                    sampled.field.clone_from(&body.field);
                }
                out.push(Self {
                    name: format!("{} {}", scene.name, short(count)),
                    family: scene.family.clone(),
                    path: scene.path.clone(),
                    source: Source::Open(Arc::new(avatar)),
                });
            }
        }
        Ok(out)
    }

    pub(super) fn avatar(&self) -> Arc<Avatar> {
        match &self.source {
            Source::Open(avatar) => avatar.clone(),
            Source::Generated(count) => Arc::new(ellipsoid(*count)),
        }
    }
}

/// A number of Gaussians, in thousands or millions where it is whole ones.
fn short(count: usize) -> String {
    match count {
        1_000_000.. if count.is_multiple_of(100_000) => format!("{}M", count as f64 / 1e6),
        1000.. if count.is_multiple_of(1000) => format!("{}k", count / 1000),
        _ => count.to_string(),
    }
}
