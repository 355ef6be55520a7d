//! Photos.

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use super::values::{held, thrown};

/// A decoded photo.
#[wasm_bindgen]
pub struct Photo(pub(super) Rc<crate::Photo>);

#[wasm_bindgen]
impl Photo {
    /// Decodes a JPEG, PNG or WebP file.
    pub fn decode(bytes: &Uint8Array) -> Result<Photo, JsValue> {
        let decoded = held(bytes).and_then(|bytes| crate::Photo::decode(&bytes));
        decoded.map(|photo| Photo(photo.into())).map_err(thrown)
    }

    /// A photo from RGBA pixels, not premultiplied.
    #[wasm_bindgen(js_name = fromRgba)]
    pub fn from_rgba(width: u32, height: u32, rgba: &Uint8Array) -> Result<Photo, JsValue> {
        let photo = held(rgba).and_then(|rgba| crate::Photo::from_rgba(width, height, rgba));
        photo.map(|photo| Photo(photo.into())).map_err(thrown)
    }

    /// Width in pixels, upright.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Height in pixels, upright.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// The upright pixels, RGBA, at `width` x `height`.
    pub fn rgba(&self, width: u32, height: u32) -> Result<Uint8Array, JsValue> {
        if (width, height) == (self.0.width(), self.0.height()) {
            return Ok(Uint8Array::from(self.0.rgba()));
        }
        self.0.resized(width, height).map(|rgba| Uint8Array::from(&*rgba)).map_err(thrown)
    }

    /// The photo with its longer side at most `max_side` pixels; consumes this one.
    pub fn scaled(self, max_side: u32) -> Result<Photo, JsValue> {
        Rc::unwrap_or_clone(self.0).scaled(max_side).map(|photo| Photo(photo.into())).map_err(thrown)
    }
}
