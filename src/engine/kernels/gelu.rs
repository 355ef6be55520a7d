//! The Gaussian error linear unit.

use std::array;

use rayon::prelude::*;

use super::exponential::{BLOCK, exp, in_blocks};
use crate::stop;

/// Values that one thread takes at a time.
const RUN: usize = 1 << 13;

/// Makes each value `x` of `values` `x` times the share of a normal distribution below it, within 1e-6.
pub(crate) fn gelu(values: &mut [f32]) {
    let stop = stop::current();
    values.par_chunks_mut(RUN).for_each(|run| {
        if !stop.is_asked() {
            in_blocks(run, gelu_of);
        }
    });
}

/// By formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions, which is within 1.5e-7.
#[inline(always)]
fn gelu_of(x: [f32; BLOCK]) -> [f32; BLOCK] {
    let t: [f32; BLOCK] =
        array::from_fn(|i| 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x[i].abs()));
    let mut sum = [0.0; BLOCK];
    for coefficient in [1.061_405_4, -1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        sum = array::from_fn(|i| (sum[i] + coefficient) * t[i]);
    }
    let density = exp(x.map(|x| -0.5 * x * x));
    array::from_fn(|i| {
        let beyond = 0.5 * sum[i] * density[i];
        x[i] * if x[i] > 0.0 { 1.0 - beyond } else { beyond }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_integral() {
        let mut values: Vec<f32> = (-600..=600).map(|i| i as f32 / 100.0).collect();
        let before = values.clone();
        gelu(&mut values);
        // The trapezoids of the density from -9 on.
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let (step, mut below, mut from) = (1e-4, 0.0, -9.0);
        for (value, x) in values.iter().zip(before) {
            let steps = ((x as f64 - from) / step).round() as usize;
            for _ in 0..steps {
                below += step * (density(from) + density(from + step)) / 2.0;
                from += step;
            }
            assert!((*value as f64 - x as f64 * below).abs() < 1e-6, "{x}: {value} {}", x as f64 * below);
        }
        let mut extremes = [-1e9, 1e9, f32::NAN];
        gelu(&mut extremes);
        assert_eq!(extremes[..2], [0.0, 1e9]);
        assert!(extremes[2].is_nan());
    }
}
