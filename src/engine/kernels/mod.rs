//! Loops that the networks spend their time in, on plain slices: written so that
//! the compiler makes SIMD of them, natively and in wasm.
//!
//! Every kernel adds and multiplies in the same order on every machine.

mod depthwise;
mod resample;

pub(crate) use depthwise::{Clamp, Depthwise};
pub(crate) use resample::{Axis, resample};

use rayon::prelude::*;

/// Values below which threads cost more than they save.
const MIN_PARALLEL: usize = 1 << 14;

/// Calls `work(plane number, plane)` for each `plane` values of `target`, on all threads of the pool.
/// `work` gets scratch memory of its own, `scratch` values long.
fn for_each_plane(
    target: &mut [f32],
    plane: usize,
    scratch: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let threads = rayon::current_num_threads();
    if threads > 1 && target.len() >= MIN_PARALLEL {
        let planes = (target.len() / plane).div_ceil(2 * threads).max(1);
        target.par_chunks_mut(plane * planes).enumerate().for_each(|(chunk, target)| {
            let mut memory = vec![0.0; scratch];
            for (i, plane) in target.chunks_exact_mut(plane).enumerate() {
                work(chunk * planes + i, plane, &mut memory);
            }
        });
    } else {
        let mut memory = vec![0.0; scratch];
        for (i, plane) in target.chunks_exact_mut(plane).enumerate() {
            work(i, plane, &mut memory);
        }
    }
}
