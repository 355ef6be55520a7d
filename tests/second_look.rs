//! Settings that look a second time at the part with the people: closer where everybody is small, else mirrored.

use bodymap::{Card, Model, ParseOptions, Parsing, Photo};

const PEOPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/people");

/// The tallest of three people in a photo of 384x240, of which the first pass has half; they are 328 pixels apart.
const TALLEST: u32 = 180;

/// Height and width of the tensor of the first pass.
const SEEN: (usize, usize) = (128, 192);

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{PEOPLE}/{name}")).unwrap()
}

/// Sides of the input tensors, and the parsing, by a setting that has this added.
fn seen(
    photo: &Photo,
    setting: usize,
    field: &str,
    value: serde_json::Value,
) -> (Vec<(usize, usize)>, Parsing) {
    let mut card: serde_json::Value = serde_json::from_slice(&read("card.json")).unwrap();
    card["settings"][setting][field] = value;
    let id = card["settings"][setting]["id"].as_str().unwrap().to_owned();
    let mut model = Model::load(Card::from_json(&card.to_string()).unwrap(), &read("people.onnx")).unwrap();
    let (mut tensors, mut last) = (vec![], 0.0);
    let parsing =
        model.parse_in_steps(photo, &ParseOptions::default().with_setting(&id), &mut |done, step| {
            assert!((last..=1.0).contains(&done), "{done} after {last}");
            last = done;
            if let bodymap::Step::Tensor { height, width } = step {
                assert!(done < 1.0, "there is more to do");
                tensors.push((height, width));
            }
        });
    assert_eq!(last, 1.0);
    (tensors, parsing.unwrap())
}

/// With two passes, and a closer look of that height and so many pixels.
fn parsed(photo: &Photo, closer: Option<(u32, u32)>) -> (Vec<(usize, usize)>, Parsing) {
    let closer = closer
        .map(|(height, pixels)| serde_json::json!({ "height": height, "pixels": pixels, "multiple": 32 }));
    seen(photo, 1, "closer", closer.into())
}

/// With one pass, and a mirrored look where both together have at most so many pixels.
fn parsed_mirrored(photo: &Photo, pixels: Option<u32>) -> (Vec<(usize, usize)>, Parsing) {
    let mirrored = pixels.map(|pixels| serde_json::json!({ "pixels": pixels, "multiple": 32 }));
    seen(photo, 0, "mirrored", mirrored.into())
}

/// The photo with so many black pixels left of and above it.
fn beside_nothing(photo: &Photo, left: usize, top: usize) -> Photo {
    let width = left + photo.width() as usize;
    let black = |pixels: usize| [0, 0, 0, 255].repeat(pixels);
    let mut rgba = black(top * width);
    for row in photo.rgba().chunks_exact(4 * photo.width() as usize) {
        rgba.extend(black(left));
        rgba.extend_from_slice(row);
    }
    Photo::from_rgba(width as u32, top as u32 + photo.height(), rgba).unwrap()
}

#[test]
fn small_people_are_looked_at_closer() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let (tensors, plain) = parsed(&photo, None);
    assert_eq!(tensors, [SEEN, SEEN]);
    // A ninth closer is not worth it, nor is what the pixels allow.
    for closer in [(TALLEST * 5 / 9, 90_000), (TALLEST, 25_000)] {
        let (tensors, parsing) = parsed(&photo, Some(closer));
        assert_eq!(tensors, [SEEN, SEEN], "{closer:?}");
        assert!(parsing == plain, "{closer:?}");
    }
    // Nearly the photo's own size; around the people there is little else.
    let (tensors, parsing) = parsed(&photo, Some((TALLEST, 90_000)));
    assert_eq!(tensors, [SEEN, (224, 384), (224, 384)]);
    let same = parsing.labels.iter().zip(&plain.labels).filter(|(a, b)| a == b).count();
    assert!(same as f64 > 0.98 * plain.labels.len() as f64, "{same}");
    assert!(parsing.people.iter().max() == Some(&3));
    // Three quarters of that, as more pixels are not allowed.
    let (tensors, _) = parsed(&photo, Some((TALLEST, 50_000)));
    assert_eq!(tensors, [SEEN, (192, 288), (192, 288)]);
}

#[test]
fn only_the_part_with_people_is_looked_at_and_the_rest_is_background() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let closely = parsed(&photo, Some((TALLEST, 90_000))).1;
    let (left, top) = (301, 203);
    let (tensors, parsing) = parsed(&beside_nothing(&photo, left, top), Some((TALLEST, 90_000)));
    // Nearly the photo's own size, with a margin.
    assert_eq!(tensors[1..], [(224, 416), (224, 416)]);
    let width = parsing.width as usize;
    let mut differ = 0;
    for (i, (&class, &person)) in parsing.labels.iter().zip(&parsing.people).enumerate() {
        let (x, y) = (i % width, i / width);
        if x < left || y < top {
            assert_eq!((class, person), (0, 0), "{x} {y}");
        } else {
            differ += (class != closely.labels[(y - top) * 384 + x - left]) as usize;
        }
    }
    assert!(differ < 900, "{differ}");
    for segment in &parsing.segments {
        let of_segment =
            |i: &usize| parsing.labels[*i] == segment.class && parsing.people[*i] == segment.person;
        let pixels: Vec<usize> = (0..parsing.labels.len()).filter(of_segment).collect();
        assert_eq!(pixels.len() as u64, segment.area);
        let columns = || pixels.iter().map(|i| (i % width) as u32);
        let (first, last) = (columns().min().unwrap(), columns().max().unwrap());
        assert_eq!((segment.bbox[0], segment.bbox[2]), (first, last + 1 - first));
        assert_eq!(segment.bbox[1], (pixels[0] / width) as u32);
    }
}

#[test]
fn where_nobody_is_seen_there_is_nothing_to_look_at_closer() {
    let photo = Photo::from_rgba(384, 240, [0, 0, 0, 255].repeat(384 * 240)).unwrap();
    let (tensors, parsing) = parsed(&photo, Some((TALLEST, 90_000)));
    assert_eq!(tensors.len(), 2);
    assert!(parsing.labels.iter().all(|&class| class == 0));
}

#[test]
fn who_is_cut_by_the_lower_edge_counts_as_taller() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    // Of all three the upper 120 pixels or so are seen.
    let cut = Photo::from_rgba(384, 160, photo.rgba()[..384 * 160 * 4].to_vec()).unwrap();
    let closer = Some((130, 90_000));
    assert_eq!(parsed(&cut, closer).0.len(), 2);
    assert_eq!(parsed(&photo, closer).0.len(), 3);
}

/// The part of the pixels that have another class or person.
fn differing(one: &Parsing, other: &Parsing) -> f64 {
    let pixels = |parsing: &Parsing| -> Vec<(u8, u16)> {
        parsing.labels.iter().copied().zip(parsing.people.iter().copied()).collect()
    };
    let (one, other) = (pixels(one), pixels(other));
    one.iter().zip(&other).filter(|(a, b)| a != b).count() as f64 / one.len() as f64
}

/// Pixels of the tensor of the first pass.
const FIRST: u32 = (SEEN.0 * SEEN.1) as u32;

#[test]
fn people_are_looked_at_mirrored_where_the_pixels_allow_for_it() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let (tensors, plain) = parsed_mirrored(&photo, None);
    assert_eq!(tensors, [SEEN]);
    // Not enough for anything, and not for people of nearly the size that they have.
    for pixels in [1, FIRST, FIRST + 96 * 128] {
        let (tensors, parsing) = parsed_mirrored(&photo, Some(pixels));
        assert_eq!(tensors, [SEEN], "{pixels}");
        assert!(parsing == plain, "{pixels}");
    }
    let (tensors, parsing) = parsed_mirrored(&photo, Some(2 * FIRST));
    assert_eq!(tensors, [SEEN, SEEN]);
    assert!(differing(&parsing, &plain) < 0.005, "{}", differing(&parsing, &plain));
    assert!(parsing.people.iter().max() == Some(&3));
}

#[test]
fn a_mirrored_look_is_at_the_part_with_people_and_the_rest_is_background() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let (left, top) = (96, 200);
    let photo = beside_nothing(&photo, left, top);
    let (tensors, plain) = parsed_mirrored(&photo, None);
    // 480x440 become 131x120; the people are in the lower right of it.
    assert_eq!(tensors, [(128, 160)]);
    let (tensors, parsing) = parsed_mirrored(&photo, Some(128 * 160 + 64 * 96));
    assert_eq!(tensors, [(128, 160), (64, 96)]);
    assert!(differing(&parsing, &plain) < 0.01, "{}", differing(&parsing, &plain));
    let width = left + 384;
    assert!(parsing.labels.iter().enumerate().all(|(i, &class)| class == 0 || i / width >= top - 20));
    for (segment, same) in parsing.segments.iter().zip(&plain.segments) {
        assert_eq!((segment.class, segment.person), (same.class, same.person));
    }
}

#[test]
fn where_nobody_is_seen_nothing_is_looked_at_mirrored() {
    let photo = Photo::from_rgba(384, 240, [0, 0, 0, 255].repeat(384 * 240)).unwrap();
    let (tensors, parsing) = parsed_mirrored(&photo, Some(2 * FIRST));
    assert_eq!(tensors, [SEEN]);
    assert!(parsing.labels.iter().all(|&class| class == 0));
}

#[test]
fn photos_of_a_few_pixels_are_looked_at_twice_or_once() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let mut twice = 0;
    for (width, height) in [(1, 1), (2, 9), (3, 2), (5, 3), (8, 5), (13, 40), (40, 7), (64, 40)] {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x * 384 / width, y * 240 / height)));
        let rgba = pixels.flat_map(|(x, y)| photo.rgba()[4 * (y * 384 + x)..][..4].to_vec()).collect();
        let small = Photo::from_rgba(width as u32, height as u32, rgba).unwrap();
        let (tensors, parsing) = parsed_mirrored(&small, Some(4 * FIRST));
        assert_eq!(parsing.labels.len(), width * height);
        twice += tensors.len() - 1;
    }
    assert!(twice > 2, "{twice}");
}
