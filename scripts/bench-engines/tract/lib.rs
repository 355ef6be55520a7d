//! tract as it is published, with none of this project's kernels.

#[path = "../tensor.rs"]
mod tensor;

use std::sync::Arc;

use tract_linalg::multithread::Executor;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::RunOptions;
use wasm_bindgen::prelude::*;

use tensor::Tensor;

// Linked for its export `initThreadPool`.
use wasm_bindgen_rayon as _;

#[wasm_bindgen]
pub struct Network {
    network: InferenceModel,
    /// For the shape of the last input.
    plan: Option<([usize; 4], Arc<TypedRunnableModel>)>,
}

#[wasm_bindgen]
impl Network {
    /// Reads an ONNX file.
    pub fn read(onnx: &[u8]) -> Result<Network, JsError> {
        let network = tract_onnx::onnx().model_for_read(&mut &*onnx).map_err(thrown)?;
        Ok(Network { network, plan: None })
    }

    /// Runs the network on `values` `[1, 3, height, width]`.
    pub fn run(&mut self, height: usize, width: usize, values: Vec<f32>) -> Result<Vec<Tensor>, JsError> {
        self.answer([1, 3, height, width], &values).map_err(thrown)
    }

    fn answer(&mut self, shape: [usize; 4], values: &[f32]) -> TractResult<Vec<Tensor>> {
        let input = tract_onnx::prelude::Tensor::from_shape(&shape, values)?;
        let outputs = self.plan(shape)?.run(tvec!(input.into_tvalue()))?;
        outputs
            .into_iter()
            .map(|value| {
                let value = value.cast_to::<f32>()?;
                let plain = value.try_as_plain_ram()?;
                Ok(Tensor { shape: value.shape().into(), values: plain.as_slice::<f32>()?.into() })
            })
            .collect()
    }

    fn plan(&mut self, shape: [usize; 4]) -> TractResult<Arc<TypedRunnableModel>> {
        if let Some((known, plan)) = &self.plan
            && *known == shape
        {
            return Ok(plan.clone());
        }
        let fact = InferenceFact::dt_shape(f32::datum_type(), shape);
        let network = self.network.clone().with_input_fact(0, fact)?.into_optimized()?;
        let threads = rayon::current_num_threads();
        let executor = if threads > 1 { Executor::RayonGlobal } else { Executor::SingleThread };
        let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
        let plan = TypedRunnableModel::new_with_options(network, &options)?;
        self.plan = Some((shape, plan.clone()));
        Ok(plan)
    }
}

fn thrown(error: TractError) -> JsError {
    JsError::new(&format!("{error:#}"))
}
