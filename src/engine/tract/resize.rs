//! Bilinear resizing of planes by our own kernel.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::nn::resize::{Interpolator, Resize};

use crate::engine::kernels::{Axis, resample};

/// Input and output: planes `[.., h, w]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ResizeOp {
    resize: Resize,
    output: TVec<usize>,
}

impl ResizeOp {
    fn axis(&self, input: usize, output: usize) -> Axis {
        let plan = self.resize.plan_axis(output as f32 / input as f32, input, output);
        let taps = |tap: usize| {
            let pairs = plan.indices.iter().copied().zip(plan.weights.iter().copied());
            pairs.skip(tap).step_by(plan.window).collect()
        };
        Axis { near: taps(0), far: taps(1) }
    }
}

impl Op for ResizeOp {
    fn name(&self) -> StaticName {
        "BodymapResize".into()
    }

    op_as_typed_op!();
}

impl EvalOp for ResizeOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let planes = args_1!(inputs);
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let ([.., h, w], [.., rows, columns]) = (planes.shape(), &self.output[..]) else {
            bail!("planes have two sides")
        };
        let (h, w) = (*h, *w);
        let (rows, columns) = (self.axis(h, *rows), self.axis(w, *columns));
        let planes = planes.try_as_plain_ram()?;
        let mut target = output.try_as_plain_ram_mut()?;
        resample(planes.as_slice::<f32>()?, (h, w), &rows, &columns, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for ResizeOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.output)))
    }

    as_op!();
}

/// A patch that puts our kernel in place of a bilinear resize of the last two axes.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(resize) = node.op_as::<Resize>() else { return Ok(None) };
    let input = model.outlet_fact(node.inputs[0])?;
    let (Some(from), Some(to)) = (input.shape.as_concrete(), node.outputs[0].fact.shape.as_concrete()) else {
        return Ok(None);
    };
    let planes = from.len().saturating_sub(2);
    if resize.interpolator != Interpolator::Linear
        || input.datum_type != f32::datum_type()
        || from.len() < 2
        || from[..planes] != to[..planes]
    {
        return Ok(None);
    }
    let op = ResizeOp { resize: resize.clone(), output: to.into() };
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], op).map(Some)
}
