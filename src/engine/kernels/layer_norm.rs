//! Norms by the mean and the deviation of all channels of one place.

use rayon::prelude::*;

use super::{MIN_PARALLEL, for_each_plane, sum};
use crate::stop;

/// Places whose channels are looked at together, where the channels are planes.
const RUN: usize = 256;

/// What is done to the channels of each place: they are divided by the root of their mean square.
pub(crate) struct LayerNorm<'a> {
    /// Whether their mean is subtracted before.
    pub centred: bool,
    /// Added to the mean square.
    pub epsilon: f32,
    /// Factor and summand of each channel, `[channels]`.
    pub affine: Option<(&'a [f32], &'a [f32])>,
}

impl LayerNorm<'_> {
    /// `values` are `[outer, channels, inner]`.
    pub fn run(&self, values: &mut [f32], channels: usize, inner: usize) {
        if inner == 1 {
            self.rows(values, channels);
        } else {
            values.chunks_exact_mut(channels * inner).for_each(|planes| self.planes(planes, inner));
        }
    }

    fn rows(&self, values: &mut [f32], channels: usize) {
        let mean_of = |sum: f32| sum / channels as f32;
        for_each_plane(values, channels, 0, |_, row, _| {
            if self.centred {
                let mean = mean_of(sum(row, |value| value));
                row.iter_mut().for_each(|value| *value -= mean);
            }
            let factor = self.factor(mean_of(sum(row, |value| value * value)));
            match self.affine {
                None => row.iter_mut().for_each(|value| *value *= factor),
                Some((scale, shift)) => {
                    for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                        *value = *value * factor * scale + shift;
                    }
                }
            }
        });
    }

    fn planes(&self, planes: &mut [f32], inner: usize) {
        let channels = planes.len() / inner;
        let mut means = vec![0.0; inner];
        let mut factors = vec![0.0; inner];
        let stop = stop::current();
        let look = |(run, (means, factors)): (usize, (&mut [f32], &mut [f32]))| {
            if stop.is_asked() {
                return;
            }
            let count = means.len();
            let of_run = |channel| &planes[channel * inner + run * RUN..][..count];
            if self.centred {
                for channel in 0..channels {
                    means.iter_mut().zip(of_run(channel)).for_each(|(mean, value)| *mean += value);
                }
                means.iter_mut().for_each(|mean| *mean /= channels as f32);
            }
            for channel in 0..channels {
                for ((factor, mean), value) in factors.iter_mut().zip(&*means).zip(of_run(channel)) {
                    *factor += (value - mean) * (value - mean);
                }
            }
            factors.iter_mut().for_each(|square| *square = self.factor(*square / channels as f32));
        };
        if planes.len() >= MIN_PARALLEL {
            means.par_chunks_mut(RUN).zip(factors.par_chunks_mut(RUN)).enumerate().for_each(look);
        } else {
            means.chunks_mut(RUN).zip(factors.chunks_mut(RUN)).enumerate().for_each(look);
        }
        for_each_plane(planes, inner, 0, |channel, plane, _| {
            let (scale, shift) =
                self.affine.map_or((1.0, 0.0), |(scale, shift)| (scale[channel], shift[channel]));
            for ((value, mean), factor) in plane.iter_mut().zip(&means).zip(&factors) {
                *value = (*value - mean) * factor * scale + shift;
            }
        });
    }

    fn factor(&self, mean_square: f32) -> f32 {
        1.0 / (mean_square + self.epsilon).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        for (outer, channels, inner) in
            [(1, 1, 1), (3, 7, 1), (300, 100, 1), (1, 1, 2), (2, 7, 5), (1, 40, 700)]
        {
            let count = outer * channels * inner;
            let before: Vec<f32> = random(1, count).iter().map(|value| value + 2.0).collect();
            let [scale, shift] = [2, 3].map(|seed| random(seed, channels));
            for (centred, affine) in [(false, None), (true, None), (true, Some((&scale[..], &shift[..])))] {
                let mut values = before.clone();
                LayerNorm { centred, epsilon: 1e-3, affine }.run(&mut values, channels, inner);
                for (i, value) in values.iter().enumerate() {
                    let (place, c) =
                        (i / inner / channels * channels * inner + i % inner, i / inner % channels);
                    let mean_of = |of: &dyn Fn(f64) -> f64| {
                        let channel = |c: usize| of(before[place + c * inner] as f64);
                        (0..channels).map(channel).sum::<f64>() / channels as f64
                    };
                    let mean = if centred { mean_of(&|value| value) } else { 0.0 };
                    let deviation = (mean_of(&|value| (value - mean).powi(2)) + 1e-3).sqrt();
                    let (scale, shift) = affine.map_or((1.0, 0.0), |(scale, shift)| (scale[c], shift[c]));
                    let expected = (before[i] as f64 - mean) / deviation * scale as f64 + shift as f64;
                    assert!((*value as f64 - expected).abs() < 1e-5, "{i}: {value} {expected}");
                }
            }
        }
    }
}
