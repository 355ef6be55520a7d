//! Vectors of floats as wide as the machine has them, for the loops that are written by hand.

#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "wasm32"))))]
pub(super) mod portable;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of each kind: rounded, equal, signed zeros, far apart, none.
    const VALUES: [f32; 10] = [0.1, -0.1, 0.0, -0.0, 3.3, 3.3, 1e30, -1e-30, f32::INFINITY, f32::NAN];

    /// Compares all methods with their definitions, lane by lane.
    ///
    /// # Safety
    ///
    /// The machine has vectors of this kind.
    #[allow(unsafe_code)]
    unsafe fn check<V: Vector>() {
        let values =
            |from: usize| (0..V::LANES).map(|i| VALUES[(from + i) % VALUES.len()]).collect::<Vec<_>>();
        // SAFETY: the vectors have `LANES` floats; the machine is as above.
        let stored = |vector: V| unsafe {
            let mut lanes = vec![0.0f32; V::LANES];
            vector.store(lanes.as_mut_ptr());
            lanes
        };
        let is_same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        for (x, y, z) in (0..1000).map(|n| (values(n % 10), values(n / 10 % 10), values(n / 100))) {
            // SAFETY: as above.
            let (sum, product, least, most, splat) = unsafe {
                let [a, b, c] = [&x, &y, &z].map(|values| V::load(values.as_ptr()));
                (a.add(b), a.multiply_add(b, c), a.at_least(b), a.at_most(b), V::splat(x[0]))
            };
            for i in 0..V::LANES {
                assert!(is_same(stored(sum)[i], x[i] + y[i]), "{} + {}", x[i], y[i]);
                let found = stored(product)[i];
                let expected = [x[i] * y[i] + z[i], x[i].mul_add(y[i], z[i])];
                assert!(
                    expected.iter().any(|&one| is_same(found, one)),
                    "{} * {} + {}: {found}",
                    x[i],
                    y[i],
                    z[i]
                );
                let expected = if x[i] < y[i] { y[i] } else { x[i] };
                assert!(stored(least)[i] == expected || x[i].is_nan() && stored(least)[i].is_nan());
                let expected = if y[i] < x[i] { y[i] } else { x[i] };
                assert!(stored(most)[i] == expected || x[i].is_nan() && stored(most)[i].is_nan());
                assert!(is_same(stored(splat)[i], x[0]));
            }
        }
    }

    #[test]
    #[allow(unsafe_code)]
    fn every_kind_computes_by_the_definition() {
        // SAFETY: every machine that this is compiled for has vectors of 4 lanes; of others it is asked.
        unsafe {
            check::<Four>();
            check::<portable::Four>();
            #[cfg(target_arch = "x86_64")]
            {
                if Avx2::here().is_some() {
                    check::<Eight>();
                }
                if Avx512::here().is_some() {
                    check::<Sixteen>();
                }
            }
        }
    }
}
