//! Bounds of results.

/// Bounds of the results, as ReLU (0, infinity) and ReLU6 (0, 6) have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clamp {
    pub low: f32,
    pub high: f32,
}

impl Clamp {
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// What is not a number stays so.
    #[inline(always)]
    pub fn of(self, value: f32) -> f32 {
        let above = if self.low > value { self.low } else { value };
        if self.high < above { self.high } else { above }
    }
}
