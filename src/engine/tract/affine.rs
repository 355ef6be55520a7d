//! Factors and summands of channels, as norms end with, and what follows them, in one node.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Max, Mul};

use super::reader::only_reader;
use crate::engine::kernels::{Affine, Clamp};

/// Inputs: values; then, if something is added, a tensor of the same shape.
#[derive(Clone, Debug, PartialEq)]
struct AffineOp {
    scale: Arc<[f32]>,
    shift: Arc<[f32]>,
    clamp: Clamp,
    /// Values of a channel that lie side by side.
    inner: usize,
    shape: TVec<usize>,
}

impl Eq for AffineOp {}

impl Op for AffineOp {
    fn name(&self) -> StaticName {
        "BodymapAffine".into()
    }

    op_as_typed_op!();
}

impl EvalOp for AffineOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut output = Tensor::zero::<f32>(&self.shape)?;
        let inputs = inputs.iter().map(|value| value.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
        let inputs = inputs.iter().map(|value| value.as_slice::<f32>()).collect::<TractResult<TVec<_>>>()?;
        let added = inputs.get(1).copied();
        let affine = Affine { scale: &self.scale, shift: &self.shift, added, clamp: self.clamp };
        let mut target = output.try_as_plain_ram_mut()?;
        affine.run(inputs[0], self.inner, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for AffineOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}

/// A patch that puts our kernel in place of a factor, the summand after it, and what follows.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    if !node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>()) {
        return Ok(None);
    }
    let fact = model.outlet_fact(node.id.into())?;
    let Some(shape) = fact.shape.as_concrete().map(TVec::<usize>::from_slice) else { return Ok(None) };
    let varies = |input: &OutletId| {
        model.outlet_fact(*input).is_ok_and(|own| own.konst.is_none() && own.shape == fact.shape)
    };
    let input = node.inputs.iter().copied().find(varies);
    let (Some(input), true) = (input, fact.datum_type == f32::datum_type()) else { return Ok(None) };
    let other =
        |node: &TypedNode, input: OutletId| node.inputs.iter().copied().find(|outlet| *outlet != input);
    let factor = other(node, input);
    let Some((axis, scale)) = factor.map(|factor| by_channel(model, factor, &shape)).transpose()?.flatten()
    else {
        return Ok(None);
    };
    let successor = |last: usize| -> TractResult<Option<&TypedNode>> {
        Ok(only_reader(model, last)?.filter(|next| next.op_is::<TypedBinOp>()))
    };
    let operation = |node: &TypedNode| node.op_as::<TypedBinOp>().map(|op| op.0.clone());

    let Some(add) = successor(node.id)?.filter(|next| operation(next).is_some_and(|op| op.is::<Add>()))
    else {
        return Ok(None);
    };
    let summand = other(add, node.id.into());
    let Some((also, shift)) =
        summand.map(|summand| by_channel(model, summand, &shape)).transpose()?.flatten()
    else {
        return Ok(None);
    };
    if also != axis || model.outlet_fact(add.id.into())?.shape != fact.shape {
        return Ok(None);
    }
    let (mut last, mut added, mut clamp) = (add.id, None, Clamp::NONE);
    while let Some(next) = successor(last)? {
        let (Some(op), Some(outlet)) = (operation(next), other(next, last.into())) else { break };
        let own = model.outlet_fact(outlet)?;
        let bound = own.konst.as_ref().and_then(|bound| bound.as_uniform());
        if op.is::<Add>() && added.is_none() && own.shape == fact.shape && own.konst.is_none() {
            added = Some(outlet);
        } else if let (true, Some(bound)) = (op.is::<Max>(), bound) {
            clamp.low = bound.cast_to_scalar::<f32>()?;
            last = next.id;
            break;
        } else {
            break;
        }
        last = next.id;
    }
    let mut patch = TypedModelPatch::default();
    let mut inputs = tvec!(patch.tap_model(model, input)?);
    if let Some(added) = added {
        inputs.push(patch.tap_model(model, added)?);
    }
    let inner = shape[axis + 1..].iter().product();
    let op = AffineOp { scale, shift, clamp, inner, shape };
    let wire = patch.wire_node(&model.node(last).name, op, &inputs)?;
    patch.shunt_outside(model, last.into(), wire[0])?;
    Ok(Some(patch))
}

/// A constant that has one value for each channel, and the axis of the channels in `shape`.
pub(super) fn by_channel(
    model: &TypedModel,
    outlet: OutletId,
    shape: &[usize],
) -> TractResult<Option<(usize, Arc<[f32]>)>> {
    let Some(constant) = &model.outlet_fact(outlet)?.konst else { return Ok(None) };
    if constant.datum_type() != f32::datum_type() || constant.rank() != shape.len() {
        return Ok(None);
    }
    let mut long = constant.shape().iter().zip(shape).enumerate().filter(|(_, (own, _))| **own > 1);
    let (Some((axis, (own, of))), None) = (long.next(), long.next()) else { return Ok(None) };
    if own != of {
        return Ok(None);
    }
    Ok(Some((axis, constant.try_as_plain_ram()?.as_slice::<f32>()?.into())))
}
