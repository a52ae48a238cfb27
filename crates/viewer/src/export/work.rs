//! What the jobs of exports do. Files appear whole or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use effigy_avatar::{Avatar, AvatarError};
use effigy_render::{FrameRenderer, RenderError};
use effigy_splat::Frame;
use effigy_video::audio::AudioTrack;
use effigy_video::container::write_png;
use effigy_video::{Importance, VideoError, VideoFile, VideoFileOptions};

use super::subject::Subject;
use crate::job::{Fault, Progress};

/// The frames of a video.
pub(crate) struct Take {
    /// Where in the track, seconds.
    pub(crate) from: f64,
    pub(crate) count: usize,
    pub(crate) size: [u32; 2],
    /// A full turn around the avatar.
    pub(crate) turntable: bool,
    /// A file of sound that begins with the track.
    pub(crate) sound: Option<PathBuf>,
    /// Without the sound.
    pub(crate) options: VideoFileOptions,
}

/// What is said of a job that was cancelled, which nobody hears.
fn cancelled() -> Fault {
    Fault::new("cancelled", "")
}

pub(crate) fn drawing(error: RenderError) -> Fault {
    Fault::new(error, "Choose a smaller size.")
}

fn writing(path: &Path, error: impl std::fmt::Display) -> Fault {
    Fault::new(
        format!("{}: {error}", path.display()),
        "Choose a folder that is there and can be written to, on a disk with room.",
    )
}

fn encoding(path: &Path, error: &VideoError) -> Fault {
    match error {
        VideoError::Io(error) => writing(path, error),
        VideoError::Program { .. } => {
            Fault::new(error, "Install FFmpeg with this encoder, or choose another encoder.")
        }
        _ => Fault::new(error, "Choose another encoder, size or rate."),
    }
}

/// Draws one frame to a PNG.
pub(crate) fn picture(
    frames: &mut FrameRenderer,
    subject: &Subject,
    time: f64,
    size: [u32; 2],
    background: Option<[f32; 3]>,
    path: &Path,
    progress: &Progress,
) -> Result<(), Fault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private; this one is to end as readable as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".effigy-").tempfile_in(folder).map_err(|error| writing(path, error))?;
    let mut frame = Frame::default();
    frames.render(subject.pose_at(time).as_ref(), &subject.camera(size, 0.0), &mut frame).map_err(drawing)?;
    let mut to = BufWriter::new(file.as_file_mut());
    write_png(&frame, background, &mut to).map_err(|error| writing(path, error))?;
    to.flush().map_err(|error| writing(path, error))?;
    drop(to);
    if progress.is_cancelled() {
        return Err(cancelled());
    }
    file.persist(path).map_err(|error| writing(path, error.error))?;
    Ok(())
}

/// Sound from so many seconds on.
fn sound(path: &Path, from: f64) -> Result<AudioTrack, Fault> {
    let fault = |error: &dyn std::fmt::Display| {
        let advice = "Sound is AAC in ADTS (.aac) or Opus in Ogg (.opus), and as long as the video.";
        Fault::new(format!("{}: {error}", path.display()), advice)
    };
    let sound = AudioTrack::open(path).map_err(|error| fault(&error))?.after(from);
    match sound.duration() > 0.0 {
        true => Ok(sound),
        false => Err(fault(&"ends before the pictures begin")),
    }
}

/// Draws frame after frame to a video.
pub(crate) fn video(
    frames: &mut FrameRenderer,
    subject: &Subject,
    mut take: Take,
    path: &Path,
    progress: &Progress,
) -> Result<(), Fault> {
    if let Some(path) = &take.sound {
        take.options.sound = Some(sound(path, take.from)?);
    }
    let mut file =
        VideoFile::encoded(path, take.size, &take.options).map_err(|error| encoding(path, &error))?;
    let looked_at = take.options.need_importance();
    if looked_at {
        frames.watch_importance();
    }
    let (mut frame, mut values) = (Frame::default(), Vec::new());
    for i in 0..take.count {
        if progress.is_cancelled() {
            return Err(cancelled());
        }
        progress.say(format!("frame {} of {}", i + 1, take.count));
        progress.set(i as f32 / take.count as f32);
        let pose = subject.pose_at(take.from + i as f64 / take.options.fps);
        let turn = if take.turntable { i as f32 / take.count as f32 } else { 0.0 };
        let camera = subject.camera(take.size, turn);
        frames.render(pose.as_ref(), &camera, &mut frame).map_err(drawing)?;
        let importance = match looked_at {
            true => {
                frames.importance(&camera, &mut values).map_err(drawing)?;
                let importance = Importance::new(frame.width, frame.height, &values);
                Some(importance.map_err(|error| encoding(path, &error))?)
            }
            false => None,
        };
        file.add(&mut frame, importance.as_ref()).map_err(|error| encoding(path, &error))?;
    }
    progress.say("writing the file");
    if progress.is_cancelled() {
        return Err(cancelled());
    }
    file.finish().map_err(|error| encoding(path, &error))
}

/// Writes an avatar to the kind of file that the path names.
pub(crate) fn avatar(avatar: &Avatar, path: &Path) -> Result<(), Fault> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let saved = match extension.as_deref() {
        Some("glb") => avatar.save(path),
        Some("ply") => avatar.save_ply(path),
        _ => {
            return Err(Fault::new(
                format!("{} is of no kind that can be written", path.display()),
                "Name it .glb for the whole avatar, or .ply for its Gaussians at rest.",
            ));
        }
    };
    saved.map_err(|error| match error {
        AvatarError::Io { fault, .. } => writing(path, fault),
        other => Fault::new(other, "Open the avatar again."),
    })
}
