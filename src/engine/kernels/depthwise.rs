//! Depthwise convolution: each plane with a small kernel of its own.

use super::{Clamp, for_each_plane};

/// Output pixels computed at a time: so many columns of so many rows. Sums stay in registers, and each input row
/// that is read serves several output rows.
const LANES: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };
const ROWS: usize = 4;

/// Shape of a depthwise convolution with a square kernel, 3 or 5 to a side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Depthwise {
    /// Height and width of an input plane.
    pub input: (usize, usize),
    /// Height and width of an output plane.
    pub output: (usize, usize),
    /// Side of the kernel.
    pub side: usize,
    /// 1 or 2, both ways.
    pub stride: usize,
    /// Zeros above and left of the input; below and right as many as needed.
    pub before: (usize, usize),
}

impl Depthwise {
    /// Whether there is a kernel for it.
    pub fn is_supported(&self) -> bool {
        matches!((self.side, self.stride), (3 | 5, 1 | 2))
    }

    /// Convolves every plane.
    ///
    /// `input` `[c, h, w]`, `kernel` `[c, side, side]`, `bias` `[c]`, `output` `[c, h', w']`.
    pub fn run(&self, input: &[f32], kernel: &[f32], bias: &[f32], clamp: Clamp, output: &mut [f32]) {
        let plane = |side: usize, stride: usize| match (side, stride) {
            (3, 1) => Depthwise::plane::<3, 1>,
            (3, 2) => Depthwise::plane::<3, 2>,
            (5, 1) => Depthwise::plane::<5, 1>,
            _ => Depthwise::plane::<5, 2>,
        };
        let plane = plane(self.side, self.stride);
        let (pixels, taps) = (self.input.0 * self.input.1, self.side * self.side);
        let lines = Lines::new(self);
        for_each_plane(output, self.output.0 * self.output.1, lines.len(), |c, output, scratch| {
            lines.fill(self, &input[c * pixels..][..pixels], scratch);
            let kernel = &kernel[c * taps..][..taps];
            plane(self, &Plane { lines: &lines, padded: scratch, kernel, bias: bias[c], clamp }, output);
        });
    }

    /// One plane, on the widest vectors that the machine has.
    fn plane<const SIDE: usize, const STRIDE: usize>(&self, plane: &Plane, output: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512vl,fma")]
            fn with_avx512<const SIDE: usize, const STRIDE: usize>(
                shape: &Depthwise,
                plane: &Plane,
                output: &mut [f32],
            ) {
                shape.rows::<SIDE, STRIDE>(plane, f32::mul_add, output);
            }
            #[target_feature(enable = "avx2,fma")]
            fn with_avx2<const SIDE: usize, const STRIDE: usize>(
                shape: &Depthwise,
                plane: &Plane,
                output: &mut [f32],
            ) {
                shape.rows::<SIDE, STRIDE>(plane, f32::mul_add, output);
            }
            let fma = is_x86_feature_detected!("fma");
            if fma && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                // SAFETY: the machine has what the function enables, as was just asked.
                #[allow(unsafe_code)]
                return unsafe { with_avx512::<SIDE, STRIDE>(self, plane, output) };
            }
            if fma && is_x86_feature_detected!("avx2") {
                // SAFETY: the machine has what the function enables, as was just asked.
                #[allow(unsafe_code)]
                return unsafe { with_avx2::<SIDE, STRIDE>(self, plane, output) };
            }
        }
        if cfg!(target_arch = "aarch64") {
            self.rows::<SIDE, STRIDE>(plane, f32::mul_add, output);
        } else {
            self.rows::<SIDE, STRIDE>(plane, |weight, value, sum| sum + weight * value, output);
        }
    }

    // Plain loops over arrays of fixed size: what compilers reliably keep in vector registers.
    #[inline(always)]
    fn rows<const SIDE: usize, const STRIDE: usize>(
        &self,
        plane: &Plane,
        multiply_add: impl Fn(f32, f32, f32) -> f32,
        output: &mut [f32],
    ) {
        let Plane { lines, padded, kernel, bias, clamp } = *plane;
        let (height, width) = self.output;
        for y in (0..height).step_by(ROWS) {
            for x in (0..width).step_by(LANES) {
                let mut sums = [[bias; LANES]; ROWS];
                for row in 0..(ROWS - 1) * STRIDE + SIDE {
                    for kx in 0..SIDE {
                        let start =
                            (y * STRIDE + row) * lines.row + kx % STRIDE * lines.part + kx / STRIDE + x;
                        let source = block(padded, start);
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let ky = row.wrapping_sub(r * STRIDE);
                            if ky < SIDE {
                                let weight = kernel[ky * SIDE + kx];
                                for (sum, value) in sums.iter_mut().zip(source) {
                                    *sum = multiply_add(weight, *value, *sum);
                                }
                            }
                        }
                    }
                }
                let lanes = LANES.min(width - x);
                for (target, sums) in output[y * width..].chunks_mut(width).zip(sums) {
                    target[x..x + lanes].copy_from_slice(&sums.map(|sum| clamp.of(sum))[..lanes]);
                }
            }
        }
    }
}

/// What one output plane is made from.
struct Plane<'a> {
    lines: &'a Lines,
    /// The input plane, padded and laid out as `lines` says.
    padded: &'a [f32],
    kernel: &'a [f32],
    bias: f32,
    clamp: Clamp,
}

#[inline(always)]
fn block(values: &[f32], start: usize) -> &[f32; LANES] {
    values[start..].first_chunk().expect("LANES values")
}

/// Layout of a padded plane: rows one after the other; with stride 2 each as
/// its even columns and then its odd ones, so that what is read lies together.
struct Lines {
    /// Values of a row.
    row: usize,
    /// Values of a row's part: all of it, or its even or odd columns.
    part: usize,
    rows: usize,
    stride: usize,
}

impl Lines {
    fn new(shape: &Depthwise) -> Lines {
        let part = shape.output.1.next_multiple_of(LANES) + shape.side / shape.stride;
        let rows = (shape.output.0.next_multiple_of(ROWS) - 1) * shape.stride + shape.side;
        Lines { row: part * shape.stride, part, rows, stride: shape.stride }
    }

    fn len(&self) -> usize {
        self.row * self.rows
    }

    /// Writes a plane; the padding is zero from the start and never written.
    fn fill(&self, shape: &Depthwise, plane: &[f32], padded: &mut [f32]) {
        let (above, left) = shape.before;
        let rows = padded.chunks_exact_mut(self.row).skip(above);
        for (source, target) in plane.chunks_exact(shape.input.1).zip(rows) {
            if self.stride == 1 {
                let width = source.len().min(self.row - left);
                target[left..left + width].copy_from_slice(&source[..width]);
            } else {
                let (even, odd) = target.split_at_mut(self.part);
                // The first column goes to the odd ones where an odd number of zeros precedes it.
                let (first, second) = if left % 2 == 0 {
                    (&mut even[left / 2..], &mut odd[left / 2..])
                } else {
                    (&mut odd[left / 2..], &mut even[left / 2 + 1..])
                };
                let pairs = source.chunks_exact(2);
                if let ([last], Some(target)) = (pairs.remainder(), first.get_mut(source.len() / 2)) {
                    *target = *last;
                }
                for ((pair, first), second) in pairs.zip(first).zip(second) {
                    (*first, *second) = (pair[0], pair[1]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        let channels = 3;
        for side in [3, 5] {
            for stride in [1, 2] {
                for input in [(1, 1), (7, 5), (8, 16), (20, 33), (31, 64)] {
                    for before in [(side / 2, side / 2), ((side - 2) / 2, (side - 2) / 2), (0, 1)] {
                        let size = |input: usize| input.div_ceil(stride);
                        let output = (size(input.0), size(input.1));
                        let shape = Depthwise { input, output, side, stride, before };
                        assert!(shape.is_supported());
                        let x = random(1, channels * input.0 * input.1);
                        let kernel = random(2, channels * side * side);
                        let bias = random(3, channels);
                        let clamp = Clamp { low: -0.5, high: 1.5 };
                        let mut y = vec![f32::NAN; channels * output.0 * output.1];
                        shape.run(&x, &kernel, &bias, clamp, &mut y);
                        for (i, &value) in y.iter().enumerate() {
                            let (c, row, column) =
                                (i / (output.0 * output.1), i / output.1 % output.0, i % output.1);
                            let mut sum = bias[c] as f64;
                            for ky in 0..side {
                                for kx in 0..side {
                                    let v = (row * stride + ky).wrapping_sub(before.0);
                                    let u = (column * stride + kx).wrapping_sub(before.1);
                                    if v < input.0 && u < input.1 {
                                        let pixel = x[(c * input.0 + v) * input.1 + u] as f64;
                                        sum += pixel * kernel[(c * side + ky) * side + kx] as f64;
                                    }
                                }
                            }
                            let expected = sum.clamp(-0.5, 1.5);
                            assert!(
                                (value as f64 - expected).abs() < 1e-5,
                                "{shape:?} {i}: {value} {expected}"
                            );
                        }
                    }
                }
            }
        }
    }
}
