//! What reads a node of the graph.

use tract_onnx::prelude::*;

/// The one node that reads what a node gives, if nothing else does, nor is it an output of the network.
pub(super) fn only_reader(model: &TypedModel, node: usize) -> TractResult<Option<&TypedNode>> {
    let is_output = model.output_outlets()?.iter().any(|outlet| outlet.node == node);
    if is_output { Ok(None) } else { model.single_succ(node) }
}
