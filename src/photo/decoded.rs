//! What decoders give, and how they fail.

use super::colour_profile::Described;
use crate::error::{Code, Error, Result};
use crate::limits;

/// What a file holds, before it is brought to sRGB and turned.
pub(super) struct Decoded {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
    /// EXIF's number, 1 to 8.
    pub orientation: u8,
    pub profile: Option<Described<'static>>,
    /// Whether the file holds grey values alone.
    pub is_grey: bool,
}

/// Makes RGBA of pixels that were read into the end of their buffer: grey, grey with alpha, RGB or RGBA.
pub(super) fn spread(rgba: &mut [u8], channels: usize) {
    let start = rgba.len() / 4 * (4 - channels);
    let pixels = rgba.len() / 4;
    match channels {
        1 => (0..pixels).for_each(|at| {
            let value = rgba[start + at];
            rgba[4 * at..4 * at + 4].copy_from_slice(&[value, value, value, 255]);
        }),
        2 => (0..pixels).for_each(|at| {
            let [value, alpha] = [rgba[start + 2 * at], rgba[start + 2 * at + 1]];
            rgba[4 * at..4 * at + 4].copy_from_slice(&[value, value, value, alpha]);
        }),
        3 => (0..pixels).for_each(|at| {
            let [r, g, b] = [0, 1, 2].map(|channel| rgba[start + 3 * at + channel]);
            rgba[4 * at..4 * at + 4].copy_from_slice(&[r, g, b, 255]);
        }),
        _ => {}
    }
}

pub(crate) fn check_size(width: u64, height: u64) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::new(Code::CorruptPhoto, format!("the photo has no pixels ({width}x{height})")));
    }
    if width.max(height) > limits::MAX_PHOTO_SIDE as u64 || width * height > limits::MAX_PHOTO_PIXELS {
        return Err(Error::new(
            Code::PhotoTooLarge,
            format!(
                "the photo is {width}x{height}; at most {} megapixels and {} pixels a side are read; save it smaller",
                limits::MAX_PHOTO_PIXELS / 1_000_000,
                limits::MAX_PHOTO_SIDE
            ),
        ));
    }
    Ok(())
}

pub(super) fn broken(format: &str, what: &str) -> Error {
    Error::new(
        Code::CorruptPhoto,
        format!("the {format} is damaged: {what}; open it in a picture editor and save it again"),
    )
}

pub(super) fn truncated(format: &str) -> Error {
    Error::new(
        Code::Truncated,
        format!("the {format} ends before its picture does; the file was cut off, copy or download it again"),
    )
}

pub(super) fn unsupported(format: &str, what: &str) -> Error {
    Error::new(
        Code::UnsupportedFormat,
        format!(
            "this kind of {format} is not supported: {what}; open it in a picture editor and save it again"
        ),
    )
}

pub(super) fn no_memory(format: &str) -> Error {
    Error::new(Code::OutOfMemory, format!("there is no memory to decode this {format}; use a smaller photo"))
}
