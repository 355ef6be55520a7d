//! Zip archives, written from front to back.

use std::io::{ErrorKind, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::buffer::no_memory;
use super::file::File;
use crate::error::{Code, Error, Result};

/// A zip that is written as its files come. They are stored as they are, since PNG
/// is compressed already, and bear no time, so that the same photos give the same bytes.
pub(super) struct Archive<W: Write>(ZipWriter<StreamWriter<W>>);

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Archive<W> {
        Archive(ZipWriter::new_stream(out))
    }

    pub(super) fn add(&mut self, file: &File) -> Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let written = self.0.start_file(&*file.path, options).map_err(std::io::Error::from);
        written.and_then(|()| self.0.write_all(&file.bytes)).map_err(failed)
    }

    pub(super) fn finish(self) -> Result<W> {
        Ok(self.0.finish().map_err(|e| failed(e.into()))?.into_inner())
    }
}

pub(super) fn failed(error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::OutOfMemory {
        return no_memory();
    }
    Error::new(Code::Io, format!("the export could not be written: {error}"))
}
