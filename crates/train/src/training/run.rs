//! A whole run: steps, with checkpoints, previews and a log, until it is done or stopped.

use std::path::Path;

use effigy_capture::Split;
use effigy_quality::{Picture, SquaredError};
use image::RgbImage;

use crate::TrainError;
use crate::run_folder::RunFolder;
use crate::training::loss::Target;
use crate::training::metrics::{Metrics, MetricsRow};
use crate::training::trainer::{StepReport, Trainer};
use crate::training::whole_file::write_whole;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All steps are done.
    Done,
    /// The caller asked to stop; the checkpoint holds where.
    Stopped,
}

/// Pictures that are looked at for the log's held-out PSNR.
const HELD_OUT: usize = 6;

/// Trains until all steps are done, or `go_on`, which is called after each step, says no; it may look at the model. A checkpoint is left in the
/// end in either case; after an error the last one stays.
///
/// # Errors
/// [`TrainError`] from the trainer, or for a file that cannot be written.
pub fn run(
    trainer: &mut Trainer,
    folder: &RunFolder,
    go_on: &mut dyn FnMut(&Trainer, &StepReport) -> bool,
) -> Result<RunEnd, TrainError> {
    std::fs::create_dir_all(folder.path())
        .map_err(|error| TrainError::Io { path: folder.path().to_owned(), error })?;
    let mut metrics = Metrics::resume(&folder.metrics(), trainer.steps);
    write_whole(&folder.config(), trainer.config.to_toml().as_bytes())?;
    let mut seconds = metrics.seconds();
    let (mut loss, mut psnr, mut count) = (0.0, 0.0, 0);
    let mut end = RunEnd::Done;
    while !trainer.is_done() {
        let report = trainer.step()?;
        // A lost device gives numbers as if nothing had happened: none of them is to reach a checkpoint.
        crate::check(&trainer.device)?;
        seconds += report.seconds;
        (loss, psnr, count) = (loss + report.loss, psnr + report.psnr, count + 1);
        let due = |every: usize| every > 0 && report.step.is_multiple_of(every);
        let last = trainer.is_done();
        let held_out =
            if due(trainer.config.preview_every) || last { preview(trainer, folder)? } else { None };
        if due(trainer.config.log_every) || held_out.is_some() || last {
            let per = 1.0 / count as f32;
            metrics.push(MetricsRow {
                step: report.step,
                seconds,
                loss: loss * per,
                psnr: psnr * per,
                held_out,
                gaussians: Some(trainer.model.len()),
            });
            (loss, psnr, count) = (0.0, 0.0, 0);
        }
        let wanted = go_on(trainer, &report);
        if due(trainer.config.checkpoint_every) || last || !wanted {
            trainer.checkpoint()?.save(&folder.checkpoint())?;
            metrics.save()?;
        }
        if !wanted && !last {
            end = RunEnd::Stopped;
            break;
        }
    }
    Ok(end)
}

/// Renders held-out pictures: shows the first, and gives the mean PSNR of all; none if all pictures are trained on.
fn preview(trainer: &mut Trainer, folder: &RunFolder) -> Result<Option<f32>, TrainError> {
    let of = |split| trainer.capture.split(split).map(|(i, _)| i).collect::<Vec<_>>();
    let held: Vec<usize> = [of(Split::NovelExpression), of(Split::NovelView)].concat();
    let train = of(Split::Train);
    let step = held.len().div_ceil(HELD_OUT).max(1);
    let shown: Vec<usize> = if held.is_empty() {
        train.into_iter().take(1).collect()
    } else {
        held.iter().copied().step_by(step).collect()
    };
    let level = trainer.config.final_level;
    let mut sum = 0.0;
    for (i, &frame) in shown.iter().enumerate() {
        let truth = trainer.target(frame, level)?;
        let ours = trainer.render(frame, level)?;
        let size = (truth.width, truth.planes.len() / 4 / truth.width.max(1));
        let pictures = (picture_of(&truth.planes, size)?, picture_of(&ours, size)?);
        sum += SquaredError::of(&pictures.0, &pictures.1, None).psnr_rgb().unwrap_or(f64::INFINITY);
        if i == 0 {
            save_preview(&truth, &ours, &folder.preview())?;
        }
    }
    Ok((!held.is_empty()).then_some((sum / shown.len() as f64) as f32))
}

/// Of planes of red, green and blue, one after another, whatever comes behind them.
fn picture_of(planes: &[f32], (width, height): (usize, usize)) -> Result<Picture, TrainError> {
    let n = width * height;
    let pixels = (0..n).map(|i| [planes[i], planes[n + i], planes[2 * n + i]]).collect();
    Ok(Picture::of_levels(width, height, pixels)?)
}

fn save_preview(truth: &Target, ours: &[f32], path: &Path) -> Result<(), TrainError> {
    let width = truth.width;
    let n = truth.planes.len() / 4;
    let height = n / width.max(1);
    let mut picture = RgbImage::new(3 * width as u32, height as u32);
    for y in 0..height {
        for x in 0..width {
            let rgb = |value: &dyn Fn(usize) -> f32| {
                image::Rgb(std::array::from_fn(|c| {
                    (value(c * n + y * width + x).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
                }))
            };
            let panels: [&dyn Fn(usize) -> f32; 3] =
                [&|i| truth.planes[i], &|i| ours[i], &|i| 0.5 + 4.0 * (ours[i] - truth.planes[i])];
            for (p, value) in panels.into_iter().enumerate() {
                picture.put_pixel((p * width + x) as u32, y as u32, rgb(value));
            }
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| TrainError::Io { path: path.to_owned(), error: std::io::Error::other(e) })?;
    write_whole(path, bytes.get_ref())
}
