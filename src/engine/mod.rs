//! Running a network: input tensor -> output tensors.

mod kernels;
mod tract;

use ndarray::{Array4, ArrayD};

use crate::error::Result;

pub(crate) use tract::TractEngine;

/// Work that an engine has just done.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work<'a> {
    /// The network was made ready for tensors of this size; nothing to do if it was.
    Plan,
    /// A node of the network ran.
    Node {
        /// What it computes, as the engine calls it.
        operator: &'a str,
        /// Its name in the network.
        node: &'a str,
        /// Multiply-adds of a convolution or a product of matrices; 0 for anything else.
        macs: u64,
    },
}

/// Something that runs one network. It can be implemented outside this crate, as stand-ins for tests are: errors are made
/// by [`Error::new`](crate::Error::new).
///
/// Tensors are those of `ndarray` 0.17, which is part of the interface: another one means a new major version.
pub trait Engine: Send {
    /// Runs the network on a `[1, 3, height, width]` tensor and returns its outputs in order.
    ///
    /// `observe` is called after each piece of work with the part of the run that is done, 0 to 1.
    fn run(&mut self, input: &Array4<f32>, observe: &mut dyn FnMut(f32, Work)) -> Result<Vec<ArrayD<f32>>>;
}
