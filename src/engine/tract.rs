//! The engine on [tract](https://github.com/sonos/tract): ONNX on the CPU,
//! natively and in wasm. No other module names tract.

mod constant;
mod conv;
mod deformable_attention;
mod int8_weights;
mod macs;
mod network;
mod resize;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use ndarray::{Array4, ArrayD};
use tract_linalg::multithread::Executor;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::RunOptions;
use tract_onnx::tract_core::model::typed::TypedSimpleState;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::plan::eval;

use super::{Engine, Step};
use crate::error::{Code, Error, Result};
use crate::limits;

/// A network read from ONNX. tract optimises for one input size at a time; the
/// plans of the last few sizes are kept.
pub(crate) struct TractEngine {
    network: InferenceModel,
    plans: VecDeque<Arc<Plan>>,
    weights: conv::Weights,
    name: String,
}

/// The network optimised for one shape of its input.
struct Plan {
    shape: Vec<usize>,
    network: Arc<TypedRunnableModel>,
    /// Multiply-adds of each node, by its id.
    macs: Vec<u64>,
}

impl TractEngine {
    /// Reads an ONNX file of `size` bytes; errors call it `name`. Weights outside the file are refused.
    pub(crate) fn from_onnx(file: &mut dyn Read, size: u64, name: &str) -> Result<TractEngine> {
        let bad =
            |what: String| Error::new(Code::BadModel, format!("the model {name:?} cannot be used: {what}"));
        let mut onnx = tract_onnx::onnx();
        deformable_attention::register(&mut onnx);
        let network = network::read(&onnx, file, size).map_err(|e| bad(format!("{e:#}")))?;
        if network.inputs.len() != 1 || network.outputs.is_empty() {
            return Err(bad(format!(
                "it has {} inputs and {} outputs, not one photo in and something out",
                network.inputs.len(),
                network.outputs.len()
            )));
        }
        Ok(TractEngine { network, plans: VecDeque::new(), weights: conv::Weights::new(), name: name.into() })
    }

    fn plan(&mut self, shape: &[usize]) -> Result<Arc<Plan>> {
        if let Some(at) = self.plans.iter().position(|plan| plan.shape == shape) {
            let entry = self.plans.remove(at).expect("the entry just found");
            self.plans.push_front(entry);
        } else {
            // Before there is a new one, so that there is never one too many.
            self.plans.truncate(self.most_plans() - 1);
            let plan = self.optimised(shape).map_err(|e| {
                Error::new(
                    Code::BadModel,
                    format!("the model {:?} does not take the input {shape:?}: {e:#}", self.name),
                )
            })?;
            self.plans.push_front(plan.into());
        }
        Ok(self.plans[0].clone())
    }

    /// How many plans may be kept: each has the weights as 32-bit floats.
    fn most_plans(&self) -> usize {
        let weights = self.network.nodes().iter().filter_map(|node| node.op_as::<Const>());
        let bytes: usize = weights.map(|weight| weight.val().len() * size_of::<f32>()).sum();
        (limits::MAX_PLAN_BYTES / bytes.max(1)).clamp(1, limits::MAX_PLANS)
    }

    fn optimised(&mut self, shape: &[usize]) -> TractResult<Plan> {
        let mut network = self.network.clone();
        network.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape))?;
        let mut network = network.into_typed()?;
        put_own_kernels(&mut network, |network, node| conv::replace(network, node, &mut self.weights))?;
        let mut network = network.into_decluttered()?;
        put_own_kernels(&mut network, resize::replace)?;
        network.optimize()?;
        let macs = macs::by_node(&network)?;
        // The global pool is the one that wasm_bindgen_rayon sets up; without
        // threads it has one, and tract is quicker not knowing of it.
        let executor =
            if rayon::current_num_threads() > 1 { Executor::RayonGlobal } else { Executor::SingleThread };
        let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
        Ok(Plan {
            shape: shape.into(),
            network: TypedRunnableModel::new_with_options(network, &options)?,
            macs,
        })
    }
}

/// Puts our kernels in the place of tract's where ours are faster.
fn put_own_kernels(
    network: &mut TypedModel,
    mut replace: impl FnMut(&TypedModel, &TypedNode) -> TractResult<Option<TypedModelPatch>>,
) -> TractResult<()> {
    for id in network.eval_order()? {
        if let Some(patch) = replace(network, network.node(id))? {
            patch.apply(network)?;
        }
    }
    network.compact()
}

impl Engine for TractEngine {
    fn run(&mut self, input: &Array4<f32>, observe: &mut dyn FnMut(f32, Step)) -> Result<Vec<ArrayD<f32>>> {
        let plan = self.plan(input.shape())?;
        observe(0.0, Step::Plan);
        let steps = plan.network.order_without_consts().len().max(1) as f32;
        let mut done = 0.0;
        let mut run = || -> TractResult<Vec<ArrayD<f32>>> {
            let mut state = TypedSimpleState::new(&plan.network)?;
            let tensor = Tensor::from(input.clone());
            let outputs =
                state.run_plan_with_eval(tvec!(tensor.into_tvalue()), |context, state, node, inputs| {
                    let values = eval(context, state, node, inputs);
                    done += 1.0;
                    let (operator, macs) = (node.op.name(), plan.macs[node.id]);
                    observe(done / steps, Step::Node { operator: &operator, node: &node.name, macs });
                    values
                })?;
            outputs
                .into_iter()
                .map(|value| value.into_tensor().cast_to::<f32>()?.into_owned().into_plain_array())
                .collect()
        };
        run().map_err(|e| {
            Error::new(
                Code::InferenceFailed,
                format!("the model {:?} failed on this photo: {e:#}", self.name),
            )
        })
    }
}
