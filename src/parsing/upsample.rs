//! Where a photo's pixels lie among the cells of a network's output.

use crate::tensor::Placement;

/// For each photo pixel along one axis, the two cells it lies between and the
/// weight of the second.
pub(super) struct Taps(pub Vec<(usize, usize, f32)>);

impl Taps {
    /// The columns of an output that is `cells` wide. In a mirrored tensor they run backwards.
    pub fn columns(placement: Placement, cells: usize) -> Taps {
        let mut taps = Taps::new(placement.photo.0, placement.content.0, placement.padded.0, cells);
        if placement.mirrored {
            taps.0.reverse();
        }
        taps
    }

    /// The rows of an output that is `cells` high.
    pub fn rows(placement: Placement, cells: usize) -> Taps {
        Taps::new(placement.photo.1, placement.content.1, placement.padded.1, cells)
    }

    /// `photo` pixels cover `content` of `padded` input pixels, which `cells`
    /// cells cover in turn. Pixel centres are at one half; beyond the outer
    /// cells of the content the outermost one holds.
    fn new(photo: u32, content: u32, padded: u32, cells: usize) -> Taps {
        let scale = cells as f64 / padded as f64;
        let last = content_cells(content, padded, cells) - 1;
        let taps = (0..photo).map(|pixel| {
            let at = (pixel as f64 + 0.5) * (content as f64 / photo as f64) * scale - 0.5;
            let at = at.clamp(0.0, last as f64);
            let first = at as usize;
            (first, (first + 1).min(last), (at - first as f64) as f32)
        });
        Taps(taps.collect())
    }

    /// The cell whose centre is nearest to a pixel's.
    pub fn nearest(&self, pixel: usize) -> usize {
        let (first, second, weight) = self.0[pixel];
        if weight < 0.5 { first } else { second }
    }
}

/// How many of `cells` cells over `padded` input pixels have some of the photo's `content` pixels.
pub(super) fn content_cells(content: u32, padded: u32, cells: usize) -> usize {
    ((content as f64 * cells as f64 / padded as f64).ceil() as usize).clamp(1, cells)
}
