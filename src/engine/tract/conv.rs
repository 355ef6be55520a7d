//! Convolutions, with what follows them, by our own kernels.
//!
//! They are taken out of the graph before tract rewrites it: one node stands for a convolution, its norm, a sum with
//! another branch and a ReLU.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::math::{Add, Max, Min, Mul};

use super::constant_value::constant;
use super::half_weights::HalfWeight;
use super::reader::only_reader;
use crate::engine::kernels::{
    Clamp, Convolution, Depthwise, Finish, PackedKernel, StoredValue, TransformedKernel,
};

/// Weights by the name of their node, so that plans for several input sizes share them.
pub(super) type Weights = HashMap<String, Arc<ConvWeights>>;

#[derive(Debug)]
pub(super) struct ConvWeights {
    kernel: OnceLock<Kernel>,
    /// What the kernel is made of when it is first used: while the network is made ready there is
    /// no room to spare, and stored as 16-bit floats it takes half of it.
    stored: Mutex<Option<Stored>>,
    /// Whether the kernel is not kept where it takes more memory than what it is made of.
    sparing: bool,
    method: Method,
    bias: Vec<f32>,
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Dense,
    Winograd,
    Depthwise,
}

#[derive(Debug)]
struct Stored {
    values: Arc<Tensor>,
    /// Factor of each output channel.
    scale: Vec<f32>,
}

#[derive(Debug)]
enum Kernel {
    Dense(PackedKernel),
    Winograd(TransformedKernel),
    Depthwise(Vec<f32>),
}

impl ConvWeights {
    /// Runs something with the kernel.
    fn with_kernel<T>(&self, run: impl FnOnce(&Kernel) -> TractResult<T>) -> TractResult<T> {
        if let Some(kernel) = self.kernel.get() {
            return run(kernel);
        }
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        // One node at a time runs, and it alone has these weights.
        let Some(Stored { values, scale }) = &*stored else { bail!("weights that are in use") };
        let plain = values.try_as_plain_ram()?;
        let half = values.datum_type() == f16::datum_type();
        let kernel = if half {
            Kernel::new(plain.as_slice::<f16>()?, scale, self.method)
        } else {
            Kernel::new(plain.as_slice::<f32>()?, scale, self.method)
        };
        if self.sparing && (half || self.method == Method::Winograd) {
            return run(&kernel);
        }
        *stored = None;
        run(self.kernel.get_or_init(|| kernel))
    }
}

impl Kernel {
    fn new<T: StoredValue>(values: &[T], scale: &[f32], method: Method) -> Kernel {
        match method {
            Method::Dense => Kernel::Dense(PackedKernel::new(values, scale)),
            Method::Winograd => Kernel::Winograd(TransformedKernel::new(values, scale)),
            Method::Depthwise => {
                let scaled = values.chunks_exact(values.len() / scale.len()).zip(scale);
                Kernel::Depthwise(
                    scaled
                        .flat_map(|(values, scale)| values.iter().map(move |value| value.widened() * scale))
                        .collect(),
                )
            }
        }
    }
}

/// Input: planes `[1, c, h, w]`; then, if something is added, a tensor in the shape of the output.
#[derive(Clone, Debug)]
struct ConvOp {
    shape: Convolution,
    weights: Arc<ConvWeights>,
    clamp: Clamp,
    output: TVec<usize>,
}

impl PartialEq for ConvOp {
    fn eq(&self, other: &ConvOp) -> bool {
        self.shape == other.shape
            && self.clamp == other.clamp
            && self.output == other.output
            && Arc::ptr_eq(&self.weights, &other.weights)
    }
}

impl Eq for ConvOp {}

impl Op for ConvOp {
    fn name(&self) -> StaticName {
        match self.weights.method {
            Method::Dense => "BodymapConv".into(),
            Method::Winograd => "BodymapWinograd".into(),
            Method::Depthwise => "BodymapDepthwise".into(),
        }
    }

    op_as_typed_op!();
}

impl EvalOp for ConvOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let input = inputs[0].try_as_plain_ram()?;
        let input = input.as_slice::<f32>()?;
        let added = inputs.get(1).map(|value| value.try_as_plain_ram()).transpose()?;
        let added = added.as_ref().map(|added| added.as_slice::<f32>()).transpose()?;
        let mut target = output.try_as_plain_ram_mut()?;
        let target = target.as_slice_mut::<f32>()?;
        let bias = &self.weights.bias;
        let finish = Finish { bias, added, clamp: self.clamp };
        self.weights.with_kernel(|kernel| {
            match kernel {
                Kernel::Dense(kernel) => self.shape.run(input, kernel, &finish, target),
                Kernel::Winograd(kernel) => self.shape.run_winograd(input, kernel, &finish, target),
                Kernel::Depthwise(kernel) => {
                    let Some(depthwise) = depthwise(&self.shape) else { bail!("this kernel has no loop") };
                    depthwise.run(input, kernel, bias, self.clamp, target);
                }
            }
            Ok(())
        })?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for ConvOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.output)))
    }

    fn cost(&self, _: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let inputs = if self.weights.method == Method::Depthwise { 1 } else { self.shape.channels.0 };
        // Beyond 32 bits, which is all that usize has in wasm.
        let factors = [inputs, self.shape.side.0, self.shape.side.1];
        let macs: i64 = factors.iter().chain(&self.output).map(|&side| side as i64).product();
        Ok(tvec!((Cost::FMA(f32::datum_type()), macs.to_dim())))
    }

    as_op!();
}

/// A patch that puts our kernel in place of a convolution and what follows it, if it is one that the kernels can do.
pub(super) fn replace(
    model: &TypedModel,
    node: &TypedNode,
    weights: &mut Weights,
    sparing: bool,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
    let Some(shape) = shape(model, node, conv)? else { return Ok(None) };
    let method = match conv.group {
        1 if shape.suits_winograd() => Method::Winograd,
        1 => Method::Dense,
        _ if depthwise(&shape).is_some() => Method::Depthwise,
        _ => return Ok(None),
    };
    let after = Following::of(model, node, shape.channels.1, method != Method::Depthwise)?;
    let weights = match weights.get(&node.name) {
        Some(known) => known.clone(),
        None => {
            let (Some(kernel), Some(bias)) =
                (stored(model, node.inputs[1])?, constant(model, node.inputs[2])?)
            else {
                return Ok(None);
            };
            let bias = bias.cast_to::<f32>()?;
            let bias = bias.try_as_plain_ram()?;
            let packed = Arc::new(after.weights(kernel, bias.as_slice::<f32>()?, method, sparing));
            weights.insert(node.name.clone(), packed.clone());
            packed
        }
    };
    let mut patch = TypedModelPatch::default();
    let mut inputs = tvec!(patch.tap_model(model, node.inputs[0])?);
    if let Some(added) = after.added {
        inputs.push(patch.tap_model(model, added)?);
    }
    let output = model.outlet_fact(after.last.into())?.shape.as_concrete().context("a known shape")?;
    let op = ConvOp { shape, weights, clamp: after.clamp, output: output.into() };
    let wire = patch.wire_node(&model.node(after.last).name, op, &inputs)?;
    patch.shunt_outside(model, after.last.into(), wire[0])?;
    Ok(Some(patch))
}

/// The weights as they are stored.
fn stored(model: &TypedModel, outlet: OutletId) -> TractResult<Option<Arc<Tensor>>> {
    match model.node(outlet.node).op_as::<HalfWeight>() {
        Some(half) => Ok(Some(half.0.clone())),
        None => constant(model, outlet),
    }
}

/// Shape of a convolution in floats of one photo, kernel before planes; `None` for any other. Its channels are those
/// of the whole tensors, also where each output sees one input only.
fn shape(model: &TypedModel, node: &TypedNode, conv: &Conv) -> TractResult<Option<Convolution>> {
    let spec = &conv.pool_spec;
    let fact = model.outlet_fact(node.inputs[0])?;
    let (Some(&[1, _, h, w]), Some(&[1, _, _, _])) =
        (fact.shape.as_concrete(), node.outputs[0].fact.shape.as_concrete())
    else {
        return Ok(None);
    };
    if conv.q_params.is_some()
        || conv.kernel_fmt != KernelFormat::OIHW
        || spec.data_format.c_is_last()
        || fact.datum_type != f32::datum_type()
        || (conv.group != 1 && (conv.group, conv.group) != (spec.input_channels, spec.output_channels))
    {
        return Ok(None);
    }
    let padding = spec.computed_padding(&[h, w]);
    Ok(Some(Convolution {
        channels: (spec.input_channels, spec.output_channels),
        input: (h, w),
        output: (padding[0].convoluted, padding[1].convoluted),
        side: (spec.kernel_shape[0], spec.kernel_shape[1]),
        stride: (spec.stride(0), spec.stride(1)),
        dilation: (spec.dilation(0), spec.dilation(1)),
        before: (padding[0].pad_before, padding[1].pad_before),
    }))
}

/// The shape as a depthwise convolution, if there is a loop for it.
fn depthwise(shape: &Convolution) -> Option<Depthwise> {
    let depthwise = Depthwise {
        input: shape.input,
        output: shape.output,
        side: shape.side.0,
        stride: shape.stride.0,
        before: shape.before,
    };
    let square = shape.side.0 == shape.side.1 && shape.stride.0 == shape.stride.1;
    (square && shape.dilation == (1, 1) && depthwise.is_supported()).then_some(depthwise)
}

/// What the nodes after a convolution do to it, as far as nothing else reads in between.
struct Following {
    /// Factor and summand of each output channel.
    scale: Vec<f32>,
    shift: Vec<f32>,
    /// Another tensor that is added.
    added: Option<OutletId>,
    clamp: Clamp,
    /// The last of these nodes.
    last: usize,
}

impl Following {
    /// `adds` says whether the kernel can add a tensor.
    fn of(model: &TypedModel, node: &TypedNode, channels: usize, adds: bool) -> TractResult<Following> {
        let mut found = Following {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
            added: None,
            clamp: Clamp::NONE,
            last: node.id,
        };
        while let Some(next) = only_reader(model, found.last)? {
            if !found.take(model, next, adds)? {
                break;
            }
            found.last = next.id;
        }
        Ok(found)
    }

    /// Takes over what `next` does; `false` if it cannot be.
    fn take(&mut self, model: &TypedModel, next: &TypedNode, adds: bool) -> TractResult<bool> {
        let Some(op) = next.op_as::<TypedBinOp>() else { return Ok(false) };
        let mut others = next.inputs.iter().filter(|input| input.node != self.last);
        let (Some(&other), None) = (others.next(), others.next()) else { return Ok(false) };
        let fact = model.outlet_fact(other)?;
        let linear = self.added.is_none() && self.clamp == Clamp::NONE;
        let Some(constant) = constant(model, other)? else {
            let own = &model.outlet_fact(self.last.into())?.shape;
            let same = fact.shape == *own && fact.datum_type == f32::datum_type();
            if !(adds && same && linear && op.0.is::<Add>()) {
                return Ok(false);
            }
            self.added = Some(other);
            return Ok(true);
        };
        if let Some(bound) = constant.as_uniform() {
            let bound = bound.cast_to_scalar::<f32>()?;
            if op.0.is::<Max>() && self.clamp.high == f32::INFINITY {
                self.clamp.low = self.clamp.low.max(bound);
                return Ok(true);
            }
            if op.0.is::<Min>() && bound >= self.clamp.low {
                self.clamp.high = self.clamp.high.min(bound);
                return Ok(true);
            }
        }
        let channels = self.scale.len();
        let by_channel = constant.shape() == [1, channels, 1, 1];
        if !(linear && by_channel && constant.datum_type() == f32::datum_type()) {
            return Ok(false);
        }
        let values = constant.try_as_plain_ram()?;
        let values = values.as_slice::<f32>()?;
        if op.0.is::<Mul>() {
            self.scale
                .iter_mut()
                .chain(&mut self.shift)
                .zip(values.iter().cycle())
                .for_each(|(x, v)| *x *= v);
        } else if op.0.is::<Add>() {
            self.shift.iter_mut().zip(values).for_each(|(x, v)| *x += v);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The weights of a convolution that does all of this; `bias` has one value or one for each channel.
    fn weights(&self, values: Arc<Tensor>, bias: &[f32], method: Method, sparing: bool) -> ConvWeights {
        let bias = bias.iter().cycle().zip(self.scale.iter().zip(&self.shift));
        ConvWeights {
            bias: bias.map(|(bias, (scale, shift))| bias * scale + shift).collect(),
            kernel: OnceLock::new(),
            stored: Some(Stored { values, scale: self.scale.clone() }).into(),
            sparing,
            method,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparing_transformed_kernels_are_not_kept() {
        for sparing in [true, false] {
            let values = tensor1(&[1f32; 18]).into_arc_tensor();
            let weights = ConvWeights {
                kernel: OnceLock::new(),
                stored: Some(Stored { values, scale: vec![2.0] }).into(),
                sparing,
                method: Method::Winograd,
                bias: vec![0.0],
            };
            for _ in 0..2 {
                let transformed = weights.with_kernel(|kernel| Ok(matches!(kernel, Kernel::Winograd(_))));
                assert!(transformed.unwrap());
                assert_eq!(weights.kernel.get().is_none(), sparing);
                assert_eq!(weights.stored.lock().unwrap().is_some(), sparing);
            }
        }
    }

    #[test]
    fn sparing_weights_stay_as_they_are_stored() {
        let halves = [1.5, -2.0, 0.25, 3.0].map(f16::from_f32);
        for sparing in [true, false] {
            let stored = Stored { values: tensor1(&halves).into_arc_tensor(), scale: vec![2.0, 10.0] };
            let weights = ConvWeights {
                kernel: OnceLock::new(),
                stored: Some(stored).into(),
                sparing,
                method: Method::Depthwise,
                bias: vec![0.0; 2],
            };
            for _ in 0..2 {
                let values = weights.with_kernel(|kernel| match kernel {
                    Kernel::Depthwise(values) => Ok(values.clone()),
                    _ => bail!("it is not dense"),
                });
                assert_eq!(values.unwrap(), [3.0, -4.0, 2.5, 30.0]);
                assert_eq!(weights.kernel.get().is_none(), sparing);
                assert_eq!(weights.stored.lock().unwrap().is_some(), sparing);
            }
        }
    }
}
