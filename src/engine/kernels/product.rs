//! Products of matrices, one or a batch, whose factors may lie in memory in any order of their axes.
//!
//! `out[m, n] = sum over k of a[m, k] * b[k, n]`: rows of the result are runs of memory, of the factors it is only known
//! where each row, column and step begins.

use std::array;
use std::borrow::Cow;
use std::sync::Arc;

use half::f16;

use super::Clamp;
use super::gemm::{
    BLOCK_VALUES, Bias, MAX_DEPTH, Part, TASKS_A_THREAD, Tile, TileKernel, for_each_task, run_within,
    with_tile, worth_threads,
};
use super::half::{halved, widened};

/// Where the values of the factors and of the result are. All lengths are that of an axis: `rows` of `a` and `out` agree,
/// as do `columns` of `b` and the length of a row of the result, and the two of `steps`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layout {
    /// First value of each product's `a` and `b`, and its first place in the result.
    pub batch: Vec<[usize; 3]>,
    /// From there on, the first value of each row of `a`, and its place in the result.
    pub rows: Vec<[usize; 2]>,
    /// The first value of each column of `b`.
    pub columns: Vec<usize>,
    /// From the first value of a row or column on, the value of each step in `a` and `b`.
    pub steps: Vec<[usize; 2]>,
}

/// A factor `b` packed once: panels of columns, each with a row for every step; the last is padded with zeros.
#[derive(Debug)]
pub(crate) struct PackedFactor(Stored);

#[derive(Debug)]
enum Stored {
    Full(Vec<f32>),
    Half(Vec<f16>),
}

impl PackedFactor {
    /// The same in half of the memory, if that loses nothing; it is then widened at each run.
    pub fn halved(self) -> PackedFactor {
        match &self.0 {
            Stored::Full(values) => halved(values).map_or(self, |halves| PackedFactor(Stored::Half(halves))),
            Stored::Half(_) => self,
        }
    }

    fn values(&self) -> Cow<'_, [f32]> {
        match &self.0 {
            Stored::Full(values) => values.into(),
            Stored::Half(halves) => widened(halves).into(),
        }
    }
}

/// What is added to the values of each column or of each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProductBias {
    /// `[columns]`, and zeros up to whole tiles; see [`Layout::padded`].
    Columns(Arc<[f32]>),
    /// `[rows]`.
    Rows(Arc<[f32]>),
}

/// What becomes of the products.
pub(crate) struct FinishProduct<'a> {
    pub bias: &'a ProductBias,
    /// Added to each value, in the shape of the result.
    pub added: Option<&'a [f32]>,
    pub clamp: Clamp,
}

/// Some rows and columns of one product.
struct Task<'a> {
    a: usize,
    b: usize,
    /// First row and first column.
    row: usize,
    column: usize,
    /// The columns of each row of the result, and where they begin in it.
    rows: Vec<&'a mut [f32]>,
    places: Vec<usize>,
}

impl Layout {
    /// Packs a factor `b` that is the same at every run, if there is one product.
    pub fn pack(&self, b: &[f32]) -> PackedFactor {
        with_tile!(TileKernel::best(), tile => self.pack_for(tile, b))
    }

    fn pack_for<const R: usize, const C: usize>(&self, _: impl Tile<R, C>, b: &[f32]) -> PackedFactor {
        let steps: Vec<usize> = self.steps.iter().map(|step| step[1]).collect();
        let mut panels = vec![[0.0; C]; self.columns.len().div_ceil(C) * steps.len()];
        pack(b, self.batch[0][1], &self.columns, &steps, &mut panels);
        PackedFactor(Stored::Full(panels.into_flattened()))
    }

    /// A bias of each column with zeros up to whole tiles.
    pub fn padded(&self, bias: Option<&[f32]>) -> Vec<f32> {
        let mut padded = bias.map_or_else(Vec::new, <[f32]>::to_vec);
        padded.resize(self.columns.len().next_multiple_of(TileKernel::best().size().1), 0.0);
        padded
    }

    /// Multiplies: `a` and `b`, of which the latter may be packed.
    pub fn run(
        &self,
        a: &[f32],
        b: Result<&PackedFactor, &[f32]>,
        finish: &FinishProduct,
        output: &mut [f32],
    ) {
        let packed = b.map(PackedFactor::values);
        let b = packed.as_deref().map_err(|b| *b);
        with_tile!(TileKernel::best(), tile => self.run_tiled(tile, a, b, finish, output));
    }

    fn run_tiled<const R: usize, const C: usize>(
        &self,
        tile: impl Tile<R, C>,
        a: &[f32],
        b: Result<&[f32], &[f32]>,
        finish: &FinishProduct,
        output: &mut [f32],
    ) {
        let depth = self.steps.len();
        let passes = depth.div_ceil(MAX_DEPTH).max(1);
        let depth_of_pass = depth.div_ceil(passes).max(1);
        let block = (BLOCK_VALUES / depth_of_pass).max(1);
        let (all_rows, all_columns) = (self.rows.len(), self.columns.len());
        let threads = rayon::current_num_threads();
        let parallel = worth_threads(&[all_rows, all_columns, depth, self.batch.len()]);
        // A block of one factor is packed and kept near; the other streams past.
        let mut rows = (block / R).max(1) * R;
        let mut columns = if b.is_ok() { all_columns.next_multiple_of(C) } else { (block / C).max(1) * C };
        if parallel {
            let wanted = (TASKS_A_THREAD * threads).div_ceil(self.batch.len());
            if b.is_err() {
                columns = columns.min(all_columns.div_ceil(wanted).next_multiple_of(C));
            }
            let split = wanted.div_ceil(all_columns.div_ceil(columns));
            rows = rows.min(all_rows.div_ceil(split).next_multiple_of(R));
        }
        rows = rows.min(all_rows.next_multiple_of(R));
        columns = columns.min(all_columns.next_multiple_of(C));
        let tasks = self.split(output, rows, columns);
        let (a_steps, b_steps): (Vec<usize>, Vec<usize>) = self.steps.iter().map(|&[a, b]| (a, b)).unzip();
        let scratch = || {
            let of_b = if b.is_ok() { 0 } else { columns / C * depth_of_pass };
            (vec![[0.0; R]; rows / R * depth_of_pass], vec![[0.0; C]; of_b])
        };
        let work = |(a_panels, b_panels): &mut (Vec<[f32; R]>, Vec<[f32; C]>), mut task: Task| {
            for start in (0..depth).step_by(depth_of_pass) {
                let steps = start..(start + depth_of_pass).min(depth);
                let firsts: Vec<usize> =
                    self.rows[task.row..][..task.rows.len()].iter().map(|row| row[0]).collect();
                pack(a, task.a, &firsts, &a_steps[steps.clone()], a_panels);
                let width = task.rows[0].len();
                let clamp = if steps.end == depth { finish.clamp } else { Clamp::NONE };
                if let Err(b) = b {
                    let columns = &self.columns[task.column..][..width];
                    pack(b, task.b, columns, &b_steps[steps.clone()], b_panels);
                }
                for at in (0..width).step_by(C) {
                    let column = task.column + at;
                    let panel = match b {
                        Ok(packed) => &packed.as_chunks::<C>().0[column / C * depth..][steps.clone()],
                        Err(_) => &b_panels[at / C * steps.len()..][..steps.len()],
                    };
                    for (i, rows) in task.rows.chunks_mut(R).enumerate() {
                        let bias = match finish.bias {
                            ProductBias::Columns(bias) => {
                                Bias::Columns(bias[column..].first_chunk().expect("a bias padded to tiles"))
                            }
                            ProductBias::Rows(bias) => {
                                let row = task.row + i * R;
                                let of_row = |r| bias.get(row + r).copied().unwrap_or_default();
                                Bias::Rows(array::from_fn(of_row))
                            }
                        };
                        let part = Part { bias: (start == 0).then_some(bias), clamp };
                        let factors = &a_panels[i * steps.len()..][..steps.len()];
                        let added = |r: usize| {
                            let place = task.places.get(i * R + r)? + at;
                            finish.added.and_then(|added| added.get(place..))
                        };
                        run_within(tile, (factors, panel), part, added, rows, at);
                    }
                }
            }
        };
        for_each_task(tasks, parallel, scratch, work);
    }

    /// The tasks that cover the result, each of at most this many rows and columns.
    fn split<'a>(&self, output: &'a mut [f32], rows: usize, columns: usize) -> Vec<Task<'a>> {
        let width = self.columns.len();
        let mut lines: Vec<_> = output.chunks_exact_mut(width).map(Some).collect();
        let mut tasks = Vec::new();
        for &[a, b, out] in &self.batch {
            for row in (0..self.rows.len()).step_by(rows) {
                let count = rows.min(self.rows.len() - row);
                let before = tasks.len();
                tasks.extend((0..width).step_by(columns).map(|column| Task {
                    a,
                    b,
                    row,
                    column,
                    rows: Vec::with_capacity(count),
                    places: Vec::with_capacity(count),
                }));
                for &[_, place] in &self.rows[row..][..count] {
                    let line = lines[(out + place) / width].take().expect("each row is written once");
                    for (task, part) in tasks[before..].iter_mut().zip(line.chunks_mut(columns)) {
                        task.rows.push(part);
                        task.places.push(out + place + task.column);
                    }
                }
            }
        }
        tasks
    }
}

/// Gathers lanes that begin at `firsts`: panels of L lanes, one after the other, each with a row for every step; the last
/// is padded with zeros.
fn pack<const L: usize>(
    source: &[f32],
    first: usize,
    firsts: &[usize],
    steps: &[usize],
    panels: &mut [[f32; L]],
) {
    let source = &source[first..];
    let runs = |places: &[usize]| places.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let steps_run = runs(steps);
    for (lanes, panel) in firsts.chunks(L).zip(panels.chunks_exact_mut(steps.len().max(1))) {
        if lanes.len() == L && runs(lanes) {
            for (values, step) in panel.iter_mut().zip(steps) {
                *values = *source[lanes[0] + step..].first_chunk().expect("lanes side by side");
            }
            continue;
        }
        if lanes.len() < L {
            panel.fill([0.0; L]);
        }
        for (lane, first) in lanes.iter().enumerate() {
            if steps_run && !steps.is_empty() {
                let values = &source[first + steps[0]..][..steps.len()];
                panel.iter_mut().zip(values).for_each(|(target, value)| target[lane] = *value);
            } else {
                panel.iter_mut().zip(steps).for_each(|(target, step)| target[lane] = source[first + step]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    /// Products of `[rows, steps]` and `[steps, columns]`, batch outermost, with the axes of `b` swapped or not.
    fn layout(batch: usize, rows: usize, columns: usize, steps: usize, swapped: bool) -> Layout {
        let (column, step) = if swapped { (steps, 1) } else { (1, columns) };
        Layout {
            batch: (0..batch).map(|i| [i * rows * steps, i * columns * steps, i * rows * columns]).collect(),
            rows: (0..rows).map(|m| [m * steps, m * columns]).collect(),
            columns: (0..columns).map(|n| n * column).collect(),
            steps: (0..steps).map(|k| [k, k * step]).collect(),
        }
    }

    fn check(layout: &Layout, packed: bool, halved: bool) {
        let (rows, columns) = (layout.rows.len(), layout.columns.len());
        let count = layout.batch.len();
        let a = random(1, count * rows * layout.steps.len());
        let mut b = random(2, count * columns * layout.steps.len());
        if halved {
            b.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
        let (of_columns, of_rows) = (random(3, columns), random(5, rows));
        let added = random(4, count * rows * columns);
        let (padded, zeros) = (layout.padded(Some(&of_columns)), layout.padded(None));
        let bounds = Clamp { low: -0.5, high: 1.0 };
        for (bias, added, clamp) in [
            (ProductBias::Columns(zeros.into()), None, Clamp::NONE),
            (ProductBias::Columns(padded.into()), Some(&added[..]), bounds),
            (ProductBias::Rows(of_rows.into()), Some(&added[..]), bounds),
        ] {
            let mut out = vec![f32::NAN; count * rows * columns];
            let factor = packed.then(|| layout.pack(&b));
            let factor = if halved { factor.map(PackedFactor::halved) } else { factor };
            assert_eq!(halved, matches!(factor, Some(PackedFactor(Stored::Half(_)))));
            let finish = FinishProduct { bias: &bias, added, clamp };
            layout.run(&a, factor.as_ref().ok_or(&b[..]), &finish, &mut out);
            for &[a0, b0, out0] in &layout.batch {
                for (m, &[row, place]) in layout.rows.iter().enumerate() {
                    for (n, column) in layout.columns.iter().enumerate() {
                        let product =
                            |&[x, y]: &[usize; 2]| a[a0 + row + x] as f64 * b[b0 + column + y] as f64;
                        let at = out0 + place + n;
                        let bias = match &bias {
                            ProductBias::Columns(bias) => bias[n],
                            ProductBias::Rows(bias) => bias[m],
                        };
                        let sum = layout.steps.iter().map(product).sum::<f64>()
                            + bias as f64
                            + added.map_or(0.0, |added| added[at] as f64);
                        let expected = sum.clamp(clamp.low as f64, clamp.high as f64);
                        let error = (out[at] as f64 - expected).abs();
                        assert!(error < 1e-5 * expected.abs().max(2.0), "{at}: {} {expected}", out[at]);
                    }
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        for (rows, columns, steps) in [(1, 1, 1), (3, 5, 7), (9, 50, 20), (100, 33, 600), (40, 200, 64)] {
            for swapped in [false, true] {
                check(&layout(1, rows, columns, steps, swapped), true, false);
                check(&layout(1, rows, columns, steps, swapped), true, true);
                check(&layout(3, rows, columns, steps, swapped), false, false);
            }
        }
    }

    #[test]
    fn heads_beside_each_other_are_products_of_their_own() {
        // Two heads of 16 channels: tokens x heads x channels for `a` and the result, tokens of `b` as steps.
        let (tokens, heads, channels) = (10, 2, 16);
        let layout = Layout {
            batch: (0..heads).map(|h| [h * tokens * tokens, h * channels, h * channels]).collect(),
            rows: (0..tokens).map(|m| [m * tokens, m * heads * channels]).collect(),
            columns: (0..channels).collect(),
            steps: (0..tokens).map(|k| [k, k * heads * channels]).collect(),
        };
        let (a, b) = (random(1, heads * tokens * tokens), random(2, tokens * heads * channels));
        let mut out = vec![f32::NAN; tokens * heads * channels];
        let bias = ProductBias::Columns(layout.padded(None).into());
        let finish = FinishProduct { bias: &bias, added: None, clamp: Clamp::NONE };
        layout.run(&a, Err(&b), &finish, &mut out);
        for (i, &value) in out.iter().enumerate() {
            let (m, h, c) = (i / heads / channels, i / channels % heads, i % channels);
            let product = |k: usize| a[(h * tokens + m) * tokens + k] * b[(k * heads + h) * channels + c];
            let expected: f32 = (0..tokens).map(product).sum();
            assert!((value - expected).abs() < 1e-5, "{i}: {value} {expected}");
        }
    }
}
