//! Weights as they are stored, in 16 or in 32 bits.

use half::f16;
use rayon::prelude::*;

/// A stored weight.
pub(crate) trait StoredValue: Copy + Send + Sync {
    /// The same in 32 bits.
    fn widened(self) -> f32;
}

impl StoredValue for f32 {
    #[inline(always)]
    fn widened(self) -> f32 {
        self
    }
}

impl StoredValue for f16 {
    /// On wasm, which has no instruction for it, without branches: loops of it become vectors.
    #[inline(always)]
    fn widened(self) -> f32 {
        let bits = self.to_bits() as u32;
        // The exponent counts from 127 in place of 15; the product is exact, also of what is subnormal here.
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * 2f32.powi(112);
        let magnitude =
            if magnitude < 65536.0 { magnitude.to_bits() } else { 0x7f80_0000 | (bits & 0x3ff) << 13 };
        f32::from_bits(magnitude | (bits & 0x8000) << 16)
    }
}

/// The values in 16 bits, if that loses nothing.
pub(crate) fn halved(values: &[f32]) -> Option<Vec<f16>> {
    let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
    let same = halves.iter().zip(values).all(|(half, value)| half.widened().to_bits() == value.to_bits());
    same.then_some(halves)
}

/// The values in 32 bits.
pub(crate) fn widened(values: &[f16]) -> Vec<f32> {
    let mut widened = vec![0.0; values.len()];
    let chunks = widened.par_chunks_mut(1 << 14).zip(values.par_chunks(1 << 14));
    chunks.for_each(|(target, values)| {
        target.iter_mut().zip(values).for_each(|(target, value)| *target = value.widened());
    });
    widened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            let (own, expected) = (half.widened(), half.to_f32());
            assert!(own.to_bits() == expected.to_bits() || own.is_nan() && expected.is_nan(), "{bits:#x}");
        }
    }

    #[test]
    fn only_what_loses_nothing_is_halved() {
        let values =
            [0.0, -0.0, 1.5, -65504.0, 6.0e-8f32, f32::INFINITY].map(|value| f16::from_f32(value).to_f32());
        assert_eq!(widened(&halved(&values).unwrap()), values);
        for value in [0.1, 65536.0, 1e-9] {
            assert_eq!(halved(&[1.0, value]), None);
        }
    }
}
