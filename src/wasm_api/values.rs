//! Values on their way between JavaScript and Rust.

use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::colormap::PaintOptions;
use crate::error::{Code, Error, Result, filled};
use crate::export::File;
use crate::labels::LabelSet;

/// Bytes of JavaScript, where there is memory for them: what it hands over itself is not asked for.
pub(super) fn held(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let mut copy = filled(0, bytes.length() as usize, "what the page hands over")?;
    bytes.copy_to(&mut copy);
    Ok(copy)
}

pub(super) fn path_and_bytes(File { path, bytes }: File) -> Array {
    Array::of2(&path.into(), &Uint8Array::from(&*bytes))
}

pub(super) fn reporter(on_progress: Option<Function>) -> impl FnMut(f32) {
    move |done| {
        if let Some(call) = &on_progress {
            let _ = call.call1(&JsValue::NULL, &done.into());
        }
    }
}

pub(super) fn label_set_of(id: &str) -> Result<LabelSet> {
    LabelSet::from_id(id).ok_or_else(|| Error::new(Code::BadOption, format!("there is no label set {id:?}")))
}

pub(super) fn paint_options(json: &str) -> Result<PaintOptions> {
    from_json(json, "the paint options")
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(json: &str, what: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| Error::new(Code::BadOption, format!("{what} are not valid: {e}")))
}

pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Code::BadOption, e.to_string()))
}

/// A JavaScript `Error` with the stable code as `code`.
pub(super) fn thrown(error: Error) -> JsValue {
    let thrown = js_sys::Error::new(error.message());
    thrown.set_name("BodyMapError");
    let _ = Reflect::set(&thrown, &"code".into(), &error.code().as_str().into());
    thrown.into()
}
