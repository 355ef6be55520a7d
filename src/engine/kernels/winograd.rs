//! Convolutions of 3x3 values by minimal filtering, F(2x2, 3x3): of 4x4 input pixels, transformed, the products with
//! 16 transformed values make 2x2 output pixels, where the definition needs 36.
//!
//! After A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1. Its matrices
//! hold nothing but 0, 1 and 1/2, so that rounding stays what it is in the direct sum.

use std::array;
use std::ops::Range;

use rayon::prelude::*;

use super::gemm::{
    Bias, MAX_DEPTH, Start, TASKS_A_THREAD, Tile, TileKernel, for_each_task, with_tile, worth_threads,
};
use super::half::StoredValue;
use super::{Clamp, Convolution, Finish};
use crate::stop;

/// Rows and columns of a transformed patch of the input; its places are the products of each tile of pixels.
const SIDE: usize = 4;
const PLACES: usize = SIDE * SIDE;

/// Channels below which the transforms cost more than they save.
const MIN_CHANNELS: usize = 24;

/// Values of a transformed block of the input (256 KiB): it stays in the second cache.
const BLOCK_VALUES: usize = 64 << 10;

/// A transformed kernel: the values of as many outputs as a tile of the product has rows side by side, padded with
/// zeros; for these the places, each with all channels.
#[derive(Debug)]
pub(crate) struct TransformedKernel {
    tile: TileKernel,
    values: Vec<f32>,
}

impl TransformedKernel {
    /// Transforms `kernel` `[outputs, channels, 3, 3]` times a factor of each output.
    pub fn new<T: StoredValue>(kernel: &[T], scale: &[f32]) -> TransformedKernel {
        TransformedKernel::for_tile(TileKernel::best(), kernel, scale)
    }

    fn for_tile<T: StoredValue>(tile: TileKernel, kernel: &[T], scale: &[f32]) -> TransformedKernel {
        let values = with_tile!(tile, tile => transformed_kernel(tile, kernel, scale));
        TransformedKernel { tile, values }
    }
}

fn transformed_kernel<const R: usize, const C: usize, T: StoredValue>(
    _: impl Tile<R, C>,
    kernel: &[T],
    scale: &[f32],
) -> Vec<f32> {
    let channels = kernel.len() / scale.len() / 9;
    let mut values = vec![[0.0; R]; scale.len().div_ceil(R) * PLACES * channels];
    let panels = values.par_chunks_exact_mut(PLACES * channels).zip(kernel.par_chunks(R * channels * 9));
    panels.zip(scale.par_chunks(R)).for_each(|((panel, kernels), scale)| {
        for channel in 0..channels {
            // The 9 values of each output.
            let mut own = [[0.0; R]; 9];
            for (r, (kernel, scale)) in kernels.chunks_exact(channels * 9).zip(scale).enumerate() {
                for (own, value) in own.iter_mut().zip(&kernel[channel * 9..]) {
                    own[r] = value.widened() * scale;
                }
            }
            let mut rows = [[[0.0; R]; 3]; SIDE];
            for x in 0..3 {
                let column = spread([own[x], own[3 + x], own[6 + x]]);
                rows.iter_mut().zip(column).for_each(|(row, value)| row[x] = value);
            }
            let places = rows.into_iter().flat_map(spread);
            panel[channel..].iter_mut().step_by(channels).zip(places).for_each(|(to, value)| *to = value);
        }
    });
    values.into_flattened()
}

/// Three values of a kernel as four: the first, half of the sums with the middle one added and subtracted, the last.
fn spread<const R: usize>(three: [[f32; R]; 3]) -> [[f32; R]; SIDE] {
    let [first, middle, last] = three;
    let outer: [f32; R] = array::from_fn(|r| first[r] + last[r]);
    [
        first,
        array::from_fn(|r| 0.5 * (outer[r] + middle[r])),
        array::from_fn(|r| 0.5 * (outer[r] - middle[r])),
        last,
    ]
}

/// Tiles whose patches are transformed together, as the rows of tiles that they are of.
struct Block {
    runs: Vec<Run>,
    tiles: usize,
}

/// Tiles that lie side by side.
struct Run {
    /// The first one, and how many.
    row: usize,
    column: usize,
    count: usize,
    /// Number of the first one in its block.
    at: usize,
}

/// Some rows of tiles, computed by one thread.
struct Task<'a> {
    tiles: Range<usize>,
    /// The pixels of each output channel.
    planes: Vec<&'a mut [f32]>,
}

/// What a thread computes with.
struct Scratch<const R: usize, const C: usize> {
    /// The input of a block: panels of C tiles, each with the places, and these with all channels.
    block: Vec<[f32; C]>,
    /// A row of the input, and four, their pixels of even and odd columns apart.
    line: Vec<f32>,
    even: [Vec<f32>; SIDE],
    odd: [Vec<f32>; SIDE],
    /// Places of all tiles of a block, of one channel.
    patches: Vec<f32>,
    /// Products of some outputs: panels of tiles, each with the places.
    products: Vec<[[f32; C]; R]>,
    /// The four pixels of all tiles of a block, of one output.
    pixels: [Vec<f32>; 4],
}

impl Convolution {
    /// Whether minimal filtering does this convolution, faster.
    pub fn suits_winograd(&self) -> bool {
        let (inputs, outputs) = self.channels;
        self.side == (3, 3)
            && self.stride == (1, 1)
            && self.dilation == (1, 1)
            && inputs.min(outputs) >= MIN_CHANNELS
            && inputs <= MAX_DEPTH
    }

    /// Rows of tiles, and tiles of a row.
    fn tiles(&self) -> (usize, usize) {
        (self.output.0.div_ceil(2), self.output.1.div_ceil(2))
    }

    /// Convolves, as [`Convolution::run`] does.
    pub fn run_winograd(
        &self,
        input: &[f32],
        kernel: &TransformedKernel,
        finish: &Finish,
        output: &mut [f32],
    ) {
        with_tile!(kernel.tile, tile => self.run_in_patches(tile, input, kernel, finish, output));
    }

    fn run_in_patches<const R: usize, const C: usize>(
        &self,
        tile: impl Tile<R, C>,
        input: &[f32],
        kernel: &TransformedKernel,
        finish: &Finish,
        output: &mut [f32],
    ) {
        let (inputs, outputs) = self.channels;
        let (rows, in_row) = self.tiles();
        if output.is_empty() {
            return;
        }
        let threads = rayon::current_num_threads();
        let parallel = worth_threads(&[rows, in_row, PLACES, inputs, outputs]);
        let tasks = self.split(output, if parallel { TASKS_A_THREAD * threads } else { 1 });
        let most = tasks.iter().map(|task| task.tiles.len()).max().unwrap_or(0);
        let fitting = (BLOCK_VALUES / PLACES / inputs / C).max(1) * C;
        // As even as whole panels allow.
        let in_block = most.div_ceil(most.div_ceil(fitting).max(1)).next_multiple_of(C);
        let scratch = || {
            let line = || vec![0.0; in_row + 1];
            Scratch {
                block: vec![[0.0; C]; in_block / C * PLACES * inputs],
                line: vec![0.0; 2 * in_row + 2],
                even: array::from_fn(|_| line()),
                odd: array::from_fn(|_| line()),
                patches: vec![0.0; PLACES * in_block],
                products: vec![[[0.0; C]; R]; PLACES * in_block / C],
                pixels: array::from_fn(|_| vec![0.0; in_block]),
            }
        };
        let stop = stop::current();
        let work = |scratch: &mut Scratch<R, C>, mut task: Task| {
            for start in task.tiles.clone().step_by(in_block) {
                if stop.is_asked() {
                    return;
                }
                let tiles = start..(start + in_block).min(task.tiles.end);
                let block = Block { runs: runs(tiles.clone(), in_row), tiles: tiles.len() };
                self.transform(input, &block, scratch);
                self.multiply_patches(tile, kernel, finish, &block, scratch, &mut task);
            }
        };
        for_each_task(tasks, parallel, scratch, work);
    }

    /// At most this many tasks, as even as rows of tiles allow.
    fn split<'a>(&self, output: &'a mut [f32], wanted: usize) -> Vec<Task<'a>> {
        let (rows, in_row) = self.tiles();
        let count = wanted.min(rows);
        let bound = |i: usize| i * rows / count.max(1);
        let mut tasks: Vec<Task> = (0..count)
            .map(|i| Task { tiles: bound(i) * in_row..bound(i + 1) * in_row, planes: Vec::new() })
            .collect();
        let (height, width) = self.output;
        for mut plane in output.chunks_exact_mut((height * width).max(1)) {
            for (i, task) in tasks.iter_mut().enumerate() {
                let pixel_rows = (2 * bound(i + 1)).min(height) - 2 * bound(i);
                let (own, rest) = std::mem::take(&mut plane).split_at_mut(pixel_rows * width);
                task.planes.push(own);
                plane = rest;
            }
        }
        tasks
    }

    /// Transforms the patches of some tiles, of all channels.
    fn transform<const R: usize, const C: usize>(
        &self,
        input: &[f32],
        Block { runs, tiles }: &Block,
        scratch: &mut Scratch<R, C>,
    ) {
        let (inputs, (height, width)) = (self.channels.0, self.input);
        let Scratch { block, line, even, odd, patches, .. } = scratch;
        let stride = tiles.next_multiple_of(C);
        for (channel, plane) in input.chunks_exact(height * width).take(inputs).enumerate() {
            for run in runs {
                // One more than there are tiles: each patch reaches into the next.
                let reach = run.count + 1;
                let line = &mut line[..2 * reach];
                for i in 0..SIDE {
                    let (even, odd) = (&mut even[i][..reach], &mut odd[i][..reach]);
                    let row = (2 * run.row + i).wrapping_sub(self.before.0);
                    if row >= height {
                        even.fill(0.0);
                        odd.fill(0.0);
                        continue;
                    }
                    let row = &plane[row * width..][..width];
                    super::convolution::copy_run(
                        row,
                        (2 * run.column) as isize - self.before.1 as isize,
                        1,
                        line,
                    );
                    for ((even, odd), pair) in even.iter_mut().zip(odd).zip(line.as_chunks::<2>().0) {
                        [*even, *odd] = *pair;
                    }
                }
                for lines in [&mut *even, &mut *odd] {
                    let [a, b, c, d] = lines.each_mut().map(|line| &mut line[..reach]);
                    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                        (*a, *b, *c, *d) = (*a - *c, *b + *c, *c - *b, *b - *d);
                    }
                }
                for ((even, odd), patches) in
                    even.iter().zip(&*odd).zip(patches.chunks_exact_mut(SIDE * stride))
                {
                    let (even, after) = (&even[..run.count], &even[1..reach]);
                    let (odd, odd_after) = (&odd[..run.count], &odd[1..reach]);
                    let mut places =
                        patches.chunks_exact_mut(stride).map(|place| &mut place[run.at..][..run.count]);
                    let [a, b, c, d] = array::from_fn(|_| places.next().expect("four places of a row"));
                    for (a, (even, after)) in a.iter_mut().zip(even.iter().zip(after)) {
                        *a = even - after;
                    }
                    for ((b, c), (odd, after)) in b.iter_mut().zip(c).zip(odd.iter().zip(after)) {
                        (*b, *c) = (odd + after, after - odd);
                    }
                    for (d, (odd, after)) in d.iter_mut().zip(odd.iter().zip(odd_after)) {
                        *d = odd - after;
                    }
                }
            }
            for (place, patches) in patches.chunks_exact(stride).take(PLACES).enumerate() {
                let panels = block[place * inputs + channel..].iter_mut().step_by(PLACES * inputs);
                panels.zip(patches.as_chunks::<C>().0).for_each(|(panel, values)| *panel = *values);
            }
        }
    }

    /// Multiplies a transformed block, and transforms the products to pixels of all outputs.
    fn multiply_patches<const R: usize, const C: usize>(
        &self,
        tile: impl Tile<R, C>,
        kernel: &TransformedKernel,
        finish: &Finish,
        Block { runs, tiles }: &Block,
        scratch: &mut Scratch<R, C>,
        task: &mut Task,
    ) {
        let inputs = self.channels.0;
        let first = task.tiles.start / self.tiles().1;
        let (height, width) = self.output;
        let Scratch { block, products, pixels, .. } = scratch;
        let panels = tiles.div_ceil(C);
        let kernels = kernel.values.as_chunks::<R>().0.chunks_exact(PLACES * inputs);
        for (i, (planes, kernel)) in task.planes.chunks_mut(R).zip(kernels).enumerate() {
            for (place, factors) in kernel.chunks_exact(inputs).enumerate() {
                for panel in 0..panels {
                    let of_place = panel * PLACES + place;
                    let patches = &block[of_place * inputs..][..inputs];
                    let nothing = Start::Bias(Bias::Rows([0.0; R]));
                    tile.run(factors, patches, nothing, Clamp::NONE, products[of_place].each_mut());
                }
            }
            for (r, plane) in planes.iter_mut().enumerate() {
                let output = i * R + r;
                let bias = finish.bias[output];
                for (panel, products) in products.as_chunks::<PLACES>().0[..panels].iter().enumerate() {
                    for (pixels, own) in pixels.iter_mut().zip(gathered(products, r, bias)) {
                        *pixels[panel * C..].first_chunk_mut().expect("a whole panel") = own;
                    }
                }
                for run in runs {
                    let from = 2 * run.column;
                    let length = (2 * run.count).min(width - from);
                    for (dy, pixels) in pixels.chunks_exact(2).enumerate() {
                        let y = 2 * run.row + dy;
                        if y == height {
                            break;
                        }
                        let line = &mut plane[(y - 2 * first) * width + from..][..length];
                        let [left, right] = [0, 1].map(|dx| &pixels[dx][run.at..][..run.count]);
                        let (pairs, rest) = line.as_chunks_mut::<2>();
                        for ((pair, left), right) in pairs.iter_mut().zip(left).zip(right) {
                            *pair = [*left, *right];
                        }
                        if let [last] = rest {
                            *last = left[run.count - 1];
                        }
                        if let Some(added) = finish.added {
                            let added = &added[(output * height + y) * width + from..][..length];
                            line.iter_mut().zip(added).for_each(|(value, added)| *value += added);
                        }
                        finish.clamp.apply(line);
                    }
                }
            }
        }
    }
}

/// The pixels of the tiles of a panel, of one output: above left and right, below left and right.
fn gathered<const R: usize, const C: usize>(
    products: &[[[f32; C]; R]; PLACES],
    r: usize,
    bias: f32,
) -> [[f32; C]; 4] {
    let place = |y: usize, x: usize| &products[y * SIDE + x][r];
    let columns: [[[f32; C]; 2]; SIDE] = array::from_fn(|x| {
        let [a, b, c, d] = array::from_fn(|y| place(y, x));
        [array::from_fn(|l| a[l] + b[l] + c[l]), array::from_fn(|l| b[l] - c[l] - d[l])]
    });
    let [[above_left, above_right], [below_left, below_right]] = [0, 1].map(|y| {
        let [a, b, c, d] = columns.each_ref().map(|column| &column[y]);
        [array::from_fn(|l| a[l] + b[l] + c[l] + bias), array::from_fn(|l| b[l] - c[l] - d[l] + bias)]
    });
    [above_left, above_right, below_left, below_right]
}

/// The rows that a range of tiles is made of.
fn runs(tiles: Range<usize>, in_row: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut next = tiles.start;
    while next < tiles.end {
        let (row, column) = (next / in_row, next % in_row);
        let count = (in_row - column).min(tiles.end - next);
        runs.push(Run { row, column, count, at: next - tiles.start });
        next += count;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::super::convolution::tests::by_definition;
    use super::super::random;
    use super::*;

    fn shape(channels: (usize, usize), input: (usize, usize), before: usize) -> Convolution {
        Convolution {
            channels,
            input,
            output: (input.0 + 2 * before - 2, input.1 + 2 * before - 2),
            side: (3, 3),
            stride: (1, 1),
            dilation: (1, 1),
            before: (before, before),
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        let cases = [
            (1, 1, (3, 3), 0),
            (2, 9, (1, 1), 1),
            (3, 10, (7, 60), 1),
            (40, 24, (16, 33), 1),
            (300, 5, (12, 9), 0),
            (5, 33, (2, 4), 3),
        ];
        for (inputs, outputs, input, before) in cases {
            let shape = shape((inputs, outputs), input, before);
            let x = random(1, inputs * input.0 * input.1);
            let kernel = random(2, outputs * inputs * 9);
            let count = outputs * shape.output.0 * shape.output.1;
            let (bias, added) = (random(3, outputs), random(4, count));
            let bounds = Clamp { low: -1.0, high: 2.0 };
            for (added, clamp) in [(None, Clamp::NONE), (Some(&added[..]), bounds)] {
                let finish = Finish { bias: &bias, added, clamp };
                for tile in TileKernel::available() {
                    let mut y = vec![f32::NAN; count];
                    let transformed = TransformedKernel::for_tile(tile, &kernel, &vec![1.0; outputs]);
                    shape.run_winograd(&x, &transformed, &finish, &mut y);
                    // What rounding leaves of a sum does not depend on how large the sum comes out.
                    let error = 2e-6 * ((9 * inputs) as f64).sqrt();
                    for (i, &value) in y.iter().enumerate() {
                        let expected = by_definition(&shape, &x, &kernel, &finish, i);
                        assert!(
                            (value as f64 - expected).abs() < error,
                            "{tile:?} {shape:?} {i}: {value} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let shape = shape((100, 40), (60, 59), 1);
        let (x, kernel) = (random(1, 100 * 60 * 59), random(2, 40 * 100 * 9));
        let kernel = TransformedKernel::new(&kernel, &[0.1; 40]);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut y = vec![f32::NAN; 40 * 60 * 59];
            let finish = Finish { bias: &[0.5; 40], added: None, clamp: Clamp::NONE };
            pool.install(|| shape.run_winograd(&x, &kernel, &finish, &mut y));
            y
        };
        assert_eq!(run(1), run(5));
    }
}
