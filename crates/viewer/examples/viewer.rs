//! The viewer without the rest of the program.
//!
//! `cargo run --release -p effigy-viewer --no-default-features --example viewer -- [FILE...]`

use std::process::ExitCode;

use effigy_viewer::{Bundled, Options};

fn main() -> ExitCode {
    let bundled = Bundled {
        avatar: include_bytes!("../../../assets/head.glb"),
        track: include_bytes!("../../../assets/greeting.json"),
    };
    let files = std::env::args_os().skip(1).map(Into::into).collect();
    match effigy_viewer::run(Options { files, ..Options::new(bundled) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("viewer: {error}");
            ExitCode::FAILURE
        }
    }
}
