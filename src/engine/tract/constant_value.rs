//! Values in the graph that no input decides.

use std::sync::Arc;

use tract_onnx::prelude::*;

use super::half_weights::HalfWeight;

/// Nodes between a value and the constants it is made from, at the most.
const MOST_STEPS: usize = 4;

/// The value of an outlet that depends on constants only; `None` if it depends on the input, or on much.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> TractResult<Option<Arc<Tensor>>> {
    value(model, outlet, MOST_STEPS)
}

fn value(model: &TypedModel, outlet: OutletId, steps: usize) -> TractResult<Option<Arc<Tensor>>> {
    if let Some(known) = &model.outlet_fact(outlet)?.konst {
        return Ok(Some(known.clone()));
    }
    let node = model.node(outlet.node);
    if let Some(half) = node.op_as::<HalfWeight>() {
        return half.widened().map(Some);
    }
    if steps == 0 || node.inputs.is_empty() || node.outputs.len() != 1 {
        return Ok(None);
    }
    let mut inputs = tvec!();
    for &input in &node.inputs {
        let Some(tensor) = value(model, input, steps - 1)? else { return Ok(None) };
        inputs.push(tensor);
    }
    let inputs = inputs.into_iter().map(|tensor| tensor.into_tvalue()).collect();
    let outputs = node.op.eval_out_of_plan(inputs)?;
    Ok(outputs.and_then(|mut outputs| outputs.pop()).map(|value| value.into_arc_tensor()))
}
