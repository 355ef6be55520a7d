//! Products of matrices, with what follows them, by our own kernel.
//!
//! They are taken out of the graph when tract has moved transpositions into them, and before it packs their factors.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{Add, Max};

use super::reader::only_reader;
use crate::engine::kernels::{Clamp, FinishProduct, Layout, PackedFactor, ProductBias};

/// Constant factors by the name of their node, so that plans for several input sizes share them.
pub(super) type Factors = HashMap<String, Arc<PackedFactor>>;

/// Inputs: `a`; `b`, unless it is packed; then, if something is added, a tensor in the shape of the output.
#[derive(Clone, Debug)]
struct MatMulOp {
    layout: Arc<Layout>,
    packed: Option<Arc<PackedFactor>>,
    bias: ProductBias,
    clamp: Clamp,
    output: TVec<usize>,
}

impl PartialEq for MatMulOp {
    fn eq(&self, other: &MatMulOp) -> bool {
        let same_factor = match (&self.packed, &other.packed) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same_factor
            && self.layout == other.layout
            && self.bias == other.bias
            && self.clamp == other.clamp
            && self.output == other.output
    }
}

impl Eq for MatMulOp {}

impl Op for MatMulOp {
    fn name(&self) -> StaticName {
        "BodymapMatMul".into()
    }

    op_as_typed_op!();
}

impl EvalOp for MatMulOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let inputs = inputs.iter().map(|value| value.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
        let inputs = inputs.iter().map(|value| value.as_slice::<f32>()).collect::<TractResult<TVec<_>>>()?;
        let (b, added) = match &self.packed {
            Some(packed) => (Ok(&**packed), inputs.get(1)),
            None => (Err(inputs[1]), inputs.get(2)),
        };
        let finish = FinishProduct { bias: &self.bias, added: added.copied(), clamp: self.clamp };
        let mut target = output.try_as_plain_ram_mut()?;
        self.layout.run(inputs[0], b, &finish, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for MatMulOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.output)))
    }

    fn cost(&self, _: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        // Beyond 32 bits, which is all that usize has in wasm.
        let values: i64 = self.output.iter().map(|&side| side as i64).product();
        Ok(tvec!((Cost::FMA(f32::datum_type()), (values * self.layout.steps.len() as i64).to_dim())))
    }

    as_op!();
}

/// A patch that puts our kernel in place of a product and what follows it, if it is one that the kernel can do;
/// `sparing` of memory, which costs time.
pub(super) fn replace(
    model: &TypedModel,
    node: &TypedNode,
    factors: &mut Factors,
    sparing: bool,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(einsum) = node.op_as::<EinSum>() else { return Ok(None) };
    if einsum.q_params.is_some() || node.inputs.len() != 2 {
        return Ok(None);
    }
    let outlets = [node.inputs[0], node.inputs[1], node.id.into()];
    let mut shapes: [TVec<usize>; 3] = Default::default();
    for (shape, outlet) in shapes.iter_mut().zip(outlets) {
        let fact = model.outlet_fact(outlet)?;
        let Some(concrete) = fact.shape.as_concrete() else { return Ok(None) };
        if fact.datum_type != f32::datum_type() || !fact.is_plain() {
            return Ok(None);
        }
        *shape = TVec::from_slice(concrete);
    }
    // The product whose rows are runs of memory: of a and b, or of b and a.
    let found =
        [[0, 1], [1, 0]].into_iter().find_map(|order| Some((order, layout(&einsum.axes, &shapes, order)?)));
    let Some((order, (layout, row_axes))) = found else { return Ok(None) };
    let after = Following::of(model, node, layout.columns.len(), &row_axes)?;
    let packed = match &model.outlet_fact(node.inputs[order[1]])?.konst {
        Some(factor) if layout.batch.len() == 1 => Some(match factors.get(&node.name) {
            Some(known) => known.clone(),
            None => {
                let factor = factor.try_as_plain_ram()?;
                let packed = layout.pack(factor.as_slice::<f32>()?);
                let packed = Arc::new(if sparing { packed.halved() } else { packed });
                factors.insert(node.name.clone(), packed.clone());
                packed
            }
        }),
        _ => None,
    };
    let mut patch = TypedModelPatch::default();
    let mut inputs = tvec!(patch.tap_model(model, node.inputs[order[0]])?);
    if packed.is_none() {
        inputs.push(patch.tap_model(model, node.inputs[order[1]])?);
    }
    if let Some(added) = after.added {
        inputs.push(patch.tap_model(model, added)?);
    }
    let op = MatMulOp {
        bias: match after.bias {
            Some(ProductBias::Rows(bias)) => ProductBias::Rows(bias),
            Some(ProductBias::Columns(bias)) => ProductBias::Columns(layout.padded(Some(&bias)).into()),
            None => ProductBias::Columns(layout.padded(None).into()),
        },
        layout: layout.into(),
        packed,
        clamp: after.clamp,
        output: shapes[2].clone(),
    };
    let wire = patch.wire_node(&model.node(after.last).name, op, &inputs)?;
    patch.shunt_outside(model, after.last.into(), wire[0])?;
    Ok(Some(patch))
}

/// Where the values of two factors, in this `order`, and of the result are, and the axes of the result whose indices are
/// its rows; `None` if the rows of the result are not runs of memory, or an axis is there twice.
fn layout(axes: &AxesMapping, shapes: &[TVec<usize>; 3], order: [usize; 2]) -> Option<(Layout, TVec<usize>)> {
    let strides = shapes.each_ref().map(|shape| {
        let mut strides: TVec<usize> = tvec!(1; shape.len());
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        strides
    });
    let (mut batch, mut rows, mut columns, mut steps) =
        (vec![[0; 3]], vec![[0; 2]], vec![[0; 2]], vec![[0; 2]]);
    let mut row_axes = TVec::new();
    // In the order of the result, so that the last columns lie side by side.
    let mut sorted: TVec<_> = axes.iter_all_axes().collect();
    sorted.sort_by_key(|axis| axis.outputs[0].first().copied());
    for axis in sorted {
        let places = [&axis.inputs[order[0]], &axis.inputs[order[1]], &axis.outputs[0]];
        if places.iter().any(|places| places.len() > 1) {
            return None;
        }
        let tensors = [order[0], order[1], 2];
        let mut length = 1;
        let mut stride = [0; 3];
        for i in 0..3 {
            if let Some(&place) = places[i].first() {
                // An axis of length 1 is repeated.
                let own = shapes[tensors[i]][place];
                length = length.max(own);
                stride[i] = if own == 1 { 0 } else { strides[tensors[i]][place] };
            }
        }
        if length == 1 {
            continue;
        }
        match stride.map(|stride| stride > 0) {
            [true, true, true] => extend(&mut batch, length, stride),
            [true, false, true] => {
                row_axes.extend(places[2].first().copied());
                extend(&mut rows, length, [stride[0], stride[2]]);
            }
            [false, true, true] => extend(&mut columns, length, [stride[1], stride[2]]),
            [true, true, false] => extend(&mut steps, length, [stride[0], stride[1]]),
            _ => return None,
        }
    }
    let side_by_side = columns.iter().enumerate().all(|(i, column)| column[1] == i);
    // Rows shorter than a vector are better left to the other order, or to tract.
    (side_by_side && columns.len() > 1).then(|| {
        let columns = columns.into_iter().map(|column| column[0]).collect();
        (Layout { batch, rows, columns, steps }, row_axes)
    })
}

/// Each place again for every index of one more, inner axis.
fn extend<const N: usize>(places: &mut Vec<[usize; N]>, length: usize, stride: [usize; N]) {
    *places = places
        .iter()
        .flat_map(|place| (0..length).map(move |i| std::array::from_fn(|n| place[n] + i * stride[n])))
        .collect();
}

/// What the nodes after a product do to it, as far as nothing else reads in between.
struct Following {
    /// Added to each column or row; not padded.
    bias: Option<ProductBias>,
    /// Another tensor that is added.
    added: Option<OutletId>,
    clamp: Clamp,
    /// The last of these nodes.
    last: usize,
}

impl Following {
    fn of(
        model: &TypedModel,
        node: &TypedNode,
        columns: usize,
        row_axes: &[usize],
    ) -> TractResult<Following> {
        let mut found = Following { bias: None, added: None, clamp: Clamp::NONE, last: node.id };
        while let Some(next) = only_reader(model, found.last)? {
            if !found.take(model, next, columns, row_axes)? {
                break;
            }
            found.last = next.id;
        }
        Ok(found)
    }

    /// Takes over what `next` does; `false` if it cannot be.
    fn take(
        &mut self,
        model: &TypedModel,
        next: &TypedNode,
        columns: usize,
        row_axes: &[usize],
    ) -> TractResult<bool> {
        let Some(op) = next.op_as::<TypedBinOp>() else { return Ok(false) };
        let mut others = next.inputs.iter().filter(|input| input.node != self.last);
        let (Some(&other), None) = (others.next(), others.next()) else { return Ok(false) };
        let fact = model.outlet_fact(other)?;
        let own = &model.outlet_fact(self.last.into())?.shape;
        if fact.datum_type != f32::datum_type()
            || self.clamp != Clamp::NONE
            || model.outlet_fact(next.id.into())?.shape != *own
        {
            return Ok(false);
        }
        let linear = self.added.is_none();
        match &fact.konst {
            Some(constant) if op.0.is::<Max>() => {
                let Some(bound) = constant.as_uniform() else { return Ok(false) };
                self.clamp.low = bound.cast_to_scalar::<f32>()?;
                Ok(true)
            }
            Some(constant) if op.0.is::<Add>() && linear && self.bias.is_none() => {
                let Some(own) = own.as_concrete() else { return Ok(false) };
                let by_column = constant.len() == columns
                    && constant.shape().last() == Some(&columns)
                    && own.last() == Some(&columns);
                let along = |axis: usize| if row_axes.contains(&axis) { own[axis] } else { 1 };
                let by_row = constant.rank() == own.len()
                    && constant.shape().iter().enumerate().all(|(axis, length)| *length == along(axis));
                let values: Arc<[f32]> = constant.try_as_plain_ram()?.as_slice::<f32>()?.into();
                self.bias = match (by_column, by_row) {
                    (true, _) => Some(ProductBias::Columns(values)),
                    (_, true) => Some(ProductBias::Rows(values)),
                    _ => return Ok(false),
                };
                Ok(true)
            }
            None if op.0.is::<Add>() && linear && fact.shape == *own => {
                self.added = Some(other);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
