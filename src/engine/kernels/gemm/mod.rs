//! The innermost loop of matrix products: a small tile of results that stays in registers.
//!
//! A tile is `R` x `C` large, as large as the vector registers hold. Its two factors are packed: `a` as `R` values
//! for each step of the depth, `b` as `C` values.

#[cfg(target_arch = "x86_64")]
mod x86;

use rayon::prelude::*;

use super::Clamp;
use super::vector::{Four, Vector};
use crate::stop;

/// Most steps of one pass over the depth: what is packed of one tile's factors then stays in the nearest cache.
pub(crate) const MAX_DEPTH: usize = 512;

/// Values of a packed block of a factor (192 KiB): it stays in the second cache.
pub(crate) const BLOCK_VALUES: usize = 48 << 10;

/// Tasks a thread should have, so that none waits long for the last one.
pub(crate) const TASKS_A_THREAD: usize = 3;

/// Multiplications below which threads cost more than they save.
const MIN_PARALLEL: u64 = 1 << 18;

/// Whether multiplications, as many as the product of these lengths, are worth the threads that there are. In wasm that
/// product may be more than a `usize` holds.
pub(crate) fn worth_threads(lengths: &[usize]) -> bool {
    let multiplications: u64 = lengths.iter().map(|&length| length as u64).product();
    rayon::current_num_threads() > 1 && multiplications >= MIN_PARALLEL
}

/// Does the work of all tasks, on all threads or on this one, each with scratch memory of its own; none is begun
/// when the work is to stop.
pub(crate) fn for_each_task<T: Send, S>(
    tasks: Vec<T>,
    parallel: bool,
    scratch: impl Fn() -> S + Send + Sync,
    work: impl Fn(&mut S, T) + Send + Sync,
) {
    let stop = stop::current();
    let work = |memory: &mut S, task: T| {
        if !stop.is_asked() {
            work(memory, task);
        }
    };
    if parallel {
        tasks.into_par_iter().for_each_init(scratch, work);
    } else {
        let mut memory = scratch();
        tasks.into_iter().for_each(|task| work(&mut memory, task));
    }
}

/// What the products are added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a, const R: usize, const C: usize> {
    /// A value for each row or column.
    Bias(Bias<'a, R, C>),
    /// That, and a value for each place.
    BiasAnd(Bias<'a, R, C>, [&'a [f32; C]; R]),
    /// What is there.
    Sums,
}

#[derive(Clone, Copy)]
pub(crate) enum Bias<'a, const R: usize, const C: usize> {
    Rows([f32; R]),
    Columns(&'a [f32; C]),
}

/// A kernel for tiles of one size.
pub(crate) trait Tile<const R: usize, const C: usize>: Copy + Send + Sync {
    /// `rows[r][c] = clamp(start + sum over k of a[k][r] * b[k][c])`; `a` and `b` have as many steps.
    fn run(self, a: &[[f32; R]], b: &[[f32; C]], start: Start<R, C>, clamp: Clamp, rows: [&mut [f32; C]; R]);
}

/// Tiles of 4 rows of 2 vectors of 4 lanes. Larger ones spill on x86, which has 16 vector registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small;

impl Tile<4, 8> for Small {
    #[inline(always)]
    fn run(self, a: &[[f32; 4]], b: &[[f32; 8]], start: Start<4, 8>, clamp: Clamp, rows: [&mut [f32; 8]; 4]) {
        // SAFETY: every machine that this is compiled for has vectors of 4 lanes.
        #[allow(unsafe_code)]
        unsafe {
            tile::<Four, 4, 2, 8>(a, b, start, clamp, rows);
        }
    }
}

/// Tiles of `R` rows of `N` vectors.
///
/// # Safety
///
/// The machine has vectors of this kind.
#[allow(unsafe_code)]
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const N: usize, const C: usize>(
    a: &[[f32; R]],
    b: &[[f32; C]],
    start: Start<R, C>,
    clamp: Clamp,
    rows: [&mut [f32; C]; R],
) {
    const { assert!(N * V::LANES == C, "vectors of a row") };
    // SAFETY: what is read and written are N vectors of rows of C values.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; R];
        match start {
            Start::Bias(Bias::Rows(bias)) | Start::BiasAnd(Bias::Rows(bias), _) => {
                for (sums, bias) in sums.iter_mut().zip(bias) {
                    *sums = [V::splat(bias); N];
                }
            }
            Start::Bias(Bias::Columns(bias)) | Start::BiasAnd(Bias::Columns(bias), _) => {
                for (n, sum) in sums[0].iter_mut().enumerate() {
                    *sum = V::load(bias.as_ptr().add(n * V::LANES));
                }
                sums = [sums[0]; R];
            }
            Start::Sums => {
                for (sums, row) in sums.iter_mut().zip(&rows) {
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = V::load(row.as_ptr().add(n * V::LANES));
                    }
                }
            }
        }
        if let Start::BiasAnd(_, added) = start {
            for (sums, added) in sums.iter_mut().zip(added) {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(V::load(added.as_ptr().add(n * V::LANES)));
                }
            }
        }
        for (a, b) in a.iter().zip(b) {
            let mut vectors = [V::splat(0.0); N];
            for (n, vector) in vectors.iter_mut().enumerate() {
                *vector = V::load(b.as_ptr().add(n * V::LANES));
            }
            for (sums, a) in sums.iter_mut().zip(a) {
                let factor = V::splat(*a);
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = factor.multiply_add(vector, *sum);
                }
            }
        }
        if clamp != Clamp::NONE {
            let (low, high) = (V::splat(clamp.low), V::splat(clamp.high));
            for sum in sums.as_flattened_mut() {
                *sum = sum.at_least(low).at_most(high);
            }
        }
        for (row, sums) in rows.into_iter().zip(sums) {
            for (n, sum) in sums.into_iter().enumerate() {
                sum.store(row.as_mut_ptr().add(n * V::LANES));
            }
        }
    }
}

/// What becomes of the products of a part of the depth.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a, const R: usize, const C: usize> {
    /// For the first part: what else makes up the result. What is there is added to without it.
    pub bias: Option<Bias<'a, R, C>>,
    /// For the last part.
    pub clamp: Clamp,
}

/// Runs a kernel on the values of `rows`, at most `R`, from the column `at` on, as far as they reach. `added` gives
/// what else is added to the values of a row from there on, in the first part.
#[inline(always)]
pub(crate) fn run_within<'a, const R: usize, const C: usize>(
    tile: impl Tile<R, C>,
    (a, b): (&[[f32; R]], &[[f32; C]]),
    part: Part<R, C>,
    added: impl Fn(usize) -> Option<&'a [f32]>,
    rows: &mut [&mut [f32]],
    at: usize,
) {
    let width = rows[0].len();
    if let Ok(rows) = <&mut [&mut [f32]; R]>::try_from(&mut *rows)
        && at + C <= width
    {
        let start = match (part.bias, added(0)) {
            (None, _) => Start::Sums,
            (Some(bias), None) => Start::Bias(bias),
            (Some(bias), Some(_)) => {
                let whole = |r| added(r).and_then(|added| added.first_chunk()).expect("a whole row");
                Start::BiasAnd(bias, std::array::from_fn(whole))
            }
        };
        let rows = rows.each_mut().map(|row| row[at..].first_chunk_mut().expect("a whole row"));
        return tile.run(a, b, start, part.clamp, rows);
    }
    // At the edges a tile is computed aside.
    let count = C.min(width - at);
    let mut sums = [[0.0; C]; R];
    for (r, (sums, row)) in sums.iter_mut().zip(&*rows).enumerate() {
        if part.bias.is_none() {
            sums[..count].copy_from_slice(&row[at..at + count]);
        } else if let Some(added) = added(r) {
            sums[..count].copy_from_slice(&added[..count]);
        }
    }
    let places = sums;
    let start = match part.bias {
        Some(bias) => Start::BiasAnd(bias, places.each_ref()),
        None => Start::Sums,
    };
    tile.run(a, b, start, part.clamp, sums.each_mut());
    for (sums, row) in sums.iter().zip(rows) {
        row[at..at + count].copy_from_slice(&sums[..count]);
    }
}

/// The kernels of this architecture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TileKernel {
    #[cfg(target_arch = "x86_64")]
    Avx512(super::vector::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(super::vector::Avx2),
    Small(Small),
}

impl TileKernel {
    /// The fastest kernel of this machine.
    pub fn best() -> TileKernel {
        TileKernel::available().next().expect("a kernel for every machine")
    }

    /// The kernels that this machine can run, the fastest first.
    pub fn available() -> impl Iterator<Item = TileKernel> {
        #[cfg(target_arch = "x86_64")]
        let wide = {
            let avx512 = super::vector::Avx512::here().map(TileKernel::Avx512);
            let avx2 = super::vector::Avx2::here().map(TileKernel::Avx2);
            avx512.into_iter().chain(avx2)
        };
        #[cfg(not(target_arch = "x86_64"))]
        let wide = std::iter::empty();
        wide.chain([TileKernel::Small(Small)])
    }

    /// Rows and columns of a tile.
    pub fn size(self) -> (usize, usize) {
        with_tile!(self, tile => size_of(tile))
    }
}

fn size_of<const R: usize, const C: usize>(_: impl Tile<R, C>) -> (usize, usize) {
    (R, C)
}

/// Evaluates an expression with the kernel itself, whose sizes are known where it is compiled.
macro_rules! with_tile {
    ($kernel:expr, $tile:ident => $expression:expr) => {
        match $kernel {
            #[cfg(target_arch = "x86_64")]
            $crate::engine::kernels::gemm::TileKernel::Avx512($tile) => $expression,
            #[cfg(target_arch = "x86_64")]
            $crate::engine::kernels::gemm::TileKernel::Avx2($tile) => $expression,
            $crate::engine::kernels::gemm::TileKernel::Small($tile) => $expression,
        }
    };
}
pub(crate) use with_tile;

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    fn check<const R: usize, const C: usize>(tile: impl Tile<R, C> + std::fmt::Debug) {
        let bias: [f32; R] = random(3, R).try_into().unwrap();
        let added = random(4, R * C);
        let added: [[f32; C]; R] = added.as_chunks().0.try_into().unwrap();
        for depth in [0, 1, 7, 64] {
            let (a, b) = (random(1, depth * R), random(2, depth * C));
            let run = |start, clamp, mut rows: [[f32; C]; R]| {
                tile.run(a.as_chunks().0, b.as_chunks().0, start, clamp, rows.each_mut());
                rows
            };
            let check = |rows: [[f32; C]; R], start: &dyn Fn(usize) -> f32, clamp: Clamp| {
                for (i, &value) in rows.as_flattened().iter().enumerate() {
                    let product = |k: usize| a[k * R + i / C] as f64 * b[k * C + i % C] as f64;
                    let sum = start(i) as f64 + (0..depth).map(product).sum::<f64>();
                    let expected = sum.clamp(clamp.low as f64, clamp.high as f64);
                    assert!((value as f64 - expected).abs() < 1e-5, "{tile:?} {depth} {i}");
                }
            };
            let nothing = [[f32::NAN; C]; R];
            let rows = Bias::Rows(bias);
            check(run(Start::Bias(rows), Clamp::NONE, nothing), &|i| bias[i / C], Clamp::NONE);
            let columns = Bias::Columns(&added[1]);
            check(run(Start::Bias(columns), Clamp::NONE, nothing), &|i| added[1][i % C], Clamp::NONE);
            check(run(Start::Sums, Clamp::NONE, added), &|i| added[i / C][i % C], Clamp::NONE);
            let bounds = Clamp { low: -0.25, high: 0.5 };
            let start = Start::BiasAnd(rows, added.each_ref());
            check(run(start, bounds, nothing), &|i| bias[i / C] + added[i / C][i % C], bounds);
        }
        let mut rows = [[f32::NAN; C]; R];
        tile.run(&[], &[], Start::Sums, Clamp { low: 0.0, high: 6.0 }, rows.each_mut());
        assert!(rows.as_flattened().iter().all(|value| value.is_nan()), "{tile:?}");
    }

    /// Tiles of the vectors for machines without a kind of their own, on whichever machine.
    #[derive(Clone, Copy, Debug)]
    struct Portable;

    impl Tile<4, 8> for Portable {
        fn run(
            self,
            a: &[[f32; 4]],
            b: &[[f32; 8]],
            start: Start<4, 8>,
            clamp: Clamp,
            rows: [&mut [f32; 8]; 4],
        ) {
            // SAFETY: these vectors are arrays.
            #[allow(unsafe_code)]
            unsafe {
                tile::<crate::engine::kernels::vector::portable::Four, 4, 2, 8>(a, b, start, clamp, rows);
            }
        }
    }

    #[test]
    fn tiles_add_products() {
        for kernel in TileKernel::available() {
            with_tile!(kernel, tile => check(tile));
        }
        check(Portable);
    }
}
