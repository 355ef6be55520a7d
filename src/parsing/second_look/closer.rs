//! A closer look at people who are all small.

use super::first_look::{FirstLook, SecondLook, bounds, size_rule, tallest};
use crate::card::{Closer, Pass};

/// What is looked at around the people, as a part of the height of the tallest.
const MARGIN: f64 = 0.15;

/// Less than this much closer is not worth the work.
const LEAST_CLOSER: f64 = 1.15;

/// Pixels of the input to a pixel of the photo at most, each way: there is nothing more to be seen.
const MOST_ENLARGED: f64 = 2.0;

/// The part of the photo to look at closer, if everybody is small.
pub(super) fn look(seen: &FirstLook, closer: Closer, passes: &[Pass]) -> Option<SecondLook> {
    let (content, photo) = (seen.placement.content, seen.placement.photo);
    let small = (seen.parsing.width, seen.parsing.height);
    let tallest = tallest(&seen.parsing) as f64;
    // Along an axis: the first pixel of the photo and how many, given those of the small one.
    let along = |start: u32, end: u32, small: u32, photo: u32| {
        let scale = photo as f64 / small as f64;
        let start = ((start as f64 - MARGIN * tallest) * scale).max(0.0) as u32;
        let end = (((end as f64 + MARGIN * tallest) * scale).ceil() as u32).min(photo);
        (start, end - start)
    };
    let (columns, rows) = bounds(&seen.parsing);
    let (left, width) = along(columns.0, columns.1, small.0, photo.0);
    let (top, height) = along(rows.0, rows.1, small.1, photo.1);
    // Pixels of the input to a pixel of the photo: now, for people as tall as asked for, and at most.
    let scale = content.1 as f64 / photo.1 as f64;
    let wanted = closer.height as f64 * small.1 as f64 / (tallest * photo.1 as f64);
    let possible = (closer.pixels as f64 / (width as f64 * height as f64)).sqrt();
    let closest = wanted.min(possible).min(MOST_ENLARGED.max(scale));
    if closest < LEAST_CLOSER * scale {
        return None;
    }
    let size = size_rule(width.min(height) as f64 * closest, closer.multiple);
    let passes = passes.iter().map(|&pass| Pass { size, ..pass }).collect();
    Some(SecondLook { origin: (left, top), size: (width, height), passes, first: None })
}
