//! Tile kernels for x86-64 with fused multiply-add.

use std::arch::x86_64::*;

use super::TileKernel;

/// The kernels that this machine can run, the fastest first.
pub(super) fn available() -> impl Iterator<Item = TileKernel> {
    let avx512 = is_x86_feature_detected!("avx512f").then_some(AVX512);
    let avx2 = (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(AVX2);
    avx512.into_iter().chain(avx2)
}

// Handed out by `available` only, which asks the machine first.
const AVX512: TileKernel = TileKernel {
    rows: 8,
    columns: 48,
    // SAFETY: the machine has AVX-512F.
    #[allow(unsafe_code)]
    run: |depth, a, b, tile| unsafe { avx512(depth, a, b, tile) },
};
const AVX2: TileKernel = TileKernel {
    rows: 4,
    columns: 24,
    // SAFETY: the machine has AVX2 and FMA.
    #[allow(unsafe_code)]
    run: |depth, a, b, tile| unsafe { avx2(depth, a, b, tile) },
};

/// 8 rows of 3 vectors: 24 of the 32 registers hold sums.
#[target_feature(enable = "avx512f")]
fn avx512(depth: usize, a: &[f32], b: &[f32], tile: &mut [f32]) {
    assert!(a.len() == depth * 8 && b.len() == depth * 48 && tile.len() == 8 * 48);
    let mut sums = [[_mm512_setzero_ps(); 3]; 8];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: each of the `depth` steps reads 8 and 48 values, which the lengths checked above cover; so do the
    // 24 stores of 16 values.
    #[allow(unsafe_code)]
    unsafe {
        for _ in 0..depth {
            let vectors = [_mm512_loadu_ps(b), _mm512_loadu_ps(b.add(16)), _mm512_loadu_ps(b.add(32))];
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = _mm512_set1_ps(*a.add(r));
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = _mm512_fmadd_ps(factor, vector, *sum);
                }
            }
            (a, b) = (a.add(8), b.add(48));
        }
        for (i, sum) in sums.as_flattened().iter().enumerate() {
            _mm512_storeu_ps(tile.as_mut_ptr().add(16 * i), *sum);
        }
    }
}

/// 4 rows of 3 vectors: 12 of the 16 registers hold sums.
#[target_feature(enable = "avx2,fma")]
fn avx2(depth: usize, a: &[f32], b: &[f32], tile: &mut [f32]) {
    assert!(a.len() == depth * 4 && b.len() == depth * 24 && tile.len() == 4 * 24);
    let mut sums = [[_mm256_setzero_ps(); 3]; 4];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: each of the `depth` steps reads 4 and 24 values, which the lengths checked above cover; so do the
    // 12 stores of 8 values.
    #[allow(unsafe_code)]
    unsafe {
        for _ in 0..depth {
            let vectors = [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8)), _mm256_loadu_ps(b.add(16))];
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = _mm256_broadcast_ss(&*a.add(r));
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = _mm256_fmadd_ps(factor, vector, *sum);
                }
            }
            (a, b) = (a.add(4), b.add(24));
        }
        for (i, sum) in sums.as_flattened().iter().enumerate() {
            _mm256_storeu_ps(tile.as_mut_ptr().add(8 * i), *sum);
        }
    }
}
