//! One JSON document for many photos.

use crate::error::Result;

/// One document made of those of single photos, given out piece by piece.
pub(super) trait Document {
    /// What the document of a photo adds.
    fn next(&mut self, of_one: &[u8]) -> Result<Vec<u8>>;
    /// What is left to write after the last photo.
    fn end(&mut self) -> Result<Vec<u8>>;
}
