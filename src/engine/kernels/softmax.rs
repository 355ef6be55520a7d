//! Softmax of rows.

use super::exponential::{exp, in_blocks};
use super::{fold, for_each_plane, sum};

/// Makes each row of `values` `[rows, width]` its softmax: positive values of sum 1.
pub(crate) fn softmax(values: &mut [f32], width: usize) {
    for_each_plane(values, width, 0, |_, row, _| {
        let larger = |one, other| if other > one { other } else { one };
        let largest = fold(row, f32::NEG_INFINITY, |value| value, larger);
        in_blocks(row, |values| exp(values.map(|value| value - largest)));
        let share = 1.0 / sum(row, |value| value);
        row.iter_mut().for_each(|value| *value *= share);
    });
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        for (rows, width) in [(1, 1), (3, 7), (200, 100), (2, 1000)] {
            let mut values = random(1, rows * width);
            values.iter_mut().for_each(|value| *value *= 30.0);
            // Keys that are not to be seen.
            values.iter_mut().step_by(3).skip(1).for_each(|value| *value = f32::NEG_INFINITY);
            let before = values.clone();
            softmax(&mut values, width);
            for (row, before) in values.chunks_exact(width).zip(before.chunks_exact(width)) {
                let sum: f64 = before.iter().map(|&value| (value as f64).exp()).sum();
                for (value, before) in row.iter().zip(before) {
                    let expected = (*before as f64).exp() / sum;
                    let agree = (*value as f64 - expected).abs() < 1e-6 * expected.max(1e-6);
                    // Where nothing is to be seen, no share is one.
                    assert!(agree || sum == 0.0 && value.is_nan(), "{value} {expected}");
                }
            }
        }
    }
}
