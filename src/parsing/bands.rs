//! How a photo is divided among threads.

/// Rows of the photo that one thread works on at a time.
pub(super) const BAND: usize = 32;
