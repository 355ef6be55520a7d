//! What is written, where there is memory for it.

use std::io::{self, ErrorKind, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::error::{Code, Error};

/// Bytes in memory. Where there is none left, writing fails.
#[derive(Default)]
pub(super) struct Buffer {
    pub bytes: Vec<u8>,
    /// Whether writing has failed.
    full: bool,
}

impl Buffer {
    /// Why something could not be written: for want of memory, or what `other` says.
    pub fn error(&self, other: impl FnOnce() -> Error) -> Error {
        if self.full { no_memory() } else { other() }
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.try_reserve(bytes.len()).map_err(|_| {
            self.full = true;
            ErrorKind::OutOfMemory
        })?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// There is no memory for an export.
pub(super) fn no_memory() -> Error {
    let message = "there is no memory for the export; use a smaller photo or close other programs";
    Error::new(Code::OutOfMemory, message)
}

/// A file that JSON has as base64.
pub(super) struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &STANDARD))
    }
}
