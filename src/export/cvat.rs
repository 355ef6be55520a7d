//! CVAT's "Segmentation mask 1.1", which is Pascal VOC's segmentation with a label
//! map: colours for classes in `SegmentationClass/`, for objects in
//! `SegmentationObject/`. An object is one class of one person.

use crate::error::{Code, Error, Result, filled};
use crate::export::file::{File, Files};
use crate::export::instances;
use crate::export::picture::png;
use crate::export::sample::Sample;
use crate::labels::LabelSet;
use crate::palette::Palette;
use crate::parsing::Parsing;

/// Objects that readers tell apart by the VOC colour map of 256 colours, of which the first is the background's.
const MAX_OBJECTS: usize = 255;

/// Refuses names that CVAT's reader of the photos' list loses: it takes lines that begin with `#` for
/// comments, and cuts off spaces at both ends.
pub(super) fn check(stem: &str) -> Result<()> {
    if stem.starts_with('#') || stem.trim() != stem {
        return Err(Error::new(
            Code::BadOption,
            format!(
                "CVAT does not find photos whose names begin with # or have spaces at their ends ({stem:?}); \
                 rename the photo or leave out cvat"
            ),
        ));
    }
    Ok(())
}

pub(super) const FILES: Files = Files::Several { make: files, paths, index };

fn paths(stem: &str) -> Vec<String> {
    vec![
        format!("SegmentationClass/{stem}.png"),
        format!("SegmentationObject/{stem}.png"),
        format!("People/{stem}.txt"),
    ]
}

/// Both pictures, in the colours of the label set and of Pascal VOC; and, since
/// the format has no place for them, the person of each object: `People/STEM.txt`
/// with a line `object class person` for each, as CIHP lists its instances.
fn files(stem: &str, sample: &Sample) -> Result<Vec<File>> {
    let parsing = sample.parsing;
    let Parsing { width, height, labels, segments, label_set, .. } = parsing;
    if segments.len() > MAX_OBJECTS {
        return Err(Error::new(
            Code::BadOption,
            format!(
                "CVAT masks tell {MAX_OBJECTS} objects apart, this photo has {}; use coco",
                segments.len()
            ),
        ));
    }
    let ids = instances::counted(parsing)?;
    let objects = instances::instance_map(parsing, &ids)?;
    let list: String =
        ids.iter().zip(segments).map(|(id, s)| format!("{id} {} {}\n", s.class, s.person)).collect();
    let classes = painted(labels.iter().map(|&class| class as usize), &Palette::of(*label_set))?;
    let objects = painted(objects.iter().map(|&id| id as usize), &Palette::voc(MAX_OBJECTS + 1))?;
    let bytes = [png(*width, *height, &classes)?, png(*width, *height, &objects)?, list.into_bytes()];
    Ok(paths(stem).into_iter().zip(bytes).map(|(path, bytes)| File { path, bytes }).collect())
}

/// `labelmap.txt` with lines `label:R,G,B::`, and the list of the photos.
fn index(stems: &[String], label_set: LabelSet) -> Vec<File> {
    let palette = Palette::of(label_set);
    let mut labels = String::from("# label:color_rgb:parts:actions\n");
    for (id, (name, [r, g, b])) in label_set.names().iter().zip(palette.colours()).enumerate() {
        // The name that CVAT gives what belongs to no label.
        let name = if id == 0 { "background" } else { name };
        labels.push_str(&format!("{name}:{r},{g},{b}::\n"));
    }
    let list: String = stems.iter().map(|stem| format!("{stem}\n")).collect();
    vec![
        File { path: "labelmap.txt".into(), bytes: labels.into_bytes() },
        File { path: "ImageSets/Segmentation/default.txt".into(), bytes: list.into_bytes() },
    ]
}

fn painted(ids: impl ExactSizeIterator<Item = usize>, palette: &Palette) -> Result<Vec<u8>> {
    let mut rgb = filled(0u8, 3 * ids.len(), "the picture")?;
    for (pixel, id) in rgb.chunks_exact_mut(3).zip(ids) {
        pixel.copy_from_slice(&palette.colours()[id]);
    }
    Ok(rgb)
}
