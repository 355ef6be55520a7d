//! Views of a [`Parsing`](crate::Parsing) as files: the table of formats, one row and one module each.
//!
//! [`Format::files`] gives the files of one photo, [`Format::export`] the same as
//! one file, and a [`DataSet`] gathers many photos into one file as they come.
//! Of a photo only its pixels go into an export, and these only into the
//! overlay: no EXIF, no place.

mod archive;
mod buffer;
mod cihp;
mod class_names;
mod coco;
mod cvat;
mod data_set;
mod document;
mod file;
mod instances;
mod json;
mod label_studio;
mod labelmap;
mod labelme;
mod lip;
mod masks;
mod modelscope;
mod painted;
mod people;
mod picture;
mod sample;
mod service;

pub use data_set::DataSet;
pub use file::{File, Paths};
pub use picture::png;
pub use sample::{Options, Sample, stem};

use self::archive::Archive;
use self::buffer::Buffer;
use self::document::Document;
use self::file::Files;
use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;

/// The file formats a parsing can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Files of each photo in the folders of a data set, and files about all of them.
    Folders,
    /// One JSON document for all photos.
    Document,
}

/// What is known of a format.
struct Row {
    format: Format,
    /// In options, on the command line and in the page.
    name: &'static str,
    /// Another name that is understood.
    alias: Option<&'static str>,
    layout: Layout,
    /// What follows the stem of the photo in the name of its file.
    ending: &'static str,
    /// Of a photo as one file.
    media_type: &'static str,
    colours: Colours,
    files: Files,
    /// Refuses stems that readers of the format would not find.
    check: fn(&str) -> Result<()>,
}

/// Which of the [`Options`] for painting matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// None.
    Fixed,
    /// The palette.
    Palette,
    /// All.
    Painted,
}

const PNG: &str = "image/png";
const JSON: &str = "application/json";
const ZIP: &str = "application/zip";

/// A row with what most have.
const fn row(format: Format, name: &'static str, layout: Layout, files: Files) -> Row {
    let (ending, media_type) = match layout {
        Layout::File => (".png", PNG),
        Layout::Document => (".json", JSON),
        Layout::Folders => ("", ZIP),
    };
    Row {
        format,
        name,
        alias: None,
        layout,
        ending,
        media_type,
        colours: Colours::Fixed,
        files,
        check: |_| Ok(()),
    }
}

const FORMATS: [Row; 13] = [
    Row {
        alias: Some("labels"),
        colours: Colours::Palette,
        ..row(Format::LabelMap, "labelmap", Layout::File, Files::One(labelmap::png))
    },
    Row {
        ending: ".colormap.png",
        colours: Colours::Painted,
        ..row(Format::Colormap, "colormap", Layout::File, Files::One(painted::colormap))
    },
    Row {
        ending: ".overlay.png",
        colours: Colours::Painted,
        ..row(Format::Overlay, "overlay", Layout::File, Files::One(painted::overlay))
    },
    Row { ending: ".people.png", ..row(Format::People, "people", Layout::File, Files::One(people::png)) },
    Row {
        ending: ".json",
        media_type: JSON,
        ..row(Format::Json, "json", Layout::File, Files::One(service::json))
    },
    Row {
        ending: ".modelscope.json",
        media_type: JSON,
        ..row(Format::ModelScope, "modelscope", Layout::File, Files::One(modelscope::json))
    },
    row(Format::Masks, "masks", Layout::Folders, masks::FILES),
    row(Format::Cihp, "cihp", Layout::Folders, cihp::FILES),
    row(Format::Lip, "lip", Layout::Folders, lip::FILES),
    row(Format::Coco, "coco", Layout::Document, Files::Joined(coco::json, coco::joined)),
    Row { check: cvat::check, ..row(Format::Cvat, "cvat", Layout::Folders, cvat::FILES) },
    row(
        Format::LabelStudio,
        "labelstudio",
        Layout::Document,
        Files::Joined(label_studio::json, label_studio::joined),
    ),
    Row {
        ending: ".json",
        media_type: JSON,
        ..row(Format::Labelme, "labelme", Layout::Folders, Files::One(labelme::json))
    },
];

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|row| row.format)
    }

    /// The format of that [`name`](Format::name) or [`alias`](Format::alias).
    pub fn from_name(name: &str) -> Result<Format> {
        let row = FORMATS.iter().find(|row| row.name == name || row.alias == Some(name));
        row.map(|row| row.format).ok_or_else(|| {
            let names: Vec<_> = FORMATS.iter().map(|row| row.name).collect();
            Error::new(Code::BadOption, format!("there is no format {name:?}; use {}", names.join(", ")))
        })
    }

    fn row(self) -> &'static Row {
        FORMATS.iter().find(|row| row.format == self).expect("every format is listed")
    }

    /// Its name in options, such as `labelmap`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Another name that is understood.
    pub fn alias(self) -> Option<&'static str> {
        self.row().alias
    }

    /// How its files lie.
    pub fn layout(self) -> Layout {
        self.row().layout
    }

    /// Media type of one photo as one file, which [`export`](Format::export) makes.
    pub fn media_type(self) -> &'static str {
        self.row().media_type
    }

    /// Which options for painting matter.
    pub fn colours(self) -> Colours {
        self.row().colours
    }

    /// The files of one photo, named after it. Whoever stores them one after the
    /// other knows by the last, [`last_file`](Format::last_file), that all are there.
    pub fn files(self, sample: &Sample, options: &Options) -> Result<Vec<File>> {
        let stem = stem(sample.name)?;
        (self.row().check)(stem)?;
        match self.row().files {
            Files::One(make) | Files::Joined(make, _) => {
                Ok(vec![File { path: self.last_file(stem), bytes: make(sample, options)? }])
            }
            Files::Several { make, .. } | Files::Listed { make, .. } => make(stem, sample),
        }
    }

    /// Path of the last of the [`files`](Format::files) of the photo with this [`stem`].
    pub fn last_file(self, stem: &str) -> String {
        match self.row().files {
            Files::One(_) | Files::Joined(..) => format!("{stem}{}", self.row().ending),
            Files::Several { paths, .. } => paths(stem).pop().expect("there is a file"),
            Files::Listed { last, .. } => last(stem),
        }
    }

    /// Paths of the [`files`](Format::files) of the photo with this [`stem`], in order;
    /// `last` is what the last of them holds.
    pub fn paths(self, stem: &str, last: &[u8]) -> Result<Vec<String>> {
        match self.row().files {
            Files::One(_) | Files::Joined(..) => Ok(vec![self.last_file(stem)]),
            Files::Several { paths, .. } => Ok(paths(stem)),
            Files::Listed { paths, .. } => paths(stem, last),
        }
    }

    /// Where the [`files`](Format::files) of the photo with this [`stem`] may lie.
    ///
    /// Errors: [`Code::BadOption`] if the readers of this format cannot find a photo of this name.
    pub fn possible_paths(self, stem: &str) -> Result<Paths> {
        (self.row().check)(stem)?;
        match self.row().files {
            Files::Listed { possible, .. } => Ok(possible(stem)),
            _ => Ok(Paths { files: self.paths(stem, &[])?, open_folders: vec![] }),
        }
    }

    /// The files about all photos of a data set, which are named by their [`stem`]s.
    pub fn index(self, stems: &[String], label_set: LabelSet) -> Vec<File> {
        match self.row().files {
            Files::Several { index, .. } => index(stems, label_set),
            _ => vec![],
        }
    }

    /// What joins the documents of many photos, if the format has one for all.
    fn joined(self, label_set: LabelSet) -> Option<Box<dyn Document>> {
        match self.row().files {
            Files::Joined(_, joined) => Some(joined(label_set)),
            _ => None,
        }
    }

    /// Name of the file of a [`DataSet`], such as `coco.json` or `cvat.zip`.
    pub fn data_set_name(self) -> String {
        let ending = if self.layout() == Layout::Document { "json" } else { "zip" };
        format!("{}.{ending}", self.name())
    }

    /// Media type of the file of a [`DataSet`].
    pub fn data_set_media_type(self) -> &'static str {
        if self.layout() == Layout::Document { JSON } else { ZIP }
    }

    /// One photo as one file, a zip if the format has several; its path has no folder.
    pub fn export(self, sample: &Sample, options: &Options) -> Result<File> {
        let stem = stem(sample.name)?;
        let base = stem.rsplit('/').next().unwrap_or(stem);
        let mut files = self.files(sample, options)?;
        if self.media_type() == ZIP {
            let mut zip = Archive::new(Buffer::default());
            let index = self.index(&[stem.into()], sample.parsing.label_set);
            files.iter().chain(&index).try_for_each(|file| zip.add(file))?;
            return Ok(File { path: format!("{base}.{}.zip", self.name()), bytes: zip.finish()?.bytes });
        }
        let file = files.pop().expect("these have one file a photo");
        let path = match self.layout() {
            Layout::Document => format!("{base}.{}.json", self.name()),
            _ => file.path.rsplit('/').next().unwrap_or(base).into(),
        };
        Ok(File { path, ..file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        assert_eq!(Format::from_name("labels").unwrap(), Format::LabelMap);
        for (row, format) in FORMATS.iter().zip(Format::all()) {
            assert_eq!(Format::from_name(format.name()).unwrap(), format);
            assert_eq!((row.format, row.layout), (format, format.layout()));
        }
        let error = Format::from_name("xml").unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.message().contains("labelmap, colormap"), "{error}");
    }
}
