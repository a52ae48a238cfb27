//! What Gaussians did on pictures, by which they are relocated.

/// What Gaussians did since the last round.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Blend weight, pixels, over all pictures. N entries.
    pub(crate) contribution: Vec<f32>,
    /// Length of the gradient by the centre on the picture, summed. N entries.
    pub(crate) pull: Vec<f32>,
}

impl Usage {
    pub(crate) fn none(count: usize) -> Self {
        Self { contribution: vec![0.0; count], pull: vec![0.0; count] }
    }

    pub(crate) fn add(&mut self, contribution: &[f32], pull: &[f32]) {
        self.contribution.iter_mut().zip(contribution).for_each(|(a, b)| *a += b);
        self.pull.iter_mut().zip(pull).for_each(|(a, b)| *a += b);
    }
}
