//! Bounds of results.

/// Bounds of the results, as ReLU (0, infinity) and ReLU6 (0, 6) have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clamp {
    pub low: f32,
    pub high: f32,
}

impl Clamp {
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };
}
