//! Many photos as one file, and the table of formats.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use super::values::{held, label_set_of, thrown};
use crate::error::Result;
use crate::export::{Colours, File, Format};

/// The export formats: JSON `[{name, alias, mediaType, dataSetName, dataSetMediaType, colours}]`; `colours` is `fixed`,
/// `palette` or `painted`, by which of the paint options matter.
#[wasm_bindgen(js_name = exportFormats)]
pub fn export_formats() -> String {
    let formats = Format::all().map(|format| {
        let colours = match format.colours() {
            Colours::Fixed => "fixed",
            Colours::Palette => "palette",
            Colours::Painted => "painted",
        };
        serde_json::json!({
            "name": format.name(),
            "alias": format.alias(),
            "mediaType": format.media_type(),
            "dataSetName": format.data_set_name(),
            "dataSetMediaType": format.data_set_media_type(),
            "colours": colours,
        })
    });
    serde_json::Value::from_iter(formats).to_string()
}

/// Many photos as one file, which is given out piece by piece.
#[wasm_bindgen]
pub struct DataSet {
    set: crate::export::DataSet<Pieces>,
    pieces: Pieces,
    name: String,
}

#[wasm_bindgen]
impl DataSet {
    /// A data set without photos, of the photos of one label set.
    #[wasm_bindgen(constructor)]
    pub fn new(format: &str, label_set: &str) -> Result<DataSet, JsValue> {
        let set = || {
            let (format, label_set) = (Format::from_name(format)?, label_set_of(label_set)?);
            let pieces = Pieces::default();
            Ok(DataSet {
                set: crate::export::DataSet::new(format, label_set, pieces.clone()),
                pieces,
                name: format.data_set_name(),
            })
        };
        set().map_err(thrown)
    }

    /// Name of the file.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// What a photo adds to the file, by its [`files`](Parsing::files); `stem` is its
    /// name without the ending.
    pub fn add(&mut self, stem: &str, files: Array) -> Result<Uint8Array, JsValue> {
        let file = |file: JsValue| {
            let file = Array::from(&file);
            let path = file.get(0).as_string().unwrap_or_default();
            Ok(File { path, bytes: held(&Uint8Array::new(&file.get(1)))? })
        };
        let files = files.iter().map(file).collect::<Result<Vec<_>>>();
        let added = files.and_then(|files| self.set.add_files(stem, &files));
        added.map(|()| self.pieces.take()).map_err(thrown)
    }

    /// The end of the file.
    pub fn finish(self) -> Result<Uint8Array, JsValue> {
        self.set.finish().map(|pieces| pieces.take()).map_err(thrown)
    }
}

/// What was written since it was last taken.
#[derive(Clone, Default)]
struct Pieces(Rc<RefCell<Vec<u8>>>);

impl Pieces {
    fn take(&self) -> Uint8Array {
        Uint8Array::from(&*std::mem::take(&mut *self.0.borrow_mut()))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut pieces = self.0.borrow_mut();
        pieces.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        pieces.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
