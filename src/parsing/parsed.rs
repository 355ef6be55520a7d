//! What the people in a photo are made of: [`Parsing`].

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::equal_run::equal_run;
use super::instance::Instance;
use crate::error::{Code, Error, Result, filled, reserved};
use crate::labels::LabelSet;

/// A parsed photo, in the photo's own size and upright orientation. Pictures,
/// JSON and annotation files are views of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsing {
    /// Width of the photo in pixels.
    pub width: u32,
    /// Height of the photo in pixels.
    pub height: u32,
    /// Class id of each pixel, row by row, 0 = background.
    pub labels: Vec<u8>,
    /// Person of each pixel, counted from 1; 0 for the background and for what
    /// belongs to nobody in particular.
    pub people: Vec<u16>,
    /// What was found: one entry a class and person, background left out.
    pub segments: Vec<Segment>,
    /// What a model with queries claimed before overlaps were resolved; empty with other models.
    pub instances: Vec<Instance>,
    /// What the class ids mean.
    pub label_set: LabelSet,
}

/// All pixels of one class that belong to one person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Class id.
    pub class: u8,
    /// Class name.
    pub label: String,
    /// Person id, 0 if it belongs to nobody in particular.
    pub person: u16,
    /// How sure the model is, 0 to 1: the mean probability of the class over its pixels.
    pub score: f32,
    /// Pixels.
    pub area: u64,
    /// x, y, width, height of the box around the pixels.
    pub bbox: [u32; 4],
}

impl Parsing {
    /// A parsing from its parts, checked against each other.
    pub fn from_parts(
        label_set: LabelSet,
        (width, height): (u32, u32),
        labels: Vec<u8>,
        people: Vec<u16>,
        segments: Vec<Segment>,
    ) -> Result<Parsing> {
        // More than 32 bits hold, which is all that usize has in wasm.
        let pixels = width as u64 * height as u64;
        let classes = label_set.names().len();
        let wrong = |what: String| Err(Error::new(Code::BadOption, format!("this is not a parsing: {what}")));
        if labels.len() as u64 != pixels || people.len() as u64 != pixels {
            return wrong(format!(
                "{width}x{height} pixels are {pixels} labels and people, not {} and {}",
                labels.len(),
                people.len()
            ));
        }
        if let Some(class) = labels.iter().find(|&&class| class as usize >= classes) {
            return wrong(format!("class {class} is not one of the {classes} of {}", label_set.id()));
        }
        if let Some(segment) = segments.iter().find(|s| s.class as usize >= classes) {
            return wrong(format!(
                "segment class {} is not one of the {classes} of {}",
                segment.class,
                label_set.id()
            ));
        }
        let is_box = |[x, y, w, h]: [u32; 4]| {
            let fits = |start: u32, length: u32, side: u32| {
                length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
            };
            fits(x, w, width) && fits(y, h, height)
        };
        if let Some(segment) = segments.iter().find(|s| !is_box(s.bbox)) {
            return wrong(format!(
                "the box {:?} of a segment is not within {width}x{height} pixels",
                segment.bbox
            ));
        }
        Ok(Parsing { width, height, labels, people, segments, instances: vec![], label_set })
    }

    /// This parsing with what a model with queries claimed, checked against its size.
    pub fn with_instances(self, instances: Vec<Instance>) -> Result<Parsing> {
        let pixels = self.labels.len() as u64;
        let reaches = |instance: &Instance| instance.runs.iter().map(|&run| run as u64).sum::<u64>();
        if let Some(instance) = instances.iter().find(|instance| reaches(instance) > pixels) {
            return Err(Error::new(
                Code::BadOption,
                format!(
                    "this is not a parsing: an instance of {} reaches beyond its picture",
                    instance.label
                ),
            ));
        }
        Ok(Parsing { instances, ..self })
    }

    /// Collects the segments of a label map. `add(y, columns, class, sum)` adds to a sum the probability that the
    /// pixels of some columns of a row are of their class.
    pub(super) fn from_label_map(
        label_set: LabelSet,
        (width, height): (u32, u32),
        labels: Vec<u8>,
        people: Vec<u16>,
        mut add: impl FnMut(usize, Range<usize>, u8, &mut f64),
    ) -> Result<Parsing> {
        #[derive(Clone)]
        struct Tally {
            score: f64,
            area: u64,
            left: u32,
            top: u32,
            right: u32,
            bottom: u32,
        }
        let classes = label_set.names().len();
        let persons = people.iter().fold(0, |most, &person| person.max(most)) as usize + 1;
        let none = Tally { score: 0.0, area: 0, left: u32::MAX, top: 0, right: 0, bottom: 0 };
        // Index: person, then class.
        let mut tallies = filled(none, persons * classes, "the segments")?;
        let rows = labels.chunks_exact(width as usize).zip(people.chunks_exact(width as usize));
        for (y, (row, persons)) in rows.enumerate() {
            let mut end = 0;
            while end < row.len() {
                let (start, class) = (end, row[end]);
                end += equal_run(&row[start..]);
                if class == 0 {
                    continue;
                }
                end = start + equal_run(&persons[start..end]);
                let tally = &mut tallies[persons[start] as usize * classes + class as usize];
                if tally.area == 0 {
                    tally.top = y as u32;
                }
                add(y, start..end, class, &mut tally.score);
                tally.area += (end - start) as u64;
                tally.left = tally.left.min(start as u32);
                tally.right = tally.right.max(end as u32 - 1);
                tally.bottom = y as u32;
            }
        }
        let mut segments = reserved(tallies.iter().filter(|tally| tally.area > 0).count(), "the segments")?;
        let found = tallies.into_iter().enumerate().filter(|(_, tally)| tally.area > 0);
        segments.extend(found.map(|(i, tally)| Segment {
            class: (i % classes) as u8,
            label: label_set.names()[i % classes].into(),
            person: (i / classes) as u16,
            score: (tally.score / tally.area as f64) as f32,
            area: tally.area,
            bbox: [tally.left, tally.top, tally.right + 1 - tally.left, tally.bottom + 1 - tally.top],
        }));
        Ok(Parsing { width, height, labels, people, segments, instances: vec![], label_set })
    }

    /// The mask of a segment: 255 where the pixel is of its class and person, else 0.
    pub fn mask(&self, segment: &Segment) -> Result<Vec<u8>> {
        let mut mask = reserved(self.labels.len(), "a mask")?;
        mask.extend(self.labels.iter().zip(&self.people).map(|(&class, &person)| {
            if class == segment.class && person == segment.person { 255 } else { 0 }
        }));
        Ok(mask)
    }

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

    #[test]
    fn sizes_are_multiplied_beyond_32_bits() {
        let parsing = Parsing::from_parts(LabelSet::Cihp, (1 << 16, 1 << 16), vec![], vec![], vec![]);
        assert_eq!(parsing.unwrap_err().code(), Code::BadOption);
    }

    #[test]
    fn instances_lie_within_the_photo() {
        let parsing = || Parsing::from_parts(LabelSet::Cihp, (3, 2), vec![0; 6], vec![0; 6], vec![]).unwrap();
        let instance = |runs: &[u32]| Instance {
            class: 5,
            label: "Upper-clothes".into(),
            person: 1,
            score: 0.5,
            runs: runs.into(),
        };
        assert_eq!(parsing().with_instances(vec![instance(&[2, 4])]).unwrap().instances.len(), 1);
        for runs in [&[2, 5][..], &[u32::MAX, 2]] {
            let error = parsing().with_instances(vec![instance(runs)]).unwrap_err();
            assert_eq!(error.code(), Code::BadOption);
        }
    }

    #[test]
    fn a_part_lies_where_it_was_taken_from() {
        let bbox = [3, 10, 4, 20];
        let segment =
            Segment { class: 5, label: "Upper-clothes".into(), person: 1, score: 1.0, area: 1, bbox };
        let part =
            Parsing::from_parts(LabelSet::Cihp, (20, 100), vec![5; 2000], vec![1; 2000], vec![segment])
                .unwrap();
        let whole = part.within((31, 150), (10, 40)).unwrap();
        assert_eq!((whole.width, whole.height), (31, 150));
        assert_eq!(whole.segments[0].bbox, [13, 50, 4, 20]);
        for (i, (&class, &person)) in whole.labels.iter().zip(&whole.people).enumerate() {
            let inside = (10..30).contains(&(i % 31)) && (40..140).contains(&(i / 31));
            assert_eq!((class, person), if inside { (5, 1) } else { (0, 0) }, "pixel {i}");
        }
    }
}
