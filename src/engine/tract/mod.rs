//! The engine on [tract](https://github.com/sonos/tract): ONNX on the CPU,
//! natively and in wasm. No other module names tract.

mod affine;
mod constant_value;
mod conv;
mod deformable_attention;
mod half_weights;
mod in_place;
mod int8_weights;
mod macs;
mod matmul;
mod max_pool;
mod network;
mod node_order;
mod reader;
mod resize;
mod weights;

use std::collections::VecDeque;
use std::sync::Arc;

use ndarray::{Array4, ArrayD};
use tract_onnx::Onnx;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::RunOptions;
use tract_onnx::tract_core::model::typed::TypedSimpleState;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::plan::eval;

use self::half_weights::HalfWeight;
use super::{Engine, Work};
use crate::error::{Code, Error, Result, collected};
use crate::limits;
use crate::model::CheckedFiles;
use crate::stop;

/// Nodes that are replaced before what they replace is dropped, and the memory of its weights with it.
const BATCH: usize = 8;

/// Operators that are not offered: their code, for sound, is not in the browser's module (scripts/bindgen).
const LEFT_OUT: [&str; 2] = ["DFT", "STFT"];

/// A network read from ONNX. tract optimises for one input size at a time; the
/// plans of the last few sizes are kept.
pub(crate) struct TractEngine {
    source: Source,
    plans: VecDeque<Arc<Plan>>,
    most_plans: usize,
    weights: conv::Weights,
    factors: matmul::Factors,
    name: String,
}

/// Where the network that is optimised comes from.
enum Source {
    Kept(InferenceModel),
    /// A plan has all the weights: those of a large network are not held beside it, but
    /// read again for the next. Read ahead is what the first plan is made of.
    Read {
        files: CheckedFiles,
        ahead: Option<InferenceModel>,
    },
}

/// The network optimised for one shape of its input.
struct Plan {
    shape: Vec<usize>,
    network: Arc<TypedRunnableModel>,
    /// Multiply-adds of each node, by its id.
    macs: Vec<u64>,
}

impl TractEngine {
    /// Reads an ONNX file; errors call it `name`. Weights outside the file are refused.
    pub(crate) fn from_onnx(mut files: CheckedFiles, name: &str) -> Result<TractEngine> {
        let network = read(&mut files, name)?;
        if network.inputs.len() != 1 || network.outputs.is_empty() {
            return Err(bad(
                name,
                format!(
                    "it has {} inputs and {} outputs, not one photo in and something out",
                    network.inputs.len(),
                    network.outputs.len()
                ),
            ));
        }
        let (values, bytes) = weights(&network);
        let source = if bytes > limits::MAX_KEPT_WEIGHTS {
            Source::Read { files, ahead: Some(network) }
        } else {
            Source::Kept(network)
        };
        let most_plans =
            (limits::MAX_PLAN_BYTES / (values * size_of::<f32>()).max(1)).clamp(1, limits::MAX_PLANS);
        Ok(TractEngine {
            source,
            plans: VecDeque::new(),
            most_plans,
            weights: conv::Weights::new(),
            factors: matmul::Factors::new(),
            name: name.into(),
        })
    }

    fn plan(&mut self, shape: &[usize]) -> Result<Arc<Plan>> {
        if let Some(at) = self.plans.iter().position(|plan| plan.shape == shape) {
            let entry = self.plans.remove(at).expect("the entry just found");
            self.plans.push_front(entry);
        } else {
            // Before there is a new one, so that there is never one too many.
            self.plans.truncate(self.most_plans - 1);
            let network = self.network()?;
            let plan = self.optimised(network, shape).map_err(|e| {
                Error::new(
                    Code::BadModel,
                    format!("the model {:?} does not take the input {shape:?}: {e:#}", self.name),
                )
            })?;
            self.plans.push_front(plan.into());
        }
        Ok(self.plans[0].clone())
    }

    fn network(&mut self) -> Result<InferenceModel> {
        match &mut self.source {
            Source::Kept(network) => Ok(network.clone()),
            Source::Read { files, ahead } => match ahead.take() {
                Some(network) => Ok(network),
                None => read(files, &self.name),
            },
        }
    }

    fn optimised(&mut self, mut network: InferenceModel, shape: &[usize]) -> TractResult<Plan> {
        network.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape))?;
        let mut network = network.into_typed()?;
        let sparing = matches!(self.source, Source::Read { .. });
        put_own_kernels(&mut network, |network, node| {
            conv::replace(network, node, &mut self.weights, sparing)
        })?;
        put_own_kernels(&mut network, half_weights::replace)?;
        let mut network = network.into_decluttered()?;
        put_own_kernels(&mut network, resize::replace)?;
        put_own_kernels(&mut network, max_pool::replace)?;
        put_own_kernels(&mut network, in_place::replace)?;
        put_own_kernels(&mut network, affine::replace)?;
        put_own_kernels(&mut network, |network, node| {
            matmul::replace(network, node, &mut self.factors, sparing)
        })?;
        network.optimize()?;
        let macs = macs::by_node(&network)?;
        let (outputs, late) = (network.outputs.clone(), node_order::late(&network)?);
        let options = RunOptions::default();
        #[allow(deprecated)] // There is no other way to tell the order.
        let network = TypedRunnableModel::build_with_outputs_and_deps(network, &outputs, &late, &options)?;
        Ok(Plan { shape: shape.into(), network: network.into(), macs })
    }
}

fn read(files: &mut CheckedFiles, name: &str) -> Result<InferenceModel> {
    let onnx = onnx();
    let mut file = files.open()?;
    let size = file.limit();
    network::read(&onnx, &mut file, size).map_err(|e| bad(name, format!("{e:#}")))
}

/// The operators that networks may have.
fn onnx() -> Onnx {
    let mut onnx = tract_onnx::onnx();
    onnx.op_register.0.retain(|operator, _| !LEFT_OUT.contains(&operator.as_str()));
    deformable_attention::register(&mut onnx);
    onnx
}

fn bad(name: &str, what: String) -> Error {
    Error::new(Code::BadModel, format!("the model {name:?} cannot be used: {what}"))
}

/// Values and bytes of the weights.
fn weights(network: &InferenceModel) -> (usize, usize) {
    let weights = network.nodes().iter().filter_map(|node| {
        let half = node.op_as::<HalfWeight>().map(|weight| &weight.0);
        half.or_else(|| node.op_as::<Const>().map(|weight| weight.val()))
    });
    weights.fold((0, 0), |(values, bytes), weight| {
        (values + weight.len(), bytes + weight.len() * weight.datum_type().size_of())
    })
}

/// Puts our kernels in the place of tract's where ours are faster.
fn put_own_kernels(
    network: &mut TypedModel,
    mut replace: impl FnMut(&TypedModel, &TypedNode) -> TractResult<Option<TypedModelPatch>>,
) -> TractResult<()> {
    loop {
        let mut replaced = 0;
        for id in network.eval_order()? {
            stop::check()?;
            if let Some(patch) = replace(network, network.node(id))? {
                patch.apply(network)?;
                replaced += 1;
                if replaced == BATCH {
                    break;
                }
            }
        }
        network.compact()?;
        if replaced < BATCH {
            return Ok(());
        }
    }
}

impl Engine for TractEngine {
    fn run(&mut self, input: &Array4<f32>, observe: &mut dyn FnMut(f32, Work)) -> Result<Vec<ArrayD<f32>>> {
        let plan = self.plan(input.shape())?;
        observe(0.0, Work::Plan);
        let steps = plan.network.order_without_consts().len().max(1) as f32;
        let mut done = 0.0;
        let mut run = || -> TractResult<TVec<TValue>> {
            let mut state = TypedSimpleState::new(&plan.network)?;
            let tensor = Tensor::from(input.clone());
            state.run_plan_with_eval(tvec!(tensor.into_tvalue()), |context, state, node, inputs| {
                let values = eval(context, state, node, inputs);
                stop::check()?;
                done += 1.0;
                let (operator, macs) = (node.op.name(), plan.macs[node.id]);
                observe(done / steps, Work::Node { operator: &operator, node: &node.name, macs });
                values
            })
        };
        let failed = |e: TractError| {
            let message = format!("the model {:?} failed on this photo: {e:#}", self.name);
            Error::new(Code::InferenceFailed, message)
        };
        let copied = |output: TValue| {
            let output = output.cast_to::<f32>().map_err(failed)?;
            let values = output.to_plain_array_view::<f32>().map_err(failed)?;
            let values = values.as_slice().expect("tensors are in standard layout");
            let values = collected(values.iter().copied(), "the network's output")?;
            Ok(ArrayD::from_shape_vec(output.shape(), values).expect("as many values as the shape has"))
        };
        run().map_err(failed)?.into_iter().map(copied).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Card;
    use std::collections::BTreeSet;
    use std::io::{Cursor, Read, Seek, SeekFrom};
    use std::sync::Mutex;

    /// A file that others can write to.
    #[derive(Clone)]
    struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

    impl Read for Shared {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().read(bytes)
        }
    }

    impl Seek for Shared {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    #[test]
    fn what_is_left_out_is_not_offered() {
        let [all, offered] = [tract_onnx::onnx(), onnx()].map(|onnx| onnx.op_register.0);
        assert!(
            LEFT_OUT.iter().all(|&operator| all.contains_key(operator) && !offered.contains_key(operator))
        );
        // Those of tract but for these, and one of ours.
        assert_eq!(offered.len(), all.len() - LEFT_OUT.len() + 1);
    }

    #[test]
    fn a_transformer_runs_on_our_kernels() {
        let card = include_str!("../../../tests/models/segformer-clothes/card.json");
        let card = Card::from_json(card).unwrap();
        let bytes = include_bytes!("../../../tests/models/segformer-clothes/tiny-segformer-clothes-f16.onnx");
        let files = CheckedFiles::new(&card, Cursor::new(bytes.to_vec()));
        let mut engine = TractEngine::from_onnx(files, &card.id).unwrap();
        let mut operators = BTreeSet::new();
        let mut observe = |_: f32, step: Work| {
            if let Work::Node { operator, .. } = step {
                operators.insert(operator.to_owned());
            }
        };
        engine.run(&Array4::zeros((1, 3, 96, 96)), &mut observe).unwrap();
        for own in ["Conv", "Depthwise", "Gelu", "LayerNorm", "MatMul", "Resize", "Softmax"] {
            assert!(operators.contains(&format!("Bodymap{own}")), "{own}: {operators:?}");
        }
        for replaced in ["EinSum", "GeluExact", "OptMatMul", "RmsNorm", "Softmax"] {
            assert!(!operators.contains(replaced), "{replaced}");
        }
    }

    #[test]
    fn a_large_network_is_read_again_for_each_size() {
        let card = Card::from_json(include_str!("../../../tests/models/people/card.json")).unwrap();
        let bytes = include_bytes!("../../../tests/models/people/people.onnx");
        let file = Shared(Arc::new(Mutex::new(Cursor::new(bytes.to_vec()))));
        let mut kept = TractEngine::from_onnx(CheckedFiles::new(&card, file.clone()), &card.id).unwrap();
        let mut large = TractEngine::from_onnx(CheckedFiles::new(&card, file.clone()), &card.id).unwrap();
        let Source::Kept(network) = large.source else { panic!("a network of 2 kB is kept") };
        large.source = Source::Read { files: CheckedFiles::new(&card, file.clone()), ahead: Some(network) };
        let mut both = |width: usize| {
            let input = Array4::from_shape_fn((1, 3, 32, width), |(_, c, y, x)| (c + y * x) as f32 / 900.0);
            let [kept, large] = [&mut kept, &mut large].map(|engine| engine.run(&input, &mut |_, _| ()));
            large.inspect(|outputs| assert_eq!(outputs, &kept.unwrap()))
        };
        for width in [32, 64, 32, 64] {
            assert_eq!(both(width).unwrap().len(), 3);
        }
        file.0.lock().unwrap().get_mut()[1000] ^= 1;
        both(64).unwrap();
        assert_eq!(both(96).unwrap_err().code(), Code::WrongHash);
    }
}
