//! Stopping work: in a program of its own, as what asks for it is asked by all threads.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bodymap::{Card, Code, Model, Photo};

static STOPPED: AtomicBool = AtomicBool::new(false);

#[test]
fn stopped_work_fails_and_the_next_is_right() {
    bodymap::stop_when(|| STOPPED.load(Relaxed));
    let card = Card::from_json(include_str!("../models/default/card.json")).unwrap();
    let load = || Model::load(card.clone(), include_bytes!("../models/default/default.onnx"));
    let photo = Photo::decode(include_bytes!("../www/samples/mpl_grace_hopper.jpg")).unwrap();
    let mut model = load().unwrap();
    let whole = model.parse(&photo, None, &mut |_| ()).unwrap();

    for part in [0.0, 0.5, 1.0] {
        let mut last = 0.0;
        let failed = model.parse(&photo, None, &mut |done| {
            last = done;
            STOPPED.fetch_or(done >= part, Relaxed);
        });
        assert_eq!(failed.unwrap_err().code(), Code::Stopped);
        // After the step in which it was asked for there is no other.
        assert!(last >= part && last < part + 0.1, "{part}: {last}");
        assert_eq!(load().err().unwrap().code(), Code::Stopped);
        STOPPED.store(false, Relaxed);
        assert_eq!(model.parse(&photo, None, &mut |_| ()).unwrap(), whole);
    }
}
