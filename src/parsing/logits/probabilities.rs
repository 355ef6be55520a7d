//! Semantic logits -> probabilities of the classes that pixels were given.

use std::ops::Range;

use super::Logits;
use super::colour_ranges::most;
use crate::error::{Result, collected, filled};

/// Adds to a sum how probable the model finds a class at the pixels of some columns of a row: the mean of the
/// passes, each at its nearest position.
pub(in crate::parsing) fn probabilities(
    passes: &[Logits],
) -> Result<impl FnMut(usize, Range<usize>, u8, &mut f64)> {
    let mut passes = passes.iter().map(Probabilities::new).collect::<Result<Vec<_>>>()?;
    let count = passes.len() as f32;
    Ok(move |y: usize, columns: Range<usize>, class: u8, sum: &mut f64| {
        passes.iter_mut().for_each(|pass| pass.find(y, columns.clone(), class));
        let lines = passes.iter().map(|pass| (pass.line(y, class), &pass.nearest[..]));
        let mut total = *sum;
        if passes.len() == 1 {
            let (line, nearest) = lines.clone().next().expect("one pass");
            columns.for_each(|x| total += line[nearest[x]] as f64);
        } else {
            for x in columns {
                total += (lines.clone().map(|(line, nearest)| line[nearest[x]]).sum::<f32>() / count) as f64;
            }
        }
        *sum = total;
    })
}

/// The probabilities of one pass. Most cells are of few classes, and nobody asks for that of the others.
struct Probabilities<'a> {
    logits: &'a Logits,
    /// The column of cells nearest to each column of pixels.
    nearest: Vec<usize>,
    /// The largest logit of each cell, and the sum of all as powers of e, each less the largest; 0 if not yet found.
    sums: Vec<(f32, f32)>,
    /// `[classes, h, w]`, 0 if not yet found.
    found: Vec<f32>,
}

impl<'a> Probabilities<'a> {
    fn new(logits: &'a Logits) -> Result<Probabilities<'a>> {
        let (classes, height, width) = logits.values.dim();
        let (cells, purpose) = (height * width, "the probabilities");
        let nearest = collected((0..logits.columns.0.len()).map(|x| logits.columns.nearest(x)), purpose)?;
        let (sums, found) = (filled((0.0, 0.0), cells, purpose)?, filled(0.0, classes * cells, purpose)?);
        Ok(Probabilities { logits, nearest, sums, found })
    }

    /// Finds the probabilities of a class at the cells nearest to some columns of a row of pixels.
    fn find(&mut self, y: usize, columns: Range<usize>, class: u8) {
        let values = self.logits.values.as_slice().expect("standard layout");
        let cells = self.sums.len();
        let start = self.logits.rows.nearest(y) * self.logits.values.dim().2;
        let ends = [self.nearest[columns.start], self.nearest[columns.end - 1]];
        for at in start + ends[0].min(ends[1])..=start + ends[0].max(ends[1]) {
            let own = class as usize * cells + at;
            if self.found[own] > 0.0 {
                continue;
            }
            if self.sums[at].1 == 0.0 {
                let all = || values[at..].iter().step_by(cells).copied();
                let largest = all().fold(f32::NEG_INFINITY, most);
                self.sums[at] = (largest, all().map(|logit| (logit - largest).exp()).sum());
            }
            let (largest, sum) = self.sums[at];
            self.found[own] = (values[own] - largest).exp() / sum;
        }
    }

    /// The probabilities of a class at the row of cells nearest to a row of pixels.
    fn line(&self, y: usize, class: u8) -> &[f32] {
        let width = self.logits.values.dim().2;
        &self.found[class as usize * self.sums.len() + self.logits.rows.nearest(y) * width..][..width]
    }
}
