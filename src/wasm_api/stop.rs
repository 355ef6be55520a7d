//! What JavaScript says of work that it no longer wants.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::stop::Stop;

thread_local! {
    static STOP_ASKED: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Sets, for the calling thread, what tells whether the work under way shall stop: `asked()`
/// is called every few milliseconds, and the call that works then throws `stopped`.
#[wasm_bindgen(js_name = stopWhen)]
pub fn stop_when(asked: Function) {
    STOP_ASKED.set(Some(asked));
}

/// The signal of whichever thread looks at it.
pub(super) fn signal() -> Stop {
    Stop::when(|| {
        let answer =
            STOP_ASKED.with_borrow(|asked| asked.as_ref().and_then(|asked| asked.call0(&JsValue::NULL).ok()));
        answer.is_some_and(|answer| answer.is_truthy())
    })
}
