//! Pixels as PNG.

use png::{BitDepth, ColorType};

use crate::error::{Code, Error, Result, reserved};

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
    let mut pixels = reserved(ids.len(), "the picture")?;
    pixels.extend(ids.iter().map(|&id| id as u8));
    Ok(pixels)
}

fn encoded(
    (width, height): (u32, u32),
    (colour, depth): (ColorType, BitDepth),
    palette: Option<Vec<u8>>,
    texts: &[(&str, String)],
    pixels: &[u8],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
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
        writer.write_image_data(pixels)?;
        writer.finish()
    };
    write()
        .map_err(|e| Error::new(Code::BadOption, format!("the picture could not be written as PNG: {e}")))?;
    Ok(bytes)
}
