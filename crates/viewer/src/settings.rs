//! What is kept from one start to the next.

use std::io::Write;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use serde::{Deserialize, Serialize};

use crate::bookmark::Bookmark;
use crate::expression::Expression;
use crate::look::Look;
use crate::options::Storage;
use crate::theme::ThemeChoice;
use crate::view2d::setup::Setup;

/// The most files that are remembered.
const RECENT: usize = 12;
/// The most expressions that are kept.
pub(crate) const MOST_EXPRESSIONS: usize = 500;
/// The most bookmarks that are kept.
pub(crate) const MOST_BOOKMARKS: usize = 200;
/// No settings are longer.
const MAX_BYTES: u64 = 4 << 20;

/// What is kept from one start to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) theme: ThemeChoice,
    pub(crate) high_contrast: bool,
    /// The interface's size beside what the platform asks for.
    pub(crate) interface_scale: f32,
    /// Files that were opened, the last first.
    pub(crate) recent: Vec<PathBuf>,
    pub(crate) look: Look,
    /// Of the 2D view.
    pub(crate) frame: Setup,
    pub(crate) bookmarks: Vec<Bookmark>,
    pub(crate) expressions: Vec<Expression>,
    /// Whether both sides of the face are edited at once.
    pub(crate) mirror: bool,
    pub(crate) show_controls: bool,
    pub(crate) show_inspector: bool,
    pub(crate) show_timeline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            high_contrast: false,
            interface_scale: 1.0,
            recent: Vec::new(),
            look: Look::default(),
            frame: Setup::default(),
            bookmarks: Vec::new(),
            expressions: Vec::new(),
            mirror: false,
            show_controls: true,
            show_inspector: true,
            show_timeline: true,
        }
    }
}

impl Settings {
    /// Puts `path` first among the recent files.
    pub(crate) fn remember(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }

    /// What can be used of what stood in a file.
    fn sound(mut self) -> Self {
        if !(0.5..=3.0).contains(&self.interface_scale) {
            self.interface_scale = 1.0;
        }
        self.recent.truncate(RECENT);
        self.frame = self.frame.sound();
        self.bookmarks.retain(|bookmark| bookmark.camera.is_sound());
        self.bookmarks.truncate(MOST_BOOKMARKS);
        self.expressions.truncate(MOST_EXPRESSIONS);
        self
    }
}

/// Where settings are kept.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: Option<PathBuf>,
    /// What stands there.
    kept: Option<Settings>,
}

impl Store {
    pub(crate) fn new(storage: &Storage) -> Self {
        let path = match storage {
            Storage::Platform => {
                ProjectDirs::from("", "", "effigy").map(|folders| folders.config_dir().join("viewer.json"))
            }
            Storage::File(path) => Some(path.clone()),
            Storage::Nowhere => None,
        };
        Self { path, kept: None }
    }

    /// The settings, and if a file cannot be used why. It is put aside then, not overwritten.
    pub(crate) fn load(&mut self) -> (Settings, Option<String>) {
        let Some(path) = self.path.as_deref().filter(|path| path.exists()) else {
            return (Settings::default(), None);
        };
        match read(path) {
            Ok(settings) => {
                self.kept = Some(settings.clone());
                (settings.sound(), None)
            }
            Err(fault) => {
                let aside = path.with_extension("json.unusable");
                let kept = match std::fs::rename(path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("it cannot be put aside: {error}"),
                };
                (Settings::default(), Some(format!("{}: {fault}; {kept}", path.display())))
            }
        }
    }

    /// Writes the settings, whole or not at all, if they are others than those that stand there.
    ///
    /// # Errors
    /// Says what the system says.
    pub(crate) fn save(&mut self, settings: &Settings) -> Result<(), String> {
        let Some(path) = self.path.as_deref().filter(|_| self.kept.as_ref() != Some(settings)) else {
            return Ok(());
        };
        // Also if it fails: once is enough to say it.
        self.kept = Some(settings.clone());
        write(path, settings).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn read(path: &Path) -> Result<Settings, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("{size} bytes are too many for settings"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn write(path: &Path, settings: &Settings) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, settings)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::new(&Storage::File(folder.join("deeper/viewer.json")))
    }

    #[test]
    fn settings_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (mut settings, fault) = store(folder.path()).load();
        assert!(fault.is_none());
        settings.high_contrast = true;
        settings.look.grid = false;
        settings.remember(Path::new("/heads/b.glb"));
        settings.remember(Path::new("/heads/a.glb"));
        settings.remember(Path::new("/heads/b.glb"));
        store(folder.path()).save(&settings).unwrap();
        let (back, fault) = store(folder.path()).load();
        assert!(fault.is_none());
        assert_eq!(back, settings);
        assert_eq!(back.recent, [PathBuf::from("/heads/b.glb"), PathBuf::from("/heads/a.glb")]);
        // No temporary file stays.
        assert_eq!(std::fs::read_dir(folder.path().join("deeper")).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_file_is_put_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/viewer.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        for bad in ["{\"theme\": ", "[1, 2]", "{\"recent\": 7}", "\u{0}"] {
            std::fs::write(&path, bad).unwrap();
            let (settings, fault) = store(folder.path()).load();
            assert_eq!(settings, Settings::default());
            assert!(fault.unwrap().contains("viewer.json"));
            assert!(!path.exists());
            assert_eq!(std::fs::read_to_string(path.with_extension("json.unusable")).unwrap(), bad);
        }
    }

    #[test]
    fn values_out_of_range_and_unknown_names_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/viewer.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = r#"{"interface_scale": 1e9, "of a later version": {}, "high_contrast": true,
            "bookmarks": [{"name": "far", "camera": {"distance": 1e30}}, {"name": "fine", "camera": {}}]}"#;
        std::fs::write(&path, text).unwrap();
        let (settings, fault) = store(folder.path()).load();
        assert!(fault.is_none());
        assert!(settings.high_contrast);
        assert_eq!(settings.interface_scale, 1.0);
        assert_eq!(settings.bookmarks.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["fine"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut store = Store::new(&Storage::File(file.join("viewer.json")));
        assert!(store.save(&Settings::default()).is_err());
        assert!(store.save(&Settings::default()).is_ok());
    }
}
