//! The maps of the CIHP data set (Gong et al., ECCV 2018): `Category_ids/`, pixel =
//! class id; `Human_ids/`, pixel = person id; `Instance_ids/`, pixel = id of a
//! class of a person, told apart by a list beside it. Grey PNG.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::export::file::{File, Files};
use crate::export::sample::Sample;
use crate::export::{class_names, instances, picture};
use crate::parsing::Parsing;

pub(super) const FILES: Files = Files::Several { make: files, paths, index: class_names::index };

fn paths(stem: &str) -> Vec<String> {
    vec![
        format!("Category_ids/{stem}.png"),
        format!("Human_ids/{stem}.png"),
        format!("Instance_ids/{stem}.png"),
        format!("Instance_ids/{stem}.txt"),
    ]
}

/// The three maps, and `Instance_ids/STEM.txt` with a line `id class person` for
/// each instance.
///
/// As in the data set, the id is `20 (person - 1) + class`, with the number of
/// classes for 20; what belongs to nobody (person 0) counts as one more person. Where
/// these ids do not fit into 16 bits people are counted without gaps.
fn files(stem: &str, sample: &Sample) -> Result<Vec<File>> {
    let parsing = sample.parsing;
    let Parsing { width, height, labels, people, segments, .. } = parsing;
    let classes = parsing.label_set.names().len();
    let persons: BTreeSet<u16> = segments.iter().map(|s| s.person).filter(|&id| id > 0).collect();
    let most = persons.last().copied().unwrap_or(0) as usize;
    let fits = (most + 1) * classes <= u16::MAX as usize;
    let rank = |person: u16| match person {
        0 if fits => most,
        0 => persons.len(),
        _ if fits => person as usize - 1,
        _ => persons.range(..person).count(),
    };
    let ids = segments
        .iter()
        .map(|s| {
            let id = rank(s.person) * classes + s.class as usize;
            u16::try_from(id).map_err(|_| instances::too_many(parsing))
        })
        .collect::<Result<Vec<u16>>>()?;
    let list: String =
        ids.iter().zip(segments).map(|(id, s)| format!("{id} {} {}\n", s.class, s.person)).collect();
    let instances = instances::instance_map(parsing, &ids)?;
    let bytes = [
        picture::grey(*width, *height, labels)?,
        picture::ids(*width, *height, people)?,
        picture::ids(*width, *height, &instances)?,
        list.into_bytes(),
    ];
    Ok(paths(stem).into_iter().zip(bytes).map(|(path, bytes)| File { path, bytes }).collect())
}
