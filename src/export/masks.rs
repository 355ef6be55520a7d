//! Masks as PNG: 8-bit grey in the photo's size, 255 in the mask and 0 outside.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, reserved};
use crate::export::class_names::{ClassName, class_names, credit};
use crate::export::file::{File, Files, Paths};
use crate::export::json::to_json;
use crate::export::picture;
use crate::export::sample::{self, Sample};
use crate::parsing::Parsing;

/// `masks.json` beside the masks: what is in which file.
#[derive(Serialize)]
struct Index<'a> {
    width: u32,
    height: u32,
    model: String,
    label_set: &'a str,
    label_names: Vec<ClassName>,
    classes: Vec<ClassMask<'a>>,
    people: Vec<PersonMask>,
    parts: Vec<PartMask<'a>>,
}

#[derive(Serialize)]
struct ClassMask<'a> {
    file: String,
    class_id: u8,
    label: &'a str,
}

#[derive(Serialize)]
struct PersonMask {
    file: String,
    person: u16,
}

#[derive(Serialize)]
struct PartMask<'a> {
    file: String,
    class_id: u8,
    label: &'a str,
    person: u16,
    score: f32,
    area: u64,
    bbox: [u32; 4],
}

pub(super) const FILES: Files =
    Files::Listed { make: files, last: index_path, paths, possible: possible_paths };

fn index_path(stem: &str) -> String {
    format!("{stem}/masks.json")
}

/// Where a photo's files may lie: which masks there are depends on what is found in it.
fn possible_paths(stem: &str) -> Paths {
    let folders = ["classes", "people", "parts"];
    Paths {
        files: vec![index_path(stem)],
        open_folders: folders.map(|folder| format!("{stem}/{folder}")).into(),
    }
}

/// What `masks.json` lists.
#[derive(Deserialize)]
struct Listed {
    classes: Vec<Entry>,
    people: Vec<Entry>,
    parts: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
}

/// The paths of a photo's files by its `masks.json`.
fn paths(stem: &str, index: &[u8]) -> Result<Vec<String>> {
    let wrong = |what: &str| Error::new(Code::BadOption, format!("{stem}: this is no masks.json: {what}"));
    let Listed { classes, people, parts } =
        serde_json::from_slice(index).map_err(|e| wrong(&e.to_string()))?;
    let mut paths = vec![];
    for Entry { file } in classes.into_iter().chain(people).chain(parts) {
        sample::stem(&file).map_err(|_| wrong("it names files elsewhere"))?;
        paths.push(format!("{stem}/{file}"));
    }
    paths.push(index_path(stem));
    Ok(paths)
}

/// In the folder of the photo: `classes/LABEL.png` (everyone's), `people/ID.png`
/// (all classes), `parts/ID-LABEL.png` (one class of one person, 0 is nobody) and
/// `masks.json`.
fn files(stem: &str, sample: &Sample) -> Result<Vec<File>> {
    let Sample { parsing, model, .. } = *sample;
    let names = parsing.label_set.names();
    let classes: BTreeSet<u8> = parsing.segments.iter().map(|s| s.class).collect();
    let people: BTreeSet<u16> = parsing.segments.iter().map(|s| s.person).filter(|&id| id > 0).collect();
    let mut files = vec![];
    let mut index = Index {
        width: parsing.width,
        height: parsing.height,
        model: credit(model),
        label_set: parsing.label_set.id(),
        label_names: class_names(parsing.label_set),
        classes: vec![],
        people: vec![],
        parts: vec![],
    };
    for class_id in classes {
        let label = names[class_id as usize];
        let file = format!("classes/{label}.png");
        files.push(mask(stem, &file, parsing, |class, _| class == class_id)?);
        index.classes.push(ClassMask { file, class_id, label });
    }
    for person in people {
        let file = format!("people/{person}.png");
        files.push(mask(stem, &file, parsing, |class, of| class > 0 && of == person)?);
        index.people.push(PersonMask { file, person });
    }
    for segment in &parsing.segments {
        let (class_id, person) = (segment.class, segment.person);
        let label = names[class_id as usize];
        let file = format!("parts/{person}-{label}.png");
        files.push(mask(stem, &file, parsing, |class, of| class == class_id && of == person)?);
        let (score, area, bbox) = (segment.score, segment.area, segment.bbox);
        index.parts.push(PartMask { file, class_id, label, person, score, area, bbox });
    }
    files.push(File { path: index_path(stem), bytes: to_json(&index)? });
    Ok(files)
}

fn mask(stem: &str, path: &str, parsing: &Parsing, is_in: impl Fn(u8, u16) -> bool) -> Result<File> {
    let mut pixels = reserved(parsing.labels.len(), "a mask")?;
    let both = parsing.labels.iter().zip(&parsing.people);
    pixels.extend(both.map(|(&class, &person)| if is_in(class, person) { 255 } else { 0 }));
    let bytes = picture::grey(parsing.width, parsing.height, &pixels)?;
    Ok(File { path: format!("{stem}/{path}"), bytes })
}
