//! Colours of cameras: what each but the first makes of the same light, as an affine of premultiplied colour.
//!
//! Captures of several cameras disagree in exposure and white balance. Each camera but the first, which defines the
//! avatar's colours, gets a 3 × 4 affine that is learned with everything else and left behind at the end.

use burn::tensor::{Device, Tensor, TensorData};

use crate::training::adam::Moments;

/// The affines of C cameras and their moments: C × 12, row-major, the last column times alpha.
#[derive(Clone, Debug)]
pub(crate) struct Calibration {
    pub(crate) affines: Tensor<2>,
    pub(crate) moments: Moments,
}

const IDENTITY: [f32; 12] = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];

impl Calibration {
    /// Cameras that all see the same; none for a single one.
    pub(crate) fn new(cameras: usize, device: &Device) -> Option<Self> {
        if cameras < 2 {
            return None;
        }
        let affines = Tensor::from_data(TensorData::new(IDENTITY.repeat(cameras), [cameras, 12]), device);
        Some(Self { affines, moments: Moments::zeros(cameras, 12, device) })
    }
}

/// A picture of 5 planes as camera number `camera` sees it, by the affines of all cameras.
pub(crate) fn seen_by(picture: Tensor<2>, affines: &Tensor<2>, camera: usize) -> Tensor<2> {
    if camera == 0 {
        return picture;
    }
    let pixels = picture.dims()[1];
    let affine = affines.clone().slice([camera..camera + 1, 0..12]).reshape([3, 4]);
    let color_and_alpha = picture.clone().slice([0..4, 0..pixels]);
    let rest = picture.slice([3..5, 0..pixels]);
    Tensor::cat(vec![affine.matmul(color_and_alpha), rest], 0)
}
