//! FFmpeg as a child process: it decodes what this crate does not, and has measures that no crate has.

mod child;
mod decoder;
mod judge;
mod probe;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) use decoder::Decoder;
pub(super) use judge::Judge;
pub use probe::StreamRate;

use super::{Measure, QualityError};

/// The environment variable that names the program.
pub const FFMPEG_VARIABLE: &str = "EFFIGY_FFMPEG";

/// An `ffmpeg` program that runs (5.1 or later), and what it can.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    program: PathBuf,
    filters: BTreeSet<String>,
}

impl Ffmpeg {
    /// The program that `$EFFIGY_FFMPEG` names, else `ffmpeg` of the search path.
    ///
    /// # Errors
    /// [`QualityError::Ffmpeg`] when there is none or it does not run.
    pub fn find() -> Result<Self, QualityError> {
        match std::env::var_os(FFMPEG_VARIABLE).filter(|v| !v.is_empty()) {
            Some(program) => Self::at(Path::new(&program)),
            None => Self::at(Path::new("ffmpeg")).map_err(|_| {
                QualityError::Ffmpeg(format!("there is no ffmpeg; name one with {FFMPEG_VARIABLE}"))
            }),
        }
    }

    /// This program.
    ///
    /// # Errors
    /// [`QualityError::Ffmpeg`] when it does not run or is not FFmpeg.
    pub fn at(program: &Path) -> Result<Self, QualityError> {
        let fault = |what: String| QualityError::Ffmpeg(format!("{}: {what}", program.display()));
        // A relative path with folders would be sought in the folder that a child runs in.
        let program = match program.components().count() {
            0 | 1 => program.to_owned(),
            _ => std::path::absolute(program).map_err(|e| fault(e.to_string()))?,
        };
        let output = Command::new(&program)
            .args(["-hide_banner", "-nostdin", "-filters"])
            .stdin(Stdio::null())
            .output()
            .map_err(|e| fault(e.to_string()))?;
        let filters = filters_of(&String::from_utf8_lossy(&output.stdout));
        match output.status.success() && filters.contains("scale") {
            true => Ok(Self { program, filters }),
            false => Err(fault("does not list its filters as FFmpeg does".into())),
        }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Whether it has the filter that a measure needs.
    ///
    /// # Errors
    /// A line that says what is missing.
    pub fn can(&self, measure: Measure) -> Result<(), String> {
        let filter = match measure {
            Measure::Vmaf | Measure::VmafNeg => "libvmaf",
            Measure::Xpsnr => "xpsnr",
            _ => return Err(format!("{measure} is not measured by ffmpeg")),
        };
        match self.filters.contains(filter) {
            true => Ok(()),
            false => Err(format!("{} has no filter {filter}", self.program.display())),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-hide_banner", "-nostdin"]);
        command
    }

    /// Options that open a file as a file, whatever its name looks like.
    fn input(path: &Path) -> [OsString; 4] {
        let mut url = OsString::from("file:");
        url.push(path);
        ["-protocol_whitelist".into(), "file".into(), "-i".into(), url]
    }
}

/// Names from lines such as ` TS psnr   VV->V   Calculate ...`.
fn filters_of(listing: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        let (_, name, kind) = (words.next()?, words.next()?, words.next()?);
        kind.contains("->").then(|| name.to_owned())
    };
    listing.lines().filter_map(name).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The FFmpeg of this machine, for tests that need it.
    pub(crate) fn ffmpeg() -> Option<Ffmpeg> {
        Ffmpeg::find().inspect_err(|e| println!("skipped: {e}")).ok()
    }

    #[test]
    fn reads_the_list_of_filters() {
        let listing =
            "Filters:\n  T. = Timeline support\n TS psnr  VV->V  Calculate the PSNR.\n .. libvmaf VV->V x\n";
        let names: Vec<String> = filters_of(listing).into_iter().collect();
        assert_eq!(names, ["libvmaf", "psnr"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_one_line() {
        let fault = Ffmpeg::at(Path::new("no such folder/ffmpeg")).unwrap_err().to_string();
        assert!(fault.starts_with("no such folder/ffmpeg: ") && !fault.contains('\n'), "{fault}");
    }
}
