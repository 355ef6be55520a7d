//! The exponential function.

use std::array;

/// Powers below are 0: the smallest normal number is e^-87.34.
const LOWEST: f32 = -87.3;
/// Adding it rounds to whole numbers, which are then the last bits of the sum.
const ROUNDING: f32 = 12_582_912.0;
/// The logarithm of 2: its first bits, so that their product with a small whole number is exact, and the rest.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// From the seventh power down to the square, on -ln(2)/2..ln(2)/2: those of `expf` in Moshier's Cephes library.
const COEFFICIENTS: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// Values that are computed with at a time: some vectors, as their many constants are loaded again for each.
pub(super) const BLOCK: usize = 16;

/// `e^x` of each, none of which is above 88: within 2e-7 of it, and 0 for less than e^-87.3.
///
/// It has no branches and no call, so that it becomes vectors, which [`f32::exp`] does not.
#[inline(always)]
pub(super) fn exp(x: [f32; BLOCK]) -> [f32; BLOCK] {
    let rounded: [f32; BLOCK] = array::from_fn(|i| x[i] * std::f32::consts::LOG2_E + ROUNDING);
    let rest: [f32; BLOCK] = array::from_fn(|i| {
        let whole = rounded[i] - ROUNDING;
        x[i] - whole * LN_2[0] - whole * LN_2[1]
    });
    let mut sum = [COEFFICIENTS[0]; BLOCK];
    for coefficient in &COEFFICIENTS[1..] {
        sum = array::from_fn(|i| sum[i] * rest[i] + coefficient);
    }
    array::from_fn(|i| {
        let power = sum[i] * rest[i] * rest[i] + rest[i] + 1.0;
        // The whole number is added to the exponent.
        let scaled = f32::from_bits(power.to_bits().wrapping_add(rounded[i].to_bits() << 23));
        if x[i] < LOWEST { 0.0 } else { scaled }
    })
}

/// Does something to all `values`, a block at a time; the last one may be filled up with zeros.
#[inline(always)]
pub(super) fn in_blocks(values: &mut [f32], work: impl Fn([f32; BLOCK]) -> [f32; BLOCK]) {
    let (blocks, rest) = values.as_chunks_mut::<BLOCK>();
    blocks.iter_mut().for_each(|block| *block = work(*block));
    if !rest.is_empty() {
        let mut block = [0.0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        rest.copy_from_slice(&work(block)[..rest.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_function() {
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0;
            let [value, ..] = exp([x; BLOCK]);
            let expected = (x as f64).exp();
            assert!((value as f64 / expected - 1.0).abs() < 2e-7, "{x}: {value} {expected}");
        }
        let mut values = [0.0, -88.0, f32::NEG_INFINITY, f32::NAN];
        in_blocks(&mut values, exp);
        assert_eq!(values[..3], [1.0, 0.0, 0.0]);
        assert!(values[3].is_nan());
    }
}
