//! What ModelScope's own pipeline makes of tiny M2FPs, step by step: `tests/m2fp/README.md`.

use std::collections::BTreeMap;
use std::io::Cursor;

use bodymap::{
    Checkpoint, Engine, Import, InputTensor, Instance, Model, ParseOptions, Parsing, Pass, Photo, Placement,
    Precision, Result, SizeRule, Template, Work,
};
use ndarray::{Array4, ArrayD};

const M2FP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/m2fp");
const NAMES: [&str; 2] = ["multi", "single"];

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{M2FP}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn photo() -> Photo {
    Photo::decode(&file("photo.png")).unwrap()
}

/// A NumPy file of 32-bit floats, with an axis of one before the others.
fn array(name: &str) -> ArrayD<f32> {
    let bytes = file(name);
    let length = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    let (header, data) = (std::str::from_utf8(&bytes[10..10 + length]).unwrap(), &bytes[10 + length..]);
    assert!(bytes.starts_with(b"\x93NUMPY\x01\0") && header.contains("'<f4'") && header.contains("False"));
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let sizes =
        shape.split(',').filter(|size| !size.trim().is_empty()).map(|size| size.trim().parse().unwrap());
    let shape: Vec<usize> = [1].into_iter().chain(sizes).collect();
    let values = data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    ArrayD::from_shape_vec(shape, values).unwrap()
}

#[test]
fn photos_are_placed_as_published() {
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&file("input_sizes.json")).unwrap();
    assert!(cases.len() > 20);
    let pair = |value: &serde_json::Value| {
        let side = |i: usize| value[i].as_u64().unwrap() as u32;
        (side(0), side(1))
    };
    for case in &cases {
        let photo = pair(&case["photo"]);
        let placed = |size| Placement::new(Pass { size, mirror: false }, photo.0, photo.1);
        let multi = placed(SizeRule::ShortSide { short: 640, max: 1333, multiple: 32 });
        assert_eq!(multi.content, pair(&case["multi"]), "{case}");
        let Some(single) = case.get("single") else { continue };
        let found = placed(SizeRule::Centred { width: 384, height: 512 });
        let (left, top) = found.origin;
        let right_bottom = (left + found.content.0, top + found.content.1);
        let expected: Vec<u64> =
            single["box"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        assert_eq!([left, top, right_bottom.0, right_bottom.1].map(u64::from), expected[..], "{case}");
    }
}

/// The pixels that go into the network, and what is around them.
#[test]
fn the_input_is_that_of_the_pipeline() {
    for name in NAMES {
        let card = template(name).card().clone();
        let input = InputTensor::from_photo(&photo(), &card.input, card.settings[0].passes[0]).unwrap();
        let expected = image::load_from_memory(&file(&format!("{name}/input.png"))).unwrap().into_rgb8();
        let (mut different, mut most) = (0, 0.0f32);
        for ((_, channel, y, x), &value) in input.values().indexed_iter() {
            let (mean, std) = (card.input.mean[channel], card.input.std[channel]);
            let inside = (x as u32) < expected.width() && (y as u32) < expected.height();
            let expected = match inside {
                true => (expected.get_pixel(x as u32, y as u32)[channel] as f32 - mean) / std,
                false => 0.0,
            };
            different += (value != expected) as usize;
            most = most.max((value - expected).abs() * std);
        }
        assert!(different == 0, "{name}: {different} values differ, by {most} at most");
    }
}

fn template(name: &str) -> Template {
    let card = String::from_utf8(file(&format!("tiny-{name}.json"))).unwrap();
    Template::new(&card, file(&format!("tiny-{name}.onnx"))).unwrap()
}

/// An engine that answers what PyTorch did.
struct Recorded(Vec<ArrayD<f32>>);

impl Engine for Recorded {
    fn run(&mut self, _: &Array4<f32>, observe: &mut dyn FnMut(f32, Work)) -> Result<Vec<ArrayD<f32>>> {
        observe(1.0, Work::Plan);
        Ok(self.0.clone())
    }
}

fn imported(name: &str, precision: Precision) -> Model {
    let checkpoint = Checkpoint::open(Cursor::new(file(&format!("tiny-{name}.pt")))).unwrap();
    let mut bytes = vec![];
    let card =
        Import::new(checkpoint, vec![template(name)]).unwrap().write(precision, &mut bytes, &mut |_| ());
    Model::load(card.unwrap(), &bytes).unwrap()
}

#[derive(serde::Deserialize)]
struct Expected {
    label: String,
    score: f64,
}

/// Label, score and mask of each instance.
fn expected(name: &str) -> Vec<(String, f64, Vec<bool>)> {
    let results: Vec<Expected> = serde_json::from_slice(&file(&format!("{name}/results.json"))).unwrap();
    let masks = image::load_from_memory(&file(&format!("{name}/masks.png"))).unwrap().into_luma8();
    let pixels = masks.len() / results.len();
    let masks = masks.chunks_exact(pixels).map(|mask| mask.iter().map(|&pixel| pixel > 0).collect());
    results.into_iter().zip(masks).map(|(Expected { label, score }, mask)| (label, score, mask)).collect()
}

fn mask(instance: &Instance, pixels: usize) -> Vec<bool> {
    instance.mask(pixels).unwrap().iter().map(|&bit| bit > 0).collect()
}

#[test]
fn instances_are_those_of_the_pipeline() {
    for name in NAMES {
        let outputs =
            vec![array(&format!("{name}/class_logits.npy")), array(&format!("{name}/mask_logits.npy"))];
        let card = imported(name, Precision::F32).card().clone();
        let mut model = Model::with_engine(card, Box::new(Recorded(outputs)));
        let parsing = model.parse(&photo(), &ParseOptions::default(), &mut |_| ()).unwrap();
        let expected = expected(name);
        assert!(expected.len() > 5);
        assert_eq!(parsing.instances.len(), expected.len(), "{name}");
        for (instance, (label, score, pixels)) in parsing.instances.iter().zip(&expected) {
            assert_eq!(&instance.label, label, "{name}");
            assert!(
                (instance.score as f64 - score).abs() < 1e-6,
                "{name} {label}: {} {score}",
                instance.score
            );
            let mask = mask(instance, pixels.len());
            let different = mask.iter().zip(pixels).filter(|(a, b)| a != b).count();
            assert_eq!(different, 0, "{name} {label}");
        }
        check(&parsing);
    }
}

/// The whole way: import, network, instances. A threshold in the network may turn
/// noise of the last bit into another answer, which the checkpoints avoid.
#[test]
fn the_whole_way_is_that_of_the_pipeline() {
    for name in NAMES {
        let parsing =
            imported(name, Precision::F32).parse(&photo(), &ParseOptions::default(), &mut |_| ()).unwrap();
        let expected = expected(name);
        assert_eq!(parsing.instances.len(), expected.len(), "{name}");
        let mut left: Vec<&Instance> = parsing.instances.iter().collect();
        for (label, score, pixels) in &expected {
            // Instances of nearly one score may have changed places, and a pixel of a small mask that lies on the
            // threshold its side.
            let is_same = |instance: &Instance| {
                let mask = mask(instance, pixels.len());
                let different = mask.iter().zip(pixels).filter(|(a, b)| a != b).count();
                let either = mask.iter().zip(pixels).filter(|&(&a, &b)| a || b).count();
                different <= 1.max(either / 1000)
            };
            let found = left.iter().position(|instance| {
                instance.label == *label && (instance.score as f64 - score).abs() < 1e-3 && is_same(instance)
            });
            left.remove(found.unwrap_or_else(|| panic!("{name}: no {label} of score {score}")));
        }
        check(&parsing);
    }
}

/// What holds for every parsing.
fn check(parsing: &Parsing) {
    let mut areas = BTreeMap::<(u8, u16), u64>::new();
    for (&class, &person) in parsing.labels.iter().zip(&parsing.people) {
        match class {
            0 => assert_eq!(person, 0),
            _ => *areas.entry((class, person)).or_default() += 1,
        }
    }
    let segments: BTreeMap<(u8, u16), u64> =
        parsing.segments.iter().map(|segment| ((segment.class, segment.person), segment.area)).collect();
    assert_eq!(segments, areas);
    assert!(parsing.people.iter().any(|&person| person > 0));
}
