//! What the people in a photo are made of: [`Parsing`], and how network
//! outputs become one.

pub(crate) mod semantic;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, reserved};
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
        let pixels = width as usize * height as usize;
        let classes = label_set.names().len();
        let wrong = |what: String| Err(Error::new(Code::BadOption, format!("this is not a parsing: {what}")));
        if labels.len() != pixels || people.len() != pixels {
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
        Ok(Parsing { width, height, labels, people, segments, label_set })
    }

    /// Collects the segments of a label map. `probability(pixel, class)` is that of the pixel's class.
    fn from_label_map(
        label_set: LabelSet,
        (width, height): (u32, u32),
        labels: Vec<u8>,
        people: Vec<u16>,
        probability: impl Fn(usize, u8) -> f32,
    ) -> Parsing {
        struct Tally {
            score: f64,
            area: u64,
            left: u32,
            top: u32,
            right: u32,
            bottom: u32,
        }
        let mut tallies = std::collections::BTreeMap::new();
        for (y, (row, persons)) in
            labels.chunks_exact(width as usize).zip(people.chunks_exact(width as usize)).enumerate()
        {
            for (x, (&class, &person)) in row.iter().zip(persons).enumerate() {
                if class == 0 {
                    continue;
                }
                let (x32, y32) = (x as u32, y as u32);
                let tally = tallies.entry((person, class)).or_insert(Tally {
                    score: 0.0,
                    area: 0,
                    left: x32,
                    top: y32,
                    right: x32,
                    bottom: y32,
                });
                tally.score += probability(y * width as usize + x, class) as f64;
                tally.area += 1;
                tally.left = tally.left.min(x32);
                tally.right = tally.right.max(x32);
                tally.bottom = y32;
            }
        }
        let segments = tallies
            .into_iter()
            .map(|((person, class), tally)| Segment {
                class,
                label: label_set.names()[class as usize].into(),
                person,
                score: (tally.score / tally.area as f64) as f32,
                area: tally.area,
                bbox: [tally.left, tally.top, tally.right + 1 - tally.left, tally.bottom + 1 - tally.top],
            })
            .collect();
        Parsing { width, height, labels, people, segments, label_set }
    }

    /// The mask of a segment: 255 where the pixel is of its class and person, else 0.
    pub fn mask(&self, segment: &Segment) -> Result<Vec<u8>> {
        let mut mask = reserved(self.labels.len(), "a mask")?;
        mask.extend(self.labels.iter().zip(&self.people).map(|(&class, &person)| {
            if class == segment.class && person == segment.person { 255 } else { 0 }
        }));
        Ok(mask)
    }
}
