//! Label Studio tasks: a brush mask for each segment, as predictions.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Code, Error, Result, push, reserved};
use crate::export::document::Document;
use crate::export::json::to_json;
use crate::export::sample::{Options, Sample};
use crate::labels::LabelSet;
use crate::parsing::{Parsing, Segment};

/// Names of the two tags of the labelling configuration; see `docs/formats.md`.
const BRUSH: &str = "tag";
const IMAGE: &str = "image";

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the masks of the export";

#[derive(Serialize)]
struct Task<'a> {
    data: Data,
    predictions: [Prediction<'a>; 1],
}

#[derive(Serialize)]
struct Data {
    image: String,
}

#[derive(Serialize)]
struct Prediction<'a> {
    model_version: String,
    result: Vec<Region<'a>>,
}

#[derive(Serialize)]
struct Region<'a> {
    id: String,
    from_name: &'a str,
    to_name: &'a str,
    r#type: &'a str,
    original_width: u32,
    original_height: u32,
    image_rotation: u32,
    value: Brush<'a>,
    score: f32,
    meta: Meta,
}

#[derive(Serialize)]
struct Brush<'a> {
    format: &'a str,
    rle: Vec<u8>,
    brushlabels: [&'a str; 1],
}

#[derive(Serialize)]
struct Meta {
    /// Shown beside the region.
    text: Vec<String>,
    person: u16,
}

/// A list of one task.
pub(super) fn json(sample: &Sample, options: &Options) -> Result<Vec<u8>> {
    let Sample { name, parsing, model, .. } = *sample;
    let mut result = reserved(parsing.segments.len(), PURPOSE)?;
    for segment in &parsing.segments {
        result.push(region(parsing, segment)?);
    }
    to_json(&[Task {
        data: Data {
            image: match options.photos {
                Some(_) => options.photo_at(&percent_encoded(name)),
                None => name.into(),
            },
        },
        predictions: [Prediction { model_version: format!("{} {}", model.id, model.version), result }],
    }])
}

fn region<'a>(parsing: &Parsing, segment: &'a Segment) -> Result<Region<'a>> {
    let Segment { class, person, .. } = *segment;
    Ok(Region {
        id: format!("person-{person}-class-{class}"),
        from_name: BRUSH,
        to_name: IMAGE,
        r#type: "brushlabels",
        original_width: parsing.width,
        original_height: parsing.height,
        image_rotation: 0,
        value: Brush { format: "rle", rle: packed(parsing, segment)?, brushlabels: [&segment.label] },
        score: segment.score,
        meta: Meta { text: if person > 0 { vec![format!("person {person}")] } else { vec![] }, person },
    })
}

/// A name as part of a URL: all but letters, digits and `-._~/` as `%XX` of UTF-8 (RFC 3986).
fn percent_encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The mask as RGBA, all four 255 in it and 0 outside, in the run lengths of
/// [thi.ng/rle-pack](https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack):
/// 32 bits number of values, 5 bits size of a value less 1, four times 4 bits
/// size of a length less 1; then for each run one bit 1, two bits which of the four
/// sizes, length less 1, value. Bits from the high end of each byte.
fn packed(parsing: &Parsing, segment: &Segment) -> Result<Vec<u8>> {
    const LENGTH_BITS: [u32; 4] = [3, 4, 8, 16];
    let pixels = parsing.width as usize * parsing.height as usize;
    let mut bits = Bits::default();
    bits.push(4 * pixels as u32, 32)?;
    bits.push(8 - 1, 5)?;
    for size in LENGTH_BITS {
        bits.push(size - 1, 4)?;
    }
    let mut run = |value: u32, pixels: usize| -> Result<()> {
        let mut left = 4 * pixels;
        while left > 0 {
            let length = left.min(1 << LENGTH_BITS[3]);
            let size = LENGTH_BITS.iter().position(|&bits| length <= 1 << bits).expect("the last one fits");
            bits.push(1, 1)?;
            bits.push(size as u32, 2)?;
            bits.push(length as u32 - 1, LENGTH_BITS[size])?;
            bits.push(value, 8)?;
            left -= length;
        }
        Ok(())
    };
    let [left, top, width, height] = segment.bbox.map(|value| value as usize);
    let row = parsing.width as usize;
    let (mut inside, mut since) = (false, 0);
    for start in (top..top + height).map(|y| y * row + left) {
        for i in start..start + width {
            if is_in(parsing, segment, i) != inside {
                run(if inside { 255 } else { 0 }, i - since)?;
                (inside, since) = (!inside, i);
            }
        }
        // The next pixel, in the same row or the next one, is out of the box.
        let end = start + width;
        if inside && (width < row || start == (top + height - 1) * row + left) {
            run(255, end - since)?;
            (inside, since) = (false, end);
        }
    }
    run(if inside { 255 } else { 0 }, pixels - since)?;
    Ok(bits.bytes)
}

fn is_in(parsing: &Parsing, segment: &Segment, pixel: usize) -> bool {
    parsing.labels[pixel] == segment.class && parsing.people[pixel] == segment.person
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte, 0 for all.
    used: u32,
}

impl Bits {
    /// Appends the `count` low bits of a value, the highest of them first.
    fn push(&mut self, value: u32, count: u32) -> Result<()> {
        for bit in (0..count).rev().map(|i| value >> i & 1) {
            if self.used == 0 {
                push(&mut self.bytes, 0, PURPOSE)?;
            }
            *self.bytes.last_mut().expect("just pushed") |= (bit as u8) << (7 - self.used);
            self.used = (self.used + 1) % 8;
        }
        Ok(())
    }
}

/// The lists of many photos as one.
#[derive(Default)]
struct Joined {
    begun: bool,
}

/// What joins the documents of photos.
pub(super) fn joined(_: LabelSet) -> Box<dyn Document> {
    Box::new(Joined::default())
}

impl Document for Joined {
    fn next(&mut self, of_one: &[u8]) -> Result<Vec<u8>> {
        let tasks: Vec<&RawValue> = serde_json::from_slice(of_one)
            .map_err(|e| Error::new(Code::BadOption, format!("this is not a list of tasks: {e}")))?;
        let mut text = Vec::with_capacity(of_one.len() + 2);
        for task in tasks {
            text.extend(if self.begun { b",\n" } else { b"[\n" });
            text.extend(task.get().as_bytes());
            self.begun = true;
        }
        Ok(text)
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        Ok(if self.begun { b"\n]\n".into() } else { b"[]\n".into() })
    }
}
