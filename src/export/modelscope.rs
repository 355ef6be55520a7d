//! The JSON shape of ModelScope's pipeline for human parsing.

use serde::Serialize;

use crate::error::Result;
use crate::export::buffer::Base64;
use crate::export::json::to_json;
use crate::export::picture;
use crate::export::sample::{Options, Sample};
use crate::parsing::Parsing;

#[derive(Serialize)]
struct Answer<'a> {
    /// 8-bit grey PNGs in the photo's size, 255 in the mask and 0 outside, base64.
    masks: Vec<Base64>,
    labels: Vec<&'a str>,
    scores: Vec<f32>,
}

/// `{"masks": [..], "labels": [..], "scores": [..]}`: the instances, whose masks may
/// overlap and among which are whole people; with models that have none, the segments.
pub(super) fn json(sample: &Sample, _: &Options) -> Result<Vec<u8>> {
    masks(sample.parsing)
}

fn masks(parsing: &Parsing) -> Result<Vec<u8>> {
    let mut answer = Answer { masks: vec![], labels: vec![], scores: vec![] };
    let mut push = |mask: Vec<u8>, label, score| -> Result<()> {
        let png = picture::grey(parsing.width, parsing.height, &mask)?;
        answer.masks.push(Base64(png));
        answer.labels.push(label);
        answer.scores.push(score);
        Ok(())
    };
    for instance in &parsing.instances {
        push(instance.mask(parsing.labels.len())?, &*instance.label, instance.score)?;
    }
    if parsing.instances.is_empty() {
        for segment in &parsing.segments {
            push(parsing.mask(segment)?, &*segment.label, segment.score)?;
        }
    }
    to_json(&answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use crate::parsing::{Instance, Segment};
    use base64::Engine as _;

    #[test]
    fn instances_come_before_segments() {
        let segment = Segment {
            class: 5,
            label: "UpperClothes".into(),
            person: 1,
            score: 0.5,
            area: 1,
            bbox: [0, 0, 1, 1],
        };
        let mut parsing =
            Parsing::from_parts(LabelSet::Cihp, (2, 1), vec![5, 0], vec![1, 0], vec![segment]).unwrap();
        let read = |parsing: &Parsing| -> serde_json::Value {
            serde_json::from_slice(&masks(parsing).unwrap()).unwrap()
        };
        let answer = read(&parsing);
        assert_eq!(answer["labels"], serde_json::json!(["UpperClothes"]));
        assert_eq!(answer["scores"], serde_json::json!([0.5]));
        let human = Instance { class: 20, label: "Human".into(), person: 1, score: 0.25, runs: vec![1, 1] };
        parsing.instances = vec![human];
        let answer = read(&parsing);
        assert_eq!(answer["labels"], serde_json::json!(["Human"]));
        let png =
            base64::engine::general_purpose::STANDARD.decode(answer["masks"][0].as_str().unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = [9; 2];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 255]);
    }
}
