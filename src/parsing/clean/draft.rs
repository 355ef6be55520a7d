//! A label map that is being cleaned.

use std::ops::Range;

use crate::labels::LabelSet;

/// The maps of a photo, row by row.
pub(crate) struct Draft<'a> {
    /// Class of each pixel.
    pub labels: &'a mut [u8],
    /// Person of each pixel, 0 for nobody.
    pub people: &'a [u16],
    /// Pixels of a row.
    pub width: usize,
    pub label_set: LabelSet,
}

/// `probability(y, columns, class, sum)` adds to a sum the probability that the pixels of some columns of a row are of
/// a class.
pub(crate) type Probability<'a> = dyn FnMut(usize, Range<usize>, u8, &mut f64) + 'a;
