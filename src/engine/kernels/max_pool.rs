//! The largest value of each window.

use super::for_each_plane;

/// Shape of the windows of a plane, as those of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MaxPool {
    /// Height and width of an input plane.
    pub input: (usize, usize),
    /// Height and width of an output plane.
    pub output: (usize, usize),
    /// Height and width of a window.
    pub side: (usize, usize),
    /// Input pixels from one window to the next, down and across.
    pub stride: (usize, usize),
    /// How far the first window reaches beyond the plane, above and left; what lies there counts nothing.
    pub before: (usize, usize),
}

impl MaxPool {
    /// `input` `[c, h, w]`, `output` `[c, h', w']`.
    pub fn run(&self, input: &[f32], output: &mut [f32]) {
        let (height, width) = self.input;
        // The largest values of the columns, with room for windows that reach beyond them.
        let padded = (self.output.1 - 1) * self.stride.1 + self.side.1.max(self.before.1 + width);
        for_each_plane(output, self.output.0 * self.output.1, padded, |c, output, columns| {
            columns.fill(f32::NEG_INFINITY);
            let plane = &input[c * height * width..][..height * width];
            for (y, output) in output.chunks_exact_mut(self.output.1).enumerate() {
                let top = y * self.stride.0;
                let rows = top.saturating_sub(self.before.0)
                    ..(top + self.side.0).saturating_sub(self.before.0).min(height);
                let columns = &mut columns[..];
                let inside = &mut columns[self.before.1..][..width];
                inside.fill(f32::NEG_INFINITY);
                for row in plane.chunks_exact(width).take(rows.end).skip(rows.start) {
                    for (largest, value) in inside.iter_mut().zip(row) {
                        *largest = if *value > *largest { *value } else { *largest };
                    }
                }
                for (x, value) in output.iter_mut().enumerate() {
                    let window = &columns[x * self.stride.1..][..self.side.1];
                    *value = window.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        // Input, window, stride, before.
        let cases = [
            ((1, 1), 3, 2, 1),
            ((8, 13), 3, 2, 1),
            ((9, 64), 2, 2, 0),
            ((200, 100), 3, 1, 1),
            ((7, 7), 7, 1, 3),
        ];
        for (input, side, stride, before) in cases {
            let size = |size: usize| (size + 2 * before).saturating_sub(side) / stride + 1;
            let pool = MaxPool {
                input,
                output: (size(input.0), size(input.1)),
                side: (side, side),
                stride: (stride, stride),
                before: (before, before),
            };
            let channels = 3;
            let x = random(1, channels * input.0 * input.1);
            let mut y = vec![f32::NAN; channels * pool.output.0 * pool.output.1];
            pool.run(&x, &mut y);
            for (i, &value) in y.iter().enumerate() {
                let (c, place) = (i / (pool.output.0 * pool.output.1), i % (pool.output.0 * pool.output.1));
                let (row, column) = (place / pool.output.1, place % pool.output.1);
                let mut largest = f32::NEG_INFINITY;
                for ky in 0..side {
                    for kx in 0..side {
                        let v = (row * stride + ky).wrapping_sub(before);
                        let u = (column * stride + kx).wrapping_sub(before);
                        if v < input.0 && u < input.1 {
                            largest = largest.max(x[(c * input.0 + v) * input.1 + u]);
                        }
                    }
                }
                assert_eq!(value, largest, "{pool:?} {i}");
            }
        }
    }
}
