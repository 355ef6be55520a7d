//! The whole JavaScript surface. `www/worker.js` is its only caller; pages use
//! `www/bodymap.js`, which talks to the worker.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use js_sys::{Array, Float32Array, Function, Reflect, Uint8Array, Uint16Array};
use ndarray::{Array4, ArrayD};
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, TractEngine, Work};
use crate::error::filled;
use crate::export::{File, Format, Options, Sample};
use crate::model::CheckedFiles;
use crate::{
    Card, Checkpoint, Code, Error, Import, LabelSet, PaintOptions, Palette, Precision, Result, Segment,
    Template,
};

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

thread_local! {
    static STOP_ASKED: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Sets, for the calling thread, what tells whether the work under way shall stop: `asked()`
/// is called every few milliseconds, and the call that works then throws `stopped`.
#[wasm_bindgen(js_name = stopWhen)]
pub fn stop_when(asked: Function) {
    STOP_ASKED.set(Some(asked));
    crate::stop_when(|| {
        let answer =
            STOP_ASKED.with_borrow(|asked| asked.as_ref().and_then(|asked| asked.call0(&JsValue::NULL).ok()));
        answer.is_some_and(|answer| answer.is_truthy())
    });
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
/// before the browser decodes what [`Photo::decode`] does not. See [`crate::claimed_size`].
#[wasm_bindgen(js_name = checkClaimedSize)]
pub fn check_claimed_size(bytes: &[u8]) -> Result<(), JsValue> {
    crate::claimed_size(bytes).map(|_| ()).map_err(thrown)
}

/// A decoded photo.
#[wasm_bindgen]
pub struct Photo(Rc<crate::Photo>);

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

/// A model that is ready to parse photos.
#[wasm_bindgen]
pub struct Model {
    model: crate::Model,
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
            let file = JsFile { size, at: 0, read_at: Held::new(read_at) };
            let model = crate::Model::read(card.clone(), file)?;
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
        let parsing = self.model.parse(&photo.0, setting.as_deref(), &mut progress).map_err(thrown)?;
        Ok(Parsing { parsing, card: self.card.clone(), photo: None })
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
    ) -> Result<Parsing, JsValue> {
        let parsing = || {
            let segments: Vec<Segment> = from_json(segments_json, "the segments")?;
            let mut persons = filled(0, people.length() as usize, "the people map")?;
            people.copy_to(&mut persons);
            let size = (width, height);
            crate::Parsing::from_parts(label_set_of(label_set)?, size, held(labels)?, persons, segments)
        };
        parsing().map(|parsing| Parsing { parsing, card: self.card.clone(), photo: None }).map_err(thrown)
    }
}

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
            Import::new(
                Checkpoint::open(JsFile { size: size as u64, at: 0, read_at: Held::new(read_at) })?,
                templates,
            )
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
        let card = Precision::from_name(precision)
            .and_then(|precision| self.0.write(precision, &mut JsSink(write), &mut reporter(on_progress)));
        card.map(|card| card.to_json()).map_err(thrown)
    }
}

/// A file that JavaScript reads.
struct JsFile {
    size: u64,
    at: u64,
    read_at: Held,
}

/// A function of JavaScript that stays on its thread, whereas its number may go anywhere.
struct Held(u32);

thread_local! {
    static FUNCTIONS: RefCell<BTreeMap<u32, Function>> = const { RefCell::new(BTreeMap::new()) };
}

impl Held {
    fn new(function: Function) -> Held {
        FUNCTIONS.with_borrow_mut(|functions| {
            let number = functions.last_key_value().map_or(0, |(last, _)| last + 1);
            functions.insert(number, function);
            Held(number)
        })
    }

    fn get(&self) -> io::Result<Function> {
        FUNCTIONS
            .with_borrow(|functions| functions.get(&self.0).cloned())
            .ok_or_else(|| io::Error::other("a file can be read on the thread only that opened it"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        FUNCTIONS.with_borrow_mut(|functions| functions.remove(&self.0));
    }
}

impl Read for JsFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.size.saturating_sub(self.at).min(bytes.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        let (offset, length) = ((self.at as f64).into(), (length as f64).into());
        let part = self.read_at.get()?.call2(&JsValue::NULL, &offset, &length).map_err(failed)?;
        let part = part.dyn_into::<Uint8Array>().map_err(|_| io::Error::other("readAt returned no bytes"))?;
        let read = (part.length() as usize).min(bytes.len());
        part.subarray(0, read as u32).copy_to(&mut bytes[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for JsFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("a place before the file"))?;
        Ok(self.at)
    }
}

/// A file that JavaScript writes.
struct JsSink(Function);

impl Write for JsSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.call1(&JsValue::NULL, &Uint8Array::from(bytes)).map_err(failed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(thrown: JsValue) -> io::Error {
    let message = Reflect::get(&thrown, &"message".into()).ok().and_then(|message| message.as_string());
    io::Error::other(message.unwrap_or_else(|| "the page could not read or write a file".into()))
}

/// A parsed photo.
#[wasm_bindgen]
pub struct Parsing {
    parsing: crate::Parsing,
    card: Rc<Card>,
    photo: Option<Rc<crate::Photo>>,
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

    /// The colormap as RGBA at `width` x `height`; see [`crate::paint`].
    pub fn paint(&self, width: u32, height: u32, options_json: &str) -> Result<Uint8Array, JsValue> {
        paint_options(options_json)
            .and_then(|options| crate::paint(&self.parsing, width, height, &options))
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

/// Bytes of JavaScript, where there is memory for them: what it hands over itself is not asked for.
fn held(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let mut copy = filled(0, bytes.length() as usize, "what the page hands over")?;
    bytes.copy_to(&mut copy);
    Ok(copy)
}

fn path_and_bytes(File { path, bytes }: File) -> Array {
    Array::of2(&path.into(), &Uint8Array::from(&*bytes))
}

/// The engine alone, for `scripts/bench`: an ONNX file without a card, tensors in and out.
#[wasm_bindgen]
pub struct Network(TractEngine);

#[wasm_bindgen]
impl Network {
    /// Reads an ONNX file of `size` bytes, as [`Model::load`] does.
    pub fn read(size: f64, read_at: Function) -> Result<Network, JsValue> {
        let size = size as u64;
        let file = JsFile { size, at: 0, read_at: Held::new(read_at) };
        TractEngine::from_onnx(CheckedFiles::without_card(size, file), "network").map(Network).map_err(thrown)
    }

    /// Runs the network on `values` `[1, 3, height, width]`; `on_node` is called after each node
    /// with its operator, its name and its multiply-adds.
    pub fn run(
        &mut self,
        height: usize,
        width: usize,
        values: Vec<f32>,
        on_node: Option<Function>,
    ) -> Result<Vec<Tensor>, JsValue> {
        let input = Array4::from_shape_vec((1, 3, height, width), values)
            .map_err(|e| thrown(Error::new(Code::BadOption, format!("the tensor has another size: {e}"))))?;
        let mut observe = |_: f32, step: Step| {
            if let (Work::Node { operator, node, macs }, Some(call)) = (step, &on_node) {
                let _ = call.call3(&JsValue::NULL, &operator.into(), &node.into(), &(macs as f64).into());
            }
        };
        let outputs = self.0.run(&input, &mut observe).map_err(thrown)?;
        Ok(outputs.into_iter().map(Tensor).collect())
    }
}

/// An output of a [`Network`].
#[wasm_bindgen]
pub struct Tensor(ArrayD<f32>);

#[wasm_bindgen]
impl Tensor {
    /// Length of each side.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape().into()
    }

    /// The values, the last side running fastest.
    pub fn values(&self) -> Float32Array {
        Float32Array::from(&*self.0.as_standard_layout().into_owned().into_raw_vec_and_offset().0)
    }
}

fn reporter(on_progress: Option<Function>) -> impl FnMut(f32) {
    move |done| {
        if let Some(call) = &on_progress {
            let _ = call.call1(&JsValue::NULL, &done.into());
        }
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
