//! In what order nodes are run, beyond that each comes after its inputs.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;

/// Pairs (node, node that it waits for) that keep memory small.
///
/// What one node alone reads, such as the keys and values of a layer of attention, is made when
/// the other, later input of that node is there, not as soon as it can be: all layers would have
/// theirs in memory at a time. It waits only where its own inputs are read by others as well, so
/// that waiting keeps nothing else.
pub(super) fn late(network: &TypedModel) -> TractResult<Vec<(usize, usize)>> {
    let outputs: Vec<usize> = network.output_outlets()?.iter().map(|outlet| outlet.node).collect();
    let readers = |node: usize| {
        let mut readers: Vec<usize> =
            network.node(node).outputs.iter().flat_map(|o| &o.successors).map(|inlet| inlet.node).collect();
        readers.sort_unstable();
        readers.dedup();
        readers
    };
    let computed = |node: usize| -> Vec<usize> {
        let inputs = network.node(node).inputs.iter().map(|input| input.node);
        inputs.filter(|&input| !network.node(input).op_is::<Const>()).collect()
    };
    let order = network.eval_order()?;
    let mut depths = HashMap::new();
    for &node in &order {
        let before = computed(node).iter().map(|input| depths.get(input).map_or(0, |depth| depth + 1)).max();
        depths.insert(node, before.unwrap_or(0));
    }
    let mut pairs = vec![];
    for &node in &order {
        let inputs = computed(node);
        let Some(&last) = inputs.iter().max_by_key(|&input| depths[input]) else { continue };
        let mut branches: Vec<usize> =
            inputs.into_iter().filter(|input| depths[input] < depths[&last]).collect();
        while let Some(branch) = branches.pop() {
            if readers(branch).len() != 1 || outputs.contains(&branch) {
                continue;
            }
            let inputs = computed(branch);
            if !inputs.is_empty() && inputs.iter().all(|&input| readers(input).len() > 1) {
                pairs.push((branch, last));
            }
            branches.extend(inputs);
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::tract_core::ops::math;

    #[test]
    fn what_is_needed_late_is_made_late() {
        let mut network = TypedModel::default();
        let photo = network.add_source("photo", f32::fact([4])).unwrap();
        let mut wire = |name: &str, inputs: &[OutletId]| match inputs {
            [one] => network.wire_node(name, math::tanh(), &[*one]).unwrap()[0],
            _ => network.wire_node(name, math::add(), inputs).unwrap()[0],
        };
        let features = wire("features", &[photo]);
        let key = wire("key", &[features]);
        let scaled = wire("scaled key", &[key]);
        let query = wire("query", &[features]);
        let deep = wire("deep query", &[query]);
        let deeper = wire("deeper query", &[deep]);
        let layer = wire("layer", &[deeper, scaled]);
        let answer = wire("answer", &[layer, features]);
        network.select_output_outlets(&[answer]).unwrap();
        assert_eq!(late(&network).unwrap(), [(key.node, deeper.node)]);
    }
}
