//! The EXIF orientation: how a photo was turned when it was stored.

use crate::error::{Result, filled};

/// Side of the squares in which pixels are moved, so that both pictures stay in the cache.
const TILE: usize = 32;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientation that EXIF data say, 1 (upright) if they say none.
pub(super) fn of_exif(exif: &[u8]) -> u8 {
    orientation(exif)
        .filter(|orientation| (1..=8).contains(orientation))
        .map_or(1, |orientation| orientation as u8)
}

fn orientation(exif: &[u8]) -> Option<u16> {
    let is_little = match exif.get(..4)? {
        b"II\x2a\0" => true,
        b"MM\0\x2a" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let directory: [u8; 4] = exif.get(4..8)?.try_into().ok()?;
    let directory =
        if is_little { u32::from_le_bytes(directory) } else { u32::from_be_bytes(directory) } as usize;
    let first = directory.checked_add(2)?;
    (0..short(directory)? as usize)
        .map(|entry| first.saturating_add(12 * entry))
        .find(|&entry| short(entry) == Some(ORIENTATION))
        .filter(|&entry| short(entry + 2) == Some(SHORT))
        .and_then(|entry| short(entry + 8))
}

/// The upright pixels and their (width, height); see EXIF 2.32, tag 0x0112.
pub(super) fn turned(
    mut rgba: Vec<u8>,
    (width, height): (u32, u32),
    orientation: u8,
) -> Result<(Vec<u8>, (u32, u32))> {
    let pixels = rgba.as_chunks_mut::<4>().0;
    match orientation {
        2 => pixels.chunks_exact_mut(width as usize).for_each(<[_]>::reverse),
        3 => pixels.reverse(),
        4 => {
            let (top, bottom) = pixels.split_at_mut(height as usize / 2 * width as usize);
            let below = bottom.rchunks_exact_mut(width as usize);
            top.chunks_exact_mut(width as usize)
                .zip(below)
                .for_each(|(above, below)| above.swap_with_slice(below));
        }
        5..=8 => {
            // Rows become columns; two bits say from which end each is read.
            let (from_right, from_below) = (matches!(orientation, 7 | 8), matches!(orientation, 6 | 7));
            let mut upright = filled(0u8, 4 * pixels.len(), "the turned photo")?;
            let (width, height) = (width as usize, height as usize);
            let target = upright.as_chunks_mut::<4>().0;
            for (top, left) in tiles(width, height) {
                for y in top..(top + TILE).min(width) {
                    let from_x = if from_right { width - 1 - y } else { y };
                    for x in left..(left + TILE).min(height) {
                        let from_y = if from_below { height - 1 - x } else { x };
                        target[y * height + x] = pixels[from_y * width + from_x];
                    }
                }
            }
            return Ok((upright, (height as u32, width as u32)));
        }
        _ => {}
    }
    Ok((rgba, (width, height)))
}

/// The corners of the tiles of a picture with these rows and columns.
fn tiles(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).step_by(TILE).flat_map(move |top| (0..columns).step_by(TILE).map(move |left| (top, left)))
}
