//! Weights stored as 16-bit floats, widened when there is room for it.
//!
//! tract would widen all of them when the network is read, and then a network is in memory three times.

use std::collections::HashSet;
use std::sync::Arc;

use tract_onnx::pb::GraphProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::internal::*;

use super::weights::Weights;

/// Makes a weight of its own of every `Cast(16-bit weight)` to 32-bit floats; its values stay as they are.
pub(super) fn take(graph: &mut GraphProto, weights: &mut Weights) {
    let mut read: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut casts: Vec<(String, String)> = vec![];
    graph.node.retain(|node| {
        let to_float = node.op_type == "Cast"
            && node.attribute.iter().any(|a| a.name == "to" && a.i == DataType::Float as i64);
        if let (true, [from], [to]) = (to_float, &node.input[..], &node.output[..])
            && !read.contains(to)
            && casts.iter().all(|(other, _)| other != from)
            && weights.get(from).is_some_and(|(_, tensor)| tensor.datum_type() == f16::datum_type())
        {
            casts.push((from.clone(), to.clone()));
            return false;
        }
        true
    });
    read.extend(graph.node.iter().flat_map(|node| &node.input).cloned());
    for (from, to) in casts {
        // Others may read it as well.
        let shared = read.contains(&from);
        let Some((stored, tensor)) = weights.remove(&from) else { continue };
        if shared {
            weights.insert(from, (stored, tensor.clone()));
        }
        weights.insert(to, (DataType::Float as i32, tensor));
    }
}

/// A weight of 32-bit floats that is stored as 16-bit ones.
#[derive(Clone, Debug)]
pub(super) struct HalfWeight(pub Arc<Tensor>);

impl PartialEq for HalfWeight {
    fn eq(&self, other: &HalfWeight) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HalfWeight {}

impl HalfWeight {
    /// The weight as 32-bit floats.
    pub fn widened(&self) -> TractResult<Arc<Tensor>> {
        Ok(self.0.cast_to::<f32>()?.into_owned().into_arc_tensor())
    }
}

impl Op for HalfWeight {
    fn name(&self) -> StaticName {
        "BodymapHalfWeight".into()
    }

    op_as_typed_op!();
}

impl EvalOp for HalfWeight {
    // Else tract would put the value in its place at once.
    not_out_of_plan!();

    fn eval(&self, _: &EvalContext, _: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(self.widened()?.into_tvalue()))
    }
}

impl TypedOp for HalfWeight {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.0.shape())))
    }

    as_op!();
}

impl InferenceRulesOp for HalfWeight {
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        _: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, ShapeFactoid::from(self.0.shape()))
    }

    as_op!();
    to_typed!();
}

/// A patch that puts the widened weight in the node's place.
pub(super) fn replace(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(weight) = node.op_as::<HalfWeight>() else { return Ok(None) };
    let mut patch = TypedModelPatch::default();
    let wire = patch.add_const(&node.name, weight.widened()?)?;
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, NodeProto, ValueInfoProto};

    fn node(op: &str, input: &[&str], output: &str) -> NodeProto {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let mut node = NodeProto {
            op_type: op.into(),
            input: names(input),
            output: names(&[output]),
            ..Default::default()
        };
        if op == "Cast" {
            let to = DataType::Float as i64;
            node.attribute.push(AttributeProto { name: "to".into(), i: to, ..Default::default() });
        }
        node
    }

    #[test]
    fn casts_of_16_bit_weights_are_taken_over() {
        let half = Tensor::zero::<f16>(&[2]).unwrap();
        let mut weights = Weights::new();
        for name in ["once", "shared", "output"] {
            weights.insert(name.into(), (DataType::Float16 as i32, half.clone()));
        }
        weights.insert("wide".into(), (DataType::Float as i32, Tensor::zero::<f32>(&[2]).unwrap()));
        let mut graph = GraphProto {
            node: vec![
                node("Cast", &["once"], "once32"),
                node("Cast", &["shared"], "shared32"),
                node("Cast", &["output"], "answer"),
                node("Cast", &["wide"], "wide32"),
                node("Add", &["once32", "shared32"], "sum"),
                node("Shape", &["shared"], "shape"),
            ],
            output: vec![ValueInfoProto { name: "answer".into(), ..Default::default() }],
            ..Default::default()
        };
        take(&mut graph, &mut weights);
        let left: Vec<&str> = graph.node.iter().map(|node| node.output[0].as_str()).collect();
        assert_eq!(left, ["answer", "wide32", "sum", "shape"]);
        let names: Vec<&str> = weights.keys().map(String::as_str).collect();
        assert_eq!(names, ["once32", "output", "shared", "shared32", "wide"]);
        let (element, weight) = &weights["once32"];
        assert_eq!((*element, weight.datum_type()), (DataType::Float as i32, f16::datum_type()));
    }
}
