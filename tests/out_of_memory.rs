//! Memory that is not there while a photo is parsed or written: in a program of its own, as the allocator is that of
//! the whole program. What does not ask for memory, but takes it for granted, ends the program and with it the test.
#![allow(unsafe_code)] // There is no other way to an allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bodymap::export::{Format, Options, Sample};
use bodymap::{Card, Checkpoint, Code, Error, Import, Model, ParseOptions, Photo, Precision, Template};

/// Lines of the photo are larger than this; errors and lists of at most a hundred things are not.
const LEAST: usize = 3_500;

/// Large allocations until the one that fails; 0 if none does.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Buffers that are made larger until the one that cannot be; 0 if all can.
static GROWTHS_LEFT: AtomicUsize = AtomicUsize::new(0);

/// Tests take turns.
static TURN: Mutex<()> = Mutex::new(());

struct Failing;

#[global_allocator]
static ALLOCATOR: Failing = Failing;

fn fails(size: usize, left: &AtomicUsize) -> bool {
    size >= LEAST && left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) == Ok(1)
}

unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails(layout.size(), &LEFT) { null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if fails(layout.size(), &LEFT) { null_mut() } else { unsafe { System.alloc_zeroed(layout) } }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if fails(size, &LEFT) || fails(size, &GROWTHS_LEFT) {
            null_mut()
        } else {
            unsafe { System.realloc(memory, layout, size) }
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn model(card: &str, network: &str, change: impl FnOnce(&mut serde_json::Value)) -> Model {
    let mut card: serde_json::Value = serde_json::from_slice(&file(card)).unwrap();
    change(&mut card);
    Model::load(Card::from_json(&card.to_string()).unwrap(), &file(network)).unwrap()
}

/// A photo whose lines have 9,600 bytes. It is a low one, as much is done for each band of lines.
fn photo(name: &str) -> Photo {
    let small = image::load_from_memory(&file(name)).unwrap();
    let photo = small.resize_exact(2400, 200, image::imageops::FilterType::Triangle).into_rgba8();
    Photo::from_rgba(2400, 200, photo.into_raw()).unwrap()
}

/// Does some work again and again, each time with a later allocation failing, until none is left to fail. Returns
/// what they were for. Each of the first `all` allocations fails once, and then ever fewer.
fn fail_each(
    all: usize,
    left: &AtomicUsize,
    mut work: impl FnMut(&dyn Fn()) -> Result<(), Error>,
) -> BTreeSet<String> {
    let (mut purposes, mut count) = (BTreeSet::new(), 0);
    loop {
        count += 1 + count / all;
        let done = work(&|| left.store(count, Relaxed));
        let is_over = left.swap(0, Relaxed) > 0;
        match done {
            Ok(()) => {
                assert!(is_over, "allocation {count} was missed by nobody");
                break;
            }
            Err(error) => {
                assert_eq!(error.code(), Code::OutOfMemory, "{error}");
                let purpose = error.message().trim_start_matches("there is no memory for ");
                purposes.insert(purpose.split([';', '(']).next().unwrap().trim().to_owned());
            }
        }
    }
    purposes
}

/// What lacked memory between the network and the parsing.
fn parsing(mut model: Model, setting: &str, photo: &Photo, all: usize) -> BTreeSet<String> {
    let whole = model.parse(photo, &ParseOptions::default().with_setting(setting), &mut |_| ()).unwrap();
    assert!(!whole.segments.is_empty());
    let purposes = fail_each(all, &LEFT, |fail| {
        let mut has_run = false;
        let parsed = model.parse(photo, &ParseOptions::default().with_setting(setting), &mut |done| {
            if done > 0.9999 && !has_run {
                has_run = true;
                fail();
            }
        });
        parsed.map(|_| ())
    });
    assert_eq!(
        model.parse(photo, &ParseOptions::default().with_setting(setting), &mut |_| ()).unwrap(),
        whole
    );
    purposes
}

fn assert_has(purposes: &BTreeSet<String>, expected: &[&str]) {
    for purpose in expected {
        assert!(purposes.contains(*purpose), "{purpose:?} is not in {purposes:?}");
    }
}

#[test]
fn what_a_photo_needs_after_the_network_is_asked_for() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let photo = photo("models/people/photo.png");
    let people = model("models/people/card.json", "models/people/people.onnx", |card| {
        for setting in card["settings"].as_array_mut().unwrap() {
            setting["clean"] = serde_json::json!(["specks", "dresses", "shoes"]);
        }
    });
    let purposes = parsing(people, "fine", &photo, usize::MAX);
    assert_has(
        &purposes,
        &[
            "following the photo's edges",
            "telling people apart",
            "the bounds of the logits",
            "the colours around the cells",
            "the label map",
            "the logits",
            "the network's output",
            "the patches of the label map",
            "the people map",
            "the places of the pixels",
            "the probabilities",
            "the resized photo",
        ],
    );
}

#[test]
fn what_queries_need_is_asked_for() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let photo = photo("m2fp/photo.png");
    for (name, setting, expected) in [
        ("multi", 0, "rows of the masks"),
        ("multi", 1, "the semantic maps"),
        ("single", 0, "the semantic maps"),
    ] {
        let file = |kind: &str| file(&format!("m2fp/tiny-{name}.{kind}"));
        let template = Template::new(&String::from_utf8(file("json")).unwrap(), file("onnx")).unwrap();
        let checkpoint = Checkpoint::open(Cursor::new(file("pt"))).unwrap();
        let mut network = vec![];
        let mut import = Import::new(checkpoint, vec![template]).unwrap();
        let card = import.write(Precision::F32, &mut network, &mut |_| ()).unwrap();
        let model = Model::load(card, &network).unwrap();
        let setting = model.card().settings[setting].id.clone();
        assert_has(&parsing(model, &setting, &photo, 30), &[expected]);
    }
}

#[test]
fn what_grows_while_results_are_written_is_asked_for() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let photo = photo("models/people/photo.png");
    let mut model = model("models/people/card.json", "models/people/people.onnx", |_| ());
    let parsing = model.parse(&photo, &ParseOptions::default(), &mut |_| ()).unwrap();
    let sample = Sample { name: "photo.png", parsing: &parsing, photo: Some(&photo), model: model.card() };
    for format in [Format::Overlay, Format::Json, Format::Coco, Format::LabelStudio, Format::Cvat] {
        let file = || format.export(&sample, &Options::default());
        let whole = file().unwrap();
        let purposes = fail_each(usize::MAX, &GROWTHS_LEFT, |fail| {
            fail();
            file().map(|_| ())
        });
        assert!(!purposes.is_empty(), "{}", format.name());
        assert_eq!(file().unwrap().bytes, whole.bytes);
    }
}
