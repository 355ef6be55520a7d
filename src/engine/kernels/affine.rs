//! A factor and a summand for each channel, whichever axis the channels are.

use rayon::prelude::*;

use super::{Clamp, MIN_PARALLEL};

/// What becomes of each value of a channel.
pub(crate) struct Affine<'a> {
    /// `[channels]`.
    pub scale: &'a [f32],
    /// `[channels]`.
    pub shift: &'a [f32],
    /// Added to each value, in the shape of the input.
    pub added: Option<&'a [f32]>,
    pub clamp: Clamp,
}

impl Affine<'_> {
    /// `output = clamp(input * scale + shift + added)`, all `[outer, channels, inner]`.
    pub fn run(&self, input: &[f32], inner: usize, output: &mut [f32]) {
        let channels = self.scale.len();
        // Whole channels, or whole runs of all channels where these lie side by side.
        let line = if inner == 1 { channels } else { inner };
        let lines = (output.len() / line).div_ceil(3 * rayon::current_num_threads()).max(1);
        let work = |(chunk, output): (usize, &mut [f32])| {
            let start = chunk * lines * line;
            for (i, output) in output.chunks_exact_mut(line).enumerate() {
                let at = start + i * line;
                let input = &input[at..at + line];
                if inner == 1 {
                    for (((y, x), scale), shift) in
                        output.iter_mut().zip(input).zip(self.scale).zip(self.shift)
                    {
                        *y = x * scale + shift;
                    }
                } else {
                    let channel = at / inner % channels;
                    let (scale, shift) = (self.scale[channel], self.shift[channel]);
                    output.iter_mut().zip(input).for_each(|(y, x)| *y = x * scale + shift);
                }
                if let Some(added) = self.added {
                    output.iter_mut().zip(&added[at..at + line]).for_each(|(y, added)| *y += added);
                }
                self.clamp.apply(output);
            }
        };
        if output.len() >= MIN_PARALLEL {
            output.par_chunks_mut(lines * line).enumerate().for_each(work);
        } else {
            output.chunks_mut(lines * line).enumerate().for_each(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        for (outer, channels, inner) in [(3, 5, 1), (200, 100, 1), (1, 6, 7), (2, 3, 9000)] {
            let count = outer * channels * inner;
            let [x, added] = [1, 2].map(|seed| random(seed, count));
            let [scale, shift] = [3, 4].map(|seed| random(seed, channels));
            let bounds = Clamp { low: -0.5, high: 0.75 };
            for (added, clamp) in [(None, Clamp::NONE), (Some(&added[..]), bounds)] {
                let mut y = vec![f32::NAN; count];
                Affine { scale: &scale, shift: &shift, added, clamp }.run(&x, inner, &mut y);
                for (i, &value) in y.iter().enumerate() {
                    let c = i / inner % channels;
                    let sum = x[i] * scale[c] + shift[c] + added.map_or(0.0, |added| added[i]);
                    assert!((value - sum.clamp(clamp.low, clamp.high)).abs() < 1e-6, "{i}");
                }
            }
        }
    }
}
