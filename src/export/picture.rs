//! RGB PNG.

use crate::error::{Code, Error, Result};

/// A PNG of RGB pixels, three bytes each, row by row.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    encoded(width, height, png::ColorType::Rgb, None, rgb)
}

/// A PNG of one byte a pixel (grey, or indexed with a palette of R G B triples) or RGB.
pub(super) fn encoded(
    width: u32,
    height: u32,
    colour: png::ColorType,
    palette: Option<Vec<u8>>,
    pixels: &[u8],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let write = || {
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
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
