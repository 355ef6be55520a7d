//! Where a photo's pixels lie among the cells of a network's output.

use std::ops::Range;

use crate::error::{Result, collected};
use crate::tensor::Placement;

/// For each photo pixel along one axis, the two cells it lies between, counted from
/// the first cell with some of the photo, and the weight of the second.
pub(in crate::parsing) struct Taps(pub Vec<(usize, usize, f32)>);

impl Taps {
    /// The columns of an output that is `cells` wide. In a mirrored tensor they run backwards.
    pub fn columns(placement: Placement, cells: usize) -> Result<Taps> {
        let mut taps = Taps::new(placement.photo.0, Extent::columns(placement), cells)?;
        if placement.mirrored {
            taps.0.reverse();
        }
        Ok(taps)
    }

    /// The rows of an output that is `cells` high.
    pub fn rows(placement: Placement, cells: usize) -> Result<Taps> {
        Taps::new(placement.photo.1, Extent::rows(placement), cells)
    }

    /// `photo` pixels cover the content of the input tensor, which `cells` cells
    /// cover in turn. Pixel centres are at one half; beyond the outer cells of the
    /// content the outermost one holds.
    fn new(photo: u32, extent: Extent, cells: usize) -> Result<Taps> {
        let Extent { origin, content, padded } = extent;
        let scale = cells as f64 / padded as f64;
        let inside = extent.cells(cells);
        let last = inside.len() - 1;
        let taps = (0..photo as usize).map(|pixel| {
            let at = origin as f64 + (pixel as f64 + 0.5) * (content as f64 / photo as f64);
            let at = (at * scale - 0.5 - inside.start as f64).clamp(0.0, last as f64);
            let first = at as usize;
            (first, (first + 1).min(last), (at - first as f64) as f32)
        });
        Ok(Taps(collected(taps, "the places of the pixels")?))
    }

    /// The cells that some pixels lie between, whichever way these run.
    pub fn cells(&self, pixels: Range<usize>) -> Range<usize> {
        let ends = [pixels.start, pixels.end - 1].map(|pixel| self.0[pixel]);
        let first = ends[0].0.min(ends[1].0);
        let last = ends[0].1.max(ends[1].1);
        first..last + 1
    }

    /// The runs of some pixels that lie between the same cells, at most one a cell.
    pub fn runs(&self, pixels: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut start = pixels.start;
        self.0[pixels].chunk_by(|a, b| a.0 == b.0).map(move |run| {
            let pixels = start..start + run.len();
            start = pixels.end;
            pixels
        })
    }

    /// The cell whose centre is nearest to a pixel's.
    pub fn nearest(&self, pixel: usize) -> usize {
        let (first, second, weight) = self.0[pixel];
        if weight < 0.5 { first } else { second }
    }
}

/// Where the photo lies along one axis of the input tensor, in pixels.
#[derive(Clone, Copy)]
struct Extent {
    origin: u32,
    content: u32,
    padded: u32,
}

impl Extent {
    fn columns(Placement { origin, content, padded, .. }: Placement) -> Extent {
        Extent { origin: origin.0, content: content.0, padded: padded.0 }
    }

    fn rows(Placement { origin, content, padded, .. }: Placement) -> Extent {
        Extent { origin: origin.1, content: content.1, padded: padded.1 }
    }

    fn cells(self, cells: usize) -> Range<usize> {
        let scale = cells as f64 / self.padded as f64;
        let start = ((self.origin as f64 * scale) as usize).min(cells - 1);
        let end = ((self.origin + self.content) as f64 * scale).ceil() as usize;
        start..end.clamp(start + 1, cells)
    }
}

/// Which of the columns of an output that is `cells` wide have some of the photo.
pub(in crate::parsing) fn content_columns(placement: Placement, cells: usize) -> Range<usize> {
    Extent::columns(placement).cells(cells)
}

/// Which of the rows of an output that is `cells` high have some of the photo.
pub(in crate::parsing) fn content_rows(placement: Placement, cells: usize) -> Range<usize> {
    Extent::rows(placement).cells(cells)
}
