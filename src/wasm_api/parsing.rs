//! Parsings.

use std::rc::Rc;

use js_sys::{Array, Uint8Array, Uint16Array};
use wasm_bindgen::prelude::*;

use super::photo::Photo;
use super::values::{paint_options, path_and_bytes, thrown, to_json};
use crate::card::Card;
use crate::colormap::paint;
use crate::error::Result;
use crate::export::{Format, Options, Sample};

/// A parsed photo.
#[wasm_bindgen]
pub struct Parsing {
    parsing: crate::parsing::Parsing,
    card: Rc<Card>,
    photo: Option<Rc<crate::photo::Photo>>,
}

#[wasm_bindgen]
impl Parsing {
    /// Width in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.parsing.width
    }

    /// Height in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.parsing.height
    }

    /// Id of the label set.
    #[wasm_bindgen(getter, js_name = labelSet)]
    pub fn label_set(&self) -> String {
        self.parsing.label_set.id().into()
    }

    /// Class id of each pixel.
    pub fn labels(&self) -> Uint8Array {
        Uint8Array::from(&*self.parsing.labels)
    }

    /// Person of each pixel.
    pub fn people(&self) -> Uint16Array {
        Uint16Array::from(&*self.parsing.people)
    }

    /// JSON `[{class, label, person, score, area, bbox: [x, y, width, height]}]`.
    pub fn segments(&self) -> Result<String, JsValue> {
        to_json(&self.parsing.segments).map_err(thrown)
    }

    /// JSON of what a model with queries claimed, `[{class, label, person, score, runs}]`.
    pub fn instances(&self) -> Result<String, JsValue> {
        to_json(&self.parsing.instances).map_err(thrown)
    }

    /// The colormap as RGBA at `width` x `height`; see [`crate::paint`].
    pub fn paint(&self, width: u32, height: u32, options_json: &str) -> Result<Uint8Array, JsValue> {
        paint_options(options_json)
            .and_then(|options| paint(&self.parsing, width, height, &options))
            .map(|rgba| Uint8Array::from(&*rgba))
            .map_err(thrown)
    }

    /// The photo, which the format `overlay` needs.
    #[wasm_bindgen(setter)]
    pub fn set_photo(&mut self, photo: &Photo) {
        self.photo = Some(photo.0.clone());
    }

    /// The photo as one file, `[path, bytes]`. `name` is that of the photo's file,
    /// `photos` what stands before it; see [`crate::export`].
    pub fn export(
        &self,
        format: &str,
        name: &str,
        options_json: &str,
        photos: Option<String>,
    ) -> Result<Array, JsValue> {
        let exported = || {
            let options = Options { paint: paint_options(options_json)?, photos };
            Format::from_name(format)?.export(&self.sample(name), &options)
        };
        exported().map(path_and_bytes).map_err(thrown)
    }

    /// The photo's files in a [`DataSet`], each `[path, bytes]`; arguments as of
    /// [`export`](Parsing::export).
    pub fn files(
        &self,
        format: &str,
        name: &str,
        options_json: &str,
        photos: Option<String>,
    ) -> Result<Array, JsValue> {
        let files = || {
            let options = Options { paint: paint_options(options_json)?, photos };
            Format::from_name(format)?.files(&self.sample(name), &options)
        };
        files().map(|files| files.into_iter().map(path_and_bytes).collect()).map_err(thrown)
    }

    fn sample<'a>(&'a self, name: &'a str) -> Sample<'a> {
        Sample { name, parsing: &self.parsing, photo: self.photo.as_deref(), model: &self.card }
    }
}

impl Parsing {
    /// A parsing by the model of a card.
    pub(super) fn new(parsing: crate::parsing::Parsing, card: Rc<Card>) -> Parsing {
        Parsing { parsing, card, photo: None }
    }
}
