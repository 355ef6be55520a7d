//! The answer to one pass -> how tall people are in it.

use std::mem::replace;

use super::{Answer, Parsing, parse};
use crate::error::Result;
use crate::labels::LabelSet;
use crate::model::{OutputKind, Specks};

/// The answer is looked at as if the photo had one pixel where the input tensor has so many, each way.
const STEP: u32 = 4;

/// A person whom the photo's lower edge cuts is taken to be so many times as tall as what is seen: of those who
/// are not seen whole the heads and garments are large.
const CUT: u32 = 2;

/// The height of the tallest person of an answer with centres, in pixels of the input tensor; 0 if there is nobody.
pub(crate) fn tallest_person(answer: &mut Answer, label_set: LabelSet) -> Result<f32> {
    let (width, height) = answer.placement.content;
    let small = (width.div_ceil(STEP), height.div_ceil(STEP));
    let photo = replace(&mut answer.placement.photo, small);
    let seen =
        parse(std::slice::from_ref(answer), None, Specks::Keep, OutputKind::SemanticCenters, label_set);
    answer.placement.photo = photo;
    let tallest = statures(&seen?).into_iter().max().unwrap_or(0);
    Ok((tallest * height) as f32 / small.1 as f32)
}

/// The heights of all people, in pixels.
fn statures(parsing: &Parsing) -> Vec<u32> {
    let people = parsing.segments.iter().fold(0, |most, segment| segment.person.max(most)) as usize;
    let mut extents = vec![(u32::MAX, 0); people + 1];
    for segment in &parsing.segments {
        let [_, top, _, height] = segment.bbox;
        let (first, end) = &mut extents[segment.person as usize];
        (*first, *end) = (top.min(*first), (top + height).max(*end));
    }
    let whole = |(first, end): (u32, u32)| {
        let seen = end.saturating_sub(first);
        if end == parsing.height { CUT * seen } else { seen }
    };
    extents.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsing::Segment;

    fn segment(person: u16, [x, y, width, height]: [u32; 4]) -> Segment {
        Segment {
            class: 5,
            label: "Upper-clothes".into(),
            person,
            score: 1.0,
            area: 1,
            bbox: [x, y, width, height],
        }
    }

    #[test]
    fn a_person_is_as_tall_as_its_segments_together() {
        let segments =
            vec![segment(1, [3, 10, 4, 20]), segment(1, [3, 28, 4, 40]), segment(3, [9, 60, 4, 40])];
        let parsing =
            Parsing::from_parts(LabelSet::Cihp, (20, 100), vec![0; 2000], vec![0; 2000], segments).unwrap();
        assert_eq!(statures(&parsing), [0, 58, 0, 80]);
    }
}
