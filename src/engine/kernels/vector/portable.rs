//! Vectors for machines without a kind of their own: compilers make vector code of them where that is the baseline, as
//! on 64-bit ARM.

use std::array::from_fn;

use super::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Four([f32; 4]);

#[allow(unsafe_code)]
impl Vector for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Four {
        Four([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Four {
        // SAFETY: as the trait asks.
        Four(unsafe { from.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the trait asks.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Four) -> Four {
        Four(from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Four, sum: Four) -> Four {
        Four(from_fn(|i| {
            if cfg!(target_arch = "aarch64") {
                self.0[i].mul_add(factor.0[i], sum.0[i])
            } else {
                self.0[i] * factor.0[i] + sum.0[i]
            }
        }))
    }

    #[inline(always)]
    unsafe fn at_least(self, low: Four) -> Four {
        Four(from_fn(|i| if self.0[i] < low.0[i] { low.0[i] } else { self.0[i] }))
    }

    #[inline(always)]
    unsafe fn at_most(self, high: Four) -> Four {
        Four(from_fn(|i| if high.0[i] < self.0[i] { high.0[i] } else { self.0[i] }))
    }
}
