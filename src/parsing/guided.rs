//! Logits -> logits that follow the photo: within each neighbourhood the logit of a
//! class is taken for a linear function of the colour, whose coefficients are
//! upsampled in place of the logit (He and Sun, "Fast Guided Filter", 2015).

use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::error::Result;
use crate::photo::Photo;

/// Cells on each side that make a neighbourhood.
const RADIUS: usize = 2;

/// Pixels of the input tensor that a cell has at least, each way: finer logits cost
/// more than following the photo gives back.
const CELL: usize = 4;

/// How much colours must vary in a neighbourhood, as a variance of values from 0 to 1, to be followed.
const EPSILON: f32 = 1e-3;

/// What one logit becomes: coefficients of red, green and blue (0 to 1), and what is added.
pub(super) const TERMS: usize = 4;

/// Logits `[classes, h, w]` over a tensor of `padded` pixels, neighbours averaged while cells are smaller than [`CELL`].
pub(super) fn coarse(logits: Array3<f32>, padded: (u32, u32)) -> Array3<f32> {
    let (_, height, width) = logits.dim();
    let fine = padded.0 as usize / width < CELL && padded.1 as usize / height < CELL;
    if !fine || !height.is_multiple_of(2) || !width.is_multiple_of(2) {
        return logits;
    }
    let part = |y: isize, x: isize| logits.slice(ndarray::s![.., y..;2, x..;2]);
    let mut halved = &part(0, 0) + &part(0, 1);
    halved += &part(1, 0);
    halved += &part(1, 1);
    halved *= 0.25;
    coarse(halved, padded)
}

/// The coefficients of all classes, `[classes * TERMS, rows, columns]`, of logits over the photo alone.
pub(super) fn coefficients(logits: ArrayView3<f32>, photo: &Photo, mirrored: bool) -> Result<Array3<f32>> {
    let (classes, rows, columns) = logits.dim();
    let pixels = photo.resized(columns as u32, rows as u32)?;
    let colour = Array3::from_shape_fn((3, rows, columns), |(channel, y, x)| {
        let x = if mirrored { columns - 1 - x } else { x };
        pixels[4 * (y * columns + x) + channel] as f32 / 255.0
    });
    let means: Vec<Vec<f32>> = (0..3).map(|i| mean(colour.index_axis(Axis(0), i), |v, _| v)).collect();
    let mut inverse = vec![[[0.0f32; 3]; 3]; rows * columns];
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
    let products: Vec<Vec<f32>> = pairs
        .iter()
        .map(|&(i, j)| {
            let other = colour.index_axis(Axis(0), j);
            let other = other.as_slice().expect("standard layout");
            mean(colour.index_axis(Axis(0), i), |v, at| v * other[at])
        })
        .collect();
    for (at, inverse) in inverse.iter_mut().enumerate() {
        let c = |k: usize| {
            let (i, j) = pairs[k];
            products[k][at] - means[i][at] * means[j][at] + if i == j { EPSILON } else { 0.0 }
        };
        *inverse = inverted([c(0), c(1), c(2), c(3), c(4), c(5)]);
    }
    let mut result = Array3::zeros((classes * TERMS, rows, columns));
    let cells = rows * columns;
    let targets = result.as_slice_mut().expect("standard layout").par_chunks_mut(TERMS * cells);
    targets.enumerate().for_each(|(class, target)| {
        let values = logits.index_axis(Axis(0), class);
        let flat = values.as_slice().expect("standard layout");
        let average = mean(values, |v, _| v);
        let joint: Vec<Vec<f32>> =
            (0..3).map(|i| mean(colour.index_axis(Axis(0), i), |v, at| v * flat[at])).collect();
        let mut raw = vec![0.0f32; TERMS * cells];
        for at in 0..cells {
            let c: [f32; 3] = std::array::from_fn(|i| joint[i][at] - means[i][at] * average[at]);
            let mut rest = average[at];
            for i in 0..3 {
                let a = (0..3).map(|j| inverse[at][i][j] * c[j]).sum::<f32>();
                raw[i * cells + at] = a;
                rest -= a * means[i][at];
            }
            raw[3 * cells + at] = rest;
        }
        for (raw, target) in raw.chunks_exact(cells).zip(target.chunks_exact_mut(cells)) {
            let raw = ArrayView2::from_shape((rows, columns), raw).expect("one plane");
            target.copy_from_slice(&mean(raw, |v, _| v));
        }
    });
    Ok(result)
}

/// The mean of `of(value, index)` over the neighbourhood of each cell.
fn mean(plane: ArrayView2<f32>, of: impl Fn(f32, usize) -> f32) -> Vec<f32> {
    let (rows, columns) = plane.dim();
    let mut across = vec![0.0f32; rows * columns];
    // What lies beyond the row counts nothing.
    let mut line = vec![0.0f32; columns + 2 * RADIUS];
    let share =
        |at: usize, size: usize| 1.0 / ((at + RADIUS + 1).min(size) - at.saturating_sub(RADIUS)) as f32;
    let shares: Vec<f32> = (0..columns).map(|x| share(x, columns)).collect();
    for (y, (source, target)) in plane.rows().into_iter().zip(across.chunks_exact_mut(columns)).enumerate() {
        for (x, (value, &v)) in line[RADIUS..].iter_mut().zip(source).enumerate() {
            *value = of(v, y * columns + x);
        }
        for by in 0..=2 * RADIUS {
            target.iter_mut().zip(&line[by..]).for_each(|(sum, value)| *sum += value);
        }
        target.iter_mut().zip(&shares).for_each(|(sum, share)| *sum *= share);
    }
    let mut down = vec![0.0f32; rows * columns];
    for (y, target) in down.chunks_exact_mut(columns).enumerate() {
        let (top, bottom) = (y.saturating_sub(RADIUS), (y + RADIUS + 1).min(rows));
        for source in across[top * columns..bottom * columns].chunks_exact(columns) {
            target.iter_mut().zip(source).for_each(|(sum, value)| *sum += value);
        }
        let share = share(y, rows);
        target.iter_mut().for_each(|sum| *sum *= share);
    }
    down
}

/// The inverse of a symmetric matrix, given as its upper half row by row.
fn inverted([a, b, c, d, e, f]: [f32; 6]) -> [[f32; 3]; 3] {
    let (p, q, r) = (d * f - e * e, c * e - b * f, b * e - c * d);
    let scale = 1.0 / (a * p + b * q + c * r);
    let (s, t, u) = (a * f - c * c, b * c - a * e, a * d - b * b);
    [[p, q, r], [q, s, t], [r, t, u]].map(|row| row.map(|value| value * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_matrix() {
        let [a, b, c, d, e, f] = [2.0, 0.5, -0.25, 1.0, 0.125, 3.0];
        let (matrix, inverse) = ([[a, b, c], [b, d, e], [c, e, f]], inverted([a, b, c, d, e, f]));
        for (i, row) in matrix.iter().enumerate() {
            for j in 0..3 {
                let product: f32 = row.iter().zip(&inverse).map(|(value, row)| value * row[j]).sum();
                assert!((product - (i == j) as u8 as f32).abs() < 1e-5, "{i} {j}: {product}");
            }
        }
    }

    #[test]
    fn fine_cells_are_averaged() {
        let logits = Array3::from_shape_fn((2, 4, 8), |(class, y, x)| (100 * class + 10 * y + x) as f32);
        let coarser = coarse(logits.clone(), (16, 8));
        assert_eq!(coarser.dim(), (2, 2, 4));
        assert_eq!(coarser[[1, 1, 2]], (124 + 125 + 134 + 135) as f32 / 4.0);
        assert_eq!(coarse(logits.clone(), (32, 16)), logits);
    }

    #[test]
    fn a_logit_that_is_a_function_of_the_colour_is_found_again() {
        // Left half dark, right half light; mirrored in the second case.
        let row = |x: u32| if x < 16 { [20, 40, 60, 255] } else { [220, 200, 180, 255] };
        let rgba: Vec<u8> = (0..32 * 32).flat_map(|i| row(i % 32)).collect();
        let photo = Photo::from_rgba(32, 32, rgba).unwrap();
        for mirrored in [false, true] {
            let logits =
                Array3::from_shape_fn((1, 8, 8), |(_, _, x)| if (x < 4) != mirrored { -1.0 } else { 1.0 });
            let found = coefficients(logits.view(), &photo, mirrored).unwrap();
            for (cell, colour) in
                [(3, row(if mirrored { 31 } else { 0 })), (4, row(if mirrored { 0 } else { 31 }))]
            {
                let terms = (0..3).map(|i| found[[i, 4, cell]] * colour[i] as f32 / 255.0);
                let logit = terms.sum::<f32>() + found[[3, 4, cell]];
                // Cells beside the edge have some of the colour beyond it.
                assert!((logit - logits[[0, 4, cell]]).abs() < 0.2, "{mirrored} {cell}: {logit}");
            }
        }
    }
}
