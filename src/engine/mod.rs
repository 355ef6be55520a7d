//! Running a network: input tensor -> output tensors.

mod kernels;
mod tract;

use ndarray::{Array4, ArrayD};

use crate::error::Result;

pub(crate) use tract::TractEngine;

/// Something that runs one network.
pub trait Engine: Send {
    /// Runs the network on a `[1, 3, height, width]` tensor and returns its outputs in order.
    ///
    /// `progress` is called with the part that is done, 0 to 1.
    fn run(&mut self, input: &Array4<f32>, progress: &mut dyn FnMut(f32)) -> Result<Vec<ArrayD<f32>>>;
}
