//! What the people in a photo are made of: [`Parsing`], and how network
//! outputs become one.

mod bounds;
mod candidates;
mod closer;
mod dresses;
mod guided;
mod mirrored;
mod patches;
mod people;
mod planes;
mod probabilities;
mod queries;
mod seen;
mod semantic;
mod shoes;
mod specks;
mod tile;
mod upsample;

use std::ops::Range;

use ndarray::ArrayD;
pub use queries::Instance;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, filled, reserved};
use crate::labels::LabelSet;
use crate::model::{OutputKind, Specks};
use crate::photo::Photo;
use crate::tensor::Placement;

pub(crate) use seen::{SecondLook, second_look};

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

/// What the network answered to one pass.
pub(crate) struct Answer {
    /// Where the photo lay in its input.
    pub placement: Placement,
    /// Its outputs, in order.
    pub outputs: Vec<ArrayD<f32>>,
}

/// The answers to all passes over one photo, at least one, become a parsing whose
/// outlines follow those of the `guide`, which is the photo, if there is one.
/// Answers to queries have neither a guide nor specks.
pub(crate) fn parse(
    answers: &[Answer],
    guide: Option<&Photo>,
    specks: Specks,
    output: OutputKind,
    label_set: LabelSet,
) -> Result<Parsing> {
    let people_map = match output {
        OutputKind::Queries { rule } => return queries::parse(answers, rule, label_set),
        OutputKind::Semantic => |_: &[Answer], labels: &[u8]| filled(0, labels.len(), "the people map"),
        OutputKind::SemanticCenters => people::people_map,
    };
    let semantic = semantic::Semantic::new(answers, guide, label_set)?;
    let mut labels = semantic.label_map()?;
    let mut people = people_map(answers, &labels)?;
    let mut probabilities = semantic.probabilities()?;
    let photo = answers[0].placement.photo;
    if specks == Specks::Merge {
        specks::merge(&mut labels, &people, photo.0 as usize, label_set, &mut probabilities)?;
        people = people_map(answers, &labels)?;
        dresses::make_whole(&mut labels, &people, photo.0 as usize, label_set, &mut probabilities)?;
        shoes::pair(&mut labels, &people, photo.0 as usize, label_set, &mut probabilities)?;
    }
    Parsing::from_label_map(label_set, photo, labels, people, probabilities)
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

    /// Collects the segments of a label map. `add(y, columns, class, sum)` adds to a sum the probability that the
    /// pixels of some columns of a row are of their class.
    fn from_label_map(
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
                end += run(&row[start..]);
                if class == 0 {
                    continue;
                }
                end = start + run(&persons[start..end]);
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
}

/// How many values are as the first, one after another.
fn run<T: Copy + PartialEq>(values: &[T]) -> usize {
    const CHUNK: usize = 16;
    let (chunks, _) = values.as_chunks::<CHUNK>();
    let same = CHUNK * chunks.iter().take_while(|&&chunk| chunk == [values[0]; CHUNK]).count();
    same + values[same..].iter().take_while(|&&value| value == values[0]).count()
}
