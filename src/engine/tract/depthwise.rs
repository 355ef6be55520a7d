//! Depthwise convolutions, with the ReLU or ReLU6 after them, by our own kernel.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::math::{Max, Min};

use crate::engine::kernels::{Clamp, Depthwise};

/// Inputs: planes `[c, h, w]` or `[1, c, h, w]`, kernel `[c, side, side]`, bias `[c]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct DepthwiseOp {
    shape: Depthwise,
    /// Bit patterns of the bounds, which compare and hash.
    clamp: (u32, u32),
    output: TVec<usize>,
}

impl Op for DepthwiseOp {
    fn name(&self) -> StaticName {
        "BodymapDepthwise".into()
    }

    op_as_typed_op!();
}

impl EvalOp for DepthwiseOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (planes, kernel, bias) = args_3!(inputs);
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let values = |tensor: &TValue| -> TractResult<Vec<f32>> {
            Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        };
        let (kernel, bias) = (values(&kernel)?, values(&bias)?);
        let clamp = Clamp { low: f32::from_bits(self.clamp.0), high: f32::from_bits(self.clamp.1) };
        let planes = planes.try_as_plain_ram()?;
        let mut target = output.try_as_plain_ram_mut()?;
        self.shape.run(planes.as_slice::<f32>()?, &kernel, &bias, clamp, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for DepthwiseOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.output)))
    }

    as_op!();
}

/// A patch that puts our kernel in place of a convolution and its activation, if it is one that the kernel can do.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
    let spec = &conv.pool_spec;
    let input = model.outlet_fact(node.inputs[0])?;
    let constant =
        |slot: usize| -> TractResult<_> { Ok(model.outlet_fact(node.inputs[slot])?.konst.clone()) };
    let (Some(kernel), Some(bias)) = (constant(1)?, constant(2)?) else { return Ok(None) };
    let channels = spec.input_channels;
    let Some(shape) = input.shape.as_concrete() else { return Ok(None) };
    let output = &node.outputs[0].fact;
    let Some(output) = output.shape.as_concrete() else { return Ok(None) };
    let one_photo = shape.len() == 3 || (shape.len() == 4 && shape[0] == 1);
    let square = matches!(spec.kernel_shape[..], [h, w] if h == w);
    if conv.group != channels
        || spec.output_channels != channels
        || conv.q_params.is_some()
        || conv.kernel_fmt != KernelFormat::OIHW
        || spec.data_format.c_is_last()
        || input.datum_type != f32::datum_type()
        || !one_photo
        || !square
        || spec.dilations().iter().any(|&d| d != 1)
        || spec.strides().iter().any(|&s| s != spec.stride(0))
    {
        return Ok(None);
    }
    let (h, w) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let padding = spec.computed_padding(&[h, w]);
    let depthwise = Depthwise {
        input: (h, w),
        output: (padding[0].convoluted, padding[1].convoluted),
        side: spec.kernel_shape[0],
        stride: spec.stride(0),
        before: (padding[0].pad_before, padding[1].pad_before),
    };
    if !depthwise.is_supported() {
        return Ok(None);
    }
    let (clamp, last) = activation(model, node)?;
    let kernel = kernel.into_tensor().into_shape(&[channels, depthwise.side, depthwise.side])?;
    let bias =
        bias.broadcast_scalar_to_shape(&[channels]).or_else(|_| (*bias).clone().into_shape(&[channels]))?;
    let mut patch = TypedModelPatch::default();
    let planes = patch.tap_model(model, node.inputs[0])?;
    let kernel = patch.add_const(format!("{}.kernel", node.name), kernel)?;
    let bias = patch.add_const(format!("{}.bias", node.name), bias)?;
    let op = DepthwiseOp {
        shape: depthwise,
        clamp: (clamp.low.to_bits(), clamp.high.to_bits()),
        output: output.into(),
    };
    let wire = patch.wire_node(&model.node(last).name, op, &[planes, kernel, bias])?;
    patch.shunt_outside(model, last.into(), wire[0])?;
    Ok(Some(patch))
}

/// The bounds that the nodes after `node` set, as far as nothing else reads in between, and the last of these nodes.
fn activation(model: &TypedModel, node: &TypedNode) -> TractResult<(Clamp, usize)> {
    let mut clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };
    let mut last = node.id;
    while let Some(next) = model.single_succ(last)? {
        let Some(op) = next.op_as::<TypedBinOp>() else { break };
        let mut bound = None;
        for &input in next.inputs.iter().filter(|input| input.node != last) {
            bound = model.outlet_fact(input)?.konst.as_ref().and_then(|tensor| tensor.as_uniform());
        }
        let Some(bound) = bound else { break };
        let bound = bound.cast_to_scalar::<f32>()?;
        if op.0.is::<Max>() && clamp.high == f32::INFINITY {
            clamp.low = clamp.low.max(bound);
        } else if op.0.is::<Min>() && bound >= clamp.low {
            clamp.high = clamp.high.min(bound);
        } else {
            break;
        }
        last = next.id;
    }
    Ok((clamp, last))
}
