//! Where the program that trains is.

use std::env;
use std::path::{Path, PathBuf};

/// The name of the program that trains.
pub const PROGRAM: &str = "effigy-train";

/// The program that trains: beside the one that asks, or else on the search path.
pub fn program() -> Option<PathBuf> {
    let file = format!("{PROGRAM}{}", env::consts::EXE_SUFFIX);
    let own = env::current_exe().ok();
    // Cargo puts examples and tests a folder below the programs.
    let beside = own.iter().flat_map(|own| own.ancestors().skip(1).take(2).map(Path::to_owned));
    let path = env::var_os("PATH");
    let path = path.iter().flat_map(env::split_paths);
    beside.chain(path).map(|folder| folder.join(&file)).find(|file| file.is_file())
}

/// What to tell who has no such program, in one line.
pub fn how_to_get() -> String {
    format!(
        "training is a program of its own, {PROGRAM}, which is not here; \
         `cargo build --release -p effigy --features train` builds it beside this one, \
         and `cargo install --path crates/cli --features train` installs both"
    )
}
