//! Many photos as one file.

use std::collections::HashSet;
use std::io::Write;

use super::Format;
use super::archive::{Archive, failed};
use super::document::Document;
use super::file::File;
use super::sample::{Options, Sample, stem};
use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;

/// An export of many photos, written as they come: a zip, or the one JSON document
/// of a format that has one. It keeps the names of the photos, not their files.
pub struct DataSet<W: Write> {
    format: Format,
    label_set: LabelSet,
    /// In the order they came.
    stems: Vec<String>,
    seen: HashSet<String>,
    output: Output<W>,
}

enum Output<W: Write> {
    Zip(Box<Archive<W>>),
    Document(W, Box<dyn Document>),
}

impl<W: Write> DataSet<W> {
    /// A data set without photos.
    pub fn new(format: Format, label_set: LabelSet, out: W) -> DataSet<W> {
        let output = match format.joined(label_set) {
            Some(document) => Output::Document(out, document),
            None => Output::Zip(Box::new(Archive::new(out))),
        };
        DataSet { format, label_set, stems: vec![], seen: HashSet::new(), output }
    }

    /// Adds a photo. If this fails, the data set is as before, unless the
    /// writer failed ([`Code::Io`]).
    ///
    /// Errors: [`Code::NameClash`] if its files would bear the names of another's.
    pub fn add(&mut self, sample: &Sample, options: &Options) -> Result<()> {
        let stem = stem(sample.name)?;
        self.check(stem, sample.parsing.label_set)?;
        let files = self.format.files(sample, options)?;
        self.add_files(stem, &files)
    }

    /// Adds a photo by its [`Format::files`], which were made before.
    pub fn add_files(&mut self, stem: &str, files: &[File]) -> Result<()> {
        self.check(stem, self.label_set)?;
        match &mut self.output {
            Output::Zip(zip) => files.iter().try_for_each(|file| zip.add(file))?,
            Output::Document(out, document) => {
                for file in files {
                    out.write_all(&document.next(&file.bytes)?).map_err(failed)?;
                }
            }
        }
        self.seen.insert(stem.into());
        self.stems.push(stem.into());
        Ok(())
    }

    /// Writes what is about all photos and gives the writer back.
    pub fn finish(self) -> Result<W> {
        match self.output {
            Output::Zip(mut zip) => {
                for file in self.format.index(&self.stems, self.label_set) {
                    zip.add(&file)?;
                }
                zip.finish()
            }
            Output::Document(mut out, mut document) => {
                out.write_all(&document.end()?).map_err(failed)?;
                Ok(out)
            }
        }
    }

    fn check(&self, stem: &str, label_set: LabelSet) -> Result<()> {
        if self.seen.contains(stem) {
            return Err(Error::new(
                Code::NameClash,
                format!("there is a photo {stem} already; rename one of them"),
            ));
        }
        if label_set != self.label_set {
            return Err(Error::new(
                Code::BadOption,
                format!(
                    "a data set of the labels {} cannot hold a photo with the labels {}",
                    self.label_set.id(),
                    label_set.id()
                ),
            ));
        }
        Ok(())
    }
}
