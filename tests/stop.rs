//! Stopping a parse, while another one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bodymap::{Card, Code, Model, ParseOptions, Photo, Stop};

#[test]
fn a_stopped_parse_fails_and_no_other_does() {
    let card = Card::from_json(include_str!("../models/default/card.json")).unwrap();
    let load = || Model::load(card.clone(), include_bytes!("../models/default/default.onnx")).unwrap();
    let photo = Photo::decode(include_bytes!("../www/samples/mpl_grace_hopper.jpg")).unwrap();
    let mut model = load();
    let whole = model.parse(&photo, &ParseOptions::default(), &mut |_| ()).unwrap();

    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut model = load();
            while !ends.load(Relaxed) {
                assert_eq!(model.parse(&photo, &ParseOptions::default(), &mut |_| ()).unwrap(), whole);
            }
        });
        for part in [0.0, 0.5, 1.0] {
            let stopped = Arc::new(AtomicBool::new(false));
            let asked = stopped.clone();
            let options = ParseOptions::default().with_stop(Stop::when(move || asked.load(Relaxed)));
            let mut last = 0.0;
            let failed = model.parse(&photo, &options, &mut |done| {
                last = done;
                stopped.fetch_or(done >= part, Relaxed);
            });
            assert_eq!(failed.unwrap_err().code(), Code::Stopped);
            // After the step in which it was asked for there is no other.
            assert!(last >= part && last < part + 0.1, "{part}: {last}");
            assert_eq!(model.parse(&photo, &ParseOptions::default(), &mut |_| ()).unwrap(), whole);
        }
        ends.store(true, Relaxed);
        beside.join().unwrap();
    });
}
