//! What a first look at a photo shows: where its people are, and how large.

use crate::card::{OutputKind, Pass, SizeRule};
use crate::error::Result;
use crate::labels::LabelSet;
use crate::limits::MAX_INPUT_SIDE;
use crate::parsing::{Answer, Parsing, parse};
use crate::tensor::Placement;

/// The first answer is looked at as if the photo had one pixel for this many of the input tensor, each way.
pub(super) const STEP: u32 = 4;

/// A person whom the photo's lower edge cuts is taken to be this many times as tall as the visible part: of those who
/// are not seen whole the heads and garments are large.
const CUT: u32 = 2;

/// A second look at a part of a photo.
pub(crate) struct SecondLook {
    /// The part, in pixels of the photo: (x, y) and (width, height).
    pub origin: (u32, u32),
    pub size: (u32, u32),
    /// The passes over it.
    pub passes: Vec<Pass>,
    /// Where the part lies in the input of the first pass, whose answer counts as one of them; none if it is dropped.
    pub first: Option<Placement>,
}

/// What an answer with centres to a pass over a whole photo shows of the people.
pub(super) struct FirstLook {
    pub placement: Placement,
    /// Of the whole photo, a pixel for [`STEP`] of the input.
    pub parsing: Parsing,
}

impl FirstLook {
    pub fn new(answer: &mut Answer, label_set: LabelSet) -> Result<FirstLook> {
        let placement = answer.placement;
        answer.placement.photo = (placement.content.0.div_ceil(STEP), placement.content.1.div_ceil(STEP));
        let parsing = parse(std::slice::from_ref(answer), None, &[], OutputKind::SemanticCenters, label_set);
        answer.placement.photo = placement.photo;
        Ok(FirstLook { placement, parsing: parsing? })
    }
}

/// The size of a part whose short side becomes `short` in an input whose sides are multiples of `multiple`.
pub(super) fn size_rule(short: f64, multiple: u32) -> SizeRule {
    // What is padded must not be larger than an input may be.
    let max = MAX_INPUT_SIDE - MAX_INPUT_SIDE % multiple;
    SizeRule::ShortSide { short: (short.round() as u32).clamp(1, MAX_INPUT_SIDE), max, multiple }
}

/// The height of the tallest person, in pixels.
pub(super) fn tallest(parsing: &Parsing) -> u32 {
    statures(parsing).into_iter().max().unwrap_or(0)
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

/// The first column and row of all segments and the first ones beyond them: (left, right), (top, bottom).
pub(super) fn bounds(parsing: &Parsing) -> ((u32, u32), (u32, u32)) {
    let none = (u32::MAX, 0);
    parsing.segments.iter().fold((none, none), |(columns, rows), segment| {
        let [x, y, width, height] = segment.bbox;
        let with =
            |(first, end): (u32, u32), start: u32, length: u32| (first.min(start), end.max(start + length));
        (with(columns, x, width), with(rows, y, height))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsing::Segment;

    fn segment(person: u16, bbox: [u32; 4]) -> Segment {
        Segment { class: 5, label: "Upper-clothes".into(), person, score: 1.0, area: 1, bbox }
    }

    fn parsing(segments: Vec<Segment>) -> Parsing {
        Parsing::from_parts(LabelSet::Cihp, (20, 100), vec![5; 2000], vec![1; 2000], segments).unwrap()
    }

    #[test]
    fn a_person_is_as_tall_as_its_segments_together() {
        let people =
            parsing(vec![segment(1, [3, 10, 4, 20]), segment(1, [2, 28, 4, 40]), segment(3, [9, 60, 4, 40])]);
        assert_eq!(statures(&people), [0, 58, 0, 80]);
        assert_eq!(bounds(&people), ((2, 13), (10, 100)));
    }
}
