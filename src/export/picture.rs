//! Pixels as PNG.

use std::io::Write;

use png::{BitDepth, ColorType};

use super::buffer::Buffer;
use crate::error::{Code, Error, Result, collected, reserved};

/// Bytes of compressed pixels that are written at a time.
const CHUNK: usize = 1 << 16;

/// More bytes than the encoder needs beside three rows of pixels.
const ENCODER: usize = 1 << 19;

/// A PNG of RGB pixels, three bytes each, row by row.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Rgb, BitDepth::Eight), None, &[], rgb)
}

/// A PNG of one byte a pixel, an index of the palette of R G B triples, with texts
/// under keywords.
pub(super) fn indexed(
    width: u32,
    height: u32,
    palette: Vec<u8>,
    pixels: &[u8],
    texts: &[(&str, String)],
) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Indexed, BitDepth::Eight), Some(palette), texts, pixels)
}

/// A PNG of one byte of grey a pixel.
pub(super) fn grey(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Grayscale, BitDepth::Eight), None, &[], pixels)
}

/// A grey PNG of one id a pixel: of one byte each if all fit, else of two.
pub(super) fn ids(width: u32, height: u32, ids: &[u16]) -> Result<Vec<u8>> {
    if ids.iter().all(|&id| id < 256) {
        return grey(width, height, &bytes(ids)?);
    }
    let mut pixels = reserved(2 * ids.len(), "the picture")?;
    pixels.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
    encoded((width, height), (ColorType::Grayscale, BitDepth::Sixteen), None, &[], &pixels)
}

/// Ids below 256 as bytes.
pub(super) fn bytes(ids: &[u16]) -> Result<Vec<u8>> {
    collected(ids.iter().map(|&id| id as u8), "the picture")
}

fn encoded(
    (width, height): (u32, u32),
    (colour, depth): (ColorType, BitDepth),
    palette: Option<Vec<u8>>,
    texts: &[(&str, String)],
    pixels: &[u8],
) -> Result<Vec<u8>> {
    // It allocates without asking, so ask for it.
    drop(reserved::<u8>(ENCODER + 3 * pixels.len() / height.max(1) as usize, "the picture")?);
    let mut bytes = Buffer::default();
    let write = || {
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if let Some(palette) = palette {
            encoder.set_palette(palette);
        }
        for (keyword, text) in texts {
            encoder.add_itxt_chunk((*keyword).into(), text.clone())?;
        }
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer_with_size(CHUNK)?;
        stream.write_all(pixels)?;
        stream.finish()?;
        writer.finish()
    };
    write().map_err(|e| {
        bytes.error(|| Error::new(Code::BadOption, format!("the picture could not be written as PNG: {e}")))
    })?;
    Ok(bytes.bytes)
}
