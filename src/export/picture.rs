//! Pixels as PNG.

use png::{BitDepth, ColorType};

use crate::error::{Code, Error, Result};

/// A PNG of RGB pixels, three bytes each, row by row.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Rgb, BitDepth::Eight), None, rgb)
}

/// A PNG of one byte a pixel, an index of the palette of R G B triples.
pub(super) fn indexed(width: u32, height: u32, palette: Vec<u8>, pixels: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Indexed, BitDepth::Eight), Some(palette), pixels)
}

/// A PNG of one byte of grey a pixel.
pub(super) fn grey(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Grayscale, BitDepth::Eight), None, pixels)
}

/// A PNG of two bytes of grey a pixel, the high one first.
pub(super) fn grey16(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    encoded((width, height), (ColorType::Grayscale, BitDepth::Sixteen), None, pixels)
}

fn encoded(
    (width, height): (u32, u32),
    (colour, depth): (ColorType, BitDepth),
    palette: Option<Vec<u8>>,
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
        let mut writer = encoder.write_header()?;
        writer.write_image_data(pixels)?;
        writer.finish()
    };
    write()
        .map_err(|e| Error::new(Code::BadOption, format!("the picture could not be written as PNG: {e}")))?;
    Ok(bytes)
}
