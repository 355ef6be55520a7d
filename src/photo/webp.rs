//! Bytes of a WebP file -> its pixels.

use std::io::{Cursor, ErrorKind};

use image_webp::{DecodingError, WebPDecoder};

use super::colour_profile::Described;
use super::decoded::{Decoded, broken, check_size, truncated, unsupported};
use super::orientation;
use crate::error::{Error, Result, filled, reserved};
use crate::limits;

/// Bytes of a chunk's name and length.
const HEADER: usize = 8;

/// Zeros at the end of a picture that none ends with by chance.
const FILLING: usize = 256;

/// Flags of an extended file: EXIF and XMP follow.
const METADATA: u8 = 0b1100;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded> {
    let chunks = Chunks::read(bytes.get(12..).unwrap_or_default())?;
    // The decoder believes the file's length and its flags, and needs neither.
    let mut file = reserved(bytes.len(), "the WebP")?;
    file.extend_from_slice(bytes);
    file[4..8].copy_from_slice(&(bytes.len() as u32 - 8).to_le_bytes());
    if bytes[12..16] == *b"VP8X" && bytes.len() > 20 {
        file[20] &= !METADATA;
    }
    let mut decoder = WebPDecoder::new(Cursor::new(&file[..])).map_err(error)?;
    let (width, height) = decoder.dimensions();
    check_size(width as u64, height as u64)?;
    chunks.check_picture(width, height)?;

    let pixels = width as usize * height as usize;
    // Planes or a second picture of the decoder.
    drop(reserved::<u8>(4 * pixels, "the photo")?);
    let mut rgba = filled(255u8, 4 * pixels, "the photo")?;
    if decoder.has_alpha() {
        decoder.read_image(&mut rgba).map_err(error)?;
    } else {
        let mut rgb = filled(0u8, 3 * pixels, "the photo")?;
        decoder.read_image(&mut rgb).map_err(error)?;
        for (pixel, &[r, g, b]) in rgba.as_chunks_mut().0.iter_mut().zip(rgb.as_chunks().0) {
            *pixel = [r, g, b, 255];
        }
    }
    let exif = chunks.find(b"EXIF").map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
    let icc = chunks.find(b"ICCP").filter(|profile| profile.len() <= limits::MAX_PROFILE_BYTES);
    Ok(Decoded {
        width,
        height,
        rgba,
        orientation: exif.map_or(1, orientation::of_exif),
        profile: icc.map(|profile| Described::Icc(profile.to_vec().into())),
        is_grey: false,
    })
}

/// Names and contents, in the order of the file.
struct Chunks<'a>(Vec<([u8; 4], &'a [u8])>);

impl<'a> Chunks<'a> {
    fn read(mut rest: &'a [u8]) -> Result<Chunks<'a>> {
        let mut chunks = vec![];
        while let Some((header, content)) = rest.split_at_checked(HEADER) {
            let (name, length) = ([header[0], header[1], header[2], header[3]], &header[4..]);
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let Some(content) = content.get(..length) else {
                let is_needed = matches!(
                    &name,
                    b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP" | b"EXIF"
                );
                if is_needed {
                    return Err(truncated("WebP"));
                }
                break;
            };
            chunks.push((name, content));
            rest = rest.get(HEADER + length + length % 2..).unwrap_or_default();
        }
        match chunks.is_empty() {
            true => Err(truncated("WebP")),
            false => Ok(Chunks(chunks)),
        }
    }

    fn find(&self, name: &[u8; 4]) -> Option<&'a [u8]> {
        self.0.iter().find(|chunk| chunk.0 == *name).map(|chunk| chunk.1)
    }

    /// Fails before the decoder makes room for a picture that is larger than its file says,
    /// and if zeros stand for its end.
    fn check_picture(&self, width: u32, height: u32) -> Result<()> {
        let frame = match self.find(b"ANMF") {
            // Place, size, duration and flags come before the frame's own chunks.
            Some(frame) => &Chunks::read(frame.get(16..).unwrap_or_default())?,
            None => self,
        };
        if let Some(&[_, _, _, _, _, _, w0, w1, h0, h1]) =
            frame.find(b"VP8 ").and_then(|picture| picture.first_chunk())
        {
            // Two bits of each say how a player may enlarge it.
            let side = |low, high| u16::from_le_bytes([low, high]) as u32 & 0x3fff;
            if side(w0, w1) > width || side(h0, h1) > height {
                return Err(broken("WebP", "its picture is larger than its header says"));
            }
        }
        let picture = frame.find(b"VP8 ").or_else(|| frame.find(b"VP8L"));
        let is_filled_up = |picture: &[u8]| {
            picture.len() > FILLING && picture[picture.len() - FILLING..].iter().all(|&byte| byte == 0)
        };
        if picture.is_some_and(is_filled_up) { Err(truncated("WebP")) } else { Ok(()) }
    }
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => truncated("WebP"),
        DecodingError::UnsupportedFeature(what) => unsupported("WebP", &what),
        error => broken("WebP", &error.to_string()),
    }
}
