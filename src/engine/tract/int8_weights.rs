//! Weights stored as int8 with a scale for each output, expanded to floats once.
//!
//! tract would do it for each plan anew, and slowly.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Replaces every `Mul(Cast(int8 weights [n, ..]), scales [n, 1, ..])` of constants by its result, as long as
/// no more than `most` values come of it.
pub(super) fn expand(graph: &mut GraphProto, most: usize) {
    let stored: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|t| (&*t.name, t)).collect();
    let cast: HashMap<&str, &TensorProto> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "Cast" && node.input.len() == 1 && node.output.len() == 1)
        .filter_map(|node| Some((&*node.output[0], *stored.get(&*node.input[0])?)))
        .collect();
    let product = |node: &NodeProto| {
        let ("Mul", [a, b], [name]) = (&*node.op_type, &node.input[..], &node.output[..]) else {
            return None;
        };
        let (weights, scales) = match (cast.get(&**a), stored.get(&**b)) {
            (Some(weights), Some(scales)) => (weights, scales),
            _ => (cast.get(&**b)?, stored.get(&**a)?),
        };
        scaled(name, weights, scales)
    };
    let mut left = most;
    let expanded: Vec<TensorProto> = graph
        .node
        .iter()
        .filter_map(|node| {
            let tensor = product(node)?;
            left = left.checked_sub(tensor.raw_data.len() / size_of::<f32>())?;
            Some(tensor)
        })
        .collect();
    graph.node.retain(|node| !expanded.iter().any(|tensor| node.output.first() == Some(&tensor.name)));
    graph.initializer.extend(expanded);
}

/// The product as a tensor of floats; `None` if the two are not weights and their scales.
fn scaled(name: &str, weights: &TensorProto, scales: &TensorProto) -> Option<TensorProto> {
    let rows = *weights.dims.first()?;
    let values: i64 = weights.dims.iter().try_fold(1, |product: i64, &side| product.checked_mul(side))?;
    let fits = weights.data_type == DataType::Int8 as i32
        && scales.data_type == DataType::Float as i32
        && scales.dims.len() == weights.dims.len()
        && scales.dims[0] == rows
        && scales.dims[1..].iter().all(|&side| side == 1)
        && values > 0
        && weights.raw_data.len() as i64 == values
        && scales.raw_data.len() as i64 == 4 * rows;
    if !fits {
        return None;
    }
    let (scales, _) = scales.raw_data.as_chunks::<4>();
    let mut raw_data = vec![0; 4 * weights.raw_data.len()];
    let row = weights.raw_data.len() / scales.len();
    let targets = raw_data.chunks_exact_mut(4 * row);
    for ((target, values), scale) in targets.zip(weights.raw_data.chunks_exact(row)).zip(scales) {
        let scale = f32::from_le_bytes(*scale);
        for (target, &value) in target.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *target = (value as i8 as f32 * scale).to_le_bytes();
        }
    }
    Some(TensorProto {
        name: name.into(),
        dims: weights.dims.clone(),
        data_type: DataType::Float as i32,
        raw_data,
        ..TensorProto::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dims: &[i64], data_type: DataType, raw_data: &[u8]) -> TensorProto {
        TensorProto {
            name: name.into(),
            dims: dims.into(),
            data_type: data_type as i32,
            raw_data: raw_data.to_vec(),
            ..TensorProto::default()
        }
    }

    fn node(kind: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: kind.into(),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn graph() -> GraphProto {
        let scales: Vec<u8> = [0.5f32, 2.0].into_iter().flat_map(f32::to_le_bytes).collect();
        GraphProto {
            node: vec![
                node("Cast", &["small"], "cast"),
                node("Mul", &["cast", "scales"], "kernel"),
                node("Conv", &["photo", "kernel"], "out"),
            ],
            initializer: vec![
                tensor("small", &[2, 3, 1, 1], DataType::Int8, &[1, 2, 255, 0, 3, 128]),
                tensor("scales", &[2, 1, 1, 1], DataType::Float, &scales),
            ],
            ..GraphProto::default()
        }
    }

    #[test]
    fn each_row_is_scaled() {
        let mut graph = graph();
        expand(&mut graph, 6);
        let kernel = graph.initializer.iter().find(|tensor| tensor.name == "kernel").unwrap();
        let values: Vec<f32> =
            kernel.raw_data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(values, [0.5, 1.0, -0.5, 0.0, 6.0, -256.0]);
        assert_eq!(kernel.dims, [2, 3, 1, 1]);
        assert!(graph.node.iter().all(|node| node.op_type != "Mul"));
    }

    #[test]
    fn what_is_too_much_or_does_not_fit_stays() {
        let untouched = |mut graph: GraphProto, most: usize| {
            let before = graph.clone();
            expand(&mut graph, most);
            graph == before
        };
        assert!(untouched(graph(), 5));
        let mut short = graph();
        short.initializer[0].raw_data = vec![1];
        assert!(untouched(short, 6));
        let mut columns = graph();
        columns.initializer[1].dims = vec![1, 2, 1, 1];
        assert!(untouched(columns, 6));
    }
}
