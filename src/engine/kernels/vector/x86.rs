//! Vectors of x86-64.

use std::arch::x86_64::*;

use super::Vector;

/// There is one only where the machine has AVX-512 and fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

/// There is one only where the machine has AVX2 and fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx512 {
    pub fn here() -> Option<Avx512> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma")).then_some(Avx512(()))
    }
}

impl Avx2 {
    pub fn here() -> Option<Avx2> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

/// Vectors of AVX-512.
#[derive(Clone, Copy)]
pub(crate) struct Sixteen(__m512);

/// Vectors of AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Eight(__m256);

/// Vectors of SSE2, which all have.
#[derive(Clone, Copy)]
pub(crate) struct Four(__m128);
#[allow(unsafe_code)]
impl Vector for Sixteen {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the trait asks.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Sixteen) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Sixteen, sum: Sixteen) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_fmadd_ps(self.0, factor.0, sum.0)) }
    }

    // Of two values that cannot be compared these instructions give the second.
    #[inline(always)]
    unsafe fn at_least(self, low: Sixteen) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_max_ps(low.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn at_most(self, high: Sixteen) -> Sixteen {
        // SAFETY: as the trait asks.
        unsafe { Sixteen(_mm512_min_ps(high.0, self.0)) }
    }
}

#[allow(unsafe_code)]
impl Vector for Eight {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the trait asks.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Eight) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Eight, sum: Eight) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_fmadd_ps(self.0, factor.0, sum.0)) }
    }

    // Of two values that cannot be compared these instructions give the second.
    #[inline(always)]
    unsafe fn at_least(self, low: Eight) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_max_ps(low.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn at_most(self, high: Eight) -> Eight {
        // SAFETY: as the trait asks.
        unsafe { Eight(_mm256_min_ps(high.0, self.0)) }
    }
}

#[allow(unsafe_code)]
impl Vector for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the trait asks.
        unsafe { _mm_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Four) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Four, sum: Four) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_add_ps(_mm_mul_ps(self.0, factor.0), sum.0)) }
    }

    // Of two values that cannot be compared these instructions give the second.
    #[inline(always)]
    unsafe fn at_least(self, low: Four) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_max_ps(low.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn at_most(self, high: Four) -> Four {
        // SAFETY: as the trait asks.
        unsafe { Four(_mm_min_ps(high.0, self.0)) }
    }
}
