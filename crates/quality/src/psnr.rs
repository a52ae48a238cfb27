//! Peak signal-to-noise ratio.

use crate::mask::Mask;
use crate::picture::{Picture, luma_of};

/// Squared error gathered over pixels, of one frame or of many.
///
/// PSNR in dB is 10 log10(255² / MSE), where 255 is white: over the three channels of display-referred sRGB, or over luma
/// Y' of BT.709. That of a sequence comes from the mean of the squared error, as FFmpeg's `psnr` filter averages, and not
/// from the mean of decibels, which one identical frame would make infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredError {
    rgb: f64,
    luma: f64,
    /// By weight.
    pixels: f64,
}

impl SquaredError {
    /// Of two pictures of one size (what lies beyond the smaller is left out), where a mask is given by its weights.
    pub fn of(reference: &Picture, test: &Picture, mask: Option<&Mask>) -> Self {
        let mut sum = Self::default();
        let mut weights = mask.map(|m| m.weights().values.iter());
        for (a, b) in reference.codes().zip(test.codes()) {
            let weight = weights.as_mut().map_or(1.0, |w| w.next().copied().unwrap_or(0.0));
            if weight > 0.0 {
                let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                sum.rgb += weight * squares;
                sum.luma += weight * (luma_of(a) - luma_of(b)).powi(2);
                sum.pixels += weight;
            }
        }
        sum
    }

    /// Takes another frame in.
    pub fn add(&mut self, other: &Self) {
        self.rgb += other.rgb;
        self.luma += other.luma;
        self.pixels += other.pixels;
    }

    /// PSNR over the three channels, dB; infinity for identical pictures, `None` where there were no pixels.
    pub fn psnr_rgb(&self) -> Option<f64> {
        (self.pixels > 0.0).then(|| decibels(self.rgb / (3.0 * self.pixels)))
    }

    /// PSNR over luma, dB; infinity for identical pictures, `None` where there were no pixels.
    pub fn psnr_luma(&self) -> Option<f64> {
        (self.pixels > 0.0).then(|| decibels(self.luma / self.pixels))
    }
}

fn decibels(mse: f64) -> f64 {
    if mse == 0.0 { f64::INFINITY } else { 10.0 * (255.0 * 255.0 / mse).log10() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{close, pair};

    // numpy: 10*log10(255**2/mean((a-b)**2)) of the sample pair; luma by a @ [.2126, .7152, .0722].
    #[test]
    fn is_that_of_numpy() {
        let (a, b) = pair();
        let error = SquaredError::of(&a, &b, None);
        close(error.psnr_rgb().unwrap(), 31.749_148_835_706, 1e-9);
        close(error.psnr_luma().unwrap(), 32.839_605_634_990, 1e-9);
    }

    // numpy again, of rows 40..120 and columns 32..128.
    #[test]
    fn counts_only_the_mask() {
        let (a, b) = pair();
        let importance: Vec<f32> = (0..200 * 184)
            .map(|i| ((32..128).contains(&(i % 200)) && (40..120).contains(&(i / 200))) as u8 as f32)
            .collect();
        let mask = Mask::of_importance(200, 184, &importance, 0.5).unwrap();
        let error = SquaredError::of(&a, &b, Some(&mask));
        close(error.psnr_rgb().unwrap(), 31.750_745_289_480, 1e-9);
        assert_eq!(SquaredError::of(&a, &a, None).psnr_rgb(), Some(f64::INFINITY));
        assert_eq!(SquaredError::default().psnr_luma(), None);
    }

    // Squared errors 100 and 0 of one pixel each: 10 log10(255² / 50).
    #[test]
    fn pools_by_the_mean_square() {
        let grey = |v| Picture::new(1, 1, vec![v; 3]).unwrap();
        let mut sum = SquaredError::of(&grey(100), &grey(110), None);
        sum.add(&SquaredError::of(&grey(7), &grey(7), None));
        close(sum.psnr_rgb().unwrap(), 31.141_103_6, 1e-6);
        close(sum.psnr_luma().unwrap(), 31.141_103_6, 1e-6);
    }
}
