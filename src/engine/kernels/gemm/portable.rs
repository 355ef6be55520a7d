//! The tile kernel for machines without one of their own; compilers make vector code of it where that is the baseline,
//! as on 64-bit ARM.

use super::TileKernel;

const ROWS: usize = 8;
const COLUMNS: usize = 8;

pub(super) const KERNEL: TileKernel = TileKernel { rows: ROWS, columns: COLUMNS, run };

fn run(_: usize, a: &[f32], b: &[f32], tile: &mut [f32]) {
    let mut sums = [[0.0f32; COLUMNS]; ROWS];
    let steps = a.as_chunks::<ROWS>().0.iter().zip(b.as_chunks::<COLUMNS>().0);
    for (a, b) in steps {
        for (sums, a) in sums.iter_mut().zip(a) {
            for (sum, b) in sums.iter_mut().zip(b) {
                if cfg!(target_arch = "aarch64") {
                    *sum = a.mul_add(*b, *sum);
                } else {
                    *sum += a * b;
                }
            }
        }
    }
    tile.copy_from_slice(sums.as_flattened());
}
