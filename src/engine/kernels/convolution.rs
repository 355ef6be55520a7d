//! Dense convolution as a product of matrices: the packed kernel times the columns of the input that each output
//! pixel reads, gathered a cache-sized block at a time and never whole.

use std::array;

use rayon::prelude::*;

use super::Clamp;
use super::gemm::{
    BLOCK_VALUES, Bias, MAX_DEPTH, Part, TASKS_A_THREAD, Tile, TileKernel, for_each_task, run_within,
    with_tile, worth_threads,
};
use super::half::StoredValue;

/// Shape of a convolution of one photo whose outputs each see all channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Convolution {
    /// Channels in and out.
    pub channels: (usize, usize),
    /// Height and width of an input plane.
    pub input: (usize, usize),
    /// Height and width of an output plane.
    pub output: (usize, usize),
    /// Height and width of the kernel.
    pub side: (usize, usize),
    /// Input pixels from one output pixel to the next, down and across.
    pub stride: (usize, usize),
    /// Input pixels from one value of the kernel to the next, down and across.
    pub dilation: (usize, usize),
    /// Zeros above and left of the input; below and right as many as needed.
    pub before: (usize, usize),
}

/// A kernel laid out for the tile kernel of this machine: the values of as many outputs as a tile has rows side by
/// side, padded with zeros.
#[derive(Debug)]
pub(crate) struct PackedKernel {
    tile: TileKernel,
    depth: usize,
    values: Vec<f32>,
}

impl PackedKernel {
    /// Packs `kernel` `[outputs, depth]`, where depth counts channel, row and column of a kernel, in this order,
    /// times a factor of each output.
    pub fn new<T: StoredValue>(kernel: &[T], scale: &[f32]) -> PackedKernel {
        PackedKernel::for_tile(TileKernel::best(), kernel, scale)
    }

    fn for_tile<T: StoredValue>(tile: TileKernel, kernel: &[T], scale: &[f32]) -> PackedKernel {
        let (rows, depth) = (tile.size().0, kernel.len() / scale.len());
        let mut values = vec![0.0; scale.len().next_multiple_of(rows) * depth];
        let panels = values.par_chunks_exact_mut(rows * depth).zip(kernel.par_chunks(rows * depth));
        panels.zip(scale.par_chunks(rows)).for_each(|((panel, kernels), scale)| {
            for ((row, kernel), scale) in kernels.chunks_exact(depth).enumerate().zip(scale) {
                for (target, value) in panel[row..].iter_mut().step_by(rows).zip(kernel) {
                    *target = value.widened() * scale;
                }
            }
        });
        PackedKernel { tile, depth, values }
    }
}

/// What becomes of the sums.
pub(crate) struct Finish<'a> {
    /// Added to each output channel, `[outputs]`.
    pub bias: &'a [f32],
    /// Added to each value, in the shape of the output.
    pub added: Option<&'a [f32]>,
    pub clamp: Clamp,
}

/// Some outputs of some columns, computed by one thread.
struct Task<'a> {
    /// First output channel.
    output: usize,
    /// First column.
    column: usize,
    /// The columns of each output channel.
    rows: Vec<&'a mut [f32]>,
}

impl Convolution {
    /// Output pixels, the columns of the product.
    fn columns(&self) -> usize {
        self.output.0 * self.output.1
    }

    /// Convolves.
    ///
    /// `input` `[channels, h, w]`, `output` `[channels', h', w']`.
    pub fn run(&self, input: &[f32], kernel: &PackedKernel, finish: &Finish, output: &mut [f32]) {
        with_tile!(kernel.tile, tile => self.run_tiled(tile, input, kernel, finish, output));
    }

    fn run_tiled<const R: usize, const C: usize>(
        &self,
        tile: impl Tile<R, C>,
        input: &[f32],
        kernel: &PackedKernel,
        finish: &Finish,
        output: &mut [f32],
    ) {
        let passes = kernel.depth.div_ceil(MAX_DEPTH).max(1);
        let depth = kernel.depth.div_ceil(passes).max(1);
        let all = self.columns();
        let mut columns = (BLOCK_VALUES / depth / C).max(1) * C;
        let mut outputs = self.channels.1;
        let threads = rayon::current_num_threads();
        let parallel = worth_threads(&[all, outputs, kernel.depth]);
        if parallel {
            let wanted = TASKS_A_THREAD * threads;
            columns = columns.min(all.div_ceil(wanted).next_multiple_of(C));
            let split = wanted.div_ceil(all.div_ceil(columns));
            outputs = outputs.div_ceil(split).next_multiple_of(R);
        }
        columns = columns.min(all.next_multiple_of(C));
        let tasks = split(output, all, columns, outputs);
        let scratch = || vec![[0.0; C]; depth * columns / C];
        let work = |block: &mut Vec<[f32; C]>, mut task: Task| {
            for start in (0..kernel.depth).step_by(depth) {
                let steps = start..(start + depth).min(kernel.depth);
                self.pack(input, steps.clone(), task.column, task.rows[0].len(), block);
                self.multiply(tile, kernel, steps, block, finish, &mut task);
            }
        };
        for_each_task(tasks, parallel, scratch, work);
    }

    /// Adds the product of some `steps` of the depth to the rows of a task: onto the bias and what else is added in
    /// the first pass, within the bounds after the last.
    fn multiply<const R: usize, const C: usize>(
        &self,
        tile: impl Tile<R, C>,
        kernel: &PackedKernel,
        steps: std::ops::Range<usize>,
        block: &[[f32; C]],
        finish: &Finish,
        task: &mut Task,
    ) {
        let width = task.rows[0].len();
        let first = steps.start == 0;
        let clamp = if steps.end == kernel.depth { finish.clamp } else { Clamp::NONE };
        for (i, rows) in task.rows.chunks_mut(R).enumerate() {
            let output = task.output + i * R;
            let factors = &kernel.values.as_chunks::<R>().0[output / R * kernel.depth..][steps.clone()];
            let bias = array::from_fn(|r| finish.bias.get(output + r).copied().unwrap_or_default());
            let part = Part { bias: first.then_some(Bias::Rows(bias)), clamp };
            for (panel, at) in block.chunks_exact(steps.len().max(1)).zip((0..width).step_by(C)) {
                let added = |r: usize| {
                    let place = (output + r) * self.columns() + task.column + at;
                    finish.added.and_then(|added| added.get(place..))
                };
                run_within(tile, (factors, panel), part, added, rows, at);
            }
        }
    }

    /// Gathers what `width` columns from the one given on read in some `steps`: panels of C columns, one after the
    /// other, each with a row for every step; the last is padded with zeros.
    fn pack<const C: usize>(
        &self,
        input: &[f32],
        steps: std::ops::Range<usize>,
        column: usize,
        width: usize,
        block: &mut [[f32; C]],
    ) {
        let depth = steps.len();
        if self.side == (1, 1) && self.stride == (1, 1) && self.before == (0, 0) {
            let planes = input[steps.start * self.columns()..].chunks_exact(self.columns());
            for (step, plane) in planes.take(depth).enumerate() {
                spread(&plane[column..column + width], step, depth, block);
            }
        } else {
            let mut line = vec![0.0; width];
            for (step, of) in steps.enumerate() {
                self.gather(input, of, column, &mut line);
                spread(&line, step, depth, block);
            }
        }
    }

    /// What the columns from the one given on read in one step of the depth.
    fn gather(&self, input: &[f32], step: usize, column: usize, line: &mut [f32]) {
        let ((height_in, width_in), width_out) = (self.input, self.output.1);
        let (kernel_y, kernel_x) = (step / self.side.1 % self.side.0, step % self.side.1);
        let channel = step / (self.side.0 * self.side.1);
        let plane = &input[channel * height_in * width_in..][..height_in * width_in];
        // One run of columns for each row of the output.
        let (mut y, mut x, mut at) = (column / width_out, column % width_out, 0);
        while at < line.len() {
            let count = (width_out - x).min(line.len() - at);
            let target = &mut line[at..at + count];
            let row = (y * self.stride.0 + kernel_y * self.dilation.0).wrapping_sub(self.before.0);
            if row < height_in {
                // Input column of the first output; those in the padding are negative or too large.
                let first =
                    (x * self.stride.1 + kernel_x * self.dilation.1) as isize - self.before.1 as isize;
                copy_run(&plane[row * width_in..][..width_in], first, self.stride.1, target);
            } else {
                target.fill(0.0);
            }
            (y, x, at) = (y + 1, 0, at + count);
        }
    }
}

/// `target[i] = row[first + i * stride]`, zero beyond the row.
pub(super) fn copy_run(row: &[f32], first: isize, stride: usize, target: &mut [f32]) {
    let before = (-first).max(0) as usize;
    let from = before.div_ceil(stride).min(target.len());
    let inside = (row.len() as isize - first).max(0) as usize;
    let to = inside.div_ceil(stride).clamp(from, target.len());
    target[..from].fill(0.0);
    target[to..].fill(0.0);
    if from == to {
        return;
    }
    let source = &row[(first + (from * stride) as isize) as usize..];
    if stride == 1 {
        target[from..to].copy_from_slice(&source[..to - from]);
    } else {
        target[from..to]
            .iter_mut()
            .zip(source.iter().step_by(stride))
            .for_each(|(target, value)| *target = *value);
    }
}

/// Lays a line of columns out in panels of `depth` steps, as their values of one step.
fn spread<const C: usize>(line: &[f32], step: usize, depth: usize, block: &mut [[f32; C]]) {
    let (whole, rest) = line.as_chunks::<C>();
    for (place, values) in block[step..].iter_mut().step_by(depth).zip(whole) {
        *place = *values;
    }
    if !rest.is_empty() {
        let place = &mut block[whole.len() * depth + step];
        *place = [0.0; C];
        place[..rest.len()].copy_from_slice(rest);
    }
}

/// The tasks that cover `output` `[outputs, all]`.
fn split(output: &mut [f32], all: usize, columns: usize, outputs: usize) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    for (i, planes) in output.chunks_mut(all * outputs).enumerate() {
        let before = tasks.len();
        tasks.extend((0..all).step_by(columns).map(|column| Task {
            output: i * outputs,
            column,
            rows: Vec::with_capacity(planes.len() / all),
        }));
        for plane in planes.chunks_exact_mut(all) {
            for (task, part) in tasks[before..].iter_mut().zip(plane.chunks_mut(columns)) {
                task.rows.push(part);
            }
        }
    }
    tasks
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::random;
    use super::*;

    /// The value number `i` of the output.
    pub(in super::super) fn by_definition(
        shape: &Convolution,
        x: &[f32],
        kernel: &[f32],
        finish: &Finish,
        i: usize,
    ) -> f64 {
        let (c, y, x_out) = (i / shape.columns(), i / shape.output.1 % shape.output.0, i % shape.output.1);
        let (rows, columns) = shape.side;
        let mut sum = finish.bias[c] as f64 + finish.added.map_or(0.0, |added| added[i] as f64);
        for channel in 0..shape.channels.0 {
            for ky in 0..rows {
                for kx in 0..columns {
                    let v = (y * shape.stride.0 + ky * shape.dilation.0).wrapping_sub(shape.before.0);
                    let u = (x_out * shape.stride.1 + kx * shape.dilation.1).wrapping_sub(shape.before.1);
                    if v < shape.input.0 && u < shape.input.1 {
                        let pixel = x[(channel * shape.input.0 + v) * shape.input.1 + u] as f64;
                        let step = ((c * shape.channels.0 + channel) * rows + ky) * columns + kx;
                        sum += pixel * kernel[step] as f64;
                    }
                }
            }
        }
        sum.clamp(finish.clamp.low as f64, finish.clamp.high as f64)
    }

    #[test]
    fn agrees_with_the_definition() {
        // Channels in, out, input side, kernel side, stride, dilation, zeros before.
        let cases = [
            (1, 1, (1, 1), (1, 1), 1, 1, 0),
            (5, 20, (9, 11), (1, 1), 1, 1, 0),
            (700, 9, (3, 5), (1, 1), 1, 1, 0),
            (6, 17, (12, 8), (1, 1), 2, 1, 0),
            (3, 32, (17, 30), (3, 3), 2, 1, 1),
            (3, 8, (16, 64), (3, 3), 1, 1, 1),
            (60, 24, (7, 60), (3, 3), 1, 2, 2),
            (4, 5, (6, 2), (1, 7), 1, 1, 3),
            (2, 3, (2, 2), (3, 3), 2, 1, 4),
        ];
        for (inputs, outputs, input, side, stride, dilation, before) in cases {
            let size = |input: usize, side: usize| {
                (input + 2 * before).saturating_sub(dilation * (side - 1) + 1) / stride + 1
            };
            let shape = Convolution {
                channels: (inputs, outputs),
                input,
                output: (size(input.0, side.0), size(input.1, side.1)),
                side,
                stride: (stride, stride),
                dilation: (dilation, dilation),
                before: (before, before),
            };
            let x = random(1, inputs * input.0 * input.1);
            let kernel = random(2, outputs * inputs * side.0 * side.1);
            let (bias, added) = (random(3, outputs), random(4, outputs * shape.columns()));
            let bounds = Clamp { low: -1.0, high: 2.0 };
            for (added, clamp) in [(None, Clamp::NONE), (Some(&added[..]), bounds)] {
                let finish = Finish { bias: &bias, added, clamp };
                let mut y = vec![f32::NAN; outputs * shape.columns()];
                for tile in TileKernel::available() {
                    y.fill(f32::NAN);
                    shape.run(
                        &x,
                        &PackedKernel::for_tile(tile, &kernel, &vec![1.0; outputs]),
                        &finish,
                        &mut y,
                    );
                    for (i, &value) in y.iter().enumerate() {
                        let expected = by_definition(&shape, &x, &kernel, &finish, i);
                        assert!(
                            (value as f64 - expected).abs() < 1e-5 * expected.abs().max(2.0),
                            "{tile:?} {shape:?} {i}: {value} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let shape = Convolution {
            channels: (600, 40),
            input: (20, 19),
            output: (20, 19),
            side: (3, 3),
            stride: (1, 1),
            dilation: (1, 1),
            before: (1, 1),
        };
        let (x, kernel) = (random(1, 600 * 20 * 19), random(2, 40 * 600 * 9));
        let kernel = PackedKernel::new(&kernel, &[1.0; 40]);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut y = vec![f32::NAN; 40 * shape.columns()];
            let finish = Finish { bias: &[0.5; 40], added: None, clamp: Clamp::NONE };
            pool.install(|| shape.run(&x, &kernel, &finish, &mut y));
            y
        };
        assert_eq!(run(1), run(5));
    }
}
