//! The wide tiles of x86-64.

use super::super::vector::{Avx2, Avx512, Eight, Sixteen};
use super::{Clamp, Start, Tile, tile};

/// 8 rows of 3 vectors: 24 of the 32 registers hold sums.
impl Tile<8, 48> for Avx512 {
    fn run(
        self,
        a: &[[f32; 8]],
        b: &[[f32; 48]],
        start: Start<8, 48>,
        clamp: Clamp,
        rows: [&mut [f32; 48]; 8],
    ) {
        #[target_feature(enable = "avx512f,fma")]
        fn wide(
            a: &[[f32; 8]],
            b: &[[f32; 48]],
            start: Start<8, 48>,
            clamp: Clamp,
            rows: [&mut [f32; 48]; 8],
        ) {
            // SAFETY: this is compiled for machines that have them.
            #[allow(unsafe_code)]
            unsafe {
                tile::<Sixteen, 8, 3, 48>(a, b, start, clamp, rows);
            }
        }
        // SAFETY: the machine has AVX-512 and fused multiply-add, or there would be no `self`.
        #[allow(unsafe_code)]
        unsafe {
            wide(a, b, start, clamp, rows);
        }
    }
}

/// 4 rows of 3 vectors: 12 of the 16 registers hold sums.
impl Tile<4, 24> for Avx2 {
    fn run(
        self,
        a: &[[f32; 4]],
        b: &[[f32; 24]],
        start: Start<4, 24>,
        clamp: Clamp,
        rows: [&mut [f32; 24]; 4],
    ) {
        #[target_feature(enable = "avx2,fma")]
        fn wide(
            a: &[[f32; 4]],
            b: &[[f32; 24]],
            start: Start<4, 24>,
            clamp: Clamp,
            rows: [&mut [f32; 24]; 4],
        ) {
            // SAFETY: this is compiled for machines that have them.
            #[allow(unsafe_code)]
            unsafe {
                tile::<Eight, 4, 3, 24>(a, b, start, clamp, rows);
            }
        }
        // SAFETY: the machine has AVX2 and fused multiply-add, or there would be no `self`.
        #[allow(unsafe_code)]
        unsafe {
            wide(a, b, start, clamp, rows);
        }
    }
}
