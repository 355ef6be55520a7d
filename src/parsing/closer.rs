//! Where the people of a photo are, for a closer look at them, and the way back to the whole photo.

use super::{Answer, Parsing, Segment, parse};
use crate::error::{Result, filled};
use crate::labels::LabelSet;
use crate::limits::MAX_INPUT_SIDE;
use crate::model::{Closer, OutputKind, SizeRule, Specks};

/// The first answer is looked at as if the photo had one pixel where the input tensor has so many, each way.
const STEP: u32 = 4;

/// A person whom the photo's lower edge cuts is taken to be so many times as tall as what is seen: of those who
/// are not seen whole the heads and garments are large.
const CUT: u32 = 2;

/// What is looked at around the people, as a part of the height of the tallest.
const MARGIN: f64 = 0.15;

/// Less than this much closer is not worth the work.
const LEAST_CLOSER: f64 = 1.15;

/// Pixels of the input to a pixel of the photo at most, each way: there is nothing more to be seen.
const MOST_ENLARGED: f64 = 2.0;

/// A part of a photo, in its pixels (x, y) and (width, height), and the size at which the network is to see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Region {
    pub origin: (u32, u32),
    pub size: (u32, u32),
    pub rule: SizeRule,
}

/// The part of the photo to look at closer, if everybody is small in an answer with centres.
pub(crate) fn people_region(
    answer: &mut Answer,
    closer: Closer,
    label_set: LabelSet,
) -> Result<Option<Region>> {
    let (content, photo) = (answer.placement.content, answer.placement.photo);
    let small = (content.0.div_ceil(STEP), content.1.div_ceil(STEP));
    answer.placement.photo = small;
    let seen =
        parse(std::slice::from_ref(answer), None, Specks::Keep, OutputKind::SemanticCenters, label_set);
    answer.placement.photo = photo;
    let seen = seen?;
    let tallest = statures(&seen).into_iter().max().unwrap_or(0) as f64;
    if tallest == 0.0 {
        return Ok(None);
    }
    // Along an axis: the first pixel of the photo and how many, given those of the small one.
    let along = |start: u32, end: u32, small: u32, photo: u32| {
        let scale = photo as f64 / small as f64;
        let start = ((start as f64 - MARGIN * tallest) * scale).max(0.0) as u32;
        let end = (((end as f64 + MARGIN * tallest) * scale).ceil() as u32).min(photo);
        (start, end - start)
    };
    let (columns, rows) = bounds(&seen);
    let (left, width) = along(columns.0, columns.1, small.0, photo.0);
    let (top, height) = along(rows.0, rows.1, small.1, photo.1);
    // Pixels of the input to a pixel of the photo: now, for people as tall as asked for, and at most.
    let scale = content.1 as f64 / photo.1 as f64;
    let wanted = closer.height as f64 * small.1 as f64 / (tallest * photo.1 as f64);
    let possible = (closer.pixels as f64 / (width as f64 * height as f64)).sqrt();
    let closest = wanted.min(possible).min(MOST_ENLARGED.max(scale));
    if closest < LEAST_CLOSER * scale {
        return Ok(None);
    }
    let short = ((width.min(height) as f64 * closest).round() as u32).clamp(1, MAX_INPUT_SIDE);
    // What is padded must not be larger than an input may be.
    let max = MAX_INPUT_SIDE - MAX_INPUT_SIDE % closer.multiple;
    let rule = SizeRule::ShortSide { short, max, multiple: closer.multiple };
    Ok(Some(Region { origin: (left, top), size: (width, height), rule }))
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
fn bounds(parsing: &Parsing) -> ((u32, u32), (u32, u32)) {
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
