//! The whole JavaScript surface. `www/worker.js` is its only caller; pages use
//! `www/bodymap.js`, which talks to the worker.

use js_sys::{Function, Reflect, Uint8Array, Uint16Array};
use wasm_bindgen::prelude::*;

use crate::export::Format;
use crate::{Card, Code, Error, LabelSet, PaintOptions, Palette, Result, Segment};

// Linked for its export `initThreadPool`.
use wasm_bindgen_rayon as _;

/// Runs when the module is instantiated: panics are reported on the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
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

/// A decoded photo.
#[wasm_bindgen]
pub struct Photo(crate::Photo);

#[wasm_bindgen]
impl Photo {
    /// Decodes a JPEG, PNG or WebP file.
    pub fn decode(bytes: &[u8]) -> Result<Photo, JsValue> {
        crate::Photo::decode(bytes).map(Photo).map_err(thrown)
    }

    /// A photo from RGBA pixels, not premultiplied.
    #[wasm_bindgen(js_name = fromRgba)]
    pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Photo, JsValue> {
        crate::Photo::from_rgba(width, height, rgba).map(Photo).map_err(thrown)
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

    /// The upright pixels, RGBA.
    pub fn rgba(&self) -> Uint8Array {
        Uint8Array::from(self.0.rgba())
    }

    /// The photo with its longer side at most `max_side` pixels; consumes this one.
    pub fn scaled(self, max_side: u32) -> Result<Photo, JsValue> {
        self.0.scaled(max_side).map(Photo).map_err(thrown)
    }
}

/// A model that is ready to parse photos.
#[wasm_bindgen]
pub struct Model(crate::Model);

#[wasm_bindgen]
impl Model {
    /// Reads a model; size and SHA-256 are checked against the card.
    pub fn load(card_json: &str, bytes: &[u8]) -> Result<Model, JsValue> {
        Card::from_json(card_json).and_then(|card| crate::Model::load(card, bytes)).map(Model).map_err(thrown)
    }

    /// The card, as JSON.
    pub fn info(&self) -> Result<String, JsValue> {
        to_json(self.0.card()).map_err(thrown)
    }

    /// Parses a photo with a setting of the card, its first if left out;
    /// `on_progress` is called with the part of the inference done, 0 to 1.
    pub fn parse(
        &mut self,
        photo: &Photo,
        setting: Option<String>,
        on_progress: Option<Function>,
    ) -> Result<Parsing, JsValue> {
        let mut progress = |done: f32| {
            if let Some(call) = &on_progress {
                // What the page does with its progress is not the parser's business.
                let _ = call.call1(&JsValue::NULL, &done.into());
            }
        };
        let parsing = self.0.parse(&photo.0, setting.as_deref(), &mut progress).map_err(thrown)?;
        Ok(Parsing { parsing, model: self.0.card().id.clone() })
    }
}

/// A parsed photo.
#[wasm_bindgen]
pub struct Parsing {
    parsing: crate::Parsing,
    model: String,
}

#[wasm_bindgen]
impl Parsing {
    /// A parsing from the parts that another instance returned.
    #[wasm_bindgen(js_name = fromParts)]
    pub fn from_parts(
        label_set: &str,
        width: u32,
        height: u32,
        labels: Vec<u8>,
        people: Vec<u16>,
        segments_json: &str,
        model: String,
    ) -> Result<Parsing, JsValue> {
        let parsing = || {
            let segments: Vec<Segment> = from_json(segments_json, "the segments")?;
            crate::Parsing::from_parts(label_set_of(label_set)?, (width, height), labels, people, segments)
        };
        parsing().map(|parsing| Parsing { parsing, model }).map_err(thrown)
    }

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

    /// The colormap as RGBA at `width` x `height`; see [`crate::paint`].
    pub fn paint(&self, width: u32, height: u32, options_json: &str) -> Result<Uint8Array, JsValue> {
        paint_options(options_json)
            .and_then(|options| crate::paint(&self.parsing, width, height, &options))
            .map(|rgba| Uint8Array::from(&*rgba))
            .map_err(thrown)
    }

    /// A file: `labelmap`, `colormap`, `people` or `json`.
    pub fn export(&self, format: &str, options_json: &str) -> Result<Uint8Array, JsValue> {
        self.written(format, options_json, None).map_err(thrown)
    }

    /// The `overlay` file, for which the photo is needed as well.
    #[wasm_bindgen(js_name = exportOverlay)]
    pub fn export_overlay(&self, options_json: &str, photo: &Photo) -> Result<Uint8Array, JsValue> {
        self.written("overlay", options_json, Some(&photo.0)).map_err(thrown)
    }

    fn written(&self, format: &str, options_json: &str, photo: Option<&crate::Photo>) -> Result<Uint8Array> {
        let options = paint_options(options_json)?;
        let bytes = Format::from_name(format)?.write(&self.parsing, photo, &self.model, &options)?;
        Ok(Uint8Array::from(&*bytes))
    }
}

fn label_set_of(id: &str) -> Result<LabelSet> {
    LabelSet::from_id(id).ok_or_else(|| Error::new(Code::BadOption, format!("there is no label set {id:?}")))
}

fn paint_options(json: &str) -> Result<PaintOptions> {
    from_json(json, "the paint options")
}

fn from_json<T: serde::de::DeserializeOwned>(json: &str, what: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| Error::new(Code::BadOption, format!("{what} are not valid: {e}")))
}

fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Code::BadOption, e.to_string()))
}

/// A JavaScript `Error` with the stable code as `code`.
fn thrown(error: Error) -> JsValue {
    let thrown = js_sys::Error::new(error.message());
    thrown.set_name("BodyMapError");
    let _ = Reflect::set(&thrown, &"code".into(), &error.code().as_str().into());
    thrown.into()
}
