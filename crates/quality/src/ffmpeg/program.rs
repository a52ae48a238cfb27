//! The program that `EFFIGY_FFMPEG` names.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::QualityError;
use crate::measure::Measure;

/// The environment variable that names the program.
pub const FFMPEG_VARIABLE: &str = "EFFIGY_FFMPEG";

/// The name or path of the FFmpeg that is run, here and by encoders: what `$EFFIGY_FFMPEG` names, else `ffmpeg` of the
/// search path.
pub fn ffmpeg_program() -> OsString {
    std::env::var_os(FFMPEG_VARIABLE).filter(|name| !name.is_empty()).unwrap_or_else(|| "ffmpeg".into())
}

/// An `ffmpeg` program that runs (5.1 or later), and what it can.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    program: PathBuf,
    filters: BTreeSet<String>,
    crops_by_container: bool,
}

impl Ffmpeg {
    /// The program that `$EFFIGY_FFMPEG` names, else `ffmpeg` of the search path.
    ///
    /// # Errors
    /// [`QualityError::Ffmpeg`] when there is none or it does not run.
    pub fn find() -> Result<Self, QualityError> {
        let program = ffmpeg_program();
        match Self::at(Path::new(&program)) {
            Err(_) if std::env::var_os(FFMPEG_VARIABLE).is_none_or(|name| name.is_empty()) => {
                Err(QualityError::Ffmpeg(format!("there is no ffmpeg; name one with {FFMPEG_VARIABLE}")))
            }
            found => found,
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
        let said = |arguments: &[&str]| {
            Command::new(&program)
                .args(["-hide_banner", "-nostdin"])
                .args(arguments)
                .stdin(Stdio::null())
                .output()
        };
        let output = said(&["-filters"]).map_err(|e| fault(e.to_string()))?;
        let filters = filters_of(&String::from_utf8_lossy(&output.stdout));
        match output.status.success() && filters.contains("scale") {
            true => {
                let help = said(&["-h", "long"]).map_err(|e| fault(e.to_string()))?;
                let crops_by_container = takes_cropping(&String::from_utf8_lossy(&help.stdout));
                Ok(Self { program, filters, crops_by_container })
            }
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

    /// Whether it crops by what the container says (from 7.1 on), and has the option not to.
    pub(super) fn crops_by_container(&self) -> bool {
        self.crops_by_container
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-hide_banner", "-nostdin"]);
        command
    }

    /// Options that open a file as a file, whatever its name looks like.
    pub(super) fn input(path: &Path) -> [OsString; 4] {
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

/// Whether a list of options has that of the program itself, and not only the decoders' of the same name.
fn takes_cropping(help: &str) -> bool {
    help.lines().any(|line| line.starts_with("-apply_cropping"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The FFmpeg of this machine, for tests that need it.
    pub(crate) fn ffmpeg() -> Option<Ffmpeg> {
        Ffmpeg::find().inspect_err(|e| println!("skipped: {e}")).ok()
    }

    // A line of FFmpeg 9.0.2, and one of a decoder's options in 5.1.
    #[test]
    fn knows_who_crops() {
        assert!(takes_cropping("-map_x  y\n-apply_cropping[:<stream_spec>]  select the cropping to apply\n"));
        assert!(!takes_cropping("  -apply_cropping    <boolean>    .D.V....... (default true)\n"));
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
