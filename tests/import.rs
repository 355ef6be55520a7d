//! Checkpoints become models, and those that are no good are refused by name.
//!
//! The checkpoints are those of `models/make_m2fp_template.py --tiny --random`.
#![cfg(feature = "cli")]

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use bodymap::{Card, Checkpoint, Import, Model, ParseOptions, Photo, Precision, Template};

const M2FP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/m2fp");
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/samples");

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{M2FP}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn templates() -> Vec<Template> {
    let read = |name: &str| {
        let card = String::from_utf8(file(&format!("{name}.json"))).unwrap();
        Template::new(&card, file(&format!("{name}.onnx"))).unwrap()
    };
    vec![read("tiny-multi"), read("tiny-single")]
}

fn import(checkpoint: &str) -> Import<Cursor<Vec<u8>>> {
    Import::new(Checkpoint::open(Cursor::new(file(checkpoint))).unwrap(), templates()).unwrap()
}

fn imported(checkpoint: &str, precision: Precision) -> (Card, Vec<u8>) {
    let (mut import, mut model, mut steps) = (import(checkpoint), vec![], vec![]);
    let card = import.write(precision, &mut model, &mut |done| steps.push(done)).unwrap();
    assert!(steps.is_sorted() && steps.last() == Some(&1.0));
    assert_eq!(import.size(precision), model.len() as u64);
    assert_eq!(card.files[0].bytes, model.len() as u64);
    (card, model)
}

#[test]
fn several_people_and_one_are_told_apart() {
    for (checkpoint, id, labels) in
        [("tiny-multi.pt", "tiny-multi-f16", "cihp"), ("tiny-single.pt", "tiny-single-f16", "lip")]
    {
        let (card, _) = imported(checkpoint, Precision::F16);
        assert_eq!((&*card.id, card.label_set.id()), (id, labels));
        assert_eq!(card.files[0].path, format!("{id}.onnx"));
        assert_eq!(card.licence.name, "CC-BY-NC-4.0");
        assert_eq!(Card::from_json(&card.to_json()).unwrap(), card);
    }
}

#[test]
fn what_is_not_used_is_listed() {
    let ignored = import("tiny-multi.pt").ignored();
    assert!(ignored.iter().any(|entry| entry.contains("num_batches_tracked (")), "{ignored:?}");
}

#[test]
fn a_model_of_any_precision_parses_photos() {
    let photo = Photo::decode(&std::fs::read(format!("{SAMPLES}/skimage_astronaut.png")).unwrap()).unwrap();
    for checkpoint in ["tiny-multi.pt", "tiny-single.pt"] {
        let mut parsed = vec![];
        let mut sizes = vec![];
        for precision in Precision::ALL {
            let (card, bytes) = imported(checkpoint, precision);
            assert_eq!(imported(checkpoint, precision).1, bytes);
            sizes.push(bytes.len());
            let settings: Vec<String> = card.settings.iter().map(|setting| setting.id.clone()).collect();
            let mut model = Model::load(card, &bytes).unwrap();
            for setting in &settings {
                let parsing =
                    model.parse(&photo, &ParseOptions::default().with_setting(setting), &mut |_| ()).unwrap();
                assert_eq!((parsing.width, parsing.height), (512, 512));
                assert_eq!(parsing.labels.len(), parsing.people.len());
                let mut from_segments = vec![0; parsing.labels.len()];
                for segment in &parsing.segments {
                    assert!(segment.score > 0.0 && segment.score <= 1.0);
                    let mask = parsing.mask(segment).unwrap();
                    let pixels = from_segments.iter_mut().zip(mask).filter(|(_, bit)| *bit > 0);
                    pixels.for_each(|(class, _)| *class = segment.class);
                }
                assert_eq!(from_segments, parsing.labels);
                if setting == "fast" {
                    parsed.push(parsing);
                }
            }
        }
        assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
        let same = |a: &bodymap::Parsing, b: &bodymap::Parsing| {
            a.labels.iter().zip(&b.labels).filter(|(a, b)| a == b).count() as f64 / a.labels.len() as f64
        };
        let [f16, i8] = [1, 2].map(|precision| same(&parsed[0], &parsed[precision]));
        assert!(f16 > 0.98 && i8 > 0.9, "{checkpoint}: f16 {f16}, i8 {i8}");
    }
}

fn bodymap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bodymap")).args(arguments).output().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn import_command(checkpoint: &Path, out: &Path, more: &[&str]) -> Output {
    let template = format!("{M2FP}/tiny-multi.json");
    let arguments = ["model", "import", text(checkpoint), "--out", text(out), "--template", &template];
    bodymap(&[&arguments[..], more].concat())
}

#[test]
fn the_command_writes_a_model_that_parse_works_with() {
    let out = folder("import").join("m2fp");
    let checkpoint = PathBuf::from(format!("{M2FP}/tiny-multi.pt"));
    let output = import_command(&checkpoint, &out, &["--precision", "i8"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("CC-BY-NC-4.0") && shown.contains("creativecommons.org"), "{shown}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("--accept-licence"));
    assert!(!out.exists());

    let output = import_command(&checkpoint, &out, &["--precision", "i8", "--accept-licence"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("num_batches_tracked"));
    let (card, model) = imported("tiny-multi.pt", Precision::I8);
    assert_eq!(std::fs::read_to_string(out.join("card.json")).unwrap(), card.to_json());
    assert_eq!(std::fs::read(out.join("tiny-multi-i8.onnx")).unwrap(), model);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);

    let results = out.join("results");
    let photo = format!("{SAMPLES}/mpl_grace_hopper.jpg");
    let card = out.join("card.json");
    let formats = "labels,people,modelscope";
    let output =
        bodymap(&["parse", &photo, "--model", text(&card), "--out", text(&results), "--formats", formats]);
    assert!(output.status.success(), "{output:?}");
    let json = std::fs::read(results.join("mpl_grace_hopper.modelscope.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let masks = json["masks"].as_array().unwrap().len();
    assert!(masks > 0);
    assert_eq!(
        (json["labels"].as_array().unwrap().len(), json["scores"].as_array().unwrap().len()),
        (masks, masks)
    );
}

/// The files of an archive without extra fields in its directory.
fn unzipped(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize;
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let end = bytes.len() - 22;
    let mut at = u32_at(end + 16);
    let mut files = vec![];
    for _ in 0..u16_at(end + 10) {
        let (size, name, local) = (u32_at(at + 24), u16_at(at + 28), u32_at(at + 42));
        let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
        let name = String::from_utf8(bytes[at + 46..][..name].to_vec()).unwrap();
        at += 46 + name.len() + u16_at(at + 30);
        files.push((name, bytes[data..][..size].to_vec()));
    }
    files
}

fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (vec![], vec![]);
    for (name, content) in files {
        let sums = [
            &crc32fast::hash(content).to_le_bytes()[..],
            &(content.len() as u32).to_le_bytes(),
            &(content.len() as u32).to_le_bytes(),
            &(name.len() as u16).to_le_bytes(),
        ]
        .concat();
        let offset = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04", &[0; 10][..], &sums, &[0; 2], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02", &[0; 12][..], &sums, &[0; 12], &offset, name.as_bytes()].concat());
    }
    let at = (bytes.len() as u32).to_le_bytes();
    let count = (files.len() as u16).to_le_bytes();
    let size = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &at, &[0; 2]].concat());
    bytes
}

/// The tiny checkpoint with another index.
fn with_index(edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut files = unzipped(&file("tiny-multi.pt"));
    edit(&mut files.iter_mut().find(|(name, _)| name.ends_with("/data.pkl")).unwrap().1);
    zipped(&files)
}

fn replace(index: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> =
        (0..index.len() - from.len()).filter(|&at| index[at..].starts_with(from.as_bytes())).collect();
    assert!(!found.is_empty(), "{from}");
    found.into_iter().for_each(|at| index[at..at + to.len()].copy_from_slice(to.as_bytes()));
}

#[test]
fn bad_checkpoints_are_refused_by_name() {
    let good = file("tiny-multi.pt");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    let decoder = "sem_seg_head.pixel_decoder.transformer.encoder.layers.0";
    let cases: [(&str, Vec<u8>, &str, &[&str]); 9] = [
        ("empty", vec![], "empty-file", &[]),
        (
            "photo",
            std::fs::read(format!("{SAMPLES}/skimage_astronaut.png")).unwrap(),
            "unsupported-checkpoint",
            &[],
        ),
        ("truncated", good[..good.len() / 2].to_vec(), "truncated-checkpoint", &[]),
        ("flipped", flipped, "corrupt-checkpoint", &["checksum"]),
        (
            "wrong_key",
            with_index(|index| replace(index, "predictor.class_embed.bias", "predictor.class_embed.bits")),
            "missing-weights",
            &["lacks sem_seg_head.predictor.class_embed.bias of Tiny"],
        ),
        (
            "misshapen",
            with_index(|index| {
                replace(index, &format!("{decoder}.linear1.weight"), &format!("{decoder}.linear3.weight"));
                replace(index, &format!("{decoder}.linear2.weight"), &format!("{decoder}.linear1.weight"));
                replace(index, &format!("{decoder}.linear3.weight"), &format!("{decoder}.linear2.weight"));
            }),
            "wrong-shape",
            &["linear1.weight is [32, 16], not [16, 32]", "linear2.weight is [16, 32], not [32, 16]"],
        ),
        ("no_model", with_index(|index| replace(index, "model", "modal")), "missing-weights", &["has modal"]),
        ("bomb", with_index(|index| *index = vec![b']'; 8 << 20]), "checkpoint-too-complex", &["values"]),
        (
            "huge",
            with_index(|index| *index = vec![b'N'; (16 << 20) + 1]),
            "checkpoint-too-complex",
            &["bytes"],
        ),
    ];
    let folder = folder("bad_checkpoints");
    for (name, bytes, code, named) in cases {
        let path = folder.join(format!("{name}.pt"));
        std::fs::write(&path, bytes).unwrap();
        let began = Instant::now();
        let out = folder.join(name);
        let output = import_command(&path, &out, &["--accept-licence"]);
        assert!(began.elapsed() < Duration::from_secs(10), "{name}");
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains(&format!("({code})")) && error.contains(&format!("{name}.pt")),
            "{name}: {error}"
        );
        assert!(named.iter().all(|part| error.contains(part)), "{name}: {error}");
        // Nothing half-made is left.
        assert!(std::fs::read_dir(&out).map_or(0, |files| files.count()) == 0, "{name}");
    }
}

#[test]
fn a_split_model_is_the_same_model() {
    let folder = folder("split");
    let (whole, parts) = (folder.join("whole"), folder.join("parts"));
    let checkpoint = PathBuf::from(format!("{M2FP}/tiny-multi.pt"));
    assert!(import_command(&checkpoint, &whole, &["--accept-licence"]).status.success());
    let card =
        |folder: &Path| Card::from_json(&std::fs::read_to_string(folder.join("card.json")).unwrap()).unwrap();
    let split = |bytes: &str| {
        let card = whole.join("card.json");
        bodymap(&["model", "split", text(&card), "--out", text(&parts), "--part-bytes", bytes])
    };
    let output = split("50000");
    assert!(output.status.success(), "{output:?}");
    let (before, after) = (card(&whole), card(&parts));
    let without_files = |card: &Card| {
        let mut card = card.clone();
        card.files.clear();
        card
    };
    assert_eq!(without_files(&before), without_files(&after));
    assert_eq!(after.files.len() as u64, before.files[0].bytes.div_ceil(50_000));
    assert!(after.files.len() > 3 && after.files.iter().all(|part| part.bytes <= 50_000));
    assert_eq!(after.files[1].path, "tiny-multi-f16.002.onnx");
    let joined: Vec<u8> =
        after.files.iter().flat_map(|part| std::fs::read(parts.join(&part.path)).unwrap()).collect();
    assert!(joined == std::fs::read(whole.join(&before.files[0].path)).unwrap());

    let photo = format!("{SAMPLES}/mpl_grace_hopper.jpg");
    let parsed = |folder: &Path| {
        let (card, out) = (folder.join("card.json"), folder.join("results"));
        let output = bodymap(&["parse", &photo, "--model", text(&card), "--out", text(&out)]);
        assert!(output.status.success(), "{output:?}");
        std::fs::read(out.join("mpl_grace_hopper.json")).unwrap()
    };
    assert!(parsed(&whole) == parsed(&parts));

    for (bytes, code) in [("0", "bad-option"), ("20000001", "bad-option"), ("100", "bad-option")] {
        let output = split(bytes);
        assert!(String::from_utf8(output.stderr).unwrap().contains(code), "{bytes}");
    }
    let part = parts.join(&after.files[2].path);
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[7] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let card = parts.join("card.json");
    let output = bodymap(&["parse", &photo, "--model", text(&card), "--out", text(&folder)]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("tiny-multi-f16.003.onnx is not the file") && error.contains("wrong-hash"),
        "{error}"
    );
}
