//! Views of a [`Parsing`](crate::Parsing) as files, one module a format.
//!
//! [`Format::files`] gives the files of one photo, [`Format::export`] the same as
//! one file, and a [`DataSet`] gathers many photos into one file as they come.
//! Nothing of a photo but its pixels goes into an export, and these only into the
//! overlay: no EXIF, no place.

mod archive;
mod buffer;
mod cihp;
mod coco;
mod cvat;
mod data_set;
mod instances;
mod label_studio;
mod labelmap;
mod labelme;
mod lip;
mod masks;
mod modelscope;
mod people;
mod picture;
mod service;

pub use data_set::DataSet;
pub use picture::png;

use serde::Serialize;

use self::buffer::Buffer;
use crate::colormap::{PaintOptions, colormap, overlay};
use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;
use crate::model::Card;
use crate::parsing::Parsing;
use crate::photo::Photo;

/// The file formats a parsing can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Indexed PNG, pixel = class id.
    LabelMap,
    /// RGB PNG, each class in its colour on black.
    Colormap,
    /// RGB PNG, the colours over the photo.
    Overlay,
    /// PNG, pixel = person id.
    People,
    /// The service's JSON with one mask a segment.
    Json,
    /// The JSON of the ModelScope pipeline: masks, labels, scores.
    ModelScope,
    /// One PNG a class, a person, and a class of a person.
    Masks,
    /// The three maps of the CIHP data set.
    Cihp,
    /// The maps and scores that the LIP challenge takes.
    Lip,
    /// COCO JSON with compressed RLE.
    Coco,
    /// CVAT's "Segmentation mask 1.1".
    Cvat,
    /// Label Studio tasks with brush masks as predictions.
    LabelStudio,
    /// labelme JSON with masks.
    Labelme,
}

/// How the files of a format lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One file a photo, which stands alone.
    File,
    /// Files of each photo in the folders of a data set, and files that speak of all of it.
    Folders,
    /// One JSON document for all photos.
    Document,
}

/// One parsed photo, as exports see it.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// Path of the photo's file within its data set, `/` between folders, such as
    /// `beach/p1.jpg`. It need not exist.
    pub name: &'a str,
    /// What was found in it.
    pub parsing: &'a Parsing,
    /// The photo; needed for the overlay only.
    pub photo: Option<&'a Photo>,
    /// Card of the model that parsed it.
    pub model: &'a Card,
}

/// How exports are written.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Colours and, in pictures, what is shown.
    pub paint: PaintOptions,
    /// What stands before the photos' names where a format says where they are:
    /// a folder, seen from the export's own, or a URL. labelme and Label Studio need it.
    /// A slash is added behind it if there is none.
    pub photos: Option<String>,
}

impl Options {
    /// The name of a photo, or a URL's part made of it, behind what stands before the names.
    fn photo_at(&self, name: &str) -> String {
        let base = self.photos.as_deref().unwrap_or_default();
        // A folder may be given without the slash at its end, as everywhere. The value in a URL's query begins after `=`.
        let slash = if base.is_empty() || base.ends_with(['/', '\\', '=', '?']) { "" } else { "/" };
        format!("{base}{slash}{name}")
    }
}

/// Where the files of a photo may lie, as far as that is known before it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Paths below the folder of the export, `/` between folders.
    pub files: Vec<String>,
    /// Folders in which there are PNGs whose names depend on what is found in the photo.
    pub open_folders: Vec<String>,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the folder of the export, `/` between folders.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

const FORMATS: [(Format, &str, Layout); 13] = [
    (Format::LabelMap, "labelmap", Layout::File),
    (Format::Colormap, "colormap", Layout::File),
    (Format::Overlay, "overlay", Layout::File),
    (Format::People, "people", Layout::File),
    (Format::Json, "json", Layout::File),
    (Format::ModelScope, "modelscope", Layout::File),
    (Format::Masks, "masks", Layout::Folders),
    (Format::Cihp, "cihp", Layout::Folders),
    (Format::Lip, "lip", Layout::Folders),
    (Format::Coco, "coco", Layout::Document),
    (Format::Cvat, "cvat", Layout::Folders),
    (Format::LabelStudio, "labelstudio", Layout::Document),
    (Format::Labelme, "labelme", Layout::Folders),
];

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|&(format, ..)| format)
    }

    /// The format of that [`name`](Format::name).
    pub fn from_name(name: &str) -> Result<Format> {
        Format::all().find(|format| format.name() == name).ok_or_else(|| {
            let names: Vec<_> = Format::all().map(Format::name).collect();
            Error::new(Code::BadOption, format!("there is no format {name:?}; use {}", names.join(", ")))
        })
    }

    fn entry(self) -> (Format, &'static str, Layout) {
        FORMATS.into_iter().find(|&(format, ..)| format == self).expect("every format is listed")
    }

    /// Its name in options, such as `labelmap`.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// How its files lie.
    pub fn layout(self) -> Layout {
        self.entry().2
    }

    /// The files of one photo, named after it. Whoever stores them one after the
    /// other knows by the last, [`last_file`](Format::last_file), that all are there.
    pub fn files(self, sample: &Sample, options: &Options) -> Result<Vec<File>> {
        let stem = stem(sample.name)?;
        self.check(stem)?;
        let Sample { parsing, photo, model, .. } = *sample;
        let one = |bytes| Ok(vec![File { path: self.last_file(stem), bytes }]);
        match self {
            Format::LabelMap => one(labelmap::png(parsing, model, &options.paint)?),
            Format::Colormap => one(png(parsing.width, parsing.height, &colormap(parsing, &options.paint)?)?),
            Format::Overlay => {
                let photo =
                    photo.ok_or_else(|| Error::new(Code::BadOption, "an overlay needs the photo as well"))?;
                one(png(parsing.width, parsing.height, &overlay(parsing, photo, &options.paint)?)?)
            }
            Format::People => one(people::png(parsing)?),
            Format::Json => one(service::json(parsing, model)?),
            Format::ModelScope => one(modelscope::json(parsing)?),
            Format::Masks => masks::files(stem, parsing, model),
            Format::Cihp => cihp::files(stem, parsing),
            Format::Lip => lip::files(stem, parsing),
            Format::Coco => one(coco::json(sample)?),
            Format::Cvat => cvat::files(stem, parsing),
            Format::LabelStudio => one(label_studio::json(sample, options)?),
            Format::Labelme => one(labelme::json(sample, options)?),
        }
    }

    /// Path of the last of the [`files`](Format::files) of the photo with this [`stem`].
    pub fn last_file(self, stem: &str) -> String {
        match self {
            Format::LabelMap => format!("{stem}.png"),
            Format::Json | Format::Coco | Format::LabelStudio | Format::Labelme => format!("{stem}.json"),
            Format::Colormap | Format::Overlay | Format::People => format!("{stem}.{}.png", self.name()),
            Format::ModelScope => format!("{stem}.modelscope.json"),
            Format::Masks => masks::index_path(stem),
            Format::Cihp => last(cihp::paths(stem)),
            Format::Lip => last(lip::paths(stem)),
            Format::Cvat => last(cvat::paths(stem)),
        }
    }

    /// Paths of the [`files`](Format::files) of the photo with this [`stem`], in order;
    /// `last` is what the last of them holds.
    pub fn paths(self, stem: &str, last: &[u8]) -> Result<Vec<String>> {
        match self {
            Format::Masks => masks::paths(stem, last),
            Format::Cihp => Ok(cihp::paths(stem).into()),
            Format::Lip => Ok(lip::paths(stem).into()),
            Format::Cvat => Ok(cvat::paths(stem).into()),
            _ => Ok(vec![self.last_file(stem)]),
        }
    }

    /// Where the [`files`](Format::files) of the photo with this [`stem`] may lie.
    ///
    /// Errors: [`Code::BadOption`] if the readers of this format cannot find a photo of this name.
    pub fn possible_paths(self, stem: &str) -> Result<Paths> {
        self.check(stem)?;
        Ok(match self {
            Format::Masks => masks::possible_paths(stem),
            _ => Paths { files: self.paths(stem, &[])?, open_folders: vec![] },
        })
    }

    /// Refuses names that readers of this format would not find.
    fn check(self, stem: &str) -> Result<()> {
        if self == Format::Cvat { cvat::check(stem) } else { Ok(()) }
    }

    /// The files that speak of all photos of a data set, which are named by their [`stem`]s.
    pub fn index(self, stems: &[String], label_set: LabelSet) -> Vec<File> {
        match self {
            Format::Cihp | Format::Lip => {
                vec![File { path: "labels.txt".into(), bytes: class_list(label_set).into_bytes() }]
            }
            Format::Cvat => cvat::index(stems, label_set),
            _ => vec![],
        }
    }

    /// Name of the file of a [`DataSet`], such as `coco.json` or `cvat.zip`.
    pub fn data_set_name(self) -> String {
        let ending = if self.layout() == Layout::Document { "json" } else { "zip" };
        format!("{}.{ending}", self.name())
    }

    /// One photo as one file, a zip if the format has several; its path has no folder.
    pub fn export(self, sample: &Sample, options: &Options) -> Result<File> {
        let stem = stem(sample.name)?;
        let base = stem.rsplit('/').next().unwrap_or(stem);
        if self.layout() == Layout::Folders && self != Format::Labelme {
            let mut zip = DataSet::new(self, sample.parsing.label_set, Buffer::default());
            zip.add(sample, options)?;
            return Ok(File { path: format!("{base}.{}.zip", self.name()), bytes: zip.finish()?.bytes });
        }
        let file = self.files(sample, options)?.pop().expect("these have one file a photo");
        let path = match self.layout() {
            Layout::Document => format!("{base}.{}.json", self.name()),
            _ => file.path.rsplit('/').next().unwrap_or(base).into(),
        };
        Ok(File { path, ..file })
    }
}

/// Path of a photo without the ending of its file, by which its exports are named:
/// `beach/p1` of `beach/p1.jpg`.
///
/// Errors: [`Code::BadOption`] for names that lead out of their folder or that no
/// archive can hold.
pub fn stem(name: &str) -> Result<&str> {
    let wrong = |part: &str| matches!(part, "" | "." | "..");
    if name.split('/').any(wrong) || name.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(Error::new(
            Code::BadOption,
            format!("{name:?} is not the name of a photo: folders and a file, `/` between them"),
        ));
    }
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].rfind('.') {
        None | Some(0) => Ok(name),
        Some(dot) => Ok(&name[..file + dot]),
    }
}

fn last<const N: usize>(mut paths: [String; N]) -> String {
    std::mem::take(&mut paths[N - 1])
}

/// One line a class: id, space, name.
fn class_list(label_set: LabelSet) -> String {
    label_set.names().iter().enumerate().map(|(id, name)| format!("{id} {name}\n")).collect()
}

/// Which model it was, and on what terms its weights are given.
fn credit(model: &Card) -> String {
    let Card { id, version, licence, .. } = model;
    format!("{id} {version}, weights {} ({})", licence.name, licence.url)
}

/// A class as JSON.
#[derive(Serialize)]
struct ClassName {
    id: usize,
    name: &'static str,
}

fn class_names(label_set: LabelSet) -> Vec<ClassName> {
    label_set.names().iter().enumerate().map(|(id, &name)| ClassName { id, name }).collect()
}

fn to_json(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>> {
    let mut text = Buffer::default();
    serde_json::to_writer(&mut text, value).map_err(|e| {
        text.error(|| Error::new(Code::BadOption, format!("the export could not be written as JSON: {e}")))
    })?;
    Ok(text.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        for format in Format::all() {
            assert_eq!(Format::from_name(format.name()).unwrap(), format);
        }
        let error = Format::from_name("xml").unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.message().contains("labelmap, colormap"), "{error}");
    }

    #[test]
    fn stems_are_names_without_their_ending() {
        for (name, expected) in [
            ("p1.jpg", "p1"),
            ("a/b.c/p.1.jpg", "a/b.c/p.1"),
            ("a.b/photo", "a.b/photo"),
            (".jpg", ".jpg"),
            ("a/.hidden", "a/.hidden"),
            ("été 1.png", "été 1"),
        ] {
            assert_eq!(stem(name).unwrap(), expected);
        }
        for name in ["", "/p.jpg", "../p.jpg", "a/../p.jpg", "a//p.jpg", "a/", "..", "a\\p.jpg", "a\n.jpg"] {
            assert_eq!(stem(name).unwrap_err().code(), Code::BadOption, "{name:?}");
        }
    }
}
