//! Mask logits of a network -> rows of them in the photo's size.
//!
//! The way there is that of ModelScope's pipeline, in the same order of arithmetic
//! as PyTorch's `interpolate(mode="bilinear", align_corners=False)`: stretched to
//! the input tensor, cropped to the photo, stretched to its size. Only the rows at
//! hand exist at a time.

use std::ops::Range;

use ndarray::ArrayView2;

use crate::error::{Result, collected, refill};
use crate::tensor::Placement;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "rows of the masks";

/// For each place along a line, the two of another line that it lies between and their weights.
pub(super) struct Axis(Vec<Tap>);

#[derive(Clone, Copy)]
struct Tap {
    near: usize,
    far: usize,
    weights: [f32; 2],
}

impl Axis {
    fn new(from: usize, to: usize) -> Result<Axis> {
        let scale = from as f32 / to as f32;
        let tap = |place: usize| {
            let at = (scale * (place as f32 + 0.5) - 0.5).max(0.0);
            let near = (at as usize).min(from - 1);
            let far = (near + 1).min(from - 1);
            let weight = (at - near as f32).clamp(0.0, 1.0);
            Tap { near, far, weights: [1.0 - weight, weight] }
        };
        Ok(Axis(collected((0..to).map(tap), PURPOSE)?))
    }

    fn part(mut self, places: Range<usize>) -> Axis {
        self.0.truncate(places.end);
        self.0.drain(..places.start);
        self
    }

    fn stretch(&self, line: &[f32], stretched: &mut Vec<f32>) -> Result<()> {
        let values =
            self.0.iter().map(|tap| line[tap.near] * tap.weights[0] + line[tap.far] * tap.weights[1]);
        refill(stretched, values, PURPOSE)
    }
}

/// Where the pixels of the photo lie among the cells of the masks.
pub(super) struct Grid {
    /// Pixels of the input tensor, those of the photo alone, among the cells.
    tensor: (Axis, Axis),
    /// Pixels of the photo among those. In a mirrored tensor the columns run backwards.
    photo: (Axis, Axis),
}

impl Grid {
    /// For masks of `height` x `width` cells.
    pub fn new(placement: Placement, (height, width): (usize, usize)) -> Result<Grid> {
        let Placement { photo, content, origin, padded, mirrored } = placement;
        let tensor = |cells: usize, padded: u32, origin: u32, content: u32| -> Result<Axis> {
            let axis = Axis::new(cells, padded as usize)?;
            Ok(axis.part(origin as usize..(origin + content) as usize))
        };
        let mut columns = Axis::new(content.0 as usize, photo.0 as usize)?;
        if mirrored {
            columns.0.reverse();
        }
        Ok(Grid {
            tensor: (
                tensor(width, padded.0, origin.0, content.0)?,
                tensor(height, padded.1, origin.1, content.1)?,
            ),
            photo: (columns, Axis::new(content.1 as usize, photo.1 as usize)?),
        })
    }

    /// Width and height of the photo in the input tensor.
    pub fn content(&self) -> (usize, usize) {
        (self.tensor.0.0.len(), self.tensor.1.0.len())
    }

    /// Width and height of the photo.
    pub fn photo(&self) -> (usize, usize) {
        (self.photo.0.0.len(), self.photo.1.0.len())
    }
}

/// Rows of a plane in another size. The last two rows used are kept, stretched.
#[derive(Default)]
struct Rows {
    kept: [(Option<usize>, Vec<f32>); 2],
    line: Vec<f32>,
}

impl Rows {
    /// Replaces what is in `target` by row `y`; `source` gives the rows of the plane.
    fn row(
        &mut self,
        (columns, rows): &(Axis, Axis),
        y: usize,
        mut source: impl FnMut(usize, &mut Vec<f32>) -> Result<()>,
        target: &mut Vec<f32>,
    ) -> Result<()> {
        let Tap { near, far, weights } = rows.0[y];
        if self.kept[0].0 != Some(near) {
            self.kept.swap(0, 1);
        }
        for ((kept, stretched), row) in self.kept.iter_mut().zip([near, far]) {
            if *kept != Some(row) {
                *kept = Some(row);
                source(row, &mut self.line)?;
                columns.stretch(&self.line, stretched)?;
            }
        }
        let [(_, above), (_, below)] = &self.kept;
        refill(target, above.iter().zip(below).map(|(a, b)| a * weights[0] + b * weights[1]), PURPOSE)
    }
}

fn copy(plane: ArrayView2<'_, f32>) -> impl FnMut(usize, &mut Vec<f32>) -> Result<()> + '_ {
    move |row, line| refill(line, plane.row(row).iter().copied(), PURPOSE)
}

/// Rows of a mask in the photo's size, fastest if asked for one after the other.
pub(super) struct MaskRows<'a> {
    mask: ArrayView2<'a, f32>,
    grid: &'a Grid,
    tensor: Rows,
    photo: Rows,
}

impl<'a> MaskRows<'a> {
    pub fn new(mask: ArrayView2<'a, f32>, grid: &'a Grid) -> MaskRows<'a> {
        MaskRows { mask, grid, tensor: Rows::default(), photo: Rows::default() }
    }

    /// Replaces what is in `target` by row `y` of the photo.
    pub fn row(&mut self, y: usize, target: &mut Vec<f32>) -> Result<()> {
        let (grid, tensor, mask) = (self.grid, &mut self.tensor, self.mask);
        let source = |row: usize, line: &mut Vec<f32>| tensor.row(&grid.tensor, row, copy(mask), line);
        self.photo.row(&grid.photo, y, source, target)
    }

    /// Replaces what is in `target` by row `y` of the photo in the input tensor.
    pub fn tensor_row(&mut self, y: usize, target: &mut Vec<f32>) -> Result<()> {
        self.tensor.row(&self.grid.tensor, y, copy(self.mask), target)
    }
}

/// Rows in the photo's size of a plane in the size that the photo has in the input tensor.
pub(super) struct PlaneRows<'a> {
    plane: ArrayView2<'a, f32>,
    grid: &'a Grid,
    rows: Rows,
}

impl<'a> PlaneRows<'a> {
    pub fn new(plane: ArrayView2<'a, f32>, grid: &'a Grid) -> PlaneRows<'a> {
        PlaneRows { plane, grid, rows: Rows::default() }
    }

    /// Replaces what is in `target` by row `y`.
    pub fn row(&mut self, y: usize, target: &mut Vec<f32>) -> Result<()> {
        self.rows.row(&self.grid.photo, y, copy(self.plane), target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, arr2, s};

    #[test]
    fn lines_are_stretched_as_in_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[0., 1., 4.]]]), size=..., mode="linear")
        let stretched = |to: usize| {
            let mut line = vec![];
            Axis::new(3, to).unwrap().stretch(&[0.0, 1.0, 4.0], &mut line).unwrap();
            line
        };
        assert_eq!(stretched(3), [0.0, 1.0, 4.0]);
        assert_eq!(stretched(6), [0.0, 0.25, 0.75, 1.75, 3.25, 4.0]);
        assert_eq!(stretched(2), [0.25, 3.25]);
        assert_eq!(stretched(1), [1.0]);
    }

    #[test]
    fn a_mask_is_cropped_between_its_two_stretches() {
        let mask = Array2::from_shape_fn((3, 4), |(y, x)| ((y * 4 + x) as f32 * 1.7).sin());
        let place =
            Placement { photo: (7, 9), content: (10, 6), origin: (3, 2), padded: (16, 12), mirrored: false };
        // The same with whole planes.
        let stretched = |plane: &Array2<f32>, (width, height): (usize, usize)| {
            let [rows, columns] = [(plane.nrows(), height), (plane.ncols(), width)]
                .map(|(from, to)| Axis::new(from, to).unwrap());
            Array2::from_shape_fn((height, width), |(y, x)| {
                let (v, u) = (rows.0[y], columns.0[x]);
                let line =
                    |row: usize| plane[[row, u.near]] * u.weights[0] + plane[[row, u.far]] * u.weights[1];
                line(v.near) * v.weights[0] + line(v.far) * v.weights[1]
            })
        };
        let content = stretched(&mask, (16, 12)).slice(s![2..8, 3..13]).to_owned();
        let photo = stretched(&content, (7, 9));
        for mirrored in [false, true] {
            let grid = Grid::new(Placement { mirrored, ..place }, (3, 4)).unwrap();
            assert_eq!((grid.content(), grid.photo()), ((10, 6), (7, 9)));
            let (mut rows, mut line) = (MaskRows::new(mask.view(), &grid), vec![]);
            let mut plane_rows = PlaneRows::new(content.view(), &grid);
            for y in [0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 0] {
                let mut expected = photo.row(y).to_vec();
                if mirrored {
                    expected.reverse();
                }
                rows.row(y, &mut line).unwrap();
                assert_eq!(line, expected, "{y}");
                plane_rows.row(y, &mut line).unwrap();
                assert_eq!(line, expected, "{y}");
            }
            for y in 0..6 {
                rows.tensor_row(y, &mut line).unwrap();
                assert_eq!(line, content.row(y).to_vec(), "{y}");
            }
        }
    }

    #[test]
    fn one_cell_is_everywhere() {
        let mask = arr2(&[[2.5]]);
        let place =
            Placement { photo: (2, 3), content: (5, 5), origin: (0, 0), padded: (32, 32), mirrored: false };
        let grid = Grid::new(place, (1, 1)).unwrap();
        let mut line = vec![];
        MaskRows::new(mask.view(), &grid).row(2, &mut line).unwrap();
        assert_eq!(line, [2.5, 2.5]);
    }
}
