//! Bytes of a photo file -> [`Photo`].

use std::io::Cursor;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::error::UnsupportedErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat};

use crate::error::{Code, Error, Result, filled, reserved};
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
    /// those of the upright photo. Transparent pixels are laid over white.
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
        let format = match image::guess_format(bytes) {
            Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
            _ => {
                return Err(Error::new(
                    Code::UnsupportedFormat,
                    "the file is not a JPEG, PNG or WebP photo; convert it to one of these",
                ));
            }
        };
        let header = imagesize::blob_size(bytes).map_err(|_| match format {
            ImageFormat::Jpeg => broken("JPEG", "its header has no frame size"),
            ImageFormat::Png => broken("PNG", "its header is incomplete"),
            _ => broken("WebP", "its header is incomplete"),
        })?;
        check_size(header.width as u64, header.height as u64)?;

        let input = Cursor::new(bytes);
        match format {
            ImageFormat::Jpeg => {
                check_jpeg_ends(bytes)?;
                pixels(JpegDecoder::new(input), "JPEG")
            }
            ImageFormat::Png => pixels(PngDecoder::new(input), "PNG"),
            _ => {
                check_webp_ends(bytes)?;
                pixels(WebPDecoder::new(input), "WebP")
            }
        }
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

fn check_size(width: u64, height: u64) -> Result<()> {
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

fn pixels<D: ImageDecoder>(decoder: image::ImageResult<D>, format: &str) -> Result<Photo> {
    let decoded = decoder.and_then(|mut decoder| {
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation()?;
        // Decoding, turning and adding alpha hold at most two copies at a time;
        // the codecs allocate without asking, so ask for them.
        let copies = 2 * decoder.total_bytes().max(width as u64 * height as u64 * 4);
        let room = check_size(width as u64, height as u64)
            .and_then(|()| reserved::<u8>(copies as usize, "the photo"));
        Ok(match room {
            Err(error) => Err(error),
            Ok(room) => {
                drop(room);
                let mut picture = DynamicImage::from_decoder(decoder)?;
                picture.apply_orientation(orientation);
                Ok(picture)
            }
        })
    });
    let picture = decoded.map_err(|error| decoding_error(error, format))??;
    if let DynamicImage::ImageRgb8(rgb) = picture {
        let (width, height) = rgb.dimensions();
        let mut rgba = filled(255u8, width as usize * height as usize * 4, "the photo")?;
        for (pixel, &[r, g, b]) in rgba.as_chunks_mut().0.iter_mut().zip(rgb.as_chunks().0) {
            *pixel = [r, g, b, 255];
        }
        return Ok(Photo { width, height, rgba });
    }
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    Photo::from_rgba(width, height, rgba.into_raw())
}

fn decoding_error(error: ImageError, format: &str) -> Error {
    let eof = |e: &std::io::Error| e.kind() == std::io::ErrorKind::UnexpectedEof;
    let at_end = {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut found = false;
        while let Some(cause) = source {
            found |= cause.downcast_ref::<std::io::Error>().is_some_and(eof);
            source = cause.source();
        }
        found
    };
    match error {
        ImageError::IoError(e) if eof(&e) => truncated(format),
        _ if at_end => truncated(format),
        ImageError::Unsupported(e) => match e.kind() {
            UnsupportedErrorKind::GenericFeature(what) => {
                Error::new(Code::UnsupportedFormat, format!("this kind of {format} is not supported: {what}"))
            }
            _ => Error::new(Code::UnsupportedFormat, format!("this kind of {format} is not supported: {e}")),
        },
        ImageError::Limits(_) => Error::new(
            Code::OutOfMemory,
            format!("there is no memory to decode this {format}; use a smaller photo"),
        ),
        other => broken(format, &other.to_string()),
    }
}

fn broken(format: &str, what: &str) -> Error {
    Error::new(
        Code::CorruptPhoto,
        format!("the {format} is damaged: {what}; open it in a picture editor and save it again"),
    )
}

fn truncated(format: &str) -> Error {
    Error::new(
        Code::Truncated,
        format!("the {format} ends before its picture does; the file was cut off, copy or download it again"),
    )
}

/// The JPEG decoder paints the missing part of a cut-off file grey; a label map
/// of grey would be silently wrong, so the end-of-image marker is looked for.
fn check_jpeg_ends(bytes: &[u8]) -> Result<()> {
    const SOS: u8 = 0xda;
    const EOI: u8 = 0xd9;
    let mut at = 2;
    loop {
        // In entropy-coded data FF is followed by 00 (stuffing) or a restart marker.
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7);
        let Some(skipped) = bytes.get(at..).and_then(|rest| rest.windows(2).position(is_marker)) else {
            return Err(truncated("JPEG"));
        };
        at += skipped;
        match (bytes[at + 1], bytes.get(at + 2..at + 4)) {
            (EOI, _) => return Ok(()),
            (0x01 | 0xd8, _) => at += 2,
            (_, None) => return Err(truncated("JPEG")),
            (SOS, Some(_)) => at += 4,
            (_, Some(length)) => at += 2 + u16::from_be_bytes([length[0], length[1]]) as usize,
        }
    }
}

/// The WebP decoder is content with less than the RIFF header promises.
fn check_webp_ends(bytes: &[u8]) -> Result<()> {
    let promised = bytes.get(4..8).map(|size| u32::from_le_bytes([size[0], size[1], size[2], size[3]]));
    match promised {
        Some(size) if size as usize <= bytes.len() - 8 => Ok(()),
        _ => Err(truncated("WebP")),
    }
}
