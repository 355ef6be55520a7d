//! Human parsing on the CPU: the people in a photo, pixel by pixel, as body
//! parts and clothes.
//!
//! Data flows one way: bytes -> [`Photo`] -> input tensor -> [`Engine`] ->
//! logits -> [`Parsing`] -> picture or annotation ([`export`]). The core knows no
//! browser, clock or file system; the browser and the command line are thin
//! shells around it.
//!
//! ```no_run
//! use bodymap::export::{Format, Options, Sample};
//! use bodymap::{Card, Model, ParseOptions, Photo};
//!
//! let card = Card::from_json(&std::fs::read_to_string("models/default/card.json")?)?;
//! let mut model = Model::load(card, &std::fs::read("models/default/default.onnx")?)?;
//! let photo = Photo::decode(&std::fs::read("photo.jpg")?)?;
//! let parsing = model.parse(&photo, &ParseOptions::default(), &mut |_| ())?;
//! for segment in &parsing.segments {
//!     println!("{}: {} pixels", segment.label, segment.area);
//! }
//! let sample = Sample { name: "photo.jpg", parsing: &parsing, photo: None, model: model.card() };
//! let file = Format::Coco.export(&sample, &Options::default())?;
//! std::fs::write(file.path, file.bytes)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod card;
mod claimed_size;
mod colormap;
mod engine;
mod error;
pub mod export;
mod labels;
pub mod limits;
mod model;
mod palette;
mod parser;
mod parsing;
mod photo;
mod resize;
mod stop;
mod tensor;

#[cfg(target_family = "wasm")]
mod wasm_api;

pub use card::{
    CARD_FORMAT, Card, Channels, CleanPass, Closer, Input, Licence, Mirrored, ModelFile, OutputKind, Pad,
    PadWhen, Pass, QueryRule, Resample, Setting, SizeRule, Upsample,
};
pub use claimed_size::claimed_size;
pub use colormap::{Mask, OVERLAY_OPACITY, PaintOptions, colormap, merge, overlay, paint};
pub use engine::{Engine, Work};
pub use error::{Code, Error, Result};
pub use labels::LabelSet;
pub use model::{Checkpoint, Import, Precision, Template, split};
pub use palette::{Colour, DrawingOrder, Palette, PaletteSpec};
pub use parser::{Model, ParseOptions, Step};
pub use parsing::{Instance, Parsing, Segment};
pub use photo::Photo;
pub use stop::Stop;
pub use tensor::{InputTensor, Placement};
