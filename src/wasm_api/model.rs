//! Models.

use std::rc::Rc;

use js_sys::{Function, Uint8Array, Uint16Array};
use wasm_bindgen::prelude::*;

use super::file::JsFile;
use super::parsing::Parsing;
use super::photo::Photo;
use super::stop::signal;
use super::values::{from_json, held, label_set_of, reporter, thrown, to_json};
use crate::card::Card;
use crate::error::{Result, filled};
use crate::parser::ParseOptions;
use crate::parsing::Segment;

/// A model that is ready to parse photos.
#[wasm_bindgen]
pub struct Model {
    model: crate::parser::Model,
    card: Rc<Card>,
}

#[wasm_bindgen]
impl Model {
    /// Reads a model; size and SHA-256 are checked against the card.
    ///
    /// `read_at(offset, length)` gives a part of the model's files, joined in order, as
    /// an `Uint8Array`. The file is read twice, piece by piece, so that it need not be in
    /// memory. With a large model the function is kept until the model is freed, and
    /// called again while photos are parsed that need another size of the input.
    pub fn load(card_json: &str, read_at: Function) -> Result<Model, JsValue> {
        let load = || {
            let card = Card::from_json(card_json)?;
            let size = card.files.iter().map(|file| file.bytes).sum();
            let file = JsFile::new(size, read_at);
            let model = signal().during(|| crate::parser::Model::read(card.clone(), file))?;
            Ok(Model { model, card: card.into() })
        };
        load().map_err(thrown)
    }

    /// The card, as JSON.
    pub fn info(&self) -> Result<String, JsValue> {
        to_json(&*self.card).map_err(thrown)
    }

    /// Parses a photo with a setting of the card, its first if left out;
    /// `on_progress` is called with the part of the inference done, 0 to 1.
    pub fn parse(
        &mut self,
        photo: &Photo,
        setting: Option<String>,
        on_progress: Option<Function>,
    ) -> Result<Parsing, JsValue> {
        let mut progress = reporter(on_progress);
        let mut options = ParseOptions::default().with_stop(signal());
        options.setting = setting.as_deref();
        let parsing = self.model.parse(&photo.0, &options, &mut progress).map_err(thrown)?;
        Ok(Parsing::new(parsing, self.card.clone()))
    }

    /// A parsing of this model from the parts that another instance returned.
    #[allow(clippy::too_many_arguments)]
    pub fn restore(
        &self,
        label_set: &str,
        width: u32,
        height: u32,
        labels: &Uint8Array,
        people: &Uint16Array,
        segments_json: &str,
        instances_json: &str,
    ) -> Result<Parsing, JsValue> {
        let parsing = || {
            let segments: Vec<Segment> = from_json(segments_json, "the segments")?;
            let mut persons = filled(0, people.length() as usize, "the people map")?;
            people.copy_to(&mut persons);
            let size = (width, height);
            let label_set = label_set_of(label_set)?;
            crate::parsing::Parsing::from_parts(label_set, size, held(labels)?, persons, segments)?
                .with_instances(from_json(instances_json, "the instances")?)
        };
        parsing().map(|parsing| Parsing::new(parsing, self.card.clone())).map_err(thrown)
    }
}
