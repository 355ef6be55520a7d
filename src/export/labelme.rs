//! labelme's JSON: a shape of the type `mask` for each segment, `group_id` = person.

use serde::Serialize;

use crate::error::{Result, reserved};
use crate::export::buffer::Base64;
use crate::export::json::to_json;
use crate::export::picture;
use crate::export::sample::{Options, Sample};
use crate::parsing::{Parsing, Segment};

/// The version of labelme's format that is written.
const VERSION: &str = "5.4.1";

#[derive(Serialize)]
struct Labels<'a> {
    version: &'a str,
    flags: Empty,
    shapes: Vec<Shape<'a>>,
    #[serde(rename = "imagePath")]
    image_path: String,
    /// The photo itself, which is left where it is.
    #[serde(rename = "imageData")]
    image_data: Option<String>,
    #[serde(rename = "imageHeight")]
    image_height: u32,
    #[serde(rename = "imageWidth")]
    image_width: u32,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Shape<'a> {
    label: &'a str,
    /// Top left and bottom right pixel of the box, both inside.
    points: [[u32; 2]; 2],
    /// None for what belongs to nobody.
    group_id: Option<u16>,
    description: &'a str,
    shape_type: &'a str,
    flags: Empty,
    /// PNG of the pixels in the box, base64.
    mask: Base64,
}

/// The file `STEM.json`, seen from which the photo is found under `imagePath`:
/// beside it, or in the folder of the options.
pub(super) fn json(sample: &Sample, options: &Options) -> Result<Vec<u8>> {
    let Sample { name, parsing, .. } = *sample;
    let mut shapes = reserved(parsing.segments.len(), "the masks")?;
    for segment in &parsing.segments {
        let [x, y, width, height] = segment.bbox;
        let png = picture::grey(width, height, &mask_in_box(parsing, segment)?)?;
        shapes.push(Shape {
            label: &segment.label,
            points: [[x, y], [x + width - 1, y + height - 1]],
            group_id: (segment.person > 0).then_some(segment.person),
            description: "",
            shape_type: "mask",
            flags: Empty {},
            mask: Base64(png),
        });
    }
    to_json(&Labels {
        version: VERSION,
        flags: Empty {},
        shapes,
        image_path: image_path(name, options),
        image_data: None,
        image_height: parsing.height,
        image_width: parsing.width,
    })
}

fn image_path(name: &str, options: &Options) -> String {
    match options.photos.as_deref() {
        None => name.rsplit('/').next().unwrap_or(name).into(),
        Some(base) if base.starts_with(['/', '\\']) || base.contains(':') => options.photo_at(name),
        // The file lies as deep in folders as its photo.
        Some(_) => format!("{}{}", "../".repeat(name.matches('/').count()), options.photo_at(name)),
    }
}

fn mask_in_box(parsing: &Parsing, segment: &Segment) -> Result<Vec<u8>> {
    let [x, y, width, height] = segment.bbox.map(|value| value as usize);
    let mut mask = reserved(width * height, "a mask")?;
    for row in y..y + height {
        let start = row * parsing.width as usize + x;
        let pixels = start..start + width;
        let both = parsing.labels[pixels.clone()].iter().zip(&parsing.people[pixels]);
        mask.extend(both.map(
            |(&class, &person)| {
                if class == segment.class && person == segment.person { 255 } else { 0 }
            },
        ));
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::{Options, image_path};

    #[test]
    fn photos_are_found_from_the_folder_of_the_file() {
        for (name, photos, path) in [
            ("a/b/p.jpg", None, "p.jpg"),
            ("p.jpg", Some("../photos/"), "../photos/p.jpg"),
            ("a/b/p.jpg", Some("../photos/"), "../../../photos/a/b/p.jpg"),
            ("a/p.jpg", Some("/data/"), "/data/a/p.jpg"),
            ("a/p.jpg", Some("C:/data/"), "C:/data/a/p.jpg"),
            ("p.jpg", Some("../../photos"), "../../photos/p.jpg"),
            ("a/p.jpg", Some(".."), "../../a/p.jpg"),
            ("a/p.jpg", Some("/data"), "/data/a/p.jpg"),
            ("p.jpg", Some("\\\\server\\data\\"), "\\\\server\\data\\p.jpg"),
            ("a/p.jpg", Some("https://host/get?file="), "https://host/get?file=a/p.jpg"),
            ("a/p.jpg", Some("/data/local-files/?d=photos"), "/data/local-files/?d=photos/a/p.jpg"),
            ("a/p.jpg", Some(""), "../a/p.jpg"),
        ] {
            let photos = photos.map(str::to_owned);
            assert_eq!(image_path(name, &Options { photos, ..Default::default() }), path);
        }
    }
}
