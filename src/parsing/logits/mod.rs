//! Outputs of a network -> logits, and what they say of the photo's pixels.

mod candidates;
mod colour_ranges;
mod guided;
mod probabilities;
mod taps;
mod tile_argmax;

use ndarray::{Array3, Axis, Ix4, s};

pub(super) use candidates::candidates;
pub(super) use probabilities::probabilities;
pub(super) use taps::{Taps, content_columns, content_rows};
pub(super) use tile_argmax::TileArgmax;

use self::guided::Coefficients;
use super::answer::Answer;
use super::planes;
use crate::error::{Code, Error, Result, reserved};
use crate::labels::LabelSet;
use crate::photo::Photo;

/// The logits of one pass, `[classes, h, w]`, and where the photo's pixels lie among
/// them. Left and right are those of the photo as it is, mirrored or not.
///
/// What is averaged are these values: the mean of the logits, which is the
/// geometric mean of the probabilities.
pub(super) struct Logits {
    pub values: Array3<f32>,
    /// What is upsampled in their place where a guide is followed.
    coefficients: Option<Coefficients>,
    pub columns: Taps,
    pub rows: Taps,
}

impl Logits {
    /// Reads the first output of a pass as logits `[1, classes, h, w]` over the padded input.
    pub fn new(answer: &Answer, guide: Option<&Photo>, label_set: LabelSet) -> Result<Logits> {
        let (output, classes) = (&answer.outputs[0], label_set.names().len());
        let logits = output.view().into_dimensionality::<Ix4>().ok().filter(|logits| {
            let (batch, channels, height, width) = logits.dim();
            batch == 1 && channels == classes && height > 0 && width > 0
        });
        let Some(logits) = logits else {
            return Err(Error::new(
                Code::BadModel,
                format!("the model's output is {:?}, its card asks for [1, {classes}, h, w]", output.shape()),
            ));
        };
        let logits = logits.index_axis_move(Axis(0), 0);
        let placement = answer.placement;
        let values = match guide {
            Some(_) => guided::coarse(logits.into(), placement.padded)?,
            None => logits.into(),
        };
        // A value that is no number leaves no mean with it one. All are looked at, which takes less than to stop early.
        let values = values.as_standard_layout();
        let all = values.as_slice().expect("standard layout");
        if !all.iter().fold(true, |finite, value| finite & value.is_finite()) {
            return Err(Error::new(
                Code::InferenceFailed,
                "the network's output has values that are not numbers",
            ));
        }
        let (_, height, width) = values.dim();
        let (rows, columns) = (content_rows(placement, height), content_columns(placement, width));
        let values = values.slice(s![.., rows, columns]);
        let values = if placement.mirrored {
            let mut swapped = reserved(values.len(), "the logits")?;
            for &class in label_set.mirrored() {
                planes::add(&mut swapped, &values.index_axis(Axis(0), class as usize));
            }
            Array3::from_shape_vec(values.dim(), swapped).expect("as many classes as before")
        } else {
            planes::copied(values, "the logits")?
        };
        let (columns, rows) = (Taps::columns(placement, width)?, Taps::rows(placement, height)?);
        let coefficients = match guide {
            Some(photo) => {
                Some(guided::coefficients(values.view(), photo, placement.mirrored, (&rows, &columns))?)
            }
            None => None,
        };
        Ok(Logits { columns, rows, values, coefficients })
    }
}
