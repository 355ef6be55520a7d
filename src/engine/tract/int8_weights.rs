//! Weights stored as int8 with a scale for each output, expanded to floats once.
//!
//! tract would do it for each plan anew, and slowly.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::GraphProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;

use super::weights::Weights;

/// Replaces every `Mul(Cast(int8 weights [n, ..]), scales [n, 1, ..])` by a weight of its own, as long as no more
/// than `most` values come of it.
pub(super) fn expand(graph: &mut GraphProto, weights: &mut Weights, most: usize) -> TractResult<()> {
    let cast: HashMap<&str, &str> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "Cast" && node.input.len() == 1 && node.output.len() == 1)
        .map(|node| (&*node.output[0], &*node.input[0]))
        .collect();
    let mut left = most;
    let mut expanded = vec![];
    for node in &graph.node {
        let ("Mul", [a, b], [name]) = (&*node.op_type, &node.input[..], &node.output[..]) else { continue };
        let product = |small: &str, scales: &str| {
            let (_, small) = weights.get(*cast.get(small)?)?;
            let (_, scales) = weights.get(scales)?;
            scaled(small, scales).transpose()
        };
        let Some(tensor) = product(a, b).or_else(|| product(b, a)).transpose()? else { continue };
        if let Some(rest) = left.checked_sub(tensor.len()) {
            left = rest;
            expanded.push((name.clone(), tensor));
        }
    }
    let made: HashSet<&str> = expanded.iter().map(|(name, _)| &**name).collect();
    let before = names_read(graph);
    graph.node.retain(|node| node.output.first().is_none_or(|name| !made.contains(&**name)));
    let read = names_read(graph);
    graph.node.retain(|node| node.op_type != "Cast" || node.output.iter().any(|name| read.contains(name)));
    let read = names_read(graph);
    weights.retain(|name, _| read.contains(name) || !before.contains(name));
    weights.extend(expanded.into_iter().map(|(name, tensor)| (name, (DataType::Float as i32, tensor))));
    Ok(())
}

/// Names of what nodes read, and of the outputs of the graph.
fn names_read(graph: &GraphProto) -> HashSet<String> {
    let inputs = graph.node.iter().flat_map(|node| &node.input).cloned();
    inputs.chain(graph.output.iter().map(|output| output.name.clone())).collect()
}

/// The product, if the two are weights and their scales.
fn scaled(weights: &Tensor, scales: &Tensor) -> TractResult<Option<Tensor>> {
    let by_row = weights.rank() == scales.rank()
        && weights.rank() > 0
        && scales.shape()[0] == weights.shape()[0]
        && scales.len() == scales.shape()[0];
    let kinds = weights.datum_type() == i8::datum_type() && scales.datum_type() == f32::datum_type();
    if !(by_row && kinds) || weights.len() == 0 {
        return Ok(None);
    }
    let row = weights.len() / scales.len();
    let mut product = Tensor::zero::<f32>(weights.shape())?;
    let mut target = product.try_as_plain_ram_mut()?;
    let (weights, scales) = (weights.try_as_plain_ram()?, scales.try_as_plain_ram()?);
    let rows = target.as_slice_mut::<f32>()?.chunks_exact_mut(row);
    for ((target, weights), scale) in
        rows.zip(weights.as_slice::<i8>()?.chunks_exact(row)).zip(scales.as_slice::<f32>()?)
    {
        target.iter_mut().zip(weights).for_each(|(target, &weight)| *target = weight as f32 * scale);
    }
    Ok(Some(product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::NodeProto;

    fn node(kind: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: kind.into(),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn example(scales: &[usize]) -> (GraphProto, Weights) {
        let graph = GraphProto {
            node: vec![
                node("Cast", &["small"], "cast"),
                node("Mul", &["cast", "scales"], "kernel"),
                node("Conv", &["photo", "kernel", "bias"], "out"),
            ],
            ..GraphProto::default()
        };
        let small = Tensor::from_shape(&[2, 3, 1, 1], &[1i8, 2, -1, 0, 3, -128]).unwrap();
        let scales = Tensor::from_shape(scales, &[0.5f32, 2.0]).unwrap();
        let bias = Tensor::from_shape(&[2], &[0f32, 1.0]).unwrap();
        let named = [("small", small), ("scales", scales), ("bias", bias)];
        (graph, named.into_iter().map(|(name, tensor)| (name.into(), (0, tensor))).collect())
    }

    #[test]
    fn each_row_is_scaled() {
        let (mut graph, mut weights) = example(&[2, 1, 1, 1]);
        expand(&mut graph, &mut weights, 6).unwrap();
        let (_, kernel) = &weights["kernel"];
        let expected = Tensor::from_shape(&[2, 3, 1, 1], &[0.5f32, 1.0, -0.5, 0.0, 6.0, -256.0]).unwrap();
        assert_eq!(kernel, &expected);
        assert_eq!(graph.node.len(), 1);
        assert_eq!(weights.keys().collect::<Vec<_>>(), ["bias", "kernel"]);
    }

    #[test]
    fn what_is_too_much_or_does_not_fit_stays() {
        for (scales, most) in [(&[2, 1, 1, 1], 5), (&[1, 2, 1, 1], 6)] {
            let (mut graph, mut weights) = example(scales);
            let before = graph.clone();
            expand(&mut graph, &mut weights, most).unwrap();
            assert_eq!(graph, before);
            assert_eq!(weights.len(), 3);
        }
    }
}
