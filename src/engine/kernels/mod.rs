//! Loops that the networks spend their time in, on plain slices.
//!
//! They leave their results unfinished when the work is to stop.
//!
//! The results do not depend on the number of threads. Between machines the last bits may differ: some multiply and
//! add in one step.

mod affine;
mod clamp;
mod convolution;
mod depthwise;
mod exponential;
mod gelu;
mod gemm;
mod half;
mod layer_norm;
mod max_pool;
mod product;
mod resample;
mod softmax;
mod vector;
mod winograd;

pub(crate) use affine::Affine;
pub(crate) use clamp::Clamp;
pub(crate) use convolution::{Convolution, Finish, PackedKernel};
pub(crate) use depthwise::Depthwise;
pub(crate) use gelu::gelu;
pub(crate) use half::StoredValue;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use max_pool::MaxPool;
pub(crate) use product::{FinishProduct, Layout, PackedFactor, ProductBias};
pub(crate) use resample::{Axis, resample};
pub(crate) use softmax::softmax;
pub(crate) use winograd::TransformedKernel;

use rayon::prelude::*;

use crate::stop;

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
    let stop = stop::current();
    let work = |i: usize, plane: &mut [f32], memory: &mut [f32]| {
        if !stop.is_asked() {
            work(i, plane, memory);
        }
    };
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

/// Combines what becomes of all values, and as many times `start`, in lanes of their own first: loops of it become vectors.
#[inline(always)]
fn fold(values: &[f32], start: f32, map: impl Fn(f32) -> f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let (whole, rest) = values.as_chunks::<16>();
    let mut lanes = [start; 16];
    for values in whole {
        lanes.iter_mut().zip(values).for_each(|(lane, value)| *lane = combine(*lane, map(*value)));
    }
    let all = lanes.into_iter().reduce(&combine).unwrap_or(start);
    rest.iter().fold(all, |all, value| combine(all, map(*value)))
}

/// The sum of all values.
#[inline(always)]
fn sum(values: &[f32], map: impl Fn(f32) -> f32) -> f32 {
    fold(values, 0.0, map, |sum, value| sum + value)
}

/// Values in -1..1, the same ones for a seed.
#[cfg(test)]
fn random(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
