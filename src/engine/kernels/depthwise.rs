//! Depthwise convolution: each plane with a small kernel of its own.

use super::vector::{Four, Vector};
use super::{Clamp, for_each_plane};

/// Output rows computed at a time; their sums stay in registers.
const ROWS: usize = 4;

/// Most lanes computed at a time: two vectors of sixteen.
const MAX_LANES: usize = 32;

/// Shape of a depthwise convolution with a square kernel.
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
        matches!(self.stride, 1 | 2)
    }

    /// Convolves every plane.
    ///
    /// `input` `[c, h, w]`, `kernel` `[c, side, side]`, `bias` `[c]`, `output` `[c, h', w']`.
    pub fn run(&self, input: &[f32], kernel: &[f32], bias: &[f32], clamp: Clamp, output: &mut [f32]) {
        let (pixels, taps) = (self.input.0 * self.input.1, self.side * self.side);
        let lines = Lines::new(self);
        let offsets = lines.offsets(self.side);
        let farthest = offsets.iter().copied().max().unwrap_or_default();
        for_each_plane(output, self.output.0 * self.output.1, lines.len(), |c, output, scratch| {
            lines.fill(self, &input[c * pixels..][..pixels], scratch);
            let kernel = &kernel[c * taps..][..taps];
            let (offsets, bias) = (&offsets[..], bias[c]);
            Plane { lines: &lines, padded: scratch, offsets, farthest, kernel, bias, clamp }
                .convolve(self.output.1, output);
        });
    }
}

/// What one output plane is made from.
struct Plane<'a> {
    lines: &'a Lines,
    /// The input plane, padded and laid out as `lines` says.
    padded: &'a [f32],
    /// Where the values of the kernel meet the input, from the place of the output on.
    offsets: &'a [usize],
    /// The largest of them.
    farthest: usize,
    kernel: &'a [f32],
    bias: f32,
    clamp: Clamp,
}

impl Plane<'_> {
    /// Writes the output plane, `width` values a row, on vectors that suit the machine and the width.
    fn convolve(&self, width: usize, output: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        {
            use super::vector::{Avx2, Avx512, Eight, Sixteen};

            #[target_feature(enable = "avx512f,fma")]
            fn with_avx512(plane: &Plane, width: usize, output: &mut [f32]) {
                // SAFETY: this is compiled for machines that have them.
                #[allow(unsafe_code)]
                unsafe {
                    plane.convolve_on::<Sixteen>(width, output);
                }
            }
            #[target_feature(enable = "avx2,fma")]
            fn with_avx2(plane: &Plane, width: usize, output: &mut [f32]) {
                // SAFETY: this is compiled for machines that have them.
                #[allow(unsafe_code)]
                unsafe {
                    plane.convolve_on::<Eight>(width, output);
                }
            }
            // Few columns would leave half of a wide vector unused.
            if !matches!(width % 16, 1..=8) && Avx512::here().is_some() {
                // SAFETY: the machine has AVX-512 and fused multiply-add, as was just asked.
                #[allow(unsafe_code)]
                return unsafe { with_avx512(self, width, output) };
            }
            if Avx2::here().is_some() {
                // SAFETY: the machine has AVX2 and fused multiply-add, as was just asked.
                #[allow(unsafe_code)]
                return unsafe { with_avx2(self, width, output) };
            }
        }
        // SAFETY: every machine that this is compiled for has vectors of 4 lanes.
        #[allow(unsafe_code)]
        unsafe {
            self.convolve_on::<Four>(width, output);
        }
    }

    /// # Safety
    ///
    /// The machine has vectors of this kind.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn convolve_on<V: Vector>(&self, width: usize, output: &mut [f32]) {
        let both = 2 * V::LANES;
        for y in (0..output.len() / width).step_by(ROWS) {
            // From right to left: what is written beyond the end of a row is written over by the next.
            let mut x = width.next_multiple_of(both);
            if (1..=V::LANES).contains(&(width % both)) {
                x -= both;
                // SAFETY: as above.
                unsafe { self.block::<V, 1>((y, x), width, output) };
            }
            while x > 0 {
                x -= both;
                // SAFETY: as above.
                unsafe { self.block::<V, 2>((y, x), width, output) };
            }
        }
    }

    /// Writes `N` vectors of up to `ROWS` rows from a place on.
    ///
    /// # Safety
    ///
    /// The machine has vectors of this kind.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn block<V: Vector, const N: usize>(
        &self,
        (y, x): (usize, usize),
        width: usize,
        output: &mut [f32],
    ) {
        let Lines { row, stride, .. } = *self.lines;
        let lanes = N * V::LANES;
        let first = y * stride * row + x;
        let last = first + (ROWS - 1) * stride * row + self.farthest;
        assert!(last + lanes <= self.padded.len(), "the padded plane holds what is read");
        // SAFETY: the farthest of the reads was checked; so is where the vectors are stored.
        unsafe {
            let from = self.padded.as_ptr().add(first);
            let mut sums = [[V::splat(self.bias); N]; ROWS];
            for (offset, weight) in self.offsets.iter().zip(self.kernel) {
                let (from, weight) = (from.add(*offset), V::splat(*weight));
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = V::load(from.add(r * stride * row + n * V::LANES)).multiply_add(weight, *sum);
                    }
                }
            }
            if self.clamp != Clamp::NONE {
                let (low, high) = (V::splat(self.clamp.low), V::splat(self.clamp.high));
                for sum in sums.as_flattened_mut() {
                    *sum = sum.at_least(low).at_most(high);
                }
            }
            let place = y * width + x;
            if place + (ROWS - 1) * width + lanes <= output.len() {
                let target = output.as_mut_ptr().add(place);
                for (r, sums) in sums.into_iter().enumerate() {
                    for (n, sum) in sums.into_iter().enumerate() {
                        sum.store(target.add(r * width + n * V::LANES));
                    }
                }
                return;
            }
            // At the plane's end, what does not lie in it is left away.
            for (target, sums) in output[place..].chunks_mut(width).zip(sums) {
                let mut values = [0.0; MAX_LANES];
                for (n, sum) in sums.into_iter().enumerate() {
                    sum.store(values[n * V::LANES..][..V::LANES].as_mut_ptr());
                }
                let count = lanes.min(target.len());
                target[..count].copy_from_slice(&values[..count]);
            }
        }
    }
}

/// Layout of a padded plane: rows one after the other; with stride 2 each as
/// its even columns and then its odd ones, so that what is read lies together.
struct Lines {
    /// Values of a row.
    row: usize,
    /// Values of a row, or of its even or odd columns.
    part: usize,
    rows: usize,
    stride: usize,
}

impl Lines {
    fn new(shape: &Depthwise) -> Lines {
        let part = shape.output.1.next_multiple_of(MAX_LANES) + shape.side / shape.stride;
        let rows = (shape.output.0.next_multiple_of(ROWS) - 1) * shape.stride + shape.side;
        Lines { row: part * shape.stride, part, rows, stride: shape.stride }
    }

    fn len(&self) -> usize {
        self.row * self.rows
    }

    /// Where the values of a kernel meet the input, row by row, from the place of the output on.
    fn offsets(&self, side: usize) -> Vec<usize> {
        let place = |ky: usize, kx: usize| ky * self.row + kx % self.stride * self.part + kx / self.stride;
        (0..side).flat_map(|ky| (0..side).map(move |kx| place(ky, kx))).collect()
    }

    /// Writes a plane; the padding is zero from the start and never written.
    fn fill(&self, shape: &Depthwise, plane: &[f32], padded: &mut [f32]) {
        let (above, left) = shape.before;
        let rows = padded.chunks_exact_mut(self.row).skip(above);
        for (source, target) in plane.chunks_exact(shape.input.1).zip(rows) {
            if self.stride == 1 {
                copy(source, &mut target[left..]);
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

/// Copies the first values; short rows without calling a function, as a copy of any length does in wasm.
fn copy(source: &[f32], target: &mut [f32]) {
    const PIECE: usize = 8;
    let length = source.len().min(target.len());
    let (source, target) = (&source[..length], &mut target[..length]);
    let (pieces, rest) = source.as_chunks::<PIECE>();
    for (target, piece) in target.as_chunks_mut::<PIECE>().0.iter_mut().zip(pieces) {
        *target = *piece;
    }
    if let (Some(source), Some(target)) = (source.last_chunk::<PIECE>(), target.last_chunk_mut::<PIECE>()) {
        *target = *source;
    } else {
        target[length - rest.len()..].copy_from_slice(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::random;
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        let channels = 3;
        for side in [1, 3, 4, 5] {
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
