//! Which segment each pixel belongs to.

use std::collections::HashMap;

use crate::error::{Code, Error, Result, reserved};
use crate::parsing::Parsing;

/// For each pixel `ids[n]` where segment `n` of the parsing has it, else 0.
pub(super) fn instance_map(parsing: &Parsing, ids: &[u16]) -> Result<Vec<u16>> {
    let of_segment: HashMap<(u8, u16), u16> =
        parsing.segments.iter().map(|s| (s.class, s.person)).zip(ids.iter().copied()).collect();
    let mut map = reserved(parsing.labels.len(), "the instance map")?;
    // Neighbours mostly belong to one segment.
    let mut last = ((0, 0), 0);
    map.extend(parsing.labels.iter().copied().zip(parsing.people.iter().copied()).map(|pixel| {
        if pixel != last.0 {
            last = (pixel, of_segment.get(&pixel).copied().unwrap_or(0));
        }
        last.1
    }));
    Ok(map)
}

/// Ids 1, 2, 3 ... for the segments of a parsing.
pub(super) fn counted(parsing: &Parsing) -> Result<Vec<u16>> {
    let count = u16::try_from(parsing.segments.len()).map_err(|_| too_many(parsing))?;
    Ok((1..=count).collect())
}

pub(super) fn too_many(parsing: &Parsing) -> Error {
    Error::new(
        Code::BadOption,
        format!("{} segments are more than this format tells apart; use coco", parsing.segments.len()),
    )
}
