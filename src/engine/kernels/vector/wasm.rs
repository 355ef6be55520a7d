//! Vectors of wasm's 128-bit SIMD.

use std::arch::wasm32::*;

use super::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Four(v128);

#[allow(unsafe_code)]
impl Vector for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Four {
        Four(f32x4_splat(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Four {
        // SAFETY: as the trait asks.
        Four(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the trait asks.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Four) -> Four {
        Four(f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Four, sum: Four) -> Four {
        #[cfg(target_feature = "relaxed-simd")]
        return Four(f32x4_relaxed_madd(self.0, factor.0, sum.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Four(f32x4_add(sum.0, f32x4_mul(self.0, factor.0)));
    }

    #[inline(always)]
    unsafe fn at_least(self, low: Four) -> Four {
        Four(f32x4_pmax(self.0, low.0))
    }

    #[inline(always)]
    unsafe fn at_most(self, high: Four) -> Four {
        Four(f32x4_pmin(self.0, high.0))
    }
}
