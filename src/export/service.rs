//! The JSON of `POST /parse`: one mask a segment, as base64 PNG.

use serde::Serialize;

use crate::error::{Result, reserved};
use crate::export::buffer::Base64;
use crate::export::json::to_json;
use crate::export::picture;
use crate::export::sample::{Options, Sample};
use crate::parsing::{Parsing, Segment};

#[derive(Serialize)]
struct Answer<'a> {
    masks: Vec<AnswerMask<'a>>,
    width: u32,
    height: u32,
    model: &'a str,
}

#[derive(Serialize)]
struct AnswerMask<'a> {
    label: &'a str,
    class_id: u8,
    person: u16,
    score: f32,
    mask: Base64,
}

/// `{"masks": [{"label", "class_id", "person", "score", "mask"}], "width", "height", "model"}`.
pub(super) fn json(sample: &Sample, _: &Options) -> Result<Vec<u8>> {
    let Sample { parsing, model, .. } = *sample;
    let mut masks = reserved(parsing.segments.len(), "the masks")?;
    for segment in &parsing.segments {
        masks.push(AnswerMask {
            label: &segment.label,
            class_id: segment.class,
            person: segment.person,
            score: segment.score,
            mask: base64_mask(parsing, segment)?,
        });
    }
    to_json(&Answer { masks, width: parsing.width, height: parsing.height, model: &model.id })
}

/// 8-bit grey PNG in the photo's size, 255 in the mask and 0 outside, base64.
pub(super) fn base64_mask(parsing: &Parsing, segment: &Segment) -> Result<Base64> {
    picture::grey(parsing.width, parsing.height, &parsing.mask(segment)?).map(Base64)
}
