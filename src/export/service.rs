//! The JSON of `POST /parse`: one mask a segment, as base64 PNG.

use base64::Engine as _;
use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::export::picture;
use crate::parsing::Parsing;

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
    /// 8-bit grey PNG in the photo's size, 255 in the mask and 0 outside, base64.
    mask: String,
}

/// `{"masks": [{"label", "class_id", "person", "score", "mask"}], "width", "height", "model"}`.
pub fn json(parsing: &Parsing, model: &str) -> Result<Vec<u8>> {
    let mut masks = Vec::with_capacity(parsing.segments.len());
    for segment in &parsing.segments {
        let pixels = parsing.mask(segment)?;
        let png = picture::grey(parsing.width, parsing.height, &pixels)?;
        masks.push(AnswerMask {
            label: &segment.label,
            class_id: segment.class,
            person: segment.person,
            score: segment.score,
            mask: base64::engine::general_purpose::STANDARD.encode(png),
        });
    }
    let answer = Answer { masks, width: parsing.width, height: parsing.height, model };
    serde_json::to_vec(&answer)
        .map_err(|e| Error::new(Code::BadOption, format!("the answer could not be written as JSON: {e}")))
}
