//! The largest value of each window, by our own kernel.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::MaxPool;

use crate::engine::kernels;

/// Input and output: planes `[1, c, h, w]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct MaxPoolOp {
    pool: kernels::MaxPool,
    output: TVec<usize>,
}

impl Op for MaxPoolOp {
    fn name(&self) -> StaticName {
        "BodymapMaxPool".into()
    }

    op_as_typed_op!();
}

impl EvalOp for MaxPoolOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let planes = args_1!(inputs);
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let planes = planes.try_as_plain_ram()?;
        let mut target = output.try_as_plain_ram_mut()?;
        self.pool.run(planes.as_slice::<f32>()?, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for MaxPoolOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.output)))
    }

    as_op!();
}

/// A patch that puts our kernel in place of windows over planes of floats of one photo.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(op) = node.op_as::<MaxPool>() else { return Ok(None) };
    let spec = &op.pool_spec;
    let fact = model.outlet_fact(node.inputs[0])?;
    let (Some(&[1, _, h, w]), Some(output)) =
        (fact.shape.as_concrete(), node.outputs[0].fact.shape.as_concrete())
    else {
        return Ok(None);
    };
    if op.with_index_outputs.is_some()
        || spec.data_format.c_is_last()
        || fact.datum_type != f32::datum_type()
        || output.len() != 4
        || (spec.dilation(0), spec.dilation(1)) != (1, 1)
    {
        return Ok(None);
    }
    let padding = spec.computed_padding(&[h, w]);
    let pool = kernels::MaxPool {
        input: (h, w),
        output: (padding[0].convoluted, padding[1].convoluted),
        side: (spec.kernel_shape[0], spec.kernel_shape[1]),
        stride: (spec.stride(0), spec.stride(1)),
        before: (padding[0].pad_before, padding[1].pad_before),
    };
    let op = MaxPoolOp { pool, output: output.into() };
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], op).map(Some)
}
