//! The whole JavaScript surface. `www/worker.js` is its only caller; pages use
//! `www/bodymap.js`, which talks to the worker.

mod checkpoint;
mod export;
mod file;
mod model;
mod network;
mod parsing;
mod photo;
mod stop;
mod values;

use wasm_bindgen::prelude::*;

use self::values::{label_set_of, thrown, to_json};
use crate::card::Card;
use crate::error::Result;
use crate::palette::Palette;

// Linked for its export `initThreadPool`.
use wasm_bindgen_rayon as _;

/// Runs when the module is instantiated: panics are reported on the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// Ends the threads that `initThreadPool` has started: each throws `"stopped"`
/// out of `wbg_rayon_start_worker`. Otherwise they would wait for work, and hold
/// the memory, until the browser takes their workers down by force, which takes
/// seconds in Chromium.
#[wasm_bindgen(js_name = stopThreads)]
pub fn stop_threads() {
    rayon::spawn_broadcast(|_| wasm_bindgen::throw_str("stopped"));
}

/// Version of this package.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The classes of a label set: JSON `[{id, name, color: [r, g, b]}]`.
#[wasm_bindgen(js_name = labelSet)]
pub fn label_set(id: &str) -> Result<String, JsValue> {
    let set = label_set_of(id).map_err(thrown)?;
    let colours = Palette::of(set);
    let classes: Vec<_> = set
        .names()
        .iter()
        .zip(colours.colours())
        .enumerate()
        .map(|(id, (name, color))| serde_json::json!({ "id": id, "name": name, "color": color }))
        .collect();
    to_json(&classes).map_err(thrown)
}

/// Fails unless a picture file claims a size within the limits, in whatever format: to be asked
/// before the browser decodes what `Photo.decode` does not. See [`claimed_size`](crate::claimed_size()).
#[wasm_bindgen(js_name = checkClaimedSize)]
pub fn check_claimed_size(bytes: &[u8]) -> Result<(), JsValue> {
    crate::claimed_size::claimed_size(bytes).map(|_| ()).map_err(thrown)
}

/// Fails unless a model card is one that this version reads: to be asked before its files are downloaded.
#[wasm_bindgen(js_name = checkCard)]
pub fn check_card(json: &str) -> Result<(), JsValue> {
    Card::from_json(json).map(|_| ()).map_err(thrown)
}
