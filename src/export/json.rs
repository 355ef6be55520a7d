//! JSON, written where there is memory for it.

use serde::Serialize;

use super::buffer::Buffer;
use crate::error::{Code, Error, Result};

/// A value as JSON.
pub(super) fn to_json(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>> {
    let mut text = Buffer::default();
    serde_json::to_writer(&mut text, value).map_err(|e| {
        text.error(|| Error::new(Code::BadOption, format!("the export could not be written as JSON: {e}")))
    })?;
    Ok(text.bytes)
}
