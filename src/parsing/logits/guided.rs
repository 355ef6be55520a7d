//! Logits -> logits that follow the photo: within each neighbourhood the logit of a
//! class is taken for a linear function of the colour, whose coefficients are
//! upsampled in place of the logit (He and Sun, "Fast Guided Filter", 2015).

use ndarray::{Array3, ArrayView3, CowArray, Ix3};
use rayon::prelude::*;

use super::colour_ranges::{ColourRanges, LEVELS};
use super::taps::Taps;
use crate::error::{Result, collected, filled};
use crate::parsing::planes::zeros;
use crate::photo::Photo;

/// Cells on each side that make a neighbourhood.
const RADIUS: usize = 2;

/// Pixels of the input tensor that a cell has at least, each way: finer logits cost
/// more than following the photo gives back.
const LEAST_CELL: usize = 4;

/// How much colours must vary in a neighbourhood, as a variance of values from 0 to 1, to be followed.
const EPSILON: f32 = 1e-3;

/// What one logit becomes: coefficients of red, green and blue (0 to 1), and what is added.
pub(super) const TERMS: usize = 4;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "following the photo's edges";

/// Logits `[classes, h, w]` over a tensor of `padded` pixels, neighbours averaged while cells are smaller than [`LEAST_CELL`].
pub(super) fn coarse(logits: CowArray<f32, Ix3>, padded: (u32, u32)) -> Result<CowArray<f32, Ix3>> {
    let (classes, height, width) = logits.dim();
    let fine = padded.0 as usize / width < LEAST_CELL && padded.1 as usize / height < LEAST_CELL;
    if !fine || !height.is_multiple_of(2) || !width.is_multiple_of(2) {
        return Ok(logits);
    }
    let mut halved = zeros((classes, height / 2, width / 2), PURPOSE)?;
    let targets = halved.as_slice_mut().expect("standard layout").par_chunks_exact_mut(width / 2);
    let logits = logits.as_standard_layout();
    let pairs = logits.as_slice().expect("standard layout").par_chunks_exact(2 * width);
    targets.zip(pairs).for_each(|(target, pair)| {
        let (above, below) = pair.split_at(width);
        let cells = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
        for (value, (above, below)) in target.iter_mut().zip(cells) {
            *value = (above[0] + above[1] + below[0] + below[1]) * 0.25;
        }
    });
    coarse(halved.into(), padded)
}

/// What all classes have in common: the colours of the cells and how they vary around each.
struct Colours {
    rows: usize,
    columns: usize,
    /// Red, green and blue of each cell, 0 to 1.
    values: [Vec<f32>; 3],
    /// Their means over the neighbourhoods.
    means: [Vec<f32>; 3],
    /// The upper halves of the inverses of their covariances, row by row.
    inverse: [Vec<f32>; 6],
}

impl Colours {
    fn new(photo: &Photo, (rows, columns): (usize, usize), mirrored: bool) -> Result<Colours> {
        let mut pixels = photo.resized(columns as u32, rows as u32)?;
        let (pixels, _) = pixels.as_chunks_mut::<4>();
        if mirrored {
            pixels.chunks_exact_mut(columns).for_each(|row| row.reverse());
        }
        let mut values: [Vec<f32>; 3] = Default::default();
        for (channel, values) in values.iter_mut().enumerate() {
            *values = collected(pixels.iter().map(|pixel| LEVELS[pixel[channel] as usize]), PURPOSE)?;
        }
        let shares = shares(columns)?;
        let mut means: [Vec<f32>; 3] = Default::default();
        for (mean, values) in means.iter_mut().zip(&values) {
            *mean =
                mean_of(rows, &shares, |y, line| line.copy_from_slice(&values[y * columns..][..columns]))?;
        }
        let mut inverse: [Vec<f32>; 6] = Default::default();
        let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
        for (covariance, (i, j)) in inverse.iter_mut().zip(pairs) {
            *covariance = mean_of(rows, &shares, |y, line| {
                let [a, b] = [i, j].map(|channel: usize| &values[channel][y * columns..][..columns]);
                line.iter_mut().zip(a).zip(b).for_each(|((product, a), b)| *product = a * b);
            })?;
            let noise = if i == j { EPSILON } else { 0.0 };
            for (at, covariance) in covariance.iter_mut().enumerate() {
                *covariance = *covariance - means[i][at] * means[j][at] + noise;
            }
        }
        for at in 0..rows * columns {
            let inverted = inverted([0, 1, 2, 3, 4, 5].map(|k: usize| inverse[k][at]));
            inverse.iter_mut().zip(inverted).for_each(|(inverse, value)| inverse[at] = value);
        }
        Ok(Colours { rows, columns, values, means, inverse })
    }
}

/// What the logits of one pass become.
pub(super) struct Coefficients {
    /// [`TERMS`] planes a class, `[classes * TERMS, rows, columns]`.
    pub terms: Array3<f32>,
    /// The least logit of each class that they give the pixels around a cell, `[classes, rows, columns]`.
    pub low: Array3<f32>,
    /// The largest.
    pub high: Array3<f32>,
}

/// The coefficients of all classes of logits over the photo alone, among which its pixels lie as the taps of rows and
/// columns say.
pub(super) fn coefficients(
    logits: ArrayView3<f32>,
    photo: &Photo,
    mirrored: bool,
    taps: (&Taps, &Taps),
) -> Result<Coefficients> {
    let (classes, rows, columns) = logits.dim();
    let colours = Colours::new(photo, (rows, columns), mirrored)?;
    let ranges = ColourRanges::new(photo, (rows, columns), taps)?;
    let shares = shares(columns)?;
    let cells = rows * columns;
    let planes = |count: usize| zeros((count, rows, columns), PURPOSE);
    let (mut terms, mut low, mut high) = (planes(classes * TERMS)?, planes(classes)?, planes(classes)?);
    let [targets, lows, highs] =
        [(&mut terms, TERMS), (&mut low, 1), (&mut high, 1)].map(|(planes, count)| {
            planes.as_slice_mut().expect("standard layout").par_chunks_exact_mut(count * cells)
        });
    let logits = logits.as_standard_layout();
    let planes = logits.as_slice().expect("standard layout").par_chunks_exact(cells);
    targets.zip(lows.zip(highs)).zip(planes).try_for_each(|((target, (low, high)), plane)| {
        fit(plane, &colours, &shares, target)?;
        ranges.bound(target, low, high);
        Ok(())
    })?;
    Ok(Coefficients { terms, low, high })
}

/// The coefficients of one class, [`TERMS`] planes. All steps go down the rows together, so that what lies between
/// them are a few rows.
fn fit(plane: &[f32], colours: &Colours, shares: &[f32], target: &mut [f32]) -> Result<()> {
    let Colours { rows, columns, .. } = *colours;
    // Means of the logit times each colour, and of the logit; then of the coefficients of the neighbourhoods around.
    let four = || -> Result<[Means; TERMS]> {
        let means = || Means::new(rows, shares);
        Ok([means()?, means()?, means()?, means()?])
    };
    let (mut joint, mut around) = (four()?, four()?);
    let mut lines: [Vec<f32>; TERMS] = Default::default();
    for line in &mut lines {
        *line = filled(0.0, columns, PURPOSE)?;
    }
    for step in 0..rows + 2 * RADIUS {
        if step < rows {
            let row = step * columns..(step + 1) * columns;
            let logits = &plane[row.clone()];
            for (means, values) in joint.iter_mut().zip(&colours.values) {
                let colour = &values[row.clone()];
                means.next(|line| {
                    line.iter_mut().zip(logits).zip(colour).for_each(|((value, a), b)| *value = b * a);
                });
            }
            joint[TERMS - 1].next(|line| line.copy_from_slice(logits));
        }
        if let Some(y) = step.checked_sub(RADIUS).filter(|&y| y < rows) {
            lines.iter_mut().zip(&joint).for_each(|(line, means)| means.of(y, line));
            regress(colours, y, &mut lines);
            for (means, terms) in around.iter_mut().zip(&lines) {
                means.next(|line| line.copy_from_slice(terms));
            }
        }
        if let Some(y) = step.checked_sub(2 * RADIUS) {
            for (means, target) in around.iter().zip(target.chunks_exact_mut(rows * columns)) {
                means.of(y, &mut target[y * columns..(y + 1) * columns]);
            }
        }
    }
    Ok(())
}

/// Means of the logit times each colour and of the logit in a row of neighbourhoods become their coefficients.
fn regress(colours: &Colours, y: usize, lines: &mut [Vec<f32>; TERMS]) {
    let columns = colours.columns;
    let row = y * columns..(y + 1) * columns;
    let [m0, m1, m2] = [0, 1, 2].map(|i: usize| &colours.means[i][row.clone()]);
    let [p, q, r, s, t, u] = [0, 1, 2, 3, 4, 5].map(|i: usize| &colours.inverse[i][row.clone()]);
    let [j0, j1, j2, average] = lines.each_mut().map(|line| &mut line[..columns]);
    for x in 0..columns {
        let mean = average[x];
        let (c0, c1, c2) = (j0[x] - m0[x] * mean, j1[x] - m1[x] * mean, j2[x] - m2[x] * mean);
        let a0 = p[x] * c0 + q[x] * c1 + r[x] * c2;
        let a1 = q[x] * c0 + s[x] * c1 + t[x] * c2;
        let a2 = r[x] * c0 + t[x] * c1 + u[x] * c2;
        (j0[x], j1[x], j2[x]) = (a0, a1, a2);
        average[x] = mean - a0 * m0[x] - a1 * m1[x] - a2 * m2[x];
    }
}

/// Cells that a neighbourhood has each way.
const SIDE: usize = 2 * RADIUS + 1;

/// The means over the neighbourhoods of rows that come one after another.
struct Means<'a> {
    /// Rows there are in all, and rows that have come.
    rows: (usize, usize),
    shares: &'a [f32],
    /// The row that has just come; what lies beside it counts nothing.
    line: Vec<f32>,
    /// Its means along the row and those of the rows before it, in turn.
    across: [Vec<f32>; SIDE],
}

impl<'a> Means<'a> {
    fn new(rows: usize, shares: &'a [f32]) -> Result<Means<'a>> {
        let mut across: [Vec<f32>; SIDE] = Default::default();
        for line in &mut across {
            *line = filled(0.0, shares.len(), PURPOSE)?;
        }
        let line = filled(0.0, shares.len() + 2 * RADIUS, PURPOSE)?;
        Ok(Means { rows: (rows, 0), shares, line, across })
    }

    /// Takes the next row, which `write` writes.
    fn next(&mut self, write: impl FnOnce(&mut [f32])) {
        let columns = self.shares.len();
        write(&mut self.line[RADIUS..RADIUS + columns]);
        let [a, b, c, d, e] = std::array::from_fn(|by| &self.line[by..by + columns]);
        let target = &mut self.across[self.rows.1 % SIDE][..columns];
        for x in 0..columns {
            target[x] = (a[x] + b[x] + c[x] + d[x] + e[x]) * self.shares[x];
        }
        self.rows.1 += 1;
    }

    /// The means of row `y`, whose neighbourhood is the last rows that came.
    fn of(&self, y: usize, target: &mut [f32]) {
        let columns = target.len();
        let (top, bottom) = (y.saturating_sub(RADIUS), (y + RADIUS + 1).min(self.rows.0));
        let share = share(y, self.rows.0);
        let row = |y: usize| &self.across[y % SIDE][..columns];
        if bottom - top == SIDE {
            let [a, b, c, d, e] = std::array::from_fn(|by| row(top + by));
            for x in 0..columns {
                target[x] = (a[x] + b[x] + c[x] + d[x] + e[x]) * share;
            }
            return;
        }
        target.fill(0.0);
        for y in top..bottom {
            target.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += value);
        }
        target.iter_mut().for_each(|sum| *sum *= share);
    }
}

/// What a cell counts in the mean of the neighbourhood around cell `at` of `size`, along one axis.
fn share(at: usize, size: usize) -> f32 {
    1.0 / ((at + RADIUS + 1).min(size) - at.saturating_sub(RADIUS)) as f32
}

fn shares(columns: usize) -> Result<Vec<f32>> {
    collected((0..columns).map(|x| share(x, columns)), PURPOSE)
}

/// The means over the neighbourhoods of a plane that is written row by row.
fn mean_of(rows: usize, shares: &[f32], write: impl Fn(usize, &mut [f32])) -> Result<Vec<f32>> {
    let columns = shares.len();
    let mut result = filled(0.0, rows * columns, PURPOSE)?;
    let mut means = Means::new(rows, shares)?;
    for step in 0..rows + RADIUS {
        if step < rows {
            means.next(|line| write(step, line));
        }
        if let Some(y) = step.checked_sub(RADIUS) {
            means.of(y, &mut result[y * columns..(y + 1) * columns]);
        }
    }
    Ok(result)
}

/// The inverse of a symmetric matrix; both are given as their upper halves row by row.
fn inverted([a, b, c, d, e, f]: [f32; 6]) -> [f32; 6] {
    let (p, q, r) = (d * f - e * e, c * e - b * f, b * e - c * d);
    let scale = 1.0 / (a * p + b * q + c * r);
    let (s, t, u) = (a * f - c * c, b * c - a * e, a * d - b * b);
    [p, q, r, s, t, u].map(|value| value * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Placement;

    #[test]
    fn the_inverse_undoes_the_matrix() {
        let upper = [2.0, 0.5, -0.25, 1.0, 0.125, 3.0];
        let whole = |[a, b, c, d, e, f]: [f32; 6]| [[a, b, c], [b, d, e], [c, e, f]];
        let (matrix, inverse) = (whole(upper), whole(inverted(upper)));
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
        let coarser = coarse(logits.view().into(), (16, 8)).unwrap();
        assert_eq!(coarser.dim(), (2, 2, 4));
        assert_eq!(coarser[[1, 1, 2]], (124 + 125 + 134 + 135) as f32 / 4.0);
        assert_eq!(coarse(logits.view().into(), (32, 16)).unwrap(), logits);
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
            let place =
                Placement { photo: (32, 32), content: (32, 32), origin: (0, 0), padded: (32, 32), mirrored };
            let taps = (&Taps::rows(place, 8).unwrap(), &Taps::columns(place, 8).unwrap());
            let Coefficients { terms: found, low, high } =
                coefficients(logits.view(), &photo, mirrored, taps).unwrap();
            for (cell, colour) in
                [(3, row(if mirrored { 31 } else { 0 })), (4, row(if mirrored { 0 } else { 31 }))]
            {
                let terms = (0..3).map(|i| found[[i, 4, cell]] * colour[i] as f32 / 255.0);
                let logit = terms.sum::<f32>() + found[[3, 4, cell]];
                // Cells beside the edge have some of the colour beyond it.
                assert!((logit - logits[[0, 4, cell]]).abs() < 0.2, "{mirrored} {cell}: {logit}");
                // Pixels of both colours lie beside these cells.
                let at = [0, 4, cell];
                let between = low[at] - 1e-5..high[at] + 1e-5;
                assert!(between.contains(&logit) && low[at] < -0.5 && high[at] > 0.5, "{between:?}");
            }
        }
    }
}
