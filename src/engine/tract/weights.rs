//! The weights of a network while it is read.

use std::collections::BTreeMap;

use tract_onnx::prelude::Tensor;

/// Weights by name, each with the ONNX element type that it is read as.
pub(super) type Weights = BTreeMap<String, (i32, Tensor)>;
