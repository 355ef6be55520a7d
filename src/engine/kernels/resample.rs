//! Resampling of planes where each output value is a mix of two input values a side.

use super::for_each_plane;

/// How one side is resampled: output i = near[i].1 * input[near[i].0] + far[i].1 * input[far[i].0].
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub near: Vec<(usize, f32)>,
    pub far: Vec<(usize, f32)>,
}

impl Axis {
    /// Output length.
    pub fn len(&self) -> usize {
        self.near.len()
    }
}

/// Resamples every plane of `input` `[c, h, w]` into `output` `[c, rows.len(), columns.len()]`.
pub(crate) fn resample(
    input: &[f32],
    (height, width): (usize, usize),
    rows: &Axis,
    columns: &Axis,
    output: &mut [f32],
) {
    let line = columns.len();
    for_each_plane(output, rows.len() * line, height * line, |c, output, stretched| {
        let plane = &input[c * height * width..][..height * width];
        for (source, target) in plane.chunks_exact(width).zip(stretched.chunks_exact_mut(line)) {
            for ((value, near), far) in target.iter_mut().zip(&columns.near).zip(&columns.far) {
                *value = near.1 * source[near.0] + far.1 * source[far.0];
            }
        }
        for ((target, near), far) in output.chunks_exact_mut(line).zip(&rows.near).zip(&rows.far) {
            let (upper, lower) = (&stretched[near.0 * line..][..line], &stretched[far.0 * line..][..line]);
            for ((value, upper), lower) in target.iter_mut().zip(upper).zip(lower) {
                *value = near.1 * upper + far.1 * lower;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_by_the_given_mix() {
        let axis = |size: usize| Axis {
            near: (0..2 * size).map(|i| ((i.max(1) - 1) / 2, if i % 2 == 0 { 0.25 } else { 0.75 })).collect(),
            far: (0..2 * size)
                .map(|i| (i.div_ceil(2).min(size - 1), if i % 2 == 0 { 0.75 } else { 0.25 }))
                .collect(),
        };
        let mut output = vec![0.0; 2 * 16];
        let input = [0.0, 1.0, 2.0, 3.0, 8.0, 8.0, 8.0, 8.0];
        resample(&input, (2, 2), &axis(2), &axis(2), &mut output);
        assert_eq!(output[..4], [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(output[4..8], [0.5, 0.75, 1.25, 1.5]);
        assert_eq!(output[12..16], [2.0, 2.25, 2.75, 3.0]);
        assert_eq!(output[16..], [8.0; 16]);
    }
}
