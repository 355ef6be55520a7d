//! Between what the logits around each cell lie, for the colours that are there.

use std::ops::Range;

use rayon::prelude::*;

use super::upsample::Taps;
use crate::photo::Photo;

/// The values of a pixel from 0 to 1.
pub(super) static LEVELS: [f32; 256] = {
    let mut levels = [0.0; 256];
    let mut value = 0;
    while value < 256 {
        levels[value] = value as f32 / 255.0;
        value += 1;
    }
    levels
};

/// The least and the largest red, green and blue, 0 to 1, of the pixels that lie beside each cell.
pub(super) struct ColourRanges {
    low: [Vec<f32>; 3],
    high: [Vec<f32>; 3],
}

impl ColourRanges {
    pub fn new(
        photo: &Photo,
        (height, width): (usize, usize),
        (rows, columns): (&Taps, &Taps),
    ) -> ColourRanges {
        // Of the pixels whose first cell is this one.
        let mut squares = vec![([255u8; 4], [0u8; 4]); height * width];
        let line = 4 * photo.width() as usize;
        let runs: Vec<Range<usize>> = columns.runs(0..columns.0.len()).collect();
        let bands: Vec<Range<usize>> = rows.runs(0..rows.0.len()).collect();
        squares.par_chunks_exact_mut(width).enumerate().for_each_init(
            || (vec![0u8; line], vec![0u8; line]),
            |(low, high), (row, squares)| {
                let Ok(band) = bands.binary_search_by_key(&row, |band| rows.0[band.start].0) else { return };
                low.fill(255);
                high.fill(0);
                for pixels in
                    photo.rgba()[bands[band].start * line..bands[band].end * line].chunks_exact(line)
                {
                    low.iter_mut().zip(pixels).for_each(|(low, &value)| *low = value.min(*low));
                    high.iter_mut().zip(pixels).for_each(|(high, &value)| *high = value.max(*high));
                }
                for run in &runs {
                    let square = &mut squares[columns.0[run.start].0];
                    let pixels = 4 * run.start..4 * run.end;
                    for pixel in low[pixels.clone()].as_chunks::<4>().0 {
                        square.0 = std::array::from_fn(|i| square.0[i].min(pixel[i]));
                    }
                    for pixel in high[pixels].as_chunks::<4>().0 {
                        square.1 = std::array::from_fn(|i| square.1[i].max(pixel[i]));
                    }
                }
            },
        );
        let [mut low, mut high] = [(); 2].map(|()| [(); 3].map(|()| Vec::with_capacity(height * width)));
        for y in 0..height {
            for x in 0..width {
                let (top, left) = (y.saturating_sub(1), x.saturating_sub(1));
                let around = [(top, left), (top, x), (y, left), (y, x)].map(|(y, x)| squares[y * width + x]);
                for i in 0..3 {
                    let least = around.iter().fold(255, |least, (low, _)| low[i].min(least));
                    let most = around.iter().fold(0, |most, (_, high)| high[i].max(most));
                    low[i].push(LEVELS[least as usize]);
                    high[i].push(LEVELS[most as usize]);
                }
            }
        }
        ColourRanges { low, high }
    }

    /// The least and the largest value of the coefficients of one class for the colours of each cell.
    pub fn bound(&self, terms: &[f32], low: &mut [f32], high: &mut [f32]) {
        let cells = low.len();
        let constant = &terms[3 * cells..];
        low.copy_from_slice(constant);
        high.copy_from_slice(constant);
        let channels = self.low.iter().zip(&self.high);
        for (term, (darkest, lightest)) in terms.chunks_exact(cells).zip(channels) {
            let ends = term.iter().zip(darkest).zip(lightest).map(|((term, a), b)| (term * a, term * b));
            for ((low, high), (a, b)) in low.iter_mut().zip(&mut *high).zip(ends) {
                *low += least(a, b);
                *high += most(a, b);
            }
        }
    }
}

/// The smaller of two numbers. [`f32::min`] has rules for what is none, which WebAssembly has no instruction for.
pub(super) fn least(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The larger of two numbers.
pub(super) fn most(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}
