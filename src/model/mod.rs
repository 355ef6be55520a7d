//! What a model is ([`Card`]) and how its file becomes something that runs.

mod card;
mod checkpoint;
mod import;
mod load;
pub(crate) mod protobuf;
mod run;
mod split;

pub use card::{
    Card, Channels, Closer, Input, Licence, Mirrored, ModelFile, OutputKind, Pad, PadWhen, Pass, QueryRule,
    Resample, Setting, SizeRule, Specks, Upsample,
};
pub use checkpoint::Checkpoint;
pub use import::{Import, Precision, Template};
pub(crate) use load::CheckedFiles;
pub use load::Model;
pub use split::split;
