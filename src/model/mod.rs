//! What a model is ([`Card`]) and how its file becomes something that runs.

mod card;
mod load;

pub use card::{Card, Channels, Input, Licence, ModelFile, OutputKind, Pad, PadWhen, Resample, SizeRule};
pub use load::Model;
