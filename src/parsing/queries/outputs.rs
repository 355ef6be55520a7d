//! Outputs of a network with queries, checked and read.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis, Ix3, Ix4, s};

use super::masks::Grid;
use crate::error::{Code, Error, Result};
use crate::parsing::{Answer, planes};
use crate::tensor::Placement;

/// What the network answered to one pass.
pub(super) struct Queries<'a> {
    /// Of each class but "nothing", `[queries, classes]`.
    pub probabilities: Array2<f32>,
    /// Logits `[queries, h, w]` over the padded input.
    pub masks: ArrayView3<'a, f32>,
    pub placement: Placement,
    pub grid: Grid,
}

impl Queries<'_> {
    /// The mask logits of a query.
    pub fn mask(&self, query: usize) -> ArrayView2<'_, f32> {
        self.masks.index_axis(Axis(0), query)
    }
}

/// Checks the outputs of all passes; "nothing" comes after the `classes`.
pub(super) fn read(answers: &[Answer], classes: usize) -> Result<Vec<Queries<'_>>> {
    let read = |answer| read_one(answer, classes);
    answers.iter().map(read).collect()
}

fn read_one(Answer { placement, outputs }: &Answer, classes: usize) -> Result<Queries<'_>> {
    let shapes: Vec<&[usize]> = outputs.iter().map(|output| output.shape()).collect();
    let wrong = || {
        Error::new(
            Code::BadModel,
            format!(
                "the model's outputs are {shapes:?}, its card asks for classes [1, queries, {}] and masks [1, queries, h, w]",
                classes + 1
            ),
        )
    };
    let [logits, masks] = &outputs[..] else { return Err(wrong()) };
    let (&[1, queries, width], &[1, of, rows, columns]) = (logits.shape(), masks.shape()) else {
        return Err(wrong());
    };
    if width != classes + 1 || queries != of || [queries, rows, columns].contains(&0) {
        return Err(wrong());
    }
    if logits.iter().chain(masks).any(|value| !value.is_finite()) {
        return Err(Error::new(
            Code::InferenceFailed,
            "the network's output has values that are not numbers",
        ));
    }
    let logits = logits.view().into_dimensionality::<Ix3>().expect("the shape just checked");
    let masks = masks.view().into_dimensionality::<Ix4>().expect("the shape just checked");
    let (logits, masks) = (logits.index_axis_move(Axis(0), 0), masks.index_axis_move(Axis(0), 0));
    let mut probabilities = planes::copied(logits, "the classes of the queries")?;
    for mut row in probabilities.rows_mut() {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.mapv_inplace(|logit| (logit - max).exp());
        let sum = row.sum();
        row.mapv_inplace(|exp| exp / sum);
    }
    let probabilities = probabilities.slice_move(s![.., ..classes]);
    let grid = Grid::new(*placement, (rows, columns))?;
    Ok(Queries { probabilities, masks, placement: *placement, grid })
}

pub(super) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
