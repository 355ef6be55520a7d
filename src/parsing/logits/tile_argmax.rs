//! A tile of the photo: its pixels are given the best of a few classes.

use std::ops::Range;

use super::Logits;
use super::colour_ranges::LEVELS;
use super::guided::TERMS;
use crate::error::{Result, refill};

/// Pixels that a line is stretched by at a time.
const CHUNK: usize = 8;

/// Values of the pixels of a row.
type Line = [f32; TileArgmax::COLUMNS];

/// A line that is stretched a whole [`CHUNK`] at a time.
type Stretched = [f32; TileArgmax::COLUMNS + CHUNK];

/// What a tile's pixels are found to be. Rows and columns beyond the photo's edge have values of no meaning.
pub(in crate::parsing) struct TileArgmax {
    passes: Vec<Columns>,
    /// Red, green and blue, 0 to 1.
    colours: [[Line; 3]; TileArgmax::ROWS],
    /// The best class so far.
    pub found: [[u32; TileArgmax::COLUMNS]; TileArgmax::ROWS],
    /// Its logit, and that of the class in question.
    best: [Line; TileArgmax::ROWS],
    logits: [Line; TileArgmax::ROWS],
    /// What is upsampled of the class in question, for each row of cells.
    stretched: Vec<[Stretched; TERMS]>,
}

/// Where the pixels of a row lie among the cells of one pass.
struct Columns {
    /// Pixels, and the two cells that they lie between.
    runs: Vec<(Range<usize>, [usize; 2])>,
    /// Of the second cell.
    weights: Stretched,
}

impl TileArgmax {
    /// Rows of pixels.
    pub const ROWS: usize = 8;

    /// Columns of pixels.
    pub const COLUMNS: usize = 16;

    /// A tile for logits of some passes.
    pub fn new(passes: usize) -> TileArgmax {
        let columns = || Columns { runs: vec![], weights: [0.0; TileArgmax::COLUMNS + CHUNK] };
        TileArgmax {
            passes: (0..passes).map(|_| columns()).collect(),
            colours: [[[0.0; TileArgmax::COLUMNS]; 3]; TileArgmax::ROWS],
            found: [[0; TileArgmax::COLUMNS]; TileArgmax::ROWS],
            best: [[0.0; TileArgmax::COLUMNS]; TileArgmax::ROWS],
            logits: [[0.0; TileArgmax::COLUMNS]; TileArgmax::ROWS],
            stretched: vec![],
        }
    }

    /// Moves to some columns of the photo.
    pub fn begin(&mut self, passes: &[Logits], columns: &Range<usize>) {
        for (own, pass) in self.passes.iter_mut().zip(passes) {
            let taps = &pass.columns.0[columns.clone()];
            own.weights.iter_mut().zip(taps).for_each(|(weight, tap)| *weight = tap.2);
            own.runs.clear();
            own.runs.extend(pass.columns.runs(columns.clone()).map(|run| {
                let (first, second, _) = pass.columns.0[run.start];
                (run.start - columns.start..run.end - columns.start, [first, second])
            }));
        }
        self.best = [[f32::NEG_INFINITY; TileArgmax::COLUMNS]; TileArgmax::ROWS];
    }

    /// Takes the colours of the rows of pixels.
    pub fn take_colours<'a>(&mut self, rows: impl Iterator<Item = &'a [[u8; 4]]>) {
        for (colours, pixels) in self.colours.iter_mut().zip(rows) {
            for (x, pixel) in pixels.iter().enumerate() {
                for (line, &value) in colours.iter_mut().zip(pixel) {
                    line[x] = LEVELS[value as usize];
                }
            }
        }
    }

    /// Finds the pixels, in some rows of the photo, where a class is better than those before it.
    pub fn compare(&mut self, passes: &[Logits], class: usize, rows: &Range<usize>) -> Result<()> {
        self.logits = [[0.0; TileArgmax::COLUMNS]; TileArgmax::ROWS];
        for (pass, logits) in passes.iter().enumerate() {
            self.add(pass, logits, class, rows)?;
        }
        for ((logits, best), found) in self.logits.iter().zip(&mut self.best).zip(&mut self.found) {
            for ((&logit, best), found) in logits.iter().zip(best).zip(found) {
                *found = if logit > *best { class as u32 } else { *found };
                *best = if logit > *best { logit } else { *best };
            }
        }
        Ok(())
    }

    /// Adds the logits that a class has in one pass.
    fn add(&mut self, pass: usize, logits: &Logits, class: usize, rows: &Range<usize>) -> Result<()> {
        let cells = logits.rows.cells(rows.clone());
        let guided = logits.coefficients.as_ref();
        let (planes, terms) = guided.map_or((&logits.values, 1), |guided| (&guided.terms, TERMS));
        let (_, height, width) = planes.dim();
        let planes = planes.as_slice().expect("standard layout");
        if self.stretched.len() < cells.len() {
            let zeros = (0..cells.len()).map(|_| [[0.0; TileArgmax::COLUMNS + CHUNK]; TERMS]);
            refill(&mut self.stretched, zeros, "a tile of the photo")?;
        }
        for (row, lines) in cells.clone().zip(&mut self.stretched) {
            for (term, line) in lines[..terms].iter_mut().enumerate() {
                self.passes[pass]
                    .stretch(&planes[((class * terms + term) * height + row) * width..][..width], line);
            }
        }
        for ((y, sums), colours) in rows.clone().zip(&mut self.logits).zip(&self.colours) {
            let (above, below, weight) = logits.rows.0[y];
            let [above, below] = [above, below].map(|row| &self.stretched[row - cells.start]);
            let at = |term: usize, x: usize| above[term][x] + (below[term][x] - above[term][x]) * weight;
            if guided.is_none() {
                sums.iter_mut().enumerate().for_each(|(x, sum)| *sum += at(0, x));
                continue;
            }
            for (x, sum) in sums.iter_mut().enumerate() {
                let terms = [0, 1, 2].map(|term: usize| at(term, x) * colours[term][x]);
                *sum = *sum + at(TERMS - 1, x) + terms[0] + terms[1] + terms[2];
            }
        }
        Ok(())
    }
}

impl Columns {
    /// The values of a row of cells at the pixels.
    fn stretch(&self, cells: &[f32], line: &mut Stretched) {
        for (run, [first, second]) in &self.runs {
            let (value, difference) = (cells[*first], cells[*second] - cells[*first]);
            // What is beyond the run is written over by the next.
            for start in run.clone().step_by(CHUNK) {
                let weights = &self.weights[start..start + CHUNK];
                for (target, weight) in line[start..start + CHUNK].iter_mut().zip(weights) {
                    *target = value + difference * weight;
                }
            }
        }
    }
}
