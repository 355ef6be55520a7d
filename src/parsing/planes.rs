//! Planes of numbers, made where there is memory for them.

use ndarray::{Array, ArrayView, Dimension, IntoDimension};

use crate::error::{Result, filled, reserved};

/// Planes of zeros.
pub(super) fn zeros<S: IntoDimension>(shape: S, purpose: &str) -> Result<Array<f32, S::Dim>> {
    let shape = shape.into_dimension();
    let values = filled(0.0, shape.size(), purpose)?;
    Ok(Array::from_shape_vec(shape, values).expect("as many values as the shape has"))
}

/// A copy of some planes in standard layout.
pub(super) fn copied<D: Dimension>(planes: ArrayView<f32, D>, purpose: &str) -> Result<Array<f32, D>> {
    let mut values = reserved(planes.len(), purpose)?;
    add(&mut values, &planes);
    Ok(Array::from_shape_vec(planes.raw_dim(), values).expect("as many values as the shape has"))
}

/// Adds the values of some planes, in standard layout, to those before them.
pub(super) fn add<D: Dimension>(values: &mut Vec<f32>, planes: &ArrayView<f32, D>) {
    for row in planes.rows() {
        match row.to_slice() {
            Some(row) => values.extend_from_slice(row),
            None => values.extend(row),
        }
    }
}
