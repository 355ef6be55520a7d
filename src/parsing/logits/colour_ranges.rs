//! Between what the logits around each cell lie, for the colours that are there.

use std::ops::Range;

use rayon::prelude::*;

use super::taps::Taps;
use crate::error::{Result, filled, reserved};
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

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the colours around the cells";

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
    ) -> Result<ColourRanges> {
        // Of the pixels whose first cell is this one.
        let mut squares = filled(([255u8; 4], [0u8; 4]), height * width, PURPOSE)?;
        let line = 4 * photo.width() as usize;
        let (mut runs, mut bands): (Vec<Range<usize>>, Vec<Range<usize>>) =
            (reserved(width, PURPOSE)?, reserved(height, PURPOSE)?);
        runs.extend(columns.runs(0..columns.0.len()));
        bands.extend(rows.runs(0..rows.0.len()));
        squares.par_chunks_exact_mut(width).enumerate().try_for_each_init(
            || filled(0u8, 2 * line, PURPOSE),
            |lines, (row, squares)| {
                let (low, high) = lines.as_mut().map_err(|e| e.clone())?.split_at_mut(line);
                let Ok(band) = bands.binary_search_by_key(&row, |band| rows.0[band.start].0) else {
                    return Ok(());
                };
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
                Ok(())
            },
        )?;
        let [mut low, mut high]: [[Vec<f32>; 3]; 2] = Default::default();
        for plane in low.iter_mut().chain(&mut high) {
            *plane = reserved(height * width, PURPOSE)?;
        }
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
        Ok(ColourRanges { low, high })
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
