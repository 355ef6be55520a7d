//! What the multi-human track of the LIP challenge (CVPR 2018) and its evaluation
//! take: `global_parsing/`, pixel = class id; `instance_parsing/`, pixel = n for the
//! instance that line n of the list beside it scores. Grey PNG.

use crate::error::Result;
use crate::export::{File, instances, picture};
use crate::parsing::Parsing;

pub(super) fn paths(stem: &str) -> [String; 3] {
    [
        format!("global_parsing/{stem}.png"),
        format!("instance_parsing/{stem}.png"),
        format!("instance_parsing/{stem}.txt"),
    ]
}

/// Both maps, and `instance_parsing/STEM.txt` with a line `class score` for each instance.
pub(super) fn files(stem: &str, parsing: &Parsing) -> Result<Vec<File>> {
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
