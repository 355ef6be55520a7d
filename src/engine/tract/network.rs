//! An ONNX file -> the network it describes, one tensor after the other: at no time
//! are there two copies of all weights in memory.

use std::collections::HashSet;
use std::io::{BufReader, Read};

use tract_onnx::Onnx;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{GraphProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};
use tract_onnx::prelude::*;
use tract_onnx::tensor::load_tensor;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::konst::Const;

use super::half_weights::{self, HalfWeight};
use super::int8_weights;
use super::weights::Weights;
use crate::limits::MAX_EXPANDED_WEIGHTS;
use crate::model::onnx_wire::onnx::{GRAPH_INITIALIZER, MODEL_GRAPH};
use crate::model::onnx_wire::{Stream, bytes_tag, push_bytes, push_length};
use crate::stop;

/// Reads a network of `size` bytes. Weights outside the file are refused.
pub(super) fn read(onnx: &Onnx, file: &mut dyn Read, size: u64) -> TractResult<InferenceModel> {
    let mut file = Stream::new(BufReader::with_capacity(1 << 16, file), size);
    let (mut model, mut graph, mut weights) = (vec![], vec![], Weights::new());
    while file.left() > 0 {
        let tag = file.tag()?;
        if tag != bytes_tag(MODEL_GRAPH) {
            file.copy(tag, &mut model)?;
            continue;
        }
        let after = file.length()?;
        while file.left() > after {
            let tag = file.tag()?;
            if tag == bytes_tag(GRAPH_INITIALIZER) {
                stop::check()?;
                let mut encoded = vec![];
                file.copy(tag, &mut encoded)?;
                let (name, weight) = weight(onnx, &encoded)?;
                weights.insert(name, weight);
            } else {
                file.copy(tag, &mut graph)?;
            }
        }
        ensure!(file.left() == after, "it is not ONNX");
    }
    push_bytes(&mut model, MODEL_GRAPH, &graph);
    let mut proto = onnx.proto_model_for_read(&mut &model[..]).context("it is not ONNX")?;
    let graph = proto.graph.get_or_insert_default();
    refuse_doubles(graph)?;
    int8_weights::expand(graph, &mut weights, MAX_EXPANDED_WEIGHTS)?;
    half_weights::take(graph, &mut weights);
    declare(&weights, graph);
    let mut network = onnx.model_for_proto_model(&proto)?;
    fill(&mut network, weights)?;
    Ok(network)
}

/// Refuses two nodes of one name: plans share what they pack of weights by the names of nodes.
fn refuse_doubles(graph: &GraphProto) -> TractResult<()> {
    let mut names = HashSet::new();
    for node in graph.node.iter().filter(|node| !node.name.is_empty()) {
        ensure!(names.insert(&*node.name), "two of its nodes are called {:?}; name them apart", node.name);
    }
    Ok(())
}

/// A weight from its field of the graph.
fn weight(onnx: &Onnx, encoded: &[u8]) -> TractResult<(String, (i32, Tensor))> {
    // tract decodes whole models only.
    let mut beginning = vec![];
    push_length(&mut beginning, MODEL_GRAPH, encoded.len() as u64);
    let proto = onnx.proto_model_for_read(&mut beginning.chain(encoded)).context("it is not ONNX")?;
    let proto =
        proto.graph.and_then(|graph| graph.initializer.into_iter().next()).context("it is not ONNX")?;
    ensure!(
        proto.data_location != Some(DataLocation::External as i32),
        "it keeps weights in other files; save it as one file"
    );
    let tensor = load_tensor(&*onnx.provider, &proto, None).with_context(|| proto.name.clone())?;
    Ok((proto.name, (proto.data_type, tensor)))
}

/// Declares the weights as inputs of the graph, as far as they are not.
fn declare(weights: &Weights, graph: &mut GraphProto) {
    let declared: HashSet<String> = graph.input.iter().map(|input| input.name.clone()).collect();
    for (name, (elem_type, tensor)) in weights.iter().filter(|(name, _)| !declared.contains(*name)) {
        let dimension = |&size: &usize| Dimension {
            value: Some(dimension::Value::DimValue(size as i64)),
            ..Dimension::default()
        };
        let shape = Some(TensorShapeProto { dim: tensor.shape().iter().map(dimension).collect() });
        let value = type_proto::Value::TensorType(type_proto::Tensor { elem_type: *elem_type, shape });
        let r#type = Some(TypeProto { value: Some(value), ..TypeProto::default() });
        graph.input.push(ValueInfoProto { name: name.clone(), r#type, ..ValueInfoProto::default() });
    }
}

/// Puts the weights in the place of the inputs that stand for them.
fn fill(network: &mut InferenceModel, mut weights: Weights) -> TractResult<()> {
    for input in std::mem::take(&mut network.inputs) {
        let Some((element_type, tensor)) = weights.remove(&network.node(input.node).name) else {
            network.inputs.push(input);
            continue;
        };
        let tensor = tensor.into_arc_tensor();
        if element_type == DataType::Float as i32 && tensor.datum_type() == f16::datum_type() {
            network.set_outlet_fact(input, InferenceFact::dt_shape(f32::datum_type(), tensor.shape()))?;
            network.node_mut(input.node).op = Box::new(HalfWeight(tensor));
            continue;
        }
        network.set_outlet_fact(input, InferenceFact::try_from(&tensor)?)?;
        network.node_mut(input.node).op = Box::new(Const::new(tensor)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::NodeProto;

    #[test]
    fn nodes_are_named_apart_or_not_at_all() {
        let graph = |names: [&str; 3]| GraphProto {
            node: names.map(|name| NodeProto { name: name.into(), ..NodeProto::default() }).into(),
            ..GraphProto::default()
        };
        refuse_doubles(&graph(["a", "b", "c"])).unwrap();
        refuse_doubles(&graph(["", "a", ""])).unwrap();
        let error = refuse_doubles(&graph(["a", "b", "a"])).unwrap_err();
        assert!(error.to_string().contains("two of its nodes are called \"a\""), "{error}");
    }
}
