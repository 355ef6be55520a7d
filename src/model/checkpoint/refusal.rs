//! What is wrong with a checkpoint.

use crate::error::{Code, Error};

/// The first few of many names.
pub(in crate::model) fn listed(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 8;
    let first: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A name out of the file, fit to be shown.
pub(super) fn shortened(name: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

pub(super) fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::new(
        Code::CorruptCheckpoint,
        format!("the checkpoint is damaged: {what}; copy or download it again"),
    )
}

pub(super) fn too_complex(what: impl std::fmt::Display) -> Error {
    Error::new(
        Code::CheckpointTooComplex,
        format!("the checkpoint is not one that is read here: {what}; it may be made to do harm"),
    )
}

pub(in crate::model) fn missing(what: impl std::fmt::Display) -> Error {
    Error::new(Code::MissingWeights, format!("the checkpoint does not fit the network: {what}"))
}
