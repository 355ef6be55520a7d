//! What the multi-human track of the LIP challenge (CVPR 2018) and its evaluation
//! take: `global_parsing/`, pixel = class id; `instance_parsing/`, pixel = n for the
//! instance that line n of the list beside it scores. Grey PNG.

use crate::error::Result;
use crate::export::file::{File, Files};
use crate::export::sample::Sample;
use crate::export::{class_names, instances, picture};
use crate::parsing::Parsing;

pub(super) const FILES: Files = Files::Several { make: files, paths, index: class_names::index };

fn paths(stem: &str) -> Vec<String> {
    vec![
        format!("global_parsing/{stem}.png"),
        format!("instance_parsing/{stem}.png"),
        format!("instance_parsing/{stem}.txt"),
    ]
}

/// Both maps, and `instance_parsing/STEM.txt` with a line `class score` for each instance.
fn files(stem: &str, sample: &Sample) -> Result<Vec<File>> {
    let parsing = sample.parsing;
    let Parsing { width, height, labels, segments, .. } = parsing;
    let instances = instances::instance_map(parsing, &instances::counted(parsing)?)?;
    let list: String = segments.iter().map(|s| format!("{} {}\n", s.class, s.score)).collect();
    let bytes = [
        picture::grey(*width, *height, labels)?,
        picture::ids(*width, *height, &instances)?,
        list.into_bytes(),
    ];
    Ok(paths(stem).into_iter().zip(bytes).map(|(path, bytes)| File { path, bytes }).collect())
}
