//! What the numbers in an export mean, and whose model gave them.

use serde::Serialize;

use super::file::File;
use crate::card::Card;
use crate::labels::LabelSet;

/// `labels.txt`, the classes of a data set.
pub(super) fn index(_: &[String], label_set: LabelSet) -> Vec<File> {
    vec![File { path: "labels.txt".into(), bytes: class_list(label_set).into_bytes() }]
}

/// One line a class: id, space, name.
pub(super) fn class_list(label_set: LabelSet) -> String {
    label_set.names().iter().enumerate().map(|(id, name)| format!("{id} {name}\n")).collect()
}

/// Which model it was, and on what terms its weights are given.
pub(super) fn credit(model: &Card) -> String {
    let Card { id, version, licence, .. } = model;
    format!("{id} {version}, weights {} ({})", licence.name, licence.url)
}

/// A class as JSON.
#[derive(Serialize)]
pub(super) struct ClassName {
    id: usize,
    name: &'static str,
}

pub(super) fn class_names(label_set: LabelSet) -> Vec<ClassName> {
    label_set.names().iter().enumerate().map(|(id, &name)| ClassName { id, name }).collect()
}
