//! The files of a model, and the terms on which their weights are given.

use serde::{Deserialize, Serialize};

/// Licence of a model's weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX identifier.
    pub name: String,
    /// Where its text is.
    pub url: String,
    /// Whom to credit, and what the weights were made from.
    pub attribution: String,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// File name beside the card; no folders.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}
