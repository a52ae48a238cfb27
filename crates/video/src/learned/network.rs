//! The network: its weights, the file that they come in, and what it computes.

use std::path::Path;

use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};

/// Pixels of a cell: 2 × 2, row by row.
pub(super) const CELL: usize = 4;
/// Planes between layers.
pub(super) const HIDDEN: usize = 12;
/// Planes of each layer's input: the last one sees the lumas, too.
const INPUTS: [usize; 3] = [CELL, HIDDEN, HIDDEN + CELL];
/// Planes of each layer's output: the last one's are for what is looked at, and for what is not.
const OUTPUTS: [usize; 3] = [HIDDEN, HIDDEN, 2 * CELL];
/// Weights of a plane for a plane.
pub(super) const TAPS: usize = 9;
/// What negative values are multiplied by between layers.
const LEAK: f32 = 0.1;
/// The most that is added to luma or taken from it, of 1 from black to white.
const LARGEST_CHANGE: f32 = 0.1;
/// Quantisers that the network was made for.
const QUALITIES: (f32, f32) = (16.0, 48.0);
/// A weight beyond this is none that training gives.
const LARGEST_WEIGHT: f32 = 1e3;

/// Why a file of weights is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// It is no safetensors file.
    #[error("weights of a filter: {0}")]
    File(#[from] safetensors::SafeTensorError),
    /// A tensor is missing, or of another kind or shape.
    #[error("weights of a filter: {0}")]
    Tensor(String),
}

/// One 3 × 3 convolution, stride 1, beyond the edges the outermost cells repeat.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    weight: Slope,
    bias: Slope,
}

/// Values that change along a line with the quantiser's input.
#[derive(Clone, Debug, PartialEq)]
struct Slope {
    at_0: Vec<f32>,
    /// For each unit; empty where there is no change.
    slope: Vec<f32>,
}

/// A layer's weights at one quantiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LayerWeights {
    pub(super) inputs: usize,
    /// Outputs × inputs × 3 rows × 3 columns.
    pub(super) weights: Vec<f32>,
    /// Outputs.
    pub(super) biases: Vec<f32>,
}

/// Weights of a learned pre-filter.
///
/// A cell is 2 × 2 pixels: four lumas less 0.5, in planes of their own. 3 × 3 convolutions make 12 planes of these, 12 of
/// those, and of the latter with the four lumas 8: four for where a viewer looks (attention 1) and four for where not
/// (attention 0), which the cell's attention blends. 0.1·tanh of that is added to the lumas. Between layers stands a leaky
/// rectifier (0.1). All biases, and the weights of the last layer, are w + q·w' with q = (quantiser − 32) / 16, the
/// quantiser clamped to 16 … 48.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedNetwork {
    layers: [Layer; 3],
}

impl LearnedNetwork {
    /// The weights that come with the program.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn bundled() -> Result<Self, NetworkError> {
        Self::from_bytes(include_bytes!("../../../../assets/prefilter.safetensors"))
    }

    /// Reads a file of weights.
    ///
    /// # Errors
    /// [`NetworkError::Io`], and as [`Self::from_bytes`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NetworkError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| NetworkError::Io { path: path.to_owned(), error })?;
        Self::from_bytes(&bytes)
    }

    /// Weights of a safetensors file: for each `i` of 1, 2, 3 the tensors `conv{i}.weight` (outputs × inputs × 3 × 3),
    /// `conv{i}.bias` and `conv{i}.bias_slope` (outputs), and `conv3.weight_slope`, all of 32-bit floats.
    ///
    /// # Errors
    /// [`NetworkError::File`] for what is not a safetensors file, [`NetworkError::Tensor`] for a tensor that is missing, of
    /// another type or shape, or has a value that is not finite or beyond 1000.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NetworkError> {
        let file = SafeTensors::deserialize(bytes)?;
        let layer = |index: usize| -> Result<Layer, NetworkError> {
            let read =
                |what: &str, shape: &[usize]| values(&file, &format!("conv{}.{what}", index + 1), shape);
            let (outputs, all) = ([OUTPUTS[index]], [OUTPUTS[index], INPUTS[index], 3, 3]);
            let slope = if index == 2 { read("weight_slope", &all)? } else { Vec::new() };
            Ok(Layer {
                weight: Slope { at_0: read("weight", &all)?, slope },
                bias: Slope { at_0: read("bias", &outputs)?, slope: read("bias_slope", &outputs)? },
            })
        };
        Ok(Self { layers: [layer(0)?, layer(1)?, layer(2)?] })
    }

    /// Multiplications for a picture of this size, each with an addition.
    pub fn operations(width: u32, height: u32) -> u64 {
        let cells = u64::from(width.div_ceil(2)) * u64::from(height.div_ceil(2));
        let each: usize = INPUTS.iter().zip(OUTPUTS).map(|(inputs, outputs)| inputs * outputs * TAPS).sum();
        cells * each as u64
    }

    /// The layers at a quantiser.
    pub(super) fn at(&self, quality: f32) -> [LayerWeights; 3] {
        // NaN becomes the lower end.
        let q = (quality.max(QUALITIES.0).min(QUALITIES.1) - 32.0) / 16.0;
        let at = |values: &Slope| -> Vec<f32> {
            let slopes = values.slope.iter().chain(std::iter::repeat(&0.0));
            values.at_0.iter().zip(slopes).map(|(value, slope)| value + q * slope).collect()
        };
        [0, 1, 2].map(|i| LayerWeights {
            inputs: INPUTS[i],
            weights: at(&self.layers[i].weight),
            biases: at(&self.layers[i].bias),
        })
    }
}

/// What is to be added to the lumas of cells, in `scratch.change`: `lumas` less 0.5 are four planes, `attention` is one.
pub(super) fn change(layers: &[LayerWeights; 3], lumas: &Cells, attention: &Cells, scratch: &mut Scratch) {
    let [first, second, third] = layers;
    let leak = |x: f32| if x > 0.0 { x } else { LEAK * x };
    first.apply(&[lumas], leak, &mut scratch.first);
    second.apply(&[&scratch.first], leak, &mut scratch.second);
    third.apply(&[&scratch.second, lumas], |x| x, &mut scratch.both);
    let both = &scratch.both;
    scratch.change.resize(CELL, lumas.columns, lumas.rows);
    scratch.change.fill(|row, planes| {
        for (i, plane) in planes.iter_mut().enumerate() {
            let (near, far) = (both.row(i, row), both.row(CELL + i, row));
            let parts = near.iter().zip(far).zip(attention.row(0, row));
            for (out, ((near, far), seen)) in plane.iter_mut().zip(parts) {
                *out = LARGEST_CHANGE * (far + seen * (near - far)).tanh();
            }
        }
    });
}

fn values(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, NetworkError> {
    let wrong = |what: String| NetworkError::Tensor(format!("{name} {what}"));
    let tensor = file.tensor(name).map_err(|_| wrong("is missing".into()))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        return Err(wrong(format!(
            "is {:?} {:?} and should be F32 {shape:?}",
            tensor.dtype(),
            tensor.shape()
        )));
    }
    let values: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    match values.iter().find(|v| !(v.abs() <= LARGEST_WEIGHT)) {
        Some(value) => Err(wrong(format!("holds {value}"))),
        None => Ok(values),
    }
}

/// Planes of cells, each row of each plane with its first and last cell repeated at its ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) planes: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    values: Vec<f32>,
}

/// What the network computes in between, and what comes out of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    first: Cells,
    second: Cells,
    /// For where a viewer looks, and for where not.
    both: Cells,
    pub(super) change: Cells,
}

impl Cells {
    pub(super) fn resize(&mut self, planes: usize, columns: usize, rows: usize) {
        (self.planes, self.columns, self.rows) = (planes, columns, rows);
        self.values.resize(planes * rows * (columns + 2), 0.0);
    }

    /// Fills every row of cells: `fill` gets its number and its planes, which are without their ends.
    pub(super) fn fill(&mut self, fill: impl Fn(usize, &mut [&mut [f32]]) + Sync) {
        let stride = self.columns + 2;
        self.values.par_chunks_exact_mut(self.planes * stride).enumerate().for_each(|(row, values)| {
            let mut planes: Vec<&mut [f32]> = values.chunks_exact_mut(stride).collect();
            {
                let mut inner: Vec<&mut [f32]> =
                    planes.iter_mut().map(|plane| &mut plane[1..stride - 1]).collect();
                fill(row, &mut inner);
            }
            for plane in &mut planes {
                plane[0] = plane[1];
                plane[stride - 1] = plane[stride - 2];
            }
        });
    }

    /// A plane's row, from its first cell to its last.
    pub(super) fn row(&self, plane: usize, row: usize) -> &[f32] {
        let row = self.padded(plane, row);
        &row[1..row.len() - 1]
    }

    fn padded(&self, plane: usize, row: usize) -> &[f32] {
        let stride = self.columns + 2;
        &self.values[(row * self.planes + plane) * stride..][..stride]
    }
}

impl LayerWeights {
    /// Of the planes of all `inputs`, one after the other.
    fn apply(&self, inputs: &[&Cells], then: impl Fn(f32) -> f32 + Sync, out: &mut Cells) {
        let Some(Cells { columns, rows, .. }) = inputs.first().copied() else { return };
        out.resize(self.biases.len(), *columns, *rows);
        out.fill(|row, planes| {
            let around = [row.saturating_sub(1), row, (row + 1).min(rows - 1)];
            for ((plane, bias), weights) in
                planes.iter_mut().zip(&self.biases).zip(self.weights.chunks_exact(self.inputs * TAPS))
            {
                plane.fill(*bias);
                let sources = inputs.iter().flat_map(|cells| (0..cells.planes).map(move |p| (cells, p)));
                for ((cells, from), weights) in sources.zip(weights.chunks_exact(TAPS)) {
                    for (row, w) in around.iter().zip(weights.chunks_exact(3)) {
                        let line = cells.padded(from, *row);
                        let sources = line.iter().zip(&line[1..]).zip(&line[2..]);
                        for (sum, ((a, b), c)) in plane.iter_mut().zip(sources) {
                            *sum += w[0] * a + w[1] * b + w[2] * c;
                        }
                    }
                }
                plane.iter_mut().for_each(|x| *x = then(*x));
            }
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A network as a file has it, of what (name of the tensor), which output, and, but for biases, which input and tap.
    pub(in crate::learned) fn file(value: impl Fn(&str, usize, usize, usize) -> f32) -> Vec<u8> {
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for layer in 0..3 {
            let mut names = vec!["weight", "bias", "bias_slope"];
            if layer == 2 {
                names.push("weight_slope");
            }
            for name in names {
                let name = format!("conv{}.{name}", layer + 1);
                let (inputs, taps) = if name.contains("weight") { (INPUTS[layer], TAPS) } else { (1, 1) };
                let mut bytes = Vec::new();
                for o in 0..OUTPUTS[layer] {
                    for i in 0..inputs {
                        bytes.extend((0..taps).flat_map(|t| value(&name, o, i, t).to_le_bytes()));
                    }
                }
                let shape = match taps {
                    1 => vec![OUTPUTS[layer]],
                    _ => vec![OUTPUTS[layer], inputs, 3, 3],
                };
                tensors.push((name, shape, bytes));
            }
        }
        let views = tensors.iter().map(|(name, shape, data)| {
            (name, safetensors::tensor::TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn wave(seed: usize) -> f32 {
        (seed as f32 * 12.9898).sin() * 0.4
    }

    /// Some network whose every value counts.
    pub(in crate::learned) fn some(name: &str, o: usize, i: usize, t: usize) -> f32 {
        let seed: usize = name.bytes().map(usize::from).sum();
        wave(1 + seed * 79 + o * 131 + i * 17 + t)
    }

    /// The sums of the definition, one number at a time in double precision.
    #[test]
    fn computes_what_is_written_down() {
        let network = LearnedNetwork::from_bytes(&file(some)).unwrap();
        let (columns, rows, quality) = (5, 4, 40.0_f32);
        let source = |p: usize, x: usize, y: usize| wave(777 + p * 1000 + y * 37 + x);
        let mut lumas = Cells::default();
        lumas.resize(CELL, columns, rows);
        let fill = |first: usize| {
            move |y: usize, planes: &mut [&mut [f32]]| {
                for (p, plane) in planes.iter_mut().enumerate() {
                    plane.iter_mut().enumerate().for_each(|(x, v)| *v = source(first + p, x, y));
                }
            }
        };
        lumas.fill(fill(0));
        let mut attention = Cells::default();
        attention.resize(1, columns, rows);
        attention.fill(fill(7));
        let mut scratch = Scratch::default();
        change(&network.at(quality), &lumas, &attention, &mut scratch);

        let planes = |first: usize, count: usize| {
            let mut values: Vec<f64> = Vec::new();
            for p in first..first + count {
                for y in 0..rows {
                    values.extend((0..columns).map(|x| f64::from(source(p, x, y))));
                }
            }
            values
        };
        let lumas = planes(0, CELL);
        let mut values = lumas.clone();
        for layer in 0..3 {
            let name = |what: &str| format!("conv{}.{what}", layer + 1);
            let at = |what: &str, o, i, t| f64::from(some(&name(what), o, i, t));
            if layer == 2 {
                values.extend(&lumas);
            }
            let mut next = Vec::new();
            for o in 0..OUTPUTS[layer] {
                for y in 0..rows as i32 {
                    for x in 0..columns as i32 {
                        let mut sum = at("bias", o, 0, 0) + 0.5 * at("bias_slope", o, 0, 0);
                        for i in 0..INPUTS[layer] {
                            for t in 0..9_usize {
                                let u = (x + t as i32 % 3 - 1).clamp(0, columns as i32 - 1) as usize;
                                let v = (y + t as i32 / 3 - 1).clamp(0, rows as i32 - 1) as usize;
                                let mut w = at("weight", o, i, t);
                                if layer == 2 {
                                    w += 0.5 * at("weight_slope", o, i, t);
                                }
                                sum += w * values[(i * rows + v) * columns + u];
                            }
                        }
                        next.push(if layer == 2 { sum } else { sum.max(0.1 * sum) });
                    }
                }
            }
            values = next;
        }
        for p in 0..CELL {
            for y in 0..rows {
                for (x, found) in scratch.change.row(p, y).iter().enumerate() {
                    let of = |p: usize| values[(p * rows + y) * columns + x];
                    let seen = f64::from(source(7, x, y));
                    let wanted = 0.1 * (seen * of(p) + (1.0 - seen) * of(CELL + p)).tanh();
                    assert!((f64::from(*found) - wanted).abs() < 1e-5, "{found} and not {wanted}");
                }
            }
        }
    }

    #[test]
    fn counts_its_operations() {
        // 960 x 540 cells, 9 (4 12 + 12 12 + 16 8) each.
        assert_eq!(LearnedNetwork::operations(1920, 1080), 518_400 * 2_880);
        assert_eq!(LearnedNetwork::operations(3, 1), 2 * 2_880);
    }

    #[test]
    fn files_that_are_no_network_are_refused() {
        let refuse = |bytes: &[u8]| LearnedNetwork::from_bytes(bytes).unwrap_err().to_string();
        let good = file(|_, _, _, _| 0.0);
        assert!(LearnedNetwork::from_bytes(&good).is_ok());
        for end in [0, 7, 8, 100, good.len() - 1] {
            refuse(&good[..end]);
        }
        for wrong in [f32::NAN, f32::INFINITY, 1e4] {
            let file = file(|name, _, _, _| if name == "conv2.bias" { wrong } else { 0.0 });
            assert_eq!(refuse(&file), format!("weights of a filter: conv2.bias holds {wrong}"));
        }
        let mut renamed = good.clone();
        let at = good.windows(11).position(|w| w == b"conv3.bias\"").unwrap();
        renamed[at..at + 5].copy_from_slice(b"conv4");
        assert_eq!(refuse(&renamed), "weights of a filter: conv3.bias is missing");
        assert!(LearnedNetwork::open("no/such/file").unwrap_err().to_string().starts_with("no/such/file: "));
    }
}
