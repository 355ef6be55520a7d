//! How many multiply-adds a node takes.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::{OptBinByScalar, OptBinChain, OptBinUnicast, TypedBinOp};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::{Reduce, RmsNorm, ScaledRmsNorm};

/// Multiply-adds of the convolutions and products of matrices, by node id; 0 for all other nodes.
pub(super) fn by_node(network: &TypedModel) -> TractResult<Vec<u64>> {
    network.nodes().iter().map(|node| of(network, node)).collect()
}

fn of(network: &TypedModel, node: &TypedNode) -> TractResult<u64> {
    let op = &node.op;
    // tract counts what these do to each value as well; their time goes into memory.
    let is_by_value = op.is::<TypedBinOp>()
        || op.is::<OptBinByScalar>()
        || op.is::<OptBinUnicast>()
        || op.is::<OptBinChain>()
        || op.is::<ElementWiseOp>()
        || op.is::<Reduce>()
        || op.is::<RmsNorm>()
        || op.is::<ScaledRmsNorm>();
    if is_by_value {
        return Ok(0);
    }
    let costs = op.cost(&network.node_input_facts(node.id)?)?;
    let macs = costs.iter().filter(|(cost, _)| matches!(cost, Cost::FMA(_)));
    Ok(macs.filter_map(|(_, count)| count.to_i64().ok()).sum::<i64>() as u64)
}
