//! A setting that looks closer where everybody is small.

use bodymap::{Card, Model, Photo, SizeRule, Step};

const PEOPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/people");

/// People of whom the tallest has 90 pixels in the first pass.
const TALLEST: u32 = 90;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{PEOPLE}/{name}")).unwrap()
}

fn card(closer: Option<u32>) -> Card {
    let mut card: serde_json::Value = serde_json::from_slice(&read("card.json")).unwrap();
    if let Some(below) = closer {
        // The photo's own size, of which the first pass has half.
        let size = serde_json::json!({ "rule": "short_side", "short": 240, "max": 384, "multiple": 32 });
        card["settings"][1]["closer"] = serde_json::json!({ "below": below, "size": size });
    }
    Card::from_json(&card.to_string()).unwrap()
}

/// Sides of the input tensors, and the label map.
fn parsed(card: Card, photo: &Photo) -> (Vec<(usize, usize)>, Vec<u8>) {
    let mut model = Model::load(card, &read("people.onnx")).unwrap();
    let (mut tensors, mut last) = (vec![], 0.0);
    let parsing = model.parse_in_steps(photo, Some("fine"), &mut |done, step| {
        assert!((last..=1.0).contains(&done), "{done} after {last}");
        last = done;
        if let Step::Tensor { height, width } = step {
            tensors.push((height, width));
        }
    });
    let labels = parsing.unwrap().labels;
    assert_eq!(last, 1.0);
    (tensors, labels)
}

#[test]
fn small_people_are_looked_at_closer() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    let (seen, closely) = ((128, 192), (256, 384));
    let (tensors, plain) = parsed(card(None), &photo);
    assert_eq!(tensors, [seen, seen]);
    let (tensors, labels) = parsed(card(Some(TALLEST - 4)), &photo);
    assert_eq!(tensors, [seen, seen]);
    assert!(labels == plain);

    let (tensors, labels) = parsed(card(Some(TALLEST + 4)), &photo);
    assert_eq!(tensors, [seen, closely, closely]);
    let mut large = card(None);
    let size = SizeRule::ShortSide { short: 240, max: 384, multiple: 32 };
    large.settings[1].passes.iter_mut().for_each(|pass| pass.size = size);
    assert!(labels == parsed(large, &photo).1);
}

#[test]
fn where_nobody_is_seen_there_is_nothing_to_look_at_closer() {
    let photo = Photo::from_rgba(384, 240, [0, 0, 0, 255].repeat(384 * 240)).unwrap();
    let (tensors, labels) = parsed(card(Some(TALLEST)), &photo);
    assert_eq!(tensors.len(), 2);
    assert!(labels.iter().all(|&class| class == 0));
}

#[test]
fn who_is_cut_by_the_lower_edge_counts_as_taller() {
    let photo = Photo::decode(&read("photo.png")).unwrap();
    // All three of them to the chest, 160 pixels high.
    let rgba = photo.rgba()[..384 * 160 * 4].to_vec();
    let cut = Photo::from_rgba(384, 160, rgba).unwrap();
    assert_eq!(parsed(card(Some(TALLEST + 4)), &cut).0.len(), 2);
}
