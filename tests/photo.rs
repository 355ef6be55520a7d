//! Photo decoding: formats, orientation, caps, damaged files.

use std::io::Cursor;

use bodymap::{Code, Photo, limits};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

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
    if format == ImageFormat::Jpeg {
        return jpeg(&image.into().into_rgb8(), |_| ());
    }
    let mut bytes = Vec::new();
    image.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

fn jpeg(image: &RgbImage, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    set(&mut encoder);
    let (width, height) = (image.width() as u16, image.height() as u16);
    encoder.encode(image, width, height, ColorType::Rgb).unwrap();
    bytes
}

/// A part of a sample photograph, which has data enough for cuts in them.
fn face() -> RgbImage {
    let sample = include_bytes!("../www/samples/skimage_astronaut.png");
    image::load_from_memory(sample).unwrap().crop_imm(150, 50, 150, 130).into_rgb8()
}

/// Fails unless the two photos look the same.
fn assert_like(photo: &Photo, expected: &Photo, what: &str) {
    assert_eq!((photo.width(), photo.height()), (expected.width(), expected.height()), "{what}");
    let difference =
        photo.rgba().iter().zip(expected.rgba()).map(|(a, b)| a.abs_diff(*b) as u64).sum::<u64>();
    let mean = difference as f64 / photo.rgba().len() as f64;
    assert!(mean < 1.0, "{what}: {mean} on average");
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
    let png = encoded(quarters(), ImageFormat::Png);
    assert_eq!(code(&png[..60]), Code::Truncated);
    // What a phone appends after the picture (a video, a second picture) is left alone.
    Photo::decode(&[&jpeg[..], &[0; 100]].concat()).unwrap();
}

/// Every prefix and every single flipped byte of small files: an error or a photo, never a panic;
/// of a prefix the whole photo.
#[test]
fn damaged_files_never_panic() {
    let small = image::imageops::thumbnail(&quarters(), 9, 7);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(small.clone(), format);
        let whole = Photo::decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            if let Ok(photo) = Photo::decode(&bytes[..end]) {
                assert!(photo == whole && end + 24 > bytes.len(), "{format:?} at {end}");
            }
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

/// Data that end early are told, also if an end marker or zeros follow; a missing marker is none of that.
#[test]
fn cut_off_jpegs_are_told_from_those_without_an_end() {
    type Set = fn(&mut Encoder<&mut Vec<u8>>);
    let kinds: [(&str, Set); 4] = [
        ("sequential", |_| ()),
        ("subsampled", |encoder| encoder.set_sampling_factor(SamplingFactor::F_2_2)),
        ("progressive", |encoder| encoder.set_progressive(true)),
        ("with restarts", |encoder| encoder.set_restart_interval(7)),
    ];
    for (kind, set) in kinds {
        let bytes = jpeg(&face(), set);
        let whole = Photo::decode(&bytes).unwrap();
        assert_eq!(Photo::decode(&bytes[..bytes.len() - 2]).unwrap(), whole, "{kind}");
        let padded = [&bytes[..bytes.len() - 2], &[0; 99], b"\xff\xd9"].concat();
        assert_eq!(Photo::decode(&padded).unwrap(), whole, "{kind}, padded");
        let start = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        for part in 1..20 {
            let cut = &bytes[..start + (bytes.len() - start) * part / 20];
            let zeros = vec![0; bytes.len() - cut.len()];
            let end: &[u8] = b"\xff\xd9";
            for (how, tail) in [
                ("cut", &[][..]),
                ("closed", end),
                ("zeros", &zeros),
                ("zeros, closed", &[&zeros, end].concat()),
            ] {
                assert_eq!(code(&[cut, tail].concat()), Code::Truncated, "{kind} at {part}/20, {how}");
            }
        }
    }
    // White pixels are zeros in data with tables of their own.
    let white = jpeg(&RgbImage::from_pixel(640, 480, Rgb([255; 3])), |encoder| {
        encoder.set_optimized_huffman_tables(true)
    });
    Photo::decode(&white).unwrap();
    Photo::decode(&white[..white.len() - 2]).unwrap();
}

/// What libjpeg passes over between the segments of a JPEG.
#[test]
fn bytes_between_segments_are_passed_over() {
    let bytes = encoded(face(), ImageFormat::Jpeg);
    let whole = Photo::decode(&bytes).unwrap();
    let comment = b"\xff\xfe\x00\x05abc";
    for (what, added) in [
        ("a fill byte", &b"\xff"[..]),
        ("fill bytes", &[0xff; 9]),
        ("stray bytes", b"\0\x01stray"),
        ("a comment longer than it says", &[&comment[..], b"d"].concat()),
    ] {
        for at in [2, bytes.windows(2).position(|pair| pair == [0xff, 0xdb]).unwrap()] {
            let odd = [&bytes[..at], added, &bytes[at..]].concat();
            assert_eq!(Photo::decode(&odd).unwrap(), whole, "{what} at {at}");
        }
    }
}

/// The first EXIF segment counts, as everywhere else.
#[test]
fn of_two_exif_segments_the_first_counts() {
    let bytes = encoded(face(), ImageFormat::Jpeg);
    let twice = with_orientation(&with_orientation(&bytes, 3), 6);
    assert_eq!(Photo::decode(&twice).unwrap(), Photo::decode(&with_orientation(&bytes, 6)).unwrap());
}

/// A chunk of a PNG, with a wrong sum if asked for.
fn chunk(name: &[u8; 4], content: &[u8], is_right: bool) -> Vec<u8> {
    let sum = crc32fast::hash(&[name, content].concat()) ^ !is_right as u32;
    [&(content.len() as u32).to_be_bytes(), &name[..], content, &sum.to_be_bytes()].concat()
}

/// The PNG's start up to its data, their content and the rest.
fn split_at_data(png: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let at = png.windows(4).position(|name| name == b"IDAT").unwrap() - 4;
    let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
    (&png[..at], &png[at + 8..at + 8 + length], &png[at + 12 + length..])
}

#[test]
fn whole_pngs_without_an_end_or_with_wrong_sums_are_read() {
    let png = encoded(quarters(), ImageFormat::Png);
    let whole = Photo::decode(&png).unwrap();
    let (start, data, end) = split_at_data(&png);
    let ending = png.len() - end.len();
    for (what, png) in [
        ("no end", png[..ending].to_vec()),
        ("an end cut off", png[..ending + 5].to_vec()),
        ("a wrong sum of the data", [start, &chunk(b"IDAT", data, false), end].concat()),
        (
            "a wrong sum of a text",
            [start, &chunk(b"tEXt", b"a\0b", false), &chunk(b"IDAT", data, true), end].concat(),
        ),
    ] {
        assert_eq!(Photo::decode(&png).unwrap(), whole, "{what}");
    }
    let mut damaged = data.to_vec();
    damaged[data.len() / 2] ^= 1;
    let sum = chunk(b"IDAT", data, true)[8 + data.len()..].to_vec();
    let png = [start, &chunk(b"IDAT", &damaged, true)[..8 + data.len()], &sum, end].concat();
    assert_eq!(code(&png), Code::CorruptPhoto);
}

/// A chunk of 80 kB that unpacks to 80 MB is not unpacked: profiles have a cap, and text is not read.
#[test]
fn chunks_of_pngs_are_not_unpacked_beyond_the_cap() {
    let png = encoded(quarters(), ImageFormat::Png);
    let (start, data, end) = split_at_data(&png);
    let packed = fdeflate::compress_to_vec(&vec![0; 80 << 20]);
    for (name, before) in
        [(b"iCCP", &b"bomb\0\0"[..]), (b"zTXt", b"bomb\0\0"), (b"iTXt", b"bomb\0\x01\0\0\0")]
    {
        let bomb = chunk(name, &[before, &packed].concat(), true);
        let bombed = [start, &bomb, &chunk(b"IDAT", data, true), end].concat();
        assert_eq!(Photo::decode(&bombed).unwrap(), Photo::decode(&png).unwrap());
    }
}

/// Display P3, as phones write it, in all three formats; broken profiles count as none.
#[test]
fn colour_profiles_are_applied() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let plain = encoded(quarters(), ImageFormat::Png);
    let (start, data, end) = split_at_data(&plain);
    let png = |profile: &[u8]| {
        let packed = [&b"P3\0\0"[..], &fdeflate::compress_to_vec(profile)].concat();
        [start, &chunk(b"iCCP", &packed, true), &chunk(b"IDAT", data, true), end].concat()
    };
    let jpeg = |profile: &[u8]| jpeg(&quarters(), |encoder| encoder.add_icc_profile(profile).unwrap());
    let webp = |profile: &[u8]| {
        let picture = encoded(quarters(), ImageFormat::WebP).split_off(12);
        let size = |size: usize| (size as u32).to_le_bytes();
        let mut file = [b"WEBPVP8X".as_slice(), &size(10), &[0x20, 0, 0, 0, 23, 0, 0, 15, 0, 0]].concat();
        file.extend([b"ICCP", &size(profile.len())[..], profile, &[0][..profile.len() % 2]].concat());
        file.extend(picture);
        [b"RIFF", &size(file.len())[..], &file].concat()
    };
    // 250, 10, 10 in Display P3 is more red than sRGB has; 240, 240, 10 is just outside of it.
    let expected = [(3, 3, [255, 0, 0]), (20, 3, [0, 254, 0]), (3, 12, [0, 0, 255]), (20, 12, [240, 240, 0])];
    for (format, file) in [("PNG", png(&profile)), ("JPEG", jpeg(&profile)), ("WebP", webp(&profile))] {
        let photo = Photo::decode(&file).unwrap();
        for (x, y, expected) in expected {
            let found = pixel(&photo, x, y);
            assert!(
                found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 14),
                "{format}: {found:?}, not {expected:?}"
            );
        }
        assert_ne!(photo, Photo::decode(&encoded(quarters(), ImageFormat::Png)).unwrap());
    }
    let large = [&profile[..], &vec![0; limits::MAX_PROFILE_BYTES]].concat();
    let plain = Photo::decode(&plain).unwrap();
    for broken in [&profile[..200], b"no profile", &large] {
        for file in [png(broken), jpeg(broken), webp(broken)] {
            assert_like(&Photo::decode(&file).unwrap(), &plain, "a broken profile");
        }
    }
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    assert_eq!(Photo::decode(&png(&srgb)).unwrap(), plain);
}

/// A photo of a kind that is not read is not called damaged.
#[test]
fn kinds_that_are_not_read_say_so() {
    let bytes = encoded(face(), ImageFormat::Jpeg);
    let whole = Photo::decode(&bytes).unwrap();
    let at = |marker: u8| bytes.windows(2).position(|pair| pair == [0xff, marker]).unwrap();
    let changed = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        bytes
    };
    let frame = at(0xc0);
    for (what, jpeg) in [
        ("12 bits", changed(frame + 4, 12)),
        ("lossless", changed(frame + 1, 0xc3)),
        ("arithmetic coding", changed(frame + 1, 0xc9)),
        ("progressive arithmetic coding", changed(frame + 1, 0xca)),
        ("no height", [&bytes[..frame + 5], &[0, 0], &bytes[frame + 7..]].concat()),
        ("3x1 sampling", changed(frame + 11, 0x31)),
    ] {
        assert_eq!(code(&jpeg), Code::UnsupportedFormat, "{what}");
    }
    let mut without_tables = bytes.clone();
    while let Some(at) = without_tables.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = u16::from_be_bytes([without_tables[at + 2], without_tables[at + 3]]) as usize;
        without_tables.drain(at..at + 2 + length);
    }
    assert_eq!(code(&without_tables), Code::UnsupportedFormat);
    // As libjpeg: an Adobe segment that is too short or unknown does not say what the colours are.
    for adobe in [&b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\x07"[..], b"\xff\xee\x00\x0aAdobe\0\x64\0"] {
        assert_eq!(Photo::decode(&[&bytes[..2], adobe, &bytes[2..]].concat()).unwrap(), whole);
    }
    let png = encoded(quarters(), ImageFormat::Png);
    let apple = [&png[..8], &chunk(b"CgBI", &[0x50, 0, 0x20, 2], true), &png[8..]].concat();
    assert_eq!(code(&apple), Code::UnsupportedFormat);
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
    assert_eq!(code(&png_header(8192, 6145)), Code::PhotoTooLarge);
    assert_eq!(code(&png_header(0, 5)), Code::CorruptPhoto);
    // Whatever else is wrong with it.
    let mut wrong_sum = png_header(20_000, 20_000);
    *wrong_sum.last_mut().unwrap() ^= 1;
    assert_eq!(code(&wrong_sum), Code::PhotoTooLarge);
    // At the cap the size is fine, only the pixels are missing.
    assert_eq!(code(&png_header(8192, 6144)), Code::Truncated);
    assert_eq!(code(&png_header(8160, 6144)), Code::Truncated);

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
