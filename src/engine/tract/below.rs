//! Whether values are below a bound, as 1 and 0 of floats, in one node: what masks of attention begin with.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::logic::CompLT;

use super::constant::constant;

/// Input and output: floats.
#[derive(Clone, Debug, PartialEq)]
struct BelowOp(f32);

impl Eq for BelowOp {}

impl Op for BelowOp {
    fn name(&self) -> StaticName {
        "BodymapBelow".into()
    }

    op_as_typed_op!();
}

impl EvalOp for BelowOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut values = args_1!(inputs).into_tensor();
        let mut plain = values.try_as_plain_ram_mut()?;
        plain.as_slice_mut::<f32>()?.iter_mut().for_each(|value| *value = (*value < self.0) as u8 as f32);
        Ok(tvec!(values.into_tvalue()))
    }
}

impl TypedOp for BelowOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}

/// A patch that puts one node in the place of a comparison with a constant and the cast after it.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    if !node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<CompLT>()) {
        return Ok(None);
    }
    let (fact, output) = (model.outlet_fact(node.inputs[0])?, model.outlet_fact(node.id.into())?);
    let Some(cast) = model.single_succ(node.id)? else { return Ok(None) };
    let to_float = cast.op_as::<Cast>().is_some_and(|cast| cast.to == f32::datum_type());
    let bound = constant(model, node.inputs[1])?.and_then(|bound| bound.as_uniform());
    let (Some(bound), true) = (bound, to_float && fact.datum_type == f32::datum_type()) else {
        return Ok(None);
    };
    let read = model.output_outlets()?.iter().any(|outlet| outlet.node == node.id);
    if read || fact.konst.is_some() || fact.shape != output.shape {
        return Ok(None);
    }
    let mut patch = TypedModelPatch::default();
    let input = patch.tap_model(model, node.inputs[0])?;
    let wire = patch.wire_node(&cast.name, BelowOp(bound.cast_to_scalar()?), &[input])?;
    patch.shunt_outside(model, cast.id.into(), wire[0])?;
    Ok(Some(patch))
}
