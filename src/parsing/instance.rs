//! What a model with queries claimed to see, before overlaps were resolved.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, filled};

/// A mask, label and score as ModelScope's pipeline for M2FP returns them. Masks
/// of several instances may overlap, and a whole person is an instance as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Class id; that of "Human" comes after the last one of the label set.
    pub class: u8,
    /// Class name.
    pub label: String,
    /// Person id, 0 if it belongs to nobody in particular.
    pub person: u16,
    /// Probability of the class times the mean probability of the mask's pixels.
    pub score: f32,
    /// The mask, row by row: how many pixels are outside, then inside, then outside, ...
    pub runs: Vec<u32>,
}

impl Instance {
    /// The mask of `pixels` pixels: 255 inside, else 0.
    pub fn mask(&self, pixels: usize) -> Result<Vec<u8>> {
        let mut mask = filled(0u8, pixels, "a mask")?;
        let mut rest = &mut mask[..];
        for (i, &run) in self.runs.iter().enumerate() {
            let Some((part, after)) = std::mem::take(&mut rest).split_at_mut_checked(run as usize) else {
                return Err(Error::new(Code::BadOption, "an instance reaches beyond its picture"));
            };
            part.fill(if i % 2 == 1 { 255 } else { 0 });
            rest = after;
        }
        Ok(mask)
    }
}
