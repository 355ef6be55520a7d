//! The innermost loop of matrix products: a small tile of results that stays in registers.
//!
//! A tile is `rows` x `columns` large, as large as the vector registers hold. Its two factors are packed: `a` as
//! `rows` values for each of the `depth` steps, `b` as `columns` values for each.

mod portable;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::LazyLock;

/// Most values of a tile, over all kernels.
pub(crate) const MAX_TILE: usize = 512;

/// A kernel for tiles of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileKernel {
    pub rows: usize,
    pub columns: usize,
    /// `(depth, a, b, tile)`, on slices of checked length.
    run: fn(usize, &[f32], &[f32], &mut [f32]),
}

impl TileKernel {
    /// The fastest one on this machine.
    pub fn best() -> TileKernel {
        static BEST: LazyLock<TileKernel> = LazyLock::new(TileKernel::choose);
        *BEST
    }

    #[cfg(target_arch = "x86_64")]
    fn choose() -> TileKernel {
        x86::available().next().unwrap_or(portable::KERNEL)
    }

    #[cfg(target_arch = "wasm32")]
    fn choose() -> TileKernel {
        wasm::KERNEL
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "wasm32")))]
    fn choose() -> TileKernel {
        portable::KERNEL
    }

    /// `tile[r][c] = sum over k of a[k][r] * b[k][c]`.
    ///
    /// `a` `[depth, rows]`, `b` `[depth, columns]`, `tile` `[rows, columns]`; longer slices are cut.
    #[inline]
    pub fn run(&self, depth: usize, a: &[f32], b: &[f32], tile: &mut [f32]) {
        let (a, b) = (&a[..depth * self.rows], &b[..depth * self.columns]);
        (self.run)(depth, a, b, &mut tile[..self.rows * self.columns]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn tiles_are_products() {
        let kernels = [TileKernel::best(), portable::KERNEL].into_iter();
        #[cfg(target_arch = "x86_64")]
        let kernels = kernels.chain(x86::available());
        for kernel in kernels {
            let (rows, columns) = (kernel.rows, kernel.columns);
            assert!(rows * columns <= MAX_TILE);
            for depth in [0, 1, 7, 64] {
                let (a, b) = (random(1, depth * rows), random(2, depth * columns));
                let mut tile = vec![f32::NAN; rows * columns];
                kernel.run(depth, &a, &b, &mut tile);
                for (i, &value) in tile.iter().enumerate() {
                    let product =
                        |k: usize| a[k * rows + i / columns] as f64 * b[k * columns + i % columns] as f64;
                    let expected: f64 = (0..depth).map(product).sum();
                    assert!((value as f64 - expected).abs() < 1e-5, "{kernel:?} {depth} {i}");
                }
            }
        }
    }
}
