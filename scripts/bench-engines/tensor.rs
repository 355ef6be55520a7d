//! What a network answers with.

use js_sys::Float32Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

#[wasm_bindgen]
impl Tensor {
    /// Length of each side.
    pub fn shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    /// The values, the last side running fastest.
    pub fn values(&self) -> Float32Array {
        Float32Array::from(&*self.values)
    }
}
