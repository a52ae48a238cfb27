//! Adam (Kingma and Ba 2015) over plain tensors, with a learning rate for each column.
//!
//! Gaussians keep attributes of different units in the columns of one tensor, and relocation edits the moments of
//! single rows, which optimisers for whole modules do not offer. On the CPU a step is one pass over memory.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
/// Gradients of single Gaussians are small; a larger value would slow them down.
const EPSILON: f32 = 1e-15;
/// Values a thread looks at a time.
const CHUNK: usize = 1 << 15;

/// Running means of the gradient and of its square, in the shape of the parameter as rows × columns.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Of the gradient.
    pub first: Tensor<2>,
    /// Of its square.
    pub second: Tensor<2>,
}

impl Moments {
    /// Moments before the first step.
    pub fn zeros(rows: usize, columns: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([rows, columns], device);
        Self { first: zeros(), second: zeros() }
    }
}

/// Learning rates of a tensor of rows × columns.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// One for each column.
    pub columns: &'a [f32],
    /// Columns whose rate is times a unit, and the unit of each row; no others than those at the front.
    pub units: Option<(usize, &'a [f32])>,
}

impl<'a> From<&'a [f32]> for Rates<'a> {
    /// The same in all rows.
    fn from(columns: &'a [f32]) -> Self {
        Self { columns, units: None }
    }
}

/// `parameter` after step number `step` (from 1) along `gradient`.
///
/// # Panics
/// If there are not as many rates as columns, or units as rows.
pub fn step<'a>(
    parameter: Tensor<2>,
    gradient: Tensor<2>,
    moments: &mut Moments,
    rates: impl Into<Rates<'a>>,
    step: usize,
) -> Tensor<2> {
    let Rates { columns: rates, units } = rates.into();
    let correct = |beta: f32| (1.0 - f64::from(beta).powf(step as f64)) as f32;
    let (correct_1, correct_2) = (correct(BETA_1), correct(BETA_2).sqrt());
    let device = parameter.device();
    let [rows, columns] = parameter.dims();
    assert_eq!(rates.len(), columns, "a learning rate for each column");
    let (scaled, units) = units.unwrap_or((0, &[]));
    assert!(scaled == 0 || units.len() == rows, "a unit for each row");
    let take = |t: &mut Tensor<2>| std::mem::replace(t, Tensor::empty([1, 1], &device));
    let (first, second) = (take(&mut moments.first), take(&mut moments.second));
    let host = |t: Tensor<2>| t.try_into_primitive::<Flex>();
    if let (Ok(mut p), Ok(g), Ok(mut m), Ok(mut v)) =
        (host(parameter.clone()), host(gradient.clone()), host(first.clone()), host(second.clone()))
    {
        // The clones would keep the storage from being written in place.
        drop((parameter, first, second));
        let g = g.to_contiguous();
        {
            let (p, m, v) = (p.storage_mut::<f32>(), m.storage_mut::<f32>(), v.storage_mut::<f32>());
            let g = g.as_slice::<f32>().unwrap_or_default();
            let chunk_rows = (CHUNK / columns).max(1);
            let chunk = chunk_rows * columns;
            p.par_chunks_mut(chunk)
                .zip(m.par_chunks_mut(chunk))
                .zip(v.par_chunks_mut(chunk))
                .zip(g.par_chunks(chunk))
                .enumerate()
                .for_each(|(i, (((p, m), v), g))| {
                    let rows = p.chunks_exact_mut(columns).zip(m.chunks_exact_mut(columns));
                    let rows = rows.zip(v.chunks_exact_mut(columns)).zip(g.chunks_exact(columns));
                    let mut own = rates.to_vec();
                    for (row, (((p, m), v), g)) in rows.enumerate() {
                        if scaled > 0 {
                            let unit = units[i * chunk_rows + row];
                            own[..scaled].iter_mut().zip(rates).for_each(|(own, rate)| *own = rate * unit);
                        }
                        let rates = &own[..columns];
                        for c in 0..columns {
                            m[c] = BETA_1 * m[c] + (1.0 - BETA_1) * g[c];
                            v[c] = BETA_2 * v[c] + (1.0 - BETA_2) * g[c] * g[c];
                            p[c] -= rates[c] * (m[c] / correct_1) / (v[c].sqrt() / correct_2 + EPSILON);
                        }
                    }
                });
        }
        moments.first = Tensor::from_primitive::<Flex>(m);
        moments.second = Tensor::from_primitive::<Flex>(v);
        return Tensor::from_primitive::<Flex>(p);
    }
    let mut rates = Tensor::<2>::from_data(TensorData::new(rates.to_vec(), [1, columns]), &device);
    if scaled > 0 {
        let units = Tensor::<2>::from_data(TensorData::new(units.to_vec(), [rows, 1]), &device);
        let front = rates.clone().slice([0..1, 0..scaled]) * units;
        rates = rates.repeat_dim(0, rows).slice_assign([0..rows, 0..scaled], front);
    }
    moments.first = first * BETA_1 + gradient.clone() * (1.0 - BETA_1);
    moments.second = second * BETA_2 + gradient.clone() * gradient * (1.0 - BETA_2);
    let direction =
        (moments.first.clone() / correct_1) / (moments.second.clone().sqrt() / correct_2 + EPSILON);
    parameter - direction * rates
}
