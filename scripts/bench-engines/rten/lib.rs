//! rten as it is published.

#[path = "../tensor.rs"]
mod tensor;

use rten::{Model, ModelOptions, Value, ValueOrView};
use rten_tensor::prelude::*;
use wasm_bindgen::prelude::*;

use tensor::Tensor;

// Linked for its export `initThreadPool`; rten works on that pool, as it can start none of its own.
use wasm_bindgen_rayon as _;

#[wasm_bindgen]
pub struct Network(Model);

#[wasm_bindgen]
impl Network {
    /// Reads an ONNX file.
    pub fn read(onnx: Vec<u8>) -> Result<Network, JsError> {
        let model = ModelOptions::with_all_ops().prepack_weights(true).load(onnx)?;
        Ok(Network(model))
    }

    /// Runs the network on `values` `[1, 3, height, width]`.
    pub fn run(&self, height: usize, width: usize, values: Vec<f32>) -> Result<Vec<Tensor>, JsError> {
        let input = rten_tensor::Tensor::from_data(&[1, 3, height, width], values);
        let [id] = self.0.input_ids() else { return Err(JsError::new("the network has several inputs")) };
        let outputs = self.0.run(vec![(*id, ValueOrView::from(input))], self.0.output_ids(), None)?;
        outputs
            .into_iter()
            .map(|value| match value {
                Value::FloatTensor(tensor) => {
                    Ok(Tensor { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
                }
                _ => Err(JsError::new("an output is not of floats")),
            })
            .collect()
    }
}
