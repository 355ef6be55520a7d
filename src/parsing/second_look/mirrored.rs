//! A mirrored look at the part of a photo with the people.

use super::first_look::{FirstLook, STEP, SecondLook, bounds, size_rule};
use crate::card::{Mirrored, Pass};
use crate::limits::MAX_INPUT_SIDE;
use crate::tensor::Placement;

/// What is looked at around the people at least, as a part of the height of all.
const MARGIN: f64 = 0.015;

/// People are not seen smaller than this, where they have 1 in the first pass: the mean of the two would be worse.
const SMALLEST: f64 = 0.85;

/// Pixels by which rounding may make a side of the part longer in the input.
const ROUNDED: u32 = 2;

/// The part of the photo to look at mirrored, if the pixels allow for it: the one with all people, and around it as
/// much as the input has room for.
pub(super) fn look(seen: &FirstLook, Mirrored { pixels, multiple }: Mirrored) -> Option<SecondLook> {
    let Placement { photo, content, padded, .. } = seen.placement;
    let (columns, rows) = bounds(&seen.parsing);
    let margin = ((rows.1 - rows.0) as f64 * MARGIN).ceil() as u32;
    // From here on in pixels of the first input.
    let around = |(start, end): (u32, u32), content: u32| {
        (start.saturating_sub(margin) * STEP, ((end + margin) * STEP).min(content))
    };
    let (columns, rows) = (around(columns, content.0), around(rows, content.1));
    let rest = pixels.saturating_sub(padded.0 * padded.1);
    let (scale, sides) = largest((columns.1 - columns.0, rows.1 - rows.0), rest, multiple)?;
    if scale < SMALLEST {
        return None;
    }
    let ((x, width), (y, height)) =
        (widened(columns, sides.0, scale, content.0), widened(rows, sides.1, scale, content.1));
    // In whole pixels of the photo, and where these lie in the input.
    let nearest = |at: u32, from: u32, to: u32| (at as f64 * to as f64 / from as f64).round() as u32;
    let whole = |start: u32, length: u32, content: u32, photo: u32| {
        let [first, end] = [start, start + length].map(|at| nearest(at, content, photo));
        let [seen_first, seen_end] = [first, end].map(|at| nearest(at, photo, content));
        (end > first).then_some(((first, end - first), (seen_first, seen_end - seen_first)))
    };
    let ((x, width), (seen_x, seen_width)) = whole(x, width, content.0, photo.0)?;
    let ((y, height), (seen_y, seen_height)) = whole(y, height, content.1, photo.1)?;
    let (origin, size) = ((x, y), (width, height));
    let rule = size_rule(seen_width.min(seen_height) as f64 * scale, multiple);
    let (seen, at) = ((seen_width, seen_height), (seen_x, seen_y));
    let first = Placement { photo: size, content: seen, origin: at, padded, mirrored: false };
    let passes = vec![Pass { size: rule, mirror: true }];
    Some(SecondLook { origin, size, passes, first: Some(first) })
}

/// The largest scale, at most 1, at which a part has room in a tensor of that many pixels, and the sides of the smallest
/// such tensor.
fn largest(part: (u32, u32), pixels: u32, multiple: u32) -> Option<(f64, (u32, u32))> {
    let scale = |side: u32, part: u32| (side - ROUNDED) as f64 / part as f64;
    let mut largest = None;
    for width in (multiple..=MAX_INPUT_SIDE).step_by(multiple as usize) {
        let height = pixels / width / multiple * multiple;
        if width <= ROUNDED || height <= ROUNDED {
            continue;
        }
        let found = scale(width, part.0).min(scale(height, part.1)).min(1.0);
        let side = |part: u32| ((part as f64 * found).ceil() as u32 + ROUNDED).next_multiple_of(multiple);
        let sides = (side(part.0).min(width), side(part.1).min(height));
        let area = |(width, height): (u32, u32)| width * height;
        if largest.is_none_or(|(best, other)| found > best || found == best && area(sides) < area(other)) {
            largest = Some((found, sides));
        }
    }
    largest
}

/// A range of pixels of the first input, at most `content`, widened to what has room in a side of the second, at the
/// borders of what [`STEP`] pixels of it have become: first pixel and length.
fn widened((start, end): (u32, u32), side: u32, scale: f64, content: u32) -> (u32, u32) {
    let room = ((side - ROUNDED) as f64 / scale) as u32 / STEP * STEP;
    let length = room.max(end - start);
    let before = (length - (end - start)) / 2 / STEP * STEP;
    let start = start.saturating_sub(before).min(content.saturating_sub(length).next_multiple_of(STEP));
    (start, length.min(content - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_as_large_in_the_input_as_the_pixels_allow() {
        let pixels = 28 * 64 * 64;
        // At its own size where there is room, in the smallest tensor.
        assert_eq!(largest((180, 560), pixels, 64), Some((1.0, (192, 576))));
        assert_eq!(largest((190, 574), pixels, 64), Some((1.0, (192, 576))));
        assert_eq!(largest((10, 100), pixels, 64), Some((1.0, (64, 128))));
        // Smaller where there is none: of 192x576, 256x448, 320x320 and so on the one that it fits best.
        assert_eq!(largest((200, 560), pixels, 64), Some((190.0 / 200.0, (192, 576))));
        assert_eq!(largest((250, 500), pixels, 64), Some((446.0 / 500.0, (256, 448))));
        assert_eq!(largest((500, 500), pixels, 64), Some((318.0 / 500.0, (320, 320))));
        for (pixels, multiple) in [(0, 64), (64 * 64 - 1, 64), (100, 1)] {
            let found = largest((500, 500), pixels, multiple);
            assert!(found.is_none_or(|(scale, _)| scale < 0.1), "{found:?}");
        }
    }

    #[test]
    fn a_part_is_widened_to_the_room_that_there_is() {
        // Evenly, on multiples of four, within the photo.
        assert_eq!(widened((100, 200), 128, 1.0, 384), (88, 124));
        assert_eq!(widened((0, 100), 128, 1.0, 384), (0, 124));
        assert_eq!(widened((300, 384), 128, 1.0, 384), (260, 124));
        assert_eq!(widened((300, 383), 128, 1.0, 383), (260, 123));
        assert_eq!(widened((100, 200), 128, 0.5, 384), (24, 252));
        assert_eq!(widened((8, 90), 128, 1.0, 98), (0, 98));
        // What is needed is never cut.
        for start in (0..384).step_by(4) {
            for end in start + 1..=384 {
                let (from, length) = widened((start, end), 64, 0.85, 384);
                assert!(from <= start && from + length >= end && from + length <= 384, "{start} {end}");
                assert_eq!(from % STEP, 0);
            }
        }
    }
}
