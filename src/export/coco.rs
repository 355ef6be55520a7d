//! COCO JSON with masks as compressed RLE.
//!
//! Category ids are class ids; they begin with 1, since the background is none.
//! The person of an annotation is among its `attributes`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::card::Card;
use crate::error::{Code, Error, Result, push, reserved};
use crate::export::document::Document;
use crate::export::json::to_json;
use crate::export::sample::{Options, Sample};
use crate::labels::LabelSet;
use crate::parsing::{Parsing, Segment};

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the masks of the export";

#[derive(Serialize)]
struct Coco<'a> {
    info: Info<'a>,
    licenses: [(); 0],
    categories: Vec<Category>,
    images: [Image; 1],
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
struct Info<'a> {
    description: &'a str,
    version: &'a str,
    model: &'a str,
    model_version: &'a str,
    weights_licence: &'a str,
    weights_licence_url: &'a str,
}

#[derive(Serialize)]
struct Category {
    id: usize,
    name: &'static str,
    supercategory: &'static str,
}

#[derive(Serialize, Deserialize)]
struct Image {
    id: usize,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Serialize, Deserialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: u8,
    iscrowd: u8,
    area: u64,
    bbox: [u32; 4],
    segmentation: Rle,
    score: f32,
    attributes: Attributes,
}

#[derive(Serialize, Deserialize)]
struct Rle {
    /// Height, width.
    size: [u32; 2],
    counts: String,
}

#[derive(Serialize, Deserialize)]
struct Attributes {
    person: u16,
}

/// The document of one photo.
pub(super) fn json(sample: &Sample, _: &Options) -> Result<Vec<u8>> {
    let Sample { name, parsing, model, .. } = *sample;
    let Parsing { width, height, .. } = *parsing;
    let mut annotations = reserved(parsing.segments.len(), PURPOSE)?;
    for (segment, id) in parsing.segments.iter().zip(1..) {
        annotations.push(Annotation {
            id,
            image_id: 1,
            category_id: segment.class,
            iscrowd: 0,
            area: segment.area,
            bbox: segment.bbox,
            segmentation: Rle { size: [height, width], counts: compressed(&run_lengths(parsing, segment)?)? },
            score: segment.score,
            attributes: Attributes { person: segment.person },
        });
    }
    to_json(&Coco {
        info: info(model),
        licenses: [],
        categories: categories(parsing.label_set),
        images: [Image { id: 1, file_name: name.into(), width, height }],
        annotations,
    })
}

fn info(model: &Card) -> Info<'_> {
    Info {
        description: "People parsed by bodymap into body parts and clothes",
        version: env!("CARGO_PKG_VERSION"),
        model: &model.id,
        model_version: &model.version,
        weights_licence: &model.licence.name,
        weights_licence_url: &model.licence.url,
    }
}

fn categories(label_set: LabelSet) -> Vec<Category> {
    let names = label_set.names().iter().enumerate().skip(1);
    names.map(|(id, &name)| Category { id, name, supercategory: "person" }).collect()
}

/// Lengths of the runs of the mask outside, inside, outside ... column by column.
fn run_lengths(parsing: &Parsing, segment: &Segment) -> Result<Vec<u32>> {
    let [left, top, width, height] = segment.bbox.map(|value| value as usize);
    let (row, column) = (parsing.width as usize, parsing.height as usize);
    let mut lengths = vec![];
    let (mut inside, mut since) = (false, 0);
    let mut turn = |inside: &mut bool, at: usize| {
        push(&mut lengths, (at - since) as u32, PURPOSE)?;
        (*inside, since) = (!*inside, at);
        Ok(())
    };
    for x in left..left + width {
        for y in top..top + height {
            let pixel = y * row + x;
            let is_in = parsing.labels[pixel] == segment.class && parsing.people[pixel] == segment.person;
            if is_in != inside {
                turn(&mut inside, x * column + y)?;
            }
        }
        // The next pixel, in the same column or the next one, is out of the box.
        if inside && (height < column || x + 1 == left + width) {
            turn(&mut inside, x * column + top + height)?;
        }
    }
    turn(&mut inside, row * column)?;
    if lengths.last() == Some(&0) {
        lengths.pop();
    }
    Ok(lengths)
}

/// Run lengths as cocoapi's `rleToString` writes them: from the fourth on the
/// difference to the one two before, in groups of 5 bits from the low end, each
/// with a sixth bit that says whether more follow, plus 48 to be a character.
fn compressed(lengths: &[u32]) -> Result<String> {
    let mut text = vec![];
    for (i, &length) in lengths.iter().enumerate() {
        let mut value = length as i64 - if i > 2 { lengths[i - 2] as i64 } else { 0 };
        loop {
            let bits = (value & 0x1f) as u8;
            value >>= 5;
            // The sign is that of the last group's highest bit.
            let more = value != if bits & 0x10 != 0 { -1 } else { 0 };
            push(&mut text, 48 + bits + if more { 0x20 } else { 0 }, PURPOSE)?;
            if !more {
                break;
            }
        }
    }
    Ok(String::from_utf8(text).expect("characters below 112"))
}

/// The documents of many photos as one.
struct Joined {
    label_set: LabelSet,
    /// That of the first photo, which the others share.
    info: Option<Box<RawValue>>,
    /// JSON of the images, which follow at the end.
    images: Vec<u8>,
    photos: usize,
    annotations: usize,
}

/// What a photo's document has for the document of all.
#[derive(Deserialize)]
struct Part {
    info: Box<RawValue>,
    images: [Image; 1],
    annotations: Vec<Annotation>,
}

/// What joins the documents of photos of a label set.
pub(super) fn joined(label_set: LabelSet) -> Box<dyn Document> {
    Box::new(Joined { label_set, info: None, images: vec![], photos: 0, annotations: 0 })
}

impl Joined {
    fn begin(&self, info: &RawValue) -> Result<Vec<u8>> {
        let mut text = b"{\"info\":".to_vec();
        text.extend(to_json(info)?);
        text.extend(b",\n\"licenses\":[],\n\"categories\":");
        text.extend(to_json(&categories(self.label_set))?);
        text.extend(b",\n\"annotations\":[");
        Ok(text)
    }
}

impl Document for Joined {
    fn next(&mut self, of_one: &[u8]) -> Result<Vec<u8>> {
        let Part { info, images: [mut image], annotations } =
            serde_json::from_slice(of_one).map_err(|e| {
                Error::new(Code::BadOption, format!("this is not the COCO JSON of one photo: {e}"))
            })?;
        let mut text = vec![];
        match &self.info {
            None => {
                text = self.begin(&info)?;
                self.info = Some(info);
            }
            Some(first) if first.get() != info.get() => {
                return Err(Error::new(
                    Code::BadOption,
                    format!("{} was parsed by another model than the photos before", image.file_name),
                ));
            }
            Some(_) => {}
        }
        self.photos += 1;
        image.id = self.photos;
        self.images.extend(if self.photos > 1 { &b",\n"[..] } else { b"\n" });
        self.images.extend(to_json(&image)?);
        for mut annotation in annotations {
            text.extend(if self.annotations > 0 { &b",\n"[..] } else { b"\n" });
            self.annotations += 1;
            annotation.id = self.annotations;
            annotation.image_id = self.photos;
            text.extend(to_json(&annotation)?);
        }
        Ok(text)
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        let mut text = match &self.info {
            Some(_) => vec![],
            None => self.begin(&RawValue::NULL.to_owned())?,
        };
        text.extend(b"],\n\"images\":[");
        text.append(&mut self.images);
        text.extend(b"]}\n");
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::compressed;

    /// Strings of pycocotools 2.0.11 for the same run lengths.
    #[test]
    fn run_lengths_are_packed_as_cocoapi_does() {
        for (lengths, text) in [
            (&[0u32, 1][..], "01"),
            (&[5, 3, 5, 3], "5350"),
            (&[0, 100, 3, 70, 2000, 1, 40, 2], "0T33RO]n1kMhRN1"),
            (&[1000, 10, 990, 12, 988, 11, 989], "Xo0:nn02NO1"),
        ] {
            assert_eq!(compressed(lengths).unwrap(), text);
        }
    }
}
