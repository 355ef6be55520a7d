//! What a network answers to one pass over a photo.

use ndarray::ArrayD;

use crate::tensor::Placement;

/// What the network answered to one pass.
pub(crate) struct Answer {
    /// Where the photo lay in its input.
    pub placement: Placement,
    /// Its outputs, in order.
    pub outputs: Vec<ArrayD<f32>>,
}
