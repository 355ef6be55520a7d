//! The engine alone, for `scripts/bench`: an ONNX file without a card, tensors in and out.

use js_sys::{Float32Array, Function};
use ndarray::{Array4, ArrayD};
use wasm_bindgen::prelude::*;

use super::file::JsFile;
use super::values::thrown;
use crate::engine::{Engine, TractEngine, Work};
use crate::error::{Code, Error, Result};
use crate::model::CheckedFiles;

/// A network that is run without a card.
#[wasm_bindgen]
pub struct Network(TractEngine);

#[wasm_bindgen]
impl Network {
    /// Reads an ONNX file of `size` bytes, as [`Model::load`] does.
    pub fn read(size: f64, read_at: Function) -> Result<Network, JsValue> {
        let size = size as u64;
        let file = CheckedFiles::without_card(size, JsFile::new(size, read_at));
        TractEngine::from_onnx(file, "network").map(Network).map_err(thrown)
    }

    /// Runs the network on `values` `[1, 3, height, width]`; `on_node` is called after each node
    /// with its operator, its name and its multiply-adds.
    pub fn run(
        &mut self,
        height: usize,
        width: usize,
        values: Vec<f32>,
        on_node: Option<Function>,
    ) -> Result<Vec<Tensor>, JsValue> {
        let input = Array4::from_shape_vec((1, 3, height, width), values)
            .map_err(|e| thrown(Error::new(Code::BadOption, format!("the tensor has another size: {e}"))))?;
        let mut observe = |_: f32, work: Work| {
            if let (Work::Node { operator, node, macs }, Some(call)) = (work, &on_node) {
                let _ = call.call3(&JsValue::NULL, &operator.into(), &node.into(), &(macs as f64).into());
            }
        };
        let outputs = self.0.run(&input, &mut observe).map_err(thrown)?;
        Ok(outputs.into_iter().map(Tensor).collect())
    }
}

/// An output of a [`Network`].
#[wasm_bindgen]
pub struct Tensor(ArrayD<f32>);

#[wasm_bindgen]
impl Tensor {
    /// Length of each side.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape().into()
    }

    /// The values, the last side running fastest.
    pub fn values(&self) -> Float32Array {
        Float32Array::from(&*self.0.as_standard_layout().into_owned().into_raw_vec_and_offset().0)
    }
}
