//! Bytes of a photo file -> [`Photo`].

mod colour_profile;
mod decoded;
mod jpeg;
mod jpeg_structure;
mod orientation;
mod png;
mod webp;

pub(crate) use decoded::check_size;

use decoded::{Decoded, truncated};

use crate::error::{Code, Error, Result, reserved};
use crate::limits;
use crate::resize::resize;

/// A decoded photo: upright, opaque, 8-bit sRGB.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

impl Photo {
    /// Decodes a JPEG, PNG or WebP file.
    ///
    /// Size caps ([`limits`]) are checked on the header before any pixel is
    /// allocated. The EXIF orientation (1-8) is applied, so width and height are
    /// those of the upright photo. Colours are brought to sRGB from what the file says
    /// that they are. Transparent pixels are laid over white.
    ///
    /// The pixels are those that browsers show, or there is an error: files that
    /// end early or contradict themselves give no photo.
    pub fn decode(bytes: &[u8]) -> Result<Photo> {
        if bytes.is_empty() {
            return Err(Error::new(Code::EmptyFile, "the file is empty; choose a JPEG, PNG or WebP photo"));
        }
        if bytes.len() > limits::MAX_PHOTO_BYTES {
            return Err(Error::new(
                Code::FileTooLarge,
                format!(
                    "the file has {} MiB, at most {} MiB are read; save the photo smaller",
                    bytes.len() >> 20,
                    limits::MAX_PHOTO_BYTES >> 20
                ),
            ));
        }
        let Some(format) = Format::of(bytes) else {
            return Err(Error::new(
                Code::UnsupportedFormat,
                "the file is not a JPEG, PNG or WebP photo; convert it to one of these",
            ));
        };
        let (format, decoded) = match format {
            Format::Jpeg => ("JPEG", jpeg::decode(bytes)),
            Format::Png => ("PNG", png::decode(bytes)),
            Format::WebP => ("WebP", webp::decode(bytes)),
        };
        let decoded = decoded.map_err(|error| match error.code() {
            // What was not written yet when the file was closed reads as zeros.
            Code::CorruptPhoto if bytes.ends_with(&[0; FILLING]) => truncated(format),
            _ => error,
        })?;
        let Decoded { width, height, mut rgba, orientation, profile, is_grey } = decoded;
        if let Some(profile) = profile {
            colour_profile::to_srgb(&mut rgba, &profile, is_grey);
        }
        let (rgba, (width, height)) = orientation::turned(rgba, (width, height), orientation)?;
        Photo::from_rgba(width, height, rgba)
    }

    /// Whether a file that begins with these bytes is one that [`decode`](Photo::decode) may read: a JPEG,
    /// PNG or WebP. The first 16 bytes are enough.
    pub fn is_begun_by(head: &[u8]) -> bool {
        Format::of(head).is_some()
    }

    /// A photo from RGBA pixels, row by row, four bytes a pixel, not premultiplied.
    pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Photo> {
        check_size(width as u64, height as u64)?;
        let expected = width as usize * height as usize * 4;
        if rgba.len() != expected {
            return Err(Error::new(
                Code::CorruptPhoto,
                format!("{width}x{height} RGBA pixels are {expected} bytes, not {}", rgba.len()),
            ));
        }
        let mut photo = Photo { width, height, rgba };
        photo.lay_over_white();
        Ok(photo)
    }

    /// Width in pixels, upright.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, upright.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: rows top to bottom, R G B A, A always 255.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// A part of the photo, `origin` being (x, y) of its top left pixel and `size` its (width, height).
    pub(crate) fn part(&self, origin: (u32, u32), size: (u32, u32)) -> Result<Photo> {
        let [left, top, width, height] = [origin.0, origin.1, size.0, size.1].map(|value| value as usize);
        let mut rgba = reserved(4 * width * height, "a part of the photo")?;
        for row in self.rgba.chunks_exact(4 * self.width as usize).skip(top).take(height) {
            rgba.extend_from_slice(&row[4 * left..4 * (left + width)]);
        }
        Photo::from_rgba(size.0, size.1, rgba)
    }

    /// The photo shrunk so that its longer side is at most `max_side` pixels.
    /// A smaller photo is returned as it is.
    pub fn scaled(self, max_side: u32) -> Result<Photo> {
        let long = self.width.max(self.height);
        if max_side == 0 {
            return Err(Error::new(Code::BadOption, "the longest side of a photo must be at least 1 pixel"));
        }
        if long <= max_side {
            return Ok(self);
        }
        let side = |s: u32| ((s as f64 * max_side as f64 / long as f64 + 0.5) as u32).max(1);
        let (width, height) = (side(self.width), side(self.height));
        Ok(Photo { rgba: self.resized(width, height)?, width, height })
    }

    /// RGBA pixels at another size.
    pub(crate) fn resized(&self, width: u32, height: u32) -> Result<Vec<u8>> {
        check_size(width as u64, height as u64)?;
        resize(&self.rgba, (self.width, self.height), (width, height))
    }

    fn lay_over_white(&mut self) {
        for pixel in self.rgba.chunks_exact_mut(4) {
            let alpha = pixel[3] as u32;
            if alpha != 255 {
                for channel in &mut pixel[..3] {
                    *channel = ((*channel as u32 * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
                }
                pixel[3] = 255;
            }
        }
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({}x{})", self.width, self.height)
    }
}

/// Zeros at the end of a damaged file that tell why it is damaged.
const FILLING: usize = 64;

/// The formats of photos that are read.
enum Format {
    Jpeg,
    Png,
    WebP,
}

impl Format {
    /// By the first bytes of a file.
    fn of(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0xff, 0xd8, ..] => Some(Format::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Format::Png),
            _ => None,
        }
    }
}
