//! The tile kernel for wasm with 128-bit SIMD: 4 rows of 2 vectors. Larger tiles spill on x86, which has 16 vector
//! registers.

use std::arch::wasm32::*;

use super::TileKernel;

pub(super) const KERNEL: TileKernel = TileKernel { rows: 4, columns: 8, run };

#[inline(always)]
fn multiply_add(factor: v128, vector: v128, sum: v128) -> v128 {
    #[cfg(target_feature = "relaxed-simd")]
    return f32x4_relaxed_madd(factor, vector, sum);
    #[cfg(not(target_feature = "relaxed-simd"))]
    return f32x4_add(sum, f32x4_mul(factor, vector));
}

fn run(depth: usize, a: &[f32], b: &[f32], tile: &mut [f32]) {
    assert!(a.len() == depth * 4 && b.len() == depth * 8 && tile.len() == 4 * 8);
    let mut sums = [[f32x4_splat(0.0); 2]; 4];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: each of the `depth` steps reads 4 and 8 values, which the lengths checked above cover; so do the
    // 8 stores of 4 values. wasm has no alignment traps.
    #[allow(unsafe_code)]
    unsafe {
        for _ in 0..depth {
            let vectors = [v128_load(b.cast()), v128_load(b.add(4).cast())];
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = v128_load32_splat(a.add(r).cast());
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = multiply_add(factor, vector, *sum);
                }
            }
            (a, b) = (a.add(4), b.add(8));
        }
        for (i, sum) in sums.as_flattened().iter().enumerate() {
            v128_store(tile.as_mut_ptr().add(4 * i).cast(), *sum);
        }
    }
}
