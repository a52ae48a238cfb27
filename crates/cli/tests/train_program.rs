//! `effigy train` and the program that trains, wherever that is.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of the program in a folder where nothing else is.
fn alone(folder: &Path) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_effigy"));
    let copy = folder.join(built.file_name().unwrap());
    std::fs::copy(built, &copy).unwrap();
    copy
}

fn train(program: &Path, path: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.arg("train").args(arguments).env("PATH", path).current_dir(path);
    command.output().unwrap()
}

#[test]
fn who_has_no_such_program_is_told_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = alone(folder.path());
    for arguments in [&["capture", "-o", "a.glb"][..], &["--help"], &[]] {
        let output = train(&program, folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("effigy-train") && said.contains("--features train"), "{said}");
    }
}

/// Beside the program, or else on the search path, another one gets all arguments, and its exit code is that of the whole.
#[cfg(unix)]
#[test]
fn the_program_is_found_and_gets_every_argument() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let program = alone(folder.path());
    let write = |place: &Path, name: &str| {
        let file = place.join("effigy-train");
        std::fs::write(&file, format!("#!/bin/sh\necho {name} \"$@\"\nexit 7\n")).unwrap();
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    };
    let path = tempfile::tempdir().unwrap();
    let arguments = ["a capture", "--check", "-o", "a.glb", "--help"];
    let expected = |name: &str| format!("{name} a capture --check -o a.glb --help\n");
    for (place, name) in [(path.path(), "on-path"), (folder.path(), "beside")] {
        write(place, name);
        let output = train(&program, path.path(), &arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!((told, output.status.code()), (expected(name), Some(7)), "{output:?}");
    }
}
