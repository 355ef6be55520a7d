//! Bytes of a PNG file -> its pixels.

use std::io::Cursor;

use png::{ColorType, DecodeOptions, Decoder, DecodingError, InterlaceInfo, Reader, Transformations};

use super::colour_profile::Described;
use super::decoded::{Decoded, broken, check_size, no_memory, spread, truncated, unsupported};
use super::orientation;
use crate::error::{Result, filled, reserved};
use crate::limits;

/// Bytes of the signature before the first chunk.
const SIGNATURE: usize = 8;

/// How far back packed data refer, in bytes.
const WINDOW: usize = 32 << 10;

/// Gamma, white and primaries of sRGB in the words of PNG, times 100,000.
const SRGB: [u32; 9] = [45_455, 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// How far from these a file may be that means sRGB.
const SRGB_TOLERANCE: u32 = 100;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded> {
    let chunks = Chunks::read(bytes);
    if chunks.found.first().is_some_and(|chunk| chunk.name == *b"CgBI") {
        return Err(unsupported("PNG", "it was made for programs of iOS"));
    }
    // Before the decoder looks at it, which calls a size of 0 broken and a large one too large for memory.
    chunks.check_size()?;
    // The decoder sees what the picture is made of: no other chunk can take its memory or stop it.
    let still = chunks.still()?;
    let mut options = DecodeOptions::default();
    options.set_ignore_crc(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(&still[..]), options);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let error = |cause: DecodingError| match cause {
        DecodingError::LimitsExceeded => no_memory("PNG"),
        _ if !chunks.is_ended => truncated("PNG"),
        cause => broken("PNG", &cause.to_string()),
    };
    let header = decoder.read_header_info().map_err(error)?;
    let (width, height) = (header.width, header.height);
    let is_grey = matches!(header.color_type, ColorType::Grayscale | ColorType::GrayscaleAlpha);

    if !chunks.are_data_right((8 * width as usize + 8) * height as usize) {
        return Err(match chunks.is_ended {
            true => broken("PNG", "the checksums of its data are wrong"),
            false => truncated("PNG"),
        });
    }
    let mut reader = decoder.read_info().map_err(error)?;
    let mut rgba = filled(0u8, 4 * width as usize * height as usize, "the photo")?;
    let channels = reader.output_color_type().0.samples();
    let start = rgba.len() / 4 * (4 - channels);
    read_rows(&mut reader, &mut rgba[start..], channels * width as usize).map_err(error)?;
    spread(&mut rgba, channels);
    Ok(Decoded {
        width,
        height,
        rgba,
        orientation: chunks.find(b"eXIf").map_or(1, orientation::of_exif),
        profile: chunks.colours(),
        is_grey,
    })
}

/// Fills the pixels row by row.
fn read_rows(
    reader: &mut Reader<Cursor<&[u8]>>,
    pixels: &mut [u8],
    stride: usize,
) -> Result<(), DecodingError> {
    if !reader.info().interlaced {
        for row in pixels.chunks_exact_mut(stride) {
            reader.read_row(row)?;
        }
        return Ok(());
    }
    let bits = 8 * (stride / reader.info().width as usize) as u8;
    while let Some(row) = reader.next_interlaced_row()? {
        if let InterlaceInfo::Adam7(pass) = row.interlace() {
            png::expand_interlaced_row(pixels, stride, row.data(), pass, bits);
        }
    }
    Ok(())
}

/// The chunks of a PNG file.
struct Chunks<'a> {
    found: Vec<Chunk<'a>>,
    /// Whether the file has an end chunk.
    is_ended: bool,
}

struct Chunk<'a> {
    name: [u8; 4],
    /// The data that the file has.
    content: &'a [u8],
    /// Whether its checksum is there and wrong.
    is_wrong: bool,
}

impl<'a> Chunks<'a> {
    fn read(bytes: &'a [u8]) -> Chunks<'a> {
        let mut found = vec![];
        let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
        while let Some((&[l0, l1, l2, l3, ref name @ ..], content)) = rest.split_first_chunk::<8>() {
            let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
            let name: [u8; 4] = *name;
            if name == *b"IEND" {
                return Chunks { found, is_ended: true };
            }
            let Some((content, after)) = content.split_at_checked(length) else {
                found.push(Chunk { name, content, is_wrong: false });
                break;
            };
            let mut sum = crc32fast::Hasher::new();
            sum.update(&name);
            sum.update(content);
            let is_wrong =
                after.first_chunk().is_some_and(|expected| *expected != sum.finalize().to_be_bytes());
            found.push(Chunk { name, content, is_wrong });
            rest = after.get(4..).unwrap_or_default();
        }
        Chunks { found, is_ended: false }
    }

    /// The content of the first chunk of this name whose sum is not wrong.
    fn find(&self, name: &[u8; 4]) -> Option<&'a [u8]> {
        self.found.iter().find(|chunk| chunk.name == *name && !chunk.is_wrong).map(|chunk| chunk.content)
    }

    /// Whether no sum says that the data are wrong, or that of the unpacked data says that they are right:
    /// then a wrong sum of a chunk costs no pixel. More than `most` bytes are not unpacked.
    fn are_data_right(&self, most: usize) -> bool {
        let parts = || self.found.iter().filter(|chunk| chunk.name == *b"IDAT");
        if !parts().any(|chunk| chunk.is_wrong) {
            return true;
        }
        let mut unpacker = fdeflate::Decompressor::new();
        let mut unpacked = vec![0; 4 * WINDOW];
        let (mut at, mut total) = (0, 0);
        for chunk in parts() {
            let mut packed = chunk.content;
            while !packed.is_empty() && !unpacker.is_done() {
                let Ok((read, written)) = unpacker.read(packed, &mut unpacked, at, false) else {
                    return false;
                };
                packed = &packed[read..];
                (at, total) = (at + written, total + written);
                if total > most || read + written == 0 {
                    return false;
                }
                if at > 2 * WINDOW {
                    unpacked.copy_within(at - WINDOW..at, 0);
                    at = WINDOW;
                }
            }
        }
        unpacker.is_done()
    }

    /// Asks for the size first: no more is done for a picture that is too large.
    fn check_size(&self) -> Result<()> {
        let header = self.found.iter().find(|chunk| chunk.name == *b"IHDR").map(|chunk| chunk.content);
        match header.map(<[u8]>::as_chunks::<4>) {
            Some(([width, height, ..], _)) => {
                let side = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes) as u64;
                check_size(side(width), side(height))
            }
            _ => Ok(()),
        }
    }

    /// The PNG with its first picture alone.
    fn still(&self) -> Result<Vec<u8>> {
        let is_part = |chunk: &&Chunk| matches!(&chunk.name, b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT");
        let parts: Vec<&Chunk> = self.found.iter().filter(is_part).collect();
        let size = parts.iter().map(|chunk| chunk.content.len() + 12).sum::<usize>();
        let mut still = reserved(size + SIGNATURE + 12, "the PNG")?;
        still.extend(b"\x89PNG\r\n\x1a\n");
        for chunk in parts {
            if chunk.is_wrong && chunk.name != *b"IDAT" {
                let what = format!("the checksum of its {} is wrong", String::from_utf8_lossy(&chunk.name));
                return Err(if self.is_ended { broken("PNG", &what) } else { truncated("PNG") });
            }
            still.extend((chunk.content.len() as u32).to_be_bytes());
            still.extend(chunk.name);
            still.extend(chunk.content);
            still.extend([0; 4]);
        }
        still.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
        Ok(still)
    }

    /// What the file says of its colours, in the order of PNG's third edition.
    fn colours(&self) -> Option<Described<'static>> {
        if let Some(&[primaries, transfer, 0, 1]) = self.find(b"cICP") {
            return Some(Described::Cicp { primaries, transfer });
        }
        if let Some(profile) = self.find(b"iCCP") {
            // A name that ends with 0, the method 0, zlib.
            let packed = profile.iter().position(|&byte| byte == 0).and_then(|end| profile.get(end + 2..))?;
            let unpacked = fdeflate::decompress_to_vec_bounded(packed, limits::MAX_PROFILE_BYTES);
            return unpacked.ok().map(|profile| Described::Icc(profile.into()));
        }
        if self.find(b"sRGB").is_some() {
            return None;
        }
        let numbers = |content: &[u8]| -> Vec<u32> {
            content.as_chunks().0.iter().map(|&number| u32::from_be_bytes(number)).collect()
        };
        let primaries = self.find(b"cHRM").map_or_else(|| SRGB[1..].to_vec(), numbers);
        let values = [numbers(self.find(b"gAMA")?), primaries].concat();
        let values: [u32; 9] = values.try_into().ok()?;
        let is_srgb = values.iter().zip(SRGB).all(|(value, srgb)| value.abs_diff(srgb) <= SRGB_TOLERANCE);
        if is_srgb || values.contains(&0) {
            return None;
        }
        let [gamma, primaries @ ..] = values.map(|value| value as f32 / 100_000.0);
        Some(Described::Gamma { exponent: 1.0 / gamma, primaries })
    }
}
