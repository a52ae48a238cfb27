//! Saving a run so that it goes on as if it had never stopped.
//!
//! A checkpoint is one `safetensors` file: every trained array, its moments, the binding and the counts for
//! relocation, with the configuration and the step as metadata.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::{Module as _, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use effigy_avatar::Binding;
use effigy_capture::Capture;
use effigy_rig::Rig;
use glam::Vec3;
use safetensors::{Dtype, SafeTensors, View};

use crate::training::adam::Moments;
use crate::training::model::{Model, read};
use crate::training::trainer::Trainer;
use crate::{TrainConfig, TrainError};

/// Larger checkpoints are not read.
const MAX_BYTES: u64 = 16 << 30;

/// Named arrays of 32-bit numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The configuration of the run.
    pub config: String,
    /// Steps that were done.
    pub steps: usize,
    /// What the run learns from, in short.
    pub capture: String,
    floats: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    integers: BTreeMap<String, Vec<u32>>,
}

/// An array on its way to a file.
struct Array<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Tells whether a checkpoint belongs to a capture: names and number of its pictures.
fn short_of(capture: &Capture) -> String {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for byte in capture.frames.iter().flat_map(|f| f.name.bytes().chain([0])) {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    format!("{} frames, {sum:016x}", capture.frames.len())
}

impl Trainer {
    /// Everything that the run needs to go on.
    ///
    /// # Errors
    /// [`TrainError::Device`] if a tensor cannot be read.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, TrainError> {
        self.gather_usage()?;
        let mut out = Checkpoint {
            config: self.config.to_toml(),
            steps: self.steps,
            capture: short_of(&self.capture),
            ..Checkpoint::default()
        };
        out.keep("statics", self.model.statics.clone())?;
        out.keep("sh_rest", self.model.sh_rest.clone())?;
        out.keep_moments("statics", &self.moments.statics)?;
        out.keep_moments("sh_rest", &self.moments.sh_rest)?;
        if let Some(calibration) = &self.calibration {
            out.keep("cameras", calibration.affines.clone())?;
            out.keep_moments("cameras", &calibration.moments)?;
        }
        let n = self.model.len();
        for (name, values) in [
            ("sizes", &self.model.sizes),
            ("usage.contribution", &self.usage.contribution),
            ("usage.pull", &self.usage.pull),
        ] {
            out.floats.insert(name.into(), (vec![n], values.clone()));
        }
        if let Some(body) = &self.model.body {
            let binding = &body.surface.binding;
            out.integers.insert("binding.triangles".into(), binding.triangles.clone());
            let weights = binding.barycentric.iter().flat_map(|b| b.to_array()).collect();
            out.floats.insert("binding.barycentric".into(), (vec![n, 3], weights));
            if let Some(field) = &body.field {
                let mut visitor = Parameters::default();
                field.module.visit(&mut visitor);
                for (i, parameter) in visitor.0.into_iter().enumerate() {
                    out.floats.insert(format!("field.{i}"), parameter?);
                }
                for (i, moments) in self.moments.field.iter().enumerate() {
                    out.keep_moments(&format!("field.{i}"), moments)?;
                }
            }
        }
        Ok(out)
    }

    /// Takes the state of `checkpoint`, which a trainer of the same configuration and capture wrote.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if it does not fit.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let misfit = |what: &str| TrainError::Checkpoint(format!("{what} does not fit this run"));
        if checkpoint.capture != short_of(&self.capture) {
            return Err(TrainError::Checkpoint("it was made from another capture".into()));
        }
        let mut n = self.model.len();
        if self.model.body.is_none() {
            // As many as the run had come to.
            let kept = checkpoint.floats.get("sizes").map_or(0, |(_, sizes)| sizes.len());
            if !(1..=self.config.gaussians.max(n)).contains(&kept) {
                return Err(misfit("the number of Gaussians"));
            }
            n = kept;
        }
        let rest = self.model.sh_rest.dims()[1];
        let statics = self.model.statics.dims()[1];
        self.model.statics = checkpoint.tensor("statics", [n, statics], &self.device)?;
        self.model.sh_rest = checkpoint.tensor("sh_rest", [n, rest], &self.device)?;
        checkpoint.restore_moments("statics", &mut self.moments.statics, [n, statics], &self.device)?;
        checkpoint.restore_moments("sh_rest", &mut self.moments.sh_rest, [n, rest.max(1)], &self.device)?;
        if let Some(calibration) = &mut self.calibration {
            calibration.affines = checkpoint.tensor("cameras", calibration.affines.dims(), &self.device)?;
            let shape = calibration.affines.dims();
            checkpoint.restore_moments("cameras", &mut calibration.moments, shape, &self.device)?;
        }
        self.model.sizes = checkpoint.values("sizes", n)?;
        self.usage.contribution = checkpoint.values("usage.contribution", n)?;
        self.usage.pull = checkpoint.values("usage.pull", n)?;
        if let Some(body) = &mut self.model.body {
            let triangles = checkpoint.integers.get("binding.triangles");
            let triangles = triangles.filter(|t| t.len() == n).ok_or_else(|| misfit("binding.triangles"))?;
            let barycentric = checkpoint.values("binding.barycentric", 3 * n)?;
            body.surface.binding = Binding {
                triangles: triangles.clone(),
                barycentric: barycentric.chunks_exact(3).map(Vec3::from_slice).collect(),
                frame: body.surface.binding.frame,
            };
            check_binding(&body.surface.rig, &body.surface.binding)?;
            if let Some(field) = &mut body.field {
                let mut mapper = Restored { checkpoint, next: 0, device: &self.device, fault: None };
                field.module = field.module.clone().map(&mut mapper);
                if let Some(fault) = mapper.fault {
                    return Err(fault);
                }
                for (i, moments) in self.moments.field.iter_mut().enumerate() {
                    let shape = moments.first.dims();
                    checkpoint.restore_moments(&format!("field.{i}"), moments, shape, &self.device)?;
                }
                field.locate(&body.surface.rig, &body.surface.binding)?;
            }
        }
        self.steps = checkpoint.steps;
        Ok(())
    }
}

fn check_binding(rig: &Rig, binding: &Binding) -> Result<(), TrainError> {
    if binding.triangles.iter().any(|&t| t as usize >= rig.triangles.len()) {
        return Err(TrainError::Checkpoint("it was made with another rig".into()));
    }
    Ok(())
}

/// Shapes and values of a module's parameters, in the order in which it is walked.
#[derive(Default)]
struct Parameters(Vec<Result<Parameter, TrainError>>);

/// Shape and values.
type Parameter = (Vec<usize>, Vec<f32>);

impl ModuleVisitor for Parameters {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val().inner();
        let shape = value.dims().to_vec();
        self.0.push(read(value).map(|values| (shape, values)));
    }
}

/// Puts a checkpoint's values in a module's place.
struct Restored<'a> {
    checkpoint: &'a Checkpoint,
    next: usize,
    device: &'a Device,
    fault: Option<TrainError>,
}

impl ModuleMapper for Restored<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let name = format!("field.{}", self.next);
        self.next += 1;
        let value = match self.checkpoint.tensor(&name, value.dims(), self.device) {
            Ok(restored) => Tensor::from_inner(restored).require_grad(),
            Err(fault) => {
                self.fault.get_or_insert(fault);
                value
            }
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

impl Checkpoint {
    fn keep<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Result<(), TrainError> {
        let shape = tensor.dims().to_vec();
        self.floats.insert(name.into(), (shape, read(tensor)?));
        Ok(())
    }

    fn keep_moments(&mut self, name: &str, moments: &Moments) -> Result<(), TrainError> {
        self.keep(&format!("{name}.first"), moments.first.clone())?;
        self.keep(&format!("{name}.second"), moments.second.clone())
    }

    fn restore_moments(
        &self,
        name: &str,
        moments: &mut Moments,
        shape: [usize; 2],
        device: &Device,
    ) -> Result<(), TrainError> {
        moments.first = self.tensor(&format!("{name}.first"), shape, device)?;
        moments.second = self.tensor(&format!("{name}.second"), shape, device)?;
        Ok(())
    }

    fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Tensor<D>, TrainError> {
        let values = self.values(name, shape.iter().product())?;
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    fn values(&self, name: &str, count: usize) -> Result<Vec<f32>, TrainError> {
        let (_, values) =
            self.floats.get(name).ok_or_else(|| TrainError::Checkpoint(format!("{name} is missing")))?;
        if values.len() != count {
            return Err(TrainError::Checkpoint(format!(
                "{name} has {} values where this run needs {count}",
                values.len()
            )));
        }
        Ok(values.clone())
    }

    /// Writes the checkpoint to `path`; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        let floats = self.floats.iter().map(|(name, (shape, values))| {
            let array =
                Array { dtype: Dtype::F32, shape: shape.clone(), bytes: bytemuck::cast_slice(values) };
            (name.clone(), array)
        });
        let integers = self.integers.iter().map(|(name, values)| {
            let array =
                Array { dtype: Dtype::U32, shape: vec![values.len()], bytes: bytemuck::cast_slice(values) };
            (name.clone(), array)
        });
        let about = HashMap::from([
            ("effigy".to_owned(), "1".to_owned()),
            ("config".to_owned(), self.config.clone()),
            ("steps".to_owned(), self.steps.to_string()),
            ("capture".to_owned(), self.capture.clone()),
        ]);
        let bytes = safetensors::serialize(floats.chain(integers), Some(about))
            .map_err(|e| TrainError::Checkpoint(e.to_string()))?;
        crate::training::whole_file::write_whole(path, &bytes)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Io`] or [`TrainError::Checkpoint`], with the path.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let io = |error| TrainError::Io { path: path.to_owned(), error };
        let fail = |what: String| TrainError::Checkpoint(format!("{}: {what}", path.display()));
        let size = std::fs::metadata(path).map_err(io)?.len();
        if size > MAX_BYTES {
            return Err(fail(format!("{size} bytes are more than {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        let about = metadata.metadata().clone().unwrap_or_default();
        let get =
            |key: &str| about.get(key).cloned().ok_or_else(|| fail("it is none of this program's".into()));
        let mut out = Self {
            config: get("config")?,
            steps: get("steps")?.parse().map_err(|_| fail("the step is no number".into()))?,
            capture: get("capture")?,
            ..Self::default()
        };
        for (name, view) in file.iter() {
            let words = view.data().as_chunks::<4>().0;
            match view.dtype() {
                Dtype::F32 => {
                    let values = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
                    out.floats.insert(name.to_owned(), (view.shape().to_vec(), values));
                }
                Dtype::U32 => {
                    let values = words.iter().map(|w| u32::from_le_bytes(*w)).collect();
                    out.integers.insert(name.to_owned(), values);
                }
                other => return Err(fail(format!("{name} is of type {other:?}"))),
            }
        }
        Ok(out)
    }

    /// The configuration that the run had.
    ///
    /// # Errors
    /// [`TrainError::Config`] if it is not one.
    pub fn train_config(&self) -> Result<TrainConfig, TrainError> {
        TrainConfig::from_toml(&self.config, crate::Preset::Standard).map_err(TrainError::Config)
    }
}

impl Model {
    /// Names the parts and their sizes, for people.
    pub fn describe(&self) -> String {
        let field = self.body.as_ref().and_then(|b| b.field.as_ref());
        let field = field.map_or_else(
            || "no field".to_owned(),
            |f| {
                format!("a field of {} bases in {} regions", f.setting.config.bases, f.setting.config.regions)
            },
        );
        format!("{} Gaussians, {field}", self.len())
    }
}
