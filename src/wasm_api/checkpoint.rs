//! PyTorch checkpoints.

use std::collections::BTreeMap;

use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;

use super::file::{JsFile, JsSink};
use super::stop::signal;
use super::values::{reporter, thrown, to_json};
use crate::error::Result;
use crate::model::{Checkpoint, Import, Precision, Template};

/// A PyTorch checkpoint on its way to a model file, for the command line's
/// `bodymap model import` in the page. To be used in a worker, where files can be
/// read and written synchronously:
///
/// ```js
/// const reader = new FileReaderSync();
/// const readAt = (offset, length) => new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + length)));
/// const checkpoint = CheckpointImport.open(file.size, readAt, [[multiJson, multiOnnx], [singleJson, singleOnnx]]);
/// const { card, ignored, bytes } = JSON.parse(checkpoint.info()); // show card.licence, ask, choose a precision
/// let at = 0; // `handle` is a FileSystemSyncAccessHandle of the Origin Private File System
/// const cardJson = checkpoint.write('f16', (part) => { at += handle.write(part, { at }); }, onProgress);
/// checkpoint.free();
/// ```
///
/// What has been handed to `write`'s callback is of no use if it throws.
#[wasm_bindgen]
pub struct CheckpointImport(Import<JsFile>);

#[wasm_bindgen]
impl CheckpointImport {
    /// Reads the index and finds the template that it fits. `templates` is an array
    /// of `[card as JSON, ONNX file]`.
    ///
    /// Errors: `empty-file`, `unsupported-checkpoint`, `truncated-checkpoint`,
    /// `corrupt-checkpoint`, `checkpoint-too-complex`, `missing-weights`, `wrong-shape`, `io`.
    pub fn open(size: f64, read_at: Function, templates: Array) -> Result<CheckpointImport, JsValue> {
        let open = || {
            let templates = templates.iter().map(|pair| {
                let pair = Array::from(&pair);
                let card = pair.get(0).as_string().unwrap_or_default();
                Template::new(&card, Uint8Array::new(&pair.get(1)).to_vec())
            });
            let templates = templates.collect::<Result<Vec<_>>>()?;
            Import::new(Checkpoint::open(JsFile::new(size as u64, read_at))?, templates)
        };
        open().map(CheckpointImport).map_err(thrown)
    }

    /// JSON `{card, ignored, bytes}`: the card without files, what of the checkpoint is
    /// not used, and the size of the model file in each precision, `{f32, f16, i8}`.
    pub fn info(&self) -> Result<String, JsValue> {
        let bytes: BTreeMap<&str, u64> =
            Precision::ALL.into_iter().map(|precision| (precision.name(), self.0.size(precision))).collect();
        let info = serde_json::json!({
            "card": self.0.template().card(), "ignored": self.0.ignored(), "bytes": bytes
        });
        to_json(&info).map_err(thrown)
    }

    /// Hands the model file to `write` part by part and returns its card as the file
    /// `card.json`; `on_progress` is called with the part done, 0 to 1.
    ///
    /// Errors: `corrupt-checkpoint`, `checkpoint-too-complex`, `bad-option`, `out-of-memory`, `io`.
    pub fn write(
        &mut self,
        precision: &str,
        write: Function,
        on_progress: Option<Function>,
    ) -> Result<String, JsValue> {
        let card = Precision::from_name(precision).and_then(|precision| {
            signal().during(|| self.0.write(precision, &mut JsSink(write), &mut reporter(on_progress)))
        });
        card.map(|card| card.to_json()).map_err(thrown)
    }
}
