//! The size that the header of a picture file claims, in formats that other decoders read.

use crate::error::{Code, Error, Result};
use crate::photo::check_size;

/// Bytes of a box of ISO files: its length, its type, version and flags, width and height.
const ISPE_LENGTH: [u8; 4] = 20u32.to_be_bytes();

/// Width and height that a picture file claims, before it is turned upright.
///
/// For those who hand a file to another decoder where [`Photo::decode`](crate::Photo::decode) answers
/// `unsupported-format`, such as the page to the browser: a few bytes may unpack into gigabytes.
/// Known are JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP, ICO, TIFF and JPEG XL; of several pictures
/// in a file the largest one counts.
///
/// Errors: `unsupported-format` if the size cannot be told, `photo-too-large`, and `corrupt-photo` if it is 0.
pub fn claimed_size(bytes: &[u8]) -> Result<(u32, u32)> {
    let size = match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes),
        [b'G', b'I', b'F', b'8', ..] => gif(bytes),
        [b'B', b'M', ..] => bitmap(bytes, 14),
        [0, 0, 1 | 2, 0, ..] => icon(bytes),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => iso(bytes),
        _ => imagesize::blob_size(bytes).ok().map(|size| (size.width as u64, size.height as u64)),
    };
    let Some((width, height)) = size else {
        let message =
            "the file is no picture of a kind whose size can be told; convert it to JPEG, PNG or WebP";
        return Err(Error::new(Code::UnsupportedFormat, message));
    };
    check_size(width, height)?;
    Ok((width as u32, height as u32))
}

type Size = (u64, u64);

/// Of the first frame. Fill bytes and stray bytes are passed over, as browsers do.
fn jpeg(bytes: &[u8]) -> Option<Size> {
    let field = |at| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?) as usize);
    let mut at = 2;
    loop {
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
        at += bytes.get(at..)?.windows(2).position(is_marker)? + 2;
        match bytes[at - 1] {
            // Neither has a length.
            0x01 | 0xd0..=0xd9 => {}
            0xc4 | 0xc8 | 0xcc => at += field(at)?,
            0xc0..=0xcf => return Some((field(at + 5)? as u64, field(at + 3)? as u64)),
            _ => at += field(at)?,
        }
    }
}

/// The screen, and the first picture where that reaches beyond it: browsers then have a larger screen.
fn gif(bytes: &[u8]) -> Option<Size> {
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let screen = (u16_le(bytes, 6)?, u16_le(bytes, 8)?);
    let mut at = 13 + colours(*bytes.get(10)?);
    loop {
        match bytes.get(at) {
            // An extension: its label, then blocks, each behind its length, to one without bytes.
            Some(0x21) => {
                at += 2;
                while let Some(&length @ 1..) = bytes.get(at) {
                    at += 1 + length as usize;
                }
                at += 1;
            }
            Some(0x2c) => {
                let reach = |offset| Some(u16_le(bytes, at + 1 + offset)? + u16_le(bytes, at + 5 + offset)?);
                return Some((screen.0.max(reach(0)?), screen.1.max(reach(2)?)));
            }
            _ => return Some(screen),
        }
    }
}

/// Of the header of a Windows bitmap that begins at `start`.
fn bitmap(bytes: &[u8], start: usize) -> Option<Size> {
    if u32_le(bytes, start)? == 12 {
        return Some((u16_le(bytes, start + 4)?, u16_le(bytes, start + 6)?));
    }
    // A negative height stands for rows from top to bottom.
    let side = |at| Some((u32_le(bytes, at)? as i32).unsigned_abs() as u64);
    Some((side(start + 4)?, side(start + 8)?))
}

/// The largest picture of an icon or a cursor: its directory may claim less than the picture itself.
fn icon(bytes: &[u8]) -> Option<Size> {
    let count = u16_le(bytes, 4)? as usize;
    let entries = (0..count).map_while(|i| bytes.get(6 + 16 * i..22 + 16 * i));
    let sizes = entries.map(|entry| {
        let start = u32_le(entry, 12)? as usize;
        let picture = bytes.get(start..)?;
        if picture.starts_with(b"\x89PNG") {
            let size = imagesize::blob_size(picture).ok()?;
            return Some((size.width as u64, size.height as u64));
        }
        // The height is that of picture and mask.
        bitmap(picture, 0).map(|(width, height)| (width, height.div_ceil(2)))
    });
    largest(sizes.collect::<Option<Vec<_>>>()?)
}

/// AVIF and HEIC: the largest of the pictures, their parts and their tracks. They are looked for
/// wherever they may stand but in the pictures' data.
fn iso(bytes: &[u8]) -> Option<Size> {
    let mut sizes = vec![];
    let mut rest = bytes;
    while let Some((name, content, after)) = iso_box(rest) {
        rest = after;
        if matches!(name, b"mdat" | b"free" | b"skip") {
            continue;
        }
        for (at, word) in content.windows(4).enumerate() {
            match word {
                b"ispe" if content[..at].ends_with(&ISPE_LENGTH) => {
                    sizes.push((u32_be(content, at + 8)?, u32_be(content, at + 12)?));
                }
                // Of a track, in 65536ths of a pixel.
                b"tkhd" => {
                    let fields = at + if content.get(at + 4) == Some(&1) { 92 } else { 80 };
                    sizes.push((u32_be(content, fields)? >> 16, u32_be(content, fields + 4)? >> 16));
                }
                _ => {}
            }
        }
    }
    largest(sizes)
}

/// Type and content of the first box, and what is behind it; the last one may have no length, or too great a one.
fn iso_box(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let name = bytes.get(4..8)?;
    let (header, length) = match u32_be(bytes, 0)? {
        0 => (8, bytes.len() as u64),
        1 => (16, u32_be(bytes, 8)? << 32 | u32_be(bytes, 12)?),
        length => (8, length),
    };
    let length = length.min(bytes.len() as u64) as usize;
    Some((name, bytes.get(header..length)?, &bytes[length..]))
}

fn largest(sizes: Vec<Size>) -> Option<Size> {
    sizes.into_iter().max_by_key(|&(width, height)| width * height)
}

fn u16_le(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(field) as u64)
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(field))
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(field) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        // A thumbnail, fill bytes, a stray byte, Huffman tables, then the frame of an arithmetic coder.
        let mut jpeg = b"\xff\xd8\xff\xe1\0\x0f\xff\xd8\xff\xc0\0\x08\x08\0\x01\0\x01".to_vec();
        jpeg.extend(b"\xff\xff\xff\xc4\0\x03\0*\xff\xc9\0\x0b\x08");
        jpeg.extend([height, width].map(u16::to_be_bytes).as_flattened());
        jpeg
    }

    fn gif_of(screen: [u16; 2], first: [u16; 2]) -> Vec<u8> {
        let mut gif = b"GIF89a".to_vec();
        gif.extend(screen.map(u16::to_le_bytes).as_flattened());
        // Two colours, a comment of two blocks, then the first picture at (0, 0).
        gif.extend([0x80, 0, 0, 0, 0, 0, 9, 9, 9, 0x21, 0xfe, 2, b',', b'!', 1, b';', 0, 0x2c, 0, 0, 0, 0]);
        gif.extend(first.map(u16::to_le_bytes).as_flattened());
        gif
    }

    fn bmp_of(header: u32, sides: &[u8]) -> Vec<u8> {
        [b"BM............".as_slice(), &header.to_le_bytes(), sides].concat()
    }

    fn named(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes(), name.as_slice(), content].concat()
    }

    fn ispe(width: u32, height: u32) -> Vec<u8> {
        named(b"ispe", [0, width, height].map(u32::to_be_bytes).as_flattened())
    }

    fn avif_of(boxes: &[Vec<u8>]) -> Vec<u8> {
        [named(b"ftyp", b"avif\0\0\0\0mif1"), boxes.concat()].concat()
    }

    fn meta(properties: &[Vec<u8>]) -> Vec<u8> {
        let properties = named(b"iprp", &named(b"ipco", &properties.concat()));
        named(b"meta", &[vec![0; 4], named(b"pitm", &[0; 6]), properties].concat())
    }

    fn icon_of(picture: &[u8]) -> Vec<u8> {
        let mut entry = vec![16, 16, 0, 0, 1, 0, 32, 0];
        entry.extend([picture.len() as u32, 22].map(u32::to_le_bytes).as_flattened());
        [[0, 0, 1, 0, 1, 0].as_slice(), &entry, picture].concat()
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let sides = [width, height].map(u32::to_be_bytes);
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", sides.as_flattened(), &[8, 2, 0, 0, 0, 0, 0, 0, 0]].concat()
    }

    #[test]
    fn sizes_are_read_from_headers() {
        let bytes = |values: [i32; 2]| values.map(i32::to_le_bytes).concat();
        let tiff = b"II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x40\x01\0\0\x01\x01\x03\0\x01\0\0\0\xf0\0\0\0\0\0\0\0";
        let dib = [40u32.to_le_bytes().to_vec(), bytes([48, 96])].concat();
        let thumb_first = meta(&[ispe(160, 120), named(b"irot", &[1]), ispe(640, 480)]);
        let cases: [(&str, Vec<u8>, Size); 12] = [
            ("JPEG", jpeg_of(300, 200), (300, 200)),
            ("GIF", gif_of([300, 200], [30, 20]), (300, 200)),
            ("GIF whose first picture is larger", gif_of([1, 200], [300, 1]), (300, 200)),
            ("BMP", bmp_of(40, &bytes([300, 200])), (300, 200)),
            ("BMP from top to bottom", bmp_of(124, &bytes([300, -200])), (300, 200)),
            ("BMP of OS/2", bmp_of(12, &[44, 1, 200, 0]), (300, 200)),
            ("ICO", icon_of(&dib), (48, 48)),
            ("ICO with a PNG that is larger than its directory says", icon_of(&png_of(300, 200)), (300, 200)),
            ("AVIF", avif_of(&[meta(&[ispe(300, 200)]), named(b"mdat", &ispe(9, 9))]), (300, 200)),
            ("AVIF with a thumbnail", avif_of(&[named(b"free", &ispe(9000, 9000)), thumb_first]), (640, 480)),
            ("PNG", png_of(300, 200), (300, 200)),
            ("TIFF", tiff.to_vec(), (320, 240)),
        ];
        for (what, file, (width, height)) in cases {
            assert_eq!(claimed_size(&file).unwrap(), (width as u32, height as u32), "{what}");
        }
    }

    #[test]
    fn large_pictures_are_refused_wherever_they_hide() {
        let sequence = |version: u8, skipped: usize| {
            let mut track = vec![version, 0, 0, 7];
            track.resize(skipped, 0);
            track.extend([12_000u32 << 16, 12_000 << 16].map(u32::to_be_bytes).as_flattened());
            avif_of(&[meta(&[ispe(64, 64)]), named(b"moov", &named(b"trak", &named(b"tkhd", &track)))])
        };
        // A long box, and one that goes to the end of the file.
        let mut long = [&[0, 0, 0, 1], b"meta".as_slice(), &[0; 4], &36u32.to_be_bytes()].concat();
        long.extend(ispe(12_000, 12_000));
        let endless = [&[0; 4], b"meta".as_slice(), &ispe(12_000, 12_000)].concat();
        let second = avif_of(&[meta(&[ispe(64, 64)]), meta(&[ispe(64, 64), ispe(12_000, 12_000)])]);
        let cases = [
            ("JPEG", jpeg_of(12_000, 12_000)),
            ("GIF", gif_of([1, 1], [65_535, 65_535])),
            ("BMP", bmp_of(40, &[20_000i32, -20_000].map(i32::to_le_bytes).concat())),
            ("ICO", icon_of(&png_of(12_000, 12_000))),
            ("AVIF", avif_of(&[meta(&[ispe(12_000, 12_000)])])),
            ("AVIF, later", second),
            ("AVIF in a long box", avif_of(&[long])),
            ("AVIF in an endless box", avif_of(&[endless])),
            ("AVIF sequence", sequence(0, 76)),
            ("AVIF sequence with long times", sequence(1, 88)),
            ("JPEG XL", b"\xff\x0a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ];
        for (what, file) in cases {
            assert_eq!(claimed_size(&file).unwrap_err().code(), Code::PhotoTooLarge, "{what}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let files = [
            b"".as_slice(),
            b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>",
            b"GIF89a",
            b"BM",
            b"\0\0\x01\0\xff\xff",
            &icon_of(b"\x89PNG"),
            &avif_of(&[]),
            &avif_of(&[vec![0, 0, 0, 3, b'm', b'e', b't', b'a']]),
        ];
        for file in files {
            let error = claimed_size(file).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedFormat, "{}", String::from_utf8_lossy(file));
        }
        assert_eq!(claimed_size(&gif_of([0, 0], [0, 0])).unwrap_err().code(), Code::CorruptPhoto);
    }

    #[test]
    fn cut_files_are_no_harm() {
        for file in
            [jpeg_of(3, 2), gif_of([3, 2], [3, 2]), icon_of(&png_of(3, 2)), avif_of(&[meta(&[ispe(3, 2)])])]
        {
            for length in 0..file.len() {
                let _ = claimed_size(&file[..length]);
            }
        }
    }
}
