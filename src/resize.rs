//! RGBA pixels at another size, bit for bit as Pillow's `resize(size, BILINEAR)`: a
//! triangle filter as wide as the reduction, so that shrinking does not alias, first
//! along rows, then along columns, with pixels of 8 bits in between. Models are
//! trained on pictures that were made so.

use rayon::prelude::*;

use crate::error::{Result, filled, reserved};

/// Bits of a weight behind the point: 32 without those of a pixel and of the sum.
const PRECISION: u32 = 32 - 8 - 2;

/// Channels of a pixel.
const CHANNELS: usize = 4;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the resized photo";

/// The pixels of a picture, (width, height), at another size; neither may be empty.
pub(crate) fn resize(rgba: &[u8], from: (u32, u32), to: (u32, u32)) -> Result<Vec<u8>> {
    let [from, to] = [from, to].map(|(width, height)| (width as usize, height as usize));
    let narrowed = if from.0 == to.0 { None } else { Some(along_rows(rgba, from, to.0)?) };
    let pixels = narrowed.as_deref().unwrap_or(rgba);
    if from.1 != to.1 {
        return along_columns(pixels, from.1, to);
    }
    match narrowed {
        Some(pixels) => Ok(pixels),
        None => {
            let mut copy = filled(0, rgba.len(), PURPOSE)?;
            copy.copy_from_slice(rgba);
            Ok(copy)
        }
    }
}

/// The pixels that each pixel of a resized line is made of: as many for each.
struct Taps {
    /// The first of them.
    firsts: Vec<usize>,
    /// The weights of all pixels in turn, [`Taps::count`] each; some at the ends may be 0.
    weights: Vec<i32>,
    count: usize,
}

impl Taps {
    fn new(from: usize, to: usize) -> Result<Taps> {
        let scale = from as f64 / to as f64;
        let reach = scale.max(1.0);
        let span = |pixel: usize| {
            let center = (pixel as f64 + 0.5) * scale;
            let first = (center - reach + 0.5).max(0.0) as usize;
            (center, first, ((center + reach + 0.5) as usize).min(from))
        };
        let count = (0..to).map(span).map(|(_, first, last)| last - first).max().unwrap_or(1);
        let (firsts, weights) = (reserved(to, PURPOSE)?, filled(0, to * count, PURPOSE)?);
        let (mut taps, mut line) = (Taps { firsts, weights, count }, reserved(count, PURPOSE)?);
        for (pixel, weights) in taps.weights.chunks_exact_mut(count).enumerate() {
            let (center, first, last) = span(pixel);
            line.clear();
            line.extend((first..last).map(|at| {
                let distance = (at as f64 - center + 0.5) * (1.0 / reach);
                (1.0 - distance.abs()).max(0.0)
            }));
            let sum: f64 = line.iter().sum();
            let start = first.min(from - count);
            for (target, weight) in weights[first - start..].iter_mut().zip(&line) {
                *target = (weight / sum * (1 << PRECISION) as f64 + 0.5) as i32;
            }
            taps.firsts.push(start);
        }
        Ok(taps)
    }

    /// First pixel and weights of each pixel.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.firsts.iter().copied().zip(self.weights.chunks_exact(self.count))
    }
}

/// Half of what the last bit of a pixel is worth.
const ROUND: i32 = 1 << (PRECISION - 1);

/// The pixels' values of sums of weighted ones. Rounded weights are at most half their number off, so that sums of a
/// photo's pixels fit a byte.
fn round(sums: &[i32], target: &mut [u8]) {
    target.iter_mut().zip(sums).for_each(|(target, &sum)| *target = (sum >> PRECISION) as u8);
}

fn along_rows(rgba: &[u8], (width, height): (usize, usize), to: usize) -> Result<Vec<u8>> {
    let taps = Taps::new(width, to)?;
    let mut narrowed = filled(0, to * height * CHANNELS, PURPOSE)?;
    let rows = narrowed.par_chunks_exact_mut(to * CHANNELS).zip(rgba.par_chunks_exact(width * CHANNELS));
    rows.try_for_each_init(
        || filled([0i32; CHANNELS], to, PURPOSE),
        |line, (target, row)| {
            let line = line.as_mut().map_err(|e| e.clone())?;
            let (row, _) = row.as_chunks::<CHANNELS>();
            for (target, (first, weights)) in line.iter_mut().zip(taps.iter()) {
                let mut sums = [ROUND; CHANNELS];
                for (colour, weight) in row[first..].iter().zip(weights) {
                    for (sum, &value) in sums.iter_mut().zip(colour) {
                        *sum += value as i32 * weight;
                    }
                }
                *target = sums;
            }
            round(line.as_flattened(), target);
            Ok(())
        },
    )?;
    Ok(narrowed)
}

fn along_columns(rgba: &[u8], height: usize, (width, to): (usize, usize)) -> Result<Vec<u8>> {
    let taps = Taps::new(height, to)?;
    let line = width * CHANNELS;
    let mut resized = filled(0, to * line, PURPOSE)?;
    let rows = taps.firsts.par_iter().zip(taps.weights.par_chunks_exact(taps.count));
    resized.par_chunks_exact_mut(line).zip(rows).try_for_each_init(
        || filled(0i32, line, PURPOSE),
        |sums, (target, (&first, weights))| {
            let sums = sums.as_mut().map_err(|e| e.clone())?;
            sums.fill(ROUND);
            for (row, &weight) in rgba[first * line..].chunks_exact(line).zip(weights) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += value as i32 * weight;
                }
            }
            round(sums, target);
            Ok(())
        },
    )?;
    Ok(resized)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(values: &[u8]) -> Vec<u8> {
        values.iter().flat_map(|&value| [value, value, value, 255]).collect()
    }

    /// Against values of Pillow 13: `Image.fromarray(row).resize(size, Image.BILINEAR)`.
    #[test]
    fn lines_are_resized_as_by_pillow() {
        let row = [0, 255, 3, 200, 17, 90, 250, 1, 128, 64];
        let cases: [(u32, &[u8]); 4] = [
            (10, &row),
            (4, &[114, 98, 123, 84]),
            (3, &[114, 103, 98]),
            (16, &[0, 112, 239, 82, 65, 188, 97, 31, 76, 160, 234, 79, 41, 120, 92, 64]),
        ];
        for (to, expected) in cases {
            assert_eq!(resize(&grey(&row), (10, 1), (to, 1)).unwrap(), grey(expected), "row of {to}");
            assert_eq!(resize(&grey(&row), (1, 10), (1, to)).unwrap(), grey(expected), "column of {to}");
        }
        assert_eq!(
            resize(&grey(&row), (5, 2), (3, 4)).unwrap(),
            grey(&[109, 103, 95, 122, 99, 94, 147, 90, 92, 159, 85, 91])
        );
    }

    #[test]
    fn one_colour_stays() {
        let rgba = [3, 250, 128, 255].repeat(7 * 5);
        for (width, height) in [(1, 1), (3, 2), (7, 5), (20, 1), (64, 64)] {
            let resized = resize(&rgba, (7, 5), (width, height)).unwrap();
            assert_eq!(resized, [3, 250, 128, 255].repeat((width * height) as usize));
        }
    }
}
