//! Photo decoding: formats, orientation, caps, damaged files.

use std::io::Cursor;

use bodymap::{Code, Photo, limits};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// 24x16 with a different colour in each quarter, so that every orientation differs.
fn quarters() -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| match (x < 12, y < 8) {
        (true, true) => Rgb([250, 10, 10]),
        (false, true) => Rgb([10, 250, 10]),
        (true, false) => Rgb([10, 10, 250]),
        (false, false) => Rgb([240, 240, 10]),
    })
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// The JPEG with an EXIF segment that says only the orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\x00\x2a\x00\x00\x00\x08\x00\x01".to_vec();
    exif.extend([0x01, 0x12, 0x00, 0x03, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

fn pixel(photo: &Photo, x: u32, y: u32) -> [u8; 4] {
    let at = 4 * (y * photo.width() + x) as usize;
    photo.rgba()[at..at + 4].try_into().unwrap()
}

fn code(bytes: &[u8]) -> Code {
    Photo::decode(bytes).unwrap_err().code()
}

#[test]
fn jpeg_png_and_webp_are_read() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let photo = Photo::decode(&encoded(quarters(), format)).unwrap();
        assert_eq!((photo.width(), photo.height()), (24, 16));
        for (x, y) in [(3, 3), (20, 3), (3, 12), (20, 12)] {
            let expected = quarters().get_pixel(x, y).0;
            for (value, expected) in pixel(&photo, x, y).into_iter().zip(expected) {
                assert!(value.abs_diff(expected) < 12, "{format:?} at {x},{y}");
            }
        }
    }
    let grey = image::GrayImage::from_pixel(5, 4, image::Luma([77]));
    let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(5, 4, Rgb([0x4d4d_u16; 3]));
    for png in [encoded(grey, ImageFormat::Png), encoded(deep, ImageFormat::Png)] {
        assert_eq!(pixel(&Photo::decode(&png).unwrap(), 2, 2), [77, 77, 77, 255]);
    }
}

#[test]
fn transparent_pixels_are_laid_over_white() {
    let mut image = RgbaImage::from_pixel(2, 1, Rgba([100, 0, 200, 0]));
    image.put_pixel(1, 0, Rgba([100, 0, 200, 128]));
    let photo = Photo::decode(&encoded(image, ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&photo, 0, 0), [255; 4]);
    assert_eq!(pixel(&photo, 1, 0), [177, 127, 227, 255]);
}

#[test]
fn exif_orientation_is_applied() {
    let jpeg = encoded(quarters(), ImageFormat::Jpeg);
    let upright = DynamicImage::ImageRgb8(quarters());
    // What each value says was done to the upright picture, undone (EXIF 2.32, tag 0x0112).
    let turned = [
        upright.clone(),
        upright.fliph(),
        upright.rotate180(),
        upright.flipv(),
        upright.rotate90().fliph(),
        upright.rotate90(),
        upright.rotate270().fliph(),
        upright.rotate270(),
    ];
    for (orientation, expected) in (1..).zip(turned) {
        let photo = Photo::decode(&with_orientation(&jpeg, orientation)).unwrap();
        let expected = expected.into_rgb8();
        assert_eq!((photo.width(), photo.height()), expected.dimensions(), "orientation {orientation}");
        for (x, y) in [(2, 2), (13, 2), (2, 13), (13, 13)] {
            let found = pixel(&photo, x, y);
            let expected = expected.get_pixel(x, y).0;
            assert!(
                found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12),
                "orientation {orientation} at {x},{y}: {found:?}, not {expected:?}"
            );
        }
    }
}

#[test]
fn cut_off_files_say_so() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(quarters(), format);
        Photo::decode(&bytes).unwrap();
        for end in [bytes.len() / 2, bytes.len() * 3 / 4] {
            let code = code(&bytes[..end]);
            assert!(matches!(code, Code::Truncated | Code::CorruptPhoto), "{format:?} at {end}: {code:?}");
        }
    }
    let jpeg = encoded(quarters(), ImageFormat::Jpeg);
    assert_eq!(code(&jpeg[..jpeg.len() - 2]), Code::Truncated);
    let png = encoded(quarters(), ImageFormat::Png);
    assert_eq!(code(&png[..60]), Code::Truncated);
    // What a phone appends after the picture (a video, a second picture) is left alone.
    Photo::decode(&[&jpeg[..], &[0; 100]].concat()).unwrap();
}

/// Every prefix and every single flipped byte of small files: an error or a photo, never a panic.
#[test]
fn damaged_files_never_panic() {
    let small = image::imageops::thumbnail(&quarters(), 9, 7);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(small.clone(), format);
        for end in 0..bytes.len() {
            assert!(
                Photo::decode(&bytes[..end]).is_err() || format == ImageFormat::Png,
                "{format:?} at {end}"
            );
        }
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                let _ = Photo::decode(&bytes);
            }
        }
    }
}

#[test]
fn other_files_are_refused() {
    assert_eq!(code(b""), Code::EmptyFile);
    assert_eq!(code(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"), Code::UnsupportedFormat);
    assert_eq!(code(b"hello"), Code::UnsupportedFormat);
    assert_eq!(code(&vec![0xff; limits::MAX_PHOTO_BYTES + 1]), Code::FileTooLarge);
}

/// A PNG that is nothing but its header.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    ihdr.extend([8, 2, 0, 0, 0]);
    let crc = ihdr.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ byte as u32, |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0d"[..], &ihdr, &(!crc).to_be_bytes()].concat()
}

#[test]
fn too_many_pixels_are_refused_from_the_header() {
    assert_eq!(code(&png_header(20_000, 20_000)), Code::PhotoTooLarge);
    assert_eq!(code(&png_header(limits::MAX_PHOTO_SIDE + 1, 1)), Code::PhotoTooLarge);
    assert_eq!(code(&png_header(7072, 7072)), Code::PhotoTooLarge);
    assert_eq!(code(&png_header(0, 5)), Code::CorruptPhoto);
    // At the cap the size is fine, only the pixels are missing.
    assert_eq!(code(&png_header(7071, 7071)), Code::Truncated);

    let mut jpeg = encoded(quarters(), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(code(&jpeg), Code::PhotoTooLarge);

    let error = Photo::decode(&png_header(20_000, 20_000)).unwrap_err();
    assert!(error.message().contains("20000x20000"), "{error}");
}

#[test]
fn rgba_pixels_must_fit_the_size() {
    assert_eq!(Photo::from_rgba(2, 2, vec![0; 15]).unwrap_err().code(), Code::CorruptPhoto);
    assert_eq!(Photo::from_rgba(0, 2, vec![]).unwrap_err().code(), Code::CorruptPhoto);
    assert_eq!(Photo::from_rgba(60_000, 60_000, vec![]).unwrap_err().code(), Code::PhotoTooLarge);
}

#[test]
fn scaling_shrinks_only() {
    let photo = Photo::decode(&encoded(quarters(), ImageFormat::Png)).unwrap();
    let small = photo.clone().scaled(12).unwrap();
    assert_eq!((small.width(), small.height()), (12, 8));
    assert_eq!(pixel(&small, 1, 1), [250, 10, 10, 255]);
    assert_eq!(photo.clone().scaled(100).unwrap(), photo);
    assert_eq!(photo.scaled(0).unwrap_err().code(), Code::BadOption);
}
