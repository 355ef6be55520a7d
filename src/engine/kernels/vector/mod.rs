//! Vectors of floats as wide as the machine has them, for the loops that are written by hand.

#[cfg(not(any(target_arch = "x86_64", target_arch = "wasm32")))]
mod portable;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(not(any(target_arch = "x86_64", target_arch = "wasm32")))]
pub(super) use portable::Four;
#[cfg(target_arch = "wasm32")]
pub(super) use wasm::Four;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512, Eight, Four, Sixteen};

/// Floats that are computed with at a time.
///
/// # Safety
///
/// Of all methods: the machine has vectors of this kind, and what is loaded or stored is `LANES` floats that may be
/// read or written; they need not be aligned.
#[allow(unsafe_code)]
pub(super) trait Vector: Copy {
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    /// `self * factor + sum`, rounded once or twice.
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self;
    /// The larger one; `self` where it is not a number.
    unsafe fn at_least(self, low: Self) -> Self;
    /// The smaller one; `self` where it is not a number.
    unsafe fn at_most(self, high: Self) -> Self;
}
