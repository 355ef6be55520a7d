//! Where the people of a photo are, for a second look at them, and the way back to the whole photo.

use super::{Answer, Parsing, Segment, parse};
use crate::error::{Result, filled};
use crate::labels::LabelSet;
use crate::limits::MAX_INPUT_SIDE;
use crate::model::{OutputKind, Pass, Setting, SizeRule, Specks};
use crate::tensor::Placement;

/// The first answer is looked at as if the photo had one pixel where the input tensor has so many, each way.
pub(super) const STEP: u32 = 4;

/// A person whom the photo's lower edge cuts is taken to be so many times as tall as what is seen: of those who
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
pub(super) struct Seen {
    pub placement: Placement,
    /// Of the whole photo, a pixel for [`STEP`] of the input.
    pub parsing: Parsing,
}

/// The second look that a setting takes after this first answer, if it takes one.
pub(crate) fn second_look(
    answer: &mut Answer,
    setting: &Setting,
    label_set: LabelSet,
) -> Result<Option<SecondLook>> {
    if setting.closer.is_none() && setting.mirrored.is_none() {
        return Ok(None);
    }
    let seen = Seen::new(answer, label_set)?;
    if seen.parsing.segments.is_empty() {
        return Ok(None);
    }
    let closer = setting.closer.and_then(|closer| seen.closer(closer, &setting.passes));
    Ok(closer.or_else(|| seen.mirrored(setting.mirrored?)))
}

impl Seen {
    fn new(answer: &mut Answer, label_set: LabelSet) -> Result<Seen> {
        let placement = answer.placement;
        answer.placement.photo = (placement.content.0.div_ceil(STEP), placement.content.1.div_ceil(STEP));
        let parsing =
            parse(std::slice::from_ref(answer), None, Specks::Keep, OutputKind::SemanticCenters, label_set);
        answer.placement.photo = placement.photo;
        Ok(Seen { placement, parsing: parsing? })
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

impl Parsing {
    /// The parsing of a photo of which this one is that of a part at `origin`; the rest is background.
    pub(crate) fn within(self, photo: (u32, u32), origin: (u32, u32)) -> Result<Parsing> {
        let pixels = photo.0 as usize * photo.1 as usize;
        let mut labels = filled(0, pixels, "the label map")?;
        let mut people = filled(0, pixels, "the people map")?;
        let width = self.width as usize;
        for row in 0..self.height as usize {
            let from = row * width..(row + 1) * width;
            let start = (origin.1 as usize + row) * photo.0 as usize + origin.0 as usize;
            labels[start..start + width].copy_from_slice(&self.labels[from.clone()]);
            people[start..start + width].copy_from_slice(&self.people[from]);
        }
        let moved = |mut segment: Segment| {
            segment.bbox[0] += origin.0;
            segment.bbox[1] += origin.1;
            segment
        };
        let segments = self.segments.into_iter().map(moved).collect();
        Ok(Parsing { width: photo.0, height: photo.1, labels, people, segments, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_part_lies_where_it_was_taken_from() {
        let whole = parsing(vec![segment(1, [3, 10, 4, 20])]).within((31, 150), (10, 40)).unwrap();
        assert_eq!((whole.width, whole.height), (31, 150));
        assert_eq!(whole.segments[0].bbox, [13, 50, 4, 20]);
        for (i, (&class, &person)) in whole.labels.iter().zip(&whole.people).enumerate() {
            let inside = (10..30).contains(&(i % 31)) && (40..140).contains(&(i / 31));
            assert_eq!((class, person), if inside { (5, 1) } else { (0, 0) }, "pixel {i}");
        }
    }
}
