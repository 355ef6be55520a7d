//! The files of models: checked, read, split, made from checkpoints.

mod checked_files;
mod checkpoint;
mod import;
pub(crate) mod onnx_wire;
mod split;

pub(crate) use checked_files::CheckedFiles;
pub use checkpoint::Checkpoint;
pub use import::{Import, Precision, Template};
pub use split::split;
