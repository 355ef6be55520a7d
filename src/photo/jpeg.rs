//! Bytes of a JPEG file -> its pixels.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::colour_profile::{Described, cmyk_to_srgb};
use super::decoded::{Decoded, broken, check_size, spread, truncated, unsupported};
use super::jpeg_structure::{Colours, Structure};
use super::orientation;
use crate::error::{Result, filled, reserved};
use crate::limits;

/// Zeros at the end of the data that no photo ends with by chance.
const FILLING: usize = 16;

/// Zeros that a photo may end with by chance.
const SLACK: usize = 2;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded> {
    let structure = Structure::read(bytes)?;
    let frame = &structure.frame;
    let (width, height) = (frame.width as u32, frame.height as u32);
    check_size(width as u64, height as u64)?;
    if !structure.are_scans_known() {
        return Err(unsupported("JPEG", "the order of its scans"));
    }
    if !structure.is_whole() {
        return Err(truncated("JPEG"));
    }
    let profile = structure.profile();
    let is_cmyk = matches!(frame.colours, Colours::Cmyk | Colours::Ycck);
    let is_grey = frame.colours == Colours::Grey;
    let by_profile = profile.as_deref().filter(|_| is_cmyk);

    let mut rgba = filled(255u8, 4 * width as usize * height as usize, "the photo")?;
    if frame.is_progressive || structure.scans.len() > 1 {
        // The decoder holds all coefficients, 16 bits each.
        drop(reserved::<i16>(frame.components.len() * rgba.len() / 4, "the photo")?);
    }
    let output = match frame.colours {
        Colours::Rgb => ColorSpace::RGB,
        _ if by_profile.is_some() => ColorSpace::CMYK,
        _ => ColorSpace::RGBA,
    };
    let channels = output.num_components();
    let start = rgba.len() / 4 * (4 - channels);
    read_pixels(&structure, &mut rgba[start..], output).map_err(|error| match frame.is_sampling_known() {
        true => error,
        false => unsupported("JPEG", "the sampling of its components"),
    })?;
    spread(&mut rgba, channels);
    if let Some(profile) = by_profile {
        cmyk_to_srgb(&mut rgba, profile);
    }
    Ok(Decoded {
        width,
        height,
        rgba,
        orientation: structure.exif.map_or(1, orientation::of_exif),
        profile: profile.filter(|_| !is_cmyk).map(|profile| Described::Icc(profile.into())),
        is_grey,
    })
}

/// Fills the pixels; fails if there are not data enough for all of them.
fn read_pixels(structure: &Structure, rgba: &mut [u8], output: ColorSpace) -> Result<()> {
    let Some(last) = structure.scans.last() else { return Err(truncated("JPEG")) };
    let data = &structure.coded[last.data.clone()];
    let zeros = data.len() - data.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    if zeros >= FILLING {
        // Zeros may be the end of the picture, padding after it, or what replaces its end. Only
        // in the last case does the picture end among them, neither before nor with the last.
        let without = |dropped| {
            let kept = &structure.coded[..last.data.end - dropped];
            [kept, &structure.coded[last.data.end..]].concat()
        };
        let ends_before = fill(rgba, &without(zeros - SLACK), last.data.end - zeros + SLACK, output).is_ok();
        if !ends_before && fill(rgba, &without(SLACK), last.data.end - SLACK, output).is_ok() {
            return Err(truncated("JPEG"));
        }
    }
    fill(rgba, &structure.coded, last.data.end, output)
}

/// Fills the pixels from a JPEG whose data end at `end`.
fn fill(rgba: &mut [u8], coded: &[u8], end: usize, output: ColorSpace) -> Result<()> {
    // The strict decoder fails where the usual one would invent pixels.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(limits::MAX_PHOTO_SIDE as usize)
        .set_max_height(limits::MAX_PHOTO_SIDE as usize)
        .jpeg_set_max_scans(limits::MAX_SCANS)
        .jpeg_set_out_colorspace(output);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(coded), options);
    decoder.decode_into(rgba).map_err(|error| match decoder.inner_reader().position() {
        Ok(position) if position as usize > end => truncated("JPEG"),
        _ => broken("JPEG", &error.to_string()),
    })
}
