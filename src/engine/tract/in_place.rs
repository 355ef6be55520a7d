//! Functions of values or of rows, computed in place by our own kernels.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::CompLT;
use tract_onnx::tract_core::ops::math::{Add, Mul, Sub};
use tract_onnx::tract_core::ops::nn::gelu_exact::GeluExact;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, RmsNorm, Softmax, SoftmaxKind};

use super::affine::by_channel;
use super::constant_value::constant;
use super::reader::only_reader;
use crate::engine::kernels::{LayerNorm, gelu, softmax};

/// Factor and summand of each channel.
type Channels = (Arc<[f32]>, Arc<[f32]>);

/// Input and output: floats of one shape.
#[derive(Clone, Debug, PartialEq)]
enum InPlaceOp {
    /// Whether values are below a bound, as 1 and 0: what masks of attention begin with.
    Below(f32),
    Gelu,
    /// Of the channels that lie on an axis.
    LayerNorm {
        axis: usize,
        centred: bool,
        epsilon: f32,
        affine: Option<Channels>,
    },
    /// Of the last axis.
    Softmax,
}

impl Eq for InPlaceOp {}

impl Op for InPlaceOp {
    fn name(&self) -> StaticName {
        match self {
            InPlaceOp::Below(_) => "BodymapBelow".into(),
            InPlaceOp::Gelu => "BodymapGelu".into(),
            InPlaceOp::LayerNorm { .. } => "BodymapLayerNorm".into(),
            InPlaceOp::Softmax => "BodymapSoftmax".into(),
        }
    }

    op_as_typed_op!();
}

impl EvalOp for InPlaceOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut tensor = args_1!(inputs).into_tensor();
        let shape = TVec::from_slice(tensor.shape());
        let mut plain = tensor.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        match self {
            _ if values.is_empty() => {}
            InPlaceOp::Below(bound) => {
                values.iter_mut().for_each(|value| *value = (*value < *bound) as u8 as f32);
            }
            InPlaceOp::Gelu => gelu(values),
            InPlaceOp::LayerNorm { axis, centred, epsilon, affine } => {
                let affine = affine.as_ref().map(|(scale, shift)| (&**scale, &**shift));
                let inner = shape[axis + 1..].iter().product();
                LayerNorm { centred: *centred, epsilon: *epsilon, affine }.run(values, shape[*axis], inner);
            }
            InPlaceOp::Softmax => softmax(values, shape[shape.len() - 1]),
        }
        Ok(tvec!(tensor.into_tvalue()))
    }
}

impl TypedOp for InPlaceOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}

/// A patch that puts one node in the place of a node and those that belong to its function, if it is one of these.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(&input) = node.inputs.first() else { return Ok(None) };
    let fact = model.outlet_fact(input)?;
    if fact.datum_type != f32::datum_type() || !fact.is_plain() || fact.konst.is_some() {
        return Ok(None);
    }
    let last_axis = fact.rank().wrapping_sub(1);
    let (input, op, last) = if let Some(op) = node.op_as::<Softmax>() {
        if op.axes[..] != [last_axis] || op.kind != SoftmaxKind::Softmax {
            return Ok(None);
        }
        (input, InPlaceOp::Softmax, node)
    } else if let Some(op) = node.op_as::<RmsNorm>() {
        let axis = op.axis;
        let (affine, last) = affine(model, node, axis)?;
        let before = before_centring(model, input, axis)?;
        let (centred, epsilon) = (before.is_some(), op.eps.cast_to_scalar()?);
        (before.unwrap_or(input), InPlaceOp::LayerNorm { axis, centred, epsilon, affine }, last)
    } else if node.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<GeluExact>()) {
        (input, InPlaceOp::Gelu, node)
    } else if node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<CompLT>()) {
        let Some((bound, last)) = below(model, node)? else { return Ok(None) };
        (input, InPlaceOp::Below(bound), last)
    } else {
        return Ok(None);
    };
    let mut patch = TypedModelPatch::default();
    let tapped = patch.tap_model(model, input)?;
    let wire = patch.wire_node(&last.name, op, &[tapped])?;
    patch.shunt_outside(model, last.id.into(), wire[0])?;
    Ok(Some(patch))
}

/// The bound of a comparison with a constant, and the node that makes its result floats.
fn below<'a>(model: &'a TypedModel, node: &TypedNode) -> TractResult<Option<(f32, &'a TypedNode)>> {
    let (fact, output) = (model.outlet_fact(node.inputs[0])?, model.outlet_fact(node.id.into())?);
    let Some(cast) = only_reader(model, node.id)? else { return Ok(None) };
    let to_float = cast.op_as::<Cast>().is_some_and(|cast| cast.to == f32::datum_type());
    let bound = constant(model, node.inputs[1])?.and_then(|bound| bound.as_uniform());
    let (Some(bound), true) = (bound, to_float && fact.shape == output.shape) else { return Ok(None) };
    Ok(Some((bound.cast_to_scalar()?, cast)))
}

/// What the mean of each row was subtracted from.
fn before_centring(model: &TypedModel, outlet: OutletId, axis: usize) -> TractResult<Option<OutletId>> {
    let binary = |outlet: OutletId| {
        let node = model.node(outlet.node);
        node.op_as::<TypedBinOp>().map(|op| (&op.0, &node.inputs[..]))
    };
    let Some((op, &[from, mean])) = binary(outlet) else { return Ok(None) };
    if !op.is::<Sub>() {
        return Ok(None);
    }
    let Some((op, &[one, other])) = binary(mean) else { return Ok(None) };
    let shape = &model.outlet_fact(from)?.shape;
    let (Some(shape), true) = (shape.as_concrete(), op.is::<Mul>()) else { return Ok(None) };
    let share = |outlet: OutletId| {
        let share = constant(model, outlet)?.and_then(|share| share.as_uniform());
        share.map(|share| share.cast_to_scalar::<f32>()).transpose()
    };
    for (sum, factor) in [(one, other), (other, one)] {
        let (sum, factor) = (model.node(sum.node), share(factor)?);
        let Some(reduce) = sum.op_as::<Reduce>() else { continue };
        let mean = factor.is_some_and(|factor| (factor * shape[axis] as f32 - 1.0).abs() < 1e-6);
        if mean && reduce.reducer == Reducer::Sum && reduce.axes[..] == [axis] && sum.inputs[0] == from {
            return Ok(Some(from));
        }
    }
    Ok(None)
}

/// The factors and summands that the values are given after a norm, and the last node that gives them.
fn affine<'a>(
    model: &'a TypedModel,
    node: &'a TypedNode,
    axis: usize,
) -> TractResult<(Option<Channels>, &'a TypedNode)> {
    let fact = model.outlet_fact(node.id.into())?;
    let Some(shape) = fact.shape.as_concrete() else { return Ok((None, node)) };
    let next = |of: &TypedNode, is: fn(&TypedBinOp) -> bool| {
        let Some(reader) = only_reader(model, of.id)? else { return Ok(None) };
        let other = reader.inputs.iter().find(|outlet| outlet.node != of.id);
        let (Some(&other), true) = (other, reader.op_as::<TypedBinOp>().is_some_and(is)) else {
            return Ok(None);
        };
        let by_channel = by_channel(model, other, shape)?.filter(|(of, _)| *of == axis);
        TractResult::Ok(by_channel.map(|(_, values)| (reader, values)))
    };
    let Some((factor, scale)) = next(node, |op| op.0.is::<Mul>())? else { return Ok((None, node)) };
    let Some((sum, shift)) = next(factor, |op| op.0.is::<Add>())? else { return Ok((None, node)) };
    Ok((Some((scale, shift)), sum))
}
