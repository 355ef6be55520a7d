//! Writes made-up parsings in every format, for the readers of other projects to
//! read back: `tests/exports/test_readers.py` compares with what is kept here as
//! raw bytes beside them. What needs no reader is checked here.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use bodymap::export::{DataSet, Format, Layout, Options, Sample, stem};
use bodymap::{Card, Code, LabelSet, Parsing, Photo, Segment};

/// A made-up parsing and the name of its photo.
struct Scene {
    name: &'static str,
    parsing: Parsing,
}

/// An entry of `truth.json`.
#[derive(serde::Serialize)]
struct Truth<'a> {
    name: &'a str,
    stem: &'a str,
    width: u32,
    height: u32,
    segments: &'a [Segment],
}

/// A parsing whose pixel x, y has the class and the person that `at` says.
fn scene(name: &'static str, width: u32, height: u32, at: impl Fn(u32, u32) -> (u8, u16)) -> Scene {
    let (mut labels, mut people, mut segments) = (vec![], vec![], BTreeMap::new());
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (class, person) = at(x, y);
        labels.push(class);
        people.push(person);
        if class > 0 {
            let [left, top, right, bottom, area] =
                segments.entry((person, class)).or_insert([x, y, x, y, 0u32]);
            (*left, *right) = (x.min(*left), x.max(*right));
            (*top, *bottom) = (y.min(*top), y.max(*bottom));
            *area += 1;
        }
    }
    let segments = segments
        .into_iter()
        .zip(1..)
        .map(|(((person, class), [left, top, right, bottom, area]), n)| Segment {
            class,
            label: LabelSet::Cihp.names()[class as usize].into(),
            person,
            score: 1.0 / n as f32,
            area: area.into(),
            bbox: [left, top, right + 1 - left, bottom + 1 - top],
        })
        .collect();
    let parsing = Parsing::from_parts(LabelSet::Cihp, (width, height), labels, people, segments).unwrap();
    Scene { name, parsing }
}

fn scenes() -> Vec<Scene> {
    // Any well-mixed number for a pixel.
    let noise = |x: u32, y: u32| (x.wrapping_mul(2654435761) ^ y.wrapping_mul(2246822519)) >> 7;
    // Three people side by side, their boxes overlapping; each of hair, clothes and arms.
    let group = |x: u32, y: u32| {
        let found = (0..3).rev().find_map(|n| {
            let (dx, dy) = (x as i32 - 90 - 100 * n, y as i32 - 150 - 20 * n);
            let inside = dx * dx * 2 + dy * dy < 110 * 110;
            let class = match (dy, dx) {
                (..-60, _) => 2,
                (_, ..-40) => 15,
                (_, 41..) => 14,
                _ => 5 + 2 * (n as u8 % 2),
            };
            inside.then_some((class, n as u16 + 1))
        });
        found.unwrap_or((0, 0))
    };
    vec![
        scene("group.png", 400, 300, group),
        scene("beach/été 1.png", 33, 17, |x, y| match noise(x, y) % 140 {
            n @ 0..20 => (n as u8, if n == 0 { 0 } else { 1 }),
            n => ((n % 20) as u8, if n % 20 == 0 { 0 } else { (n / 20) as u16 }),
        }),
        scene("beach/column.png", 1, 64, |_, y| if y % 9 < 4 { (9, 1) } else { (0, 0) }),
        scene("row.png", 64, 1, |x, _| if x % 9 < 4 { (0, 0) } else { (13, 2) }),
        scene("pixel.png", 1, 1, |_, _| (19, 1)),
        scene("empty.png", 8, 5, |_, _| (0, 0)),
        scene("all.png", 7, 11, |_, _| (6, 1)),
        // Boxes as wide or as high as the picture, that end before it does.
        scene("bands.png", 12, 12, |x, y| match (x, y) {
            (_, 2..5) => (5, 1),
            (3..6, _) => (7, 2),
            (_, 9..) => (8, 2),
            _ => (0, 0),
        }),
        scene("upright.png", 12, 12, |x, _| if (3..6).contains(&x) { (9, 1) } else { (0, 0) }),
        scene("nobody.png", 20, 10, |x, _| if x < 10 { (1, 0) } else { (2, 1) }),
        // More people than fit into 8 bits.
        scene("crowd.png", 40, 30, |x, y| match (x / 8, y / 6) {
            (0, _) => (0, 0),
            (n, 0) => (13, [1, 255, 300, 65535][n as usize - 1]),
            (n, _) => (5, [1, 255, 300, 65535][n as usize - 1]),
        }),
    ]
}

fn card() -> Card {
    let card = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/people/card.json");
    Card::from_json(&std::fs::read_to_string(card).unwrap()).unwrap()
}

fn photo(parsing: &Parsing) -> Photo {
    let (width, height) = (parsing.width, parsing.height);
    let rgba = (0..width * height).flat_map(|i| [i as u8, (i / width) as u8, 90, 255]).collect();
    Photo::from_rgba(width, height, rgba).unwrap()
}

fn sample<'a>(scene: &'a Scene, photo: Option<&'a Photo>, model: &'a Card) -> Sample<'a> {
    Sample { name: scene.name, parsing: &scene.parsing, photo, model }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// `photos/` as PNG, `truth/` as raw bytes and JSON, `single/STEM/FORMAT/`
/// with one photo as one file, `files/FORMAT/` with the files of all, `sets/` with
/// each format's data set.
#[test]
fn every_scene_is_written_in_every_format() {
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports");
    let _ = std::fs::remove_dir_all(&folder);
    let model = card();
    let scenes = scenes();
    let photos: Vec<Photo> = scenes.iter().map(|scene| photo(&scene.parsing)).collect();
    let options = Options { photos: Some("../../photos/".into()), ..Options::default() };
    let mut truth = vec![];
    for (scene, photo) in scenes.iter().zip(&photos) {
        let Parsing { width, height, labels, people, segments, .. } = &scene.parsing;
        let stem = stem(scene.name).unwrap();
        write(&folder.join("truth").join(format!("{stem}.labels")), labels);
        let bytes: Vec<u8> = people.iter().flat_map(|person| person.to_le_bytes()).collect();
        write(&folder.join("truth").join(format!("{stem}.people")), &bytes);
        truth.push(Truth { name: scene.name, stem, width: *width, height: *height, segments });
        let rgb: Vec<u8> = photo.rgba().chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        let png = bodymap::export::png(*width, *height, &rgb).unwrap();
        write(&folder.join("photos").join(scene.name), &png);

        for format in Format::all() {
            let sample = sample(scene, Some(photo), &model);
            let file = format.export(&sample, &options).unwrap();
            assert!(!file.path.contains('/'), "{}", file.path);
            write(&folder.join("single").join(stem).join(format.name()).join(&file.path), &file.bytes);
            let files = format.files(&sample, &options).unwrap();
            let last = files.last().unwrap();
            assert_eq!(last.path, format.last_file(stem));
            let paths = format.paths(stem, &last.bytes).unwrap();
            assert!(paths.iter().eq(files.iter().map(|file| &file.path)), "{paths:?}");
            for file in files {
                write(&folder.join("files").join(format.name()).join(&file.path), &file.bytes);
            }
        }
    }
    write(&folder.join("truth.json"), &serde_json::to_vec(&truth).unwrap());
    write(&folder.join("label_names.json"), &serde_json::to_vec(LabelSet::Cihp.names()).unwrap());

    for format in Format::all() {
        let path = folder.join("sets").join(format.data_set_name());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let out = BufWriter::new(std::fs::File::create(&path).unwrap());
        let mut set = DataSet::new(format, LabelSet::Cihp, out);
        for (scene, photo) in scenes.iter().zip(&photos) {
            set.add(&sample(scene, Some(photo), &model), &options).unwrap();
        }
        set.finish().unwrap().into_inner().unwrap();
        // From the files made before the same comes out.
        let mut again = DataSet::new(format, LabelSet::Cihp, vec![]);
        for (scene, photo) in scenes.iter().zip(&photos) {
            let files = format.files(&sample(scene, Some(photo), &model), &options).unwrap();
            again.add_files(stem(scene.name).unwrap(), &files).unwrap();
        }
        assert!(again.finish().unwrap() == std::fs::read(&path).unwrap(), "{}", format.name());
    }
    for format in [Format::Coco, Format::LabelStudio, Format::Cvat] {
        let empty = DataSet::new(format, LabelSet::Cihp, vec![]).finish().unwrap();
        write(&folder.join("no-photos").join(format.data_set_name()), &empty);
    }
}

fn add(set: &mut DataSet<Vec<u8>>, name: &str, scene: &Scene, model: &Card) -> bodymap::Result<()> {
    set.add(&Sample { name, ..sample(scene, None, model) }, &Options::default())
}

#[test]
fn photos_that_cannot_join_leave_the_data_set_as_it_was() {
    let model = card();
    let scenes = scenes();
    for format in Format::all().filter(|&format| format != Format::Overlay) {
        let mut set = DataSet::new(format, LabelSet::Cihp, vec![]);
        add(&mut set, "a/p.jpg", &scenes[0], &model).unwrap();
        let clash = add(&mut set, "a/p.png", &scenes[1], &model).unwrap_err();
        assert_eq!(clash.code(), Code::NameClash);
        for name in ["../p.jpg", "/p.jpg", "a//b.jpg", ""] {
            assert_eq!(add(&mut set, name, &scenes[1], &model).unwrap_err().code(), Code::BadOption);
        }
        if format == Format::Coco {
            let mut other = model.clone();
            other.version = "other".into();
            assert_eq!(add(&mut set, "b.jpg", &scenes[1], &other).unwrap_err().code(), Code::BadOption);
        }
        if format.layout() == Layout::Document {
            let junk = bodymap::export::File { path: "x.json".into(), bytes: b"{".into() };
            assert_eq!(set.add_files("x", &[junk]).unwrap_err().code(), Code::BadOption);
        }
        add(&mut set, "b.jpg", &scenes[2], &model).unwrap();
        let mut expected = DataSet::new(format, LabelSet::Cihp, vec![]);
        add(&mut expected, "a/p.jpg", &scenes[0], &model).unwrap();
        add(&mut expected, "b.jpg", &scenes[2], &model).unwrap();
        assert!(set.finish().unwrap() == expected.finish().unwrap(), "{}", format.name());
    }
}

#[test]
fn an_overlay_needs_the_photo_in_its_size() {
    let (model, scenes) = (card(), scenes());
    let other = photo(&scenes[1].parsing);
    for given in [None, Some(&other)] {
        let failed = Format::Overlay.export(&sample(&scenes[0], given, &model), &Options::default());
        assert_eq!(failed.unwrap_err().code(), Code::BadOption);
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let model = card();
    // 320 objects are more than VOC has colours.
    let scene = scene("p.png", 20, 20, |x, y| if x == 0 { (0, 0) } else { (x as u8, y as u16 + 1) });
    let export = |format: Format| format.export(&sample(&scene, None, &model), &Options::default());
    assert_eq!(export(Format::Cvat).unwrap_err().code(), Code::BadOption);
    for format in [Format::Coco, Format::Cihp, Format::Lip] {
        export(format).unwrap();
    }
    // Segments that the picture has no room for.
    let segment = Segment {
        class: 5,
        label: "UpperClothes".into(),
        person: 1,
        score: 1.0,
        area: 1,
        bbox: [1, 0, 2, 1],
    };
    for bbox in [[1, 0, 2, 1], [0, 0, 0, 1], [u32::MAX, 0, 2, 1], [0, 1, 1, 1]] {
        let segments = vec![Segment { bbox, ..segment.clone() }];
        let parsing = Parsing::from_parts(LabelSet::Cihp, (2, 1), vec![5, 0], vec![1, 0], segments);
        assert_eq!(parsing.unwrap_err().code(), Code::BadOption, "{bbox:?}");
    }
}

/// The photo's EXIF block, which names a camera and a place, is in no export.
#[test]
fn nothing_of_a_photo_but_pixels_goes_into_an_export() {
    const SECRET: &[u8] = b"48 deg 51' N";
    let rgb = image::RgbImage::from_fn(24, 24, |x, y| image::Rgb([10 * x as u8, 10 * y as u8, 99]));
    let mut jpeg = vec![];
    jpeg_encoder::Encoder::new(&mut jpeg, 90).encode(&rgb, 24, 24, jpeg_encoder::ColorType::Rgb).unwrap();
    // APP1 with EXIF: one entry, ImageDescription (0x010e), ASCII.
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x0e\0\x02".to_vec();
    exif.extend((SECRET.len() as u32).to_be_bytes());
    exif.extend([0, 0, 0, 26, 0, 0, 0, 0]);
    exif.extend(SECRET);
    let mut with_exif = jpeg[..2].to_vec();
    with_exif.extend([0xff, 0xe1]);
    with_exif.extend((exif.len() as u16 + 2).to_be_bytes());
    with_exif.extend(exif);
    with_exif.extend(&jpeg[2..]);
    let photo = Photo::decode(&with_exif).unwrap();
    assert!(with_exif.windows(SECRET.len()).any(|bytes| bytes == SECRET));

    let model = card();
    let scene = scene("p.jpg", 24, 24, |x, y| if x < y { (5, 1) } else { (0, 0) });
    for format in Format::all() {
        for file in format.files(&sample(&scene, Some(&photo), &model), &Options::default()).unwrap() {
            assert!(!file.bytes.windows(SECRET.len()).any(|bytes| bytes == SECRET), "{}", file.path);
            assert!(!file.bytes.windows(4).any(|bytes| bytes == b"eXIf"), "{}", file.path);
        }
    }
}
