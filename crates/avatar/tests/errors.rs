//! Messages for people: a cause is named once, however the error is printed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::error::Error;

use common::avatar;
use effigy_avatar::splat_file::{SplatFileError, read_splat, write_ply};
use effigy_avatar::{Avatar, AvatarError, OpenOptions};

/// The error and all its sources, as programs print them that walk the chain.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        said = format!("{said}: {source}");
        next = source.source();
    }
    said
}

fn once(error: &dyn Error, words: &str) {
    let said = chain(error);
    assert_eq!(said.matches(words).count(), 1, "{words:?} in {said:?}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
}

struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is full"))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_fault_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.glb");
    let open = || Avatar::open(&path, &OpenOptions::default()).unwrap_err();
    let absent = open();
    once(&absent, "x.glb");
    once(&absent, "os error");

    std::fs::write(&path, b"hello").unwrap();
    once(&open(), "x.glb");
    once(&open(), "not an avatar");

    let glb = avatar().to_glb().unwrap();
    std::fs::write(&path, &glb[..glb.len() - 4]).unwrap();
    once(&open(), "truncated");
    once(&open(), "x.glb");

    std::fs::write(&path, b"ply\nformat binary_little_endian 1.0\nnonsense\nend_header\n").unwrap();
    once(&open(), "PLY header, line 3");
    once(&open(), "x.glb");

    let splat = read_splat(b"no", &Default::default()).unwrap_err();
    once(&AvatarError::from(splat), "not a splat file");

    let full = write_ply(&avatar().gaussians, avatar().filter, Full).unwrap_err();
    assert!(matches!(full, SplatFileError::Write(_)));
    once(&full, "the disk is full");

    let nowhere = avatar().save(folder.path().join("none/a.glb")).unwrap_err();
    once(&nowhere, "a.glb");
    once(&nowhere, "os error");
}

#[test]
fn text_from_a_file_cannot_break_the_line() {
    let glb = common::with_json(&avatar().to_glb().unwrap(), |json| {
        json["extensions"]["EFFIGY_neural_avatar"]["binding"]["frame"] = "a\nb\u{1b}[31m".into();
    });
    let said = Avatar::from_glb(&glb).unwrap_err().to_string();
    assert!(said.contains("[31m") && !said.chars().any(char::is_control), "{said:?}");
}
