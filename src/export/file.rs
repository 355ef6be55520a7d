//! Files of exports: where they lie, and how they are made.

use super::document::Document;
use super::sample::{Options, Sample};
use crate::error::Result;
use crate::labels::LabelSet;

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

/// Makes the contents of a photo's only file.
pub(super) type MakeOne = fn(&Sample, &Options) -> Result<Vec<u8>>;

/// Makes all files of the photo with a stem.
pub(super) type MakeAll = fn(&str, &Sample) -> Result<Vec<File>>;

/// How the files of a photo are made.
pub(super) enum Files {
    One(MakeOne),
    /// One, and those of many photos are joined in a document.
    Joined(MakeOne, fn(LabelSet) -> Box<dyn Document>),
    /// Always the same for a stem, and files about all photos.
    Several {
        make: MakeAll,
        paths: fn(&str) -> Vec<String>,
        index: fn(&[String], LabelSet) -> Vec<File>,
    },
    /// As many as there are masks; the last one lists them.
    Listed {
        make: MakeAll,
        last: fn(&str) -> String,
        paths: fn(&str, &[u8]) -> Result<Vec<String>>,
        possible: fn(&str) -> Paths,
    },
}
