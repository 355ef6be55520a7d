//! Which classes may win somewhere in a tile of the photo, told without a look at each pixel.

use std::ops::Range;

use super::Logits;
use super::colour_ranges::{LEVELS, least, most};
use super::guided::{Coefficients, TERMS};
use super::tile_argmax::TileArgmax;
use crate::error::{Result, filled};
use crate::photo::Photo;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the bounds of the logits";

/// Tells for each tile of the given rows, which is some columns, the classes that may win somewhere in it: those
/// whose logit can be as large as what the best one has at least.
pub(in crate::parsing) fn candidates(
    passes: &[Logits],
    guide: Option<&Photo>,
    rows: Range<usize>,
    mut tell: impl FnMut(Range<usize>, &[usize]) -> Result<()>,
) -> Result<()> {
    let width = passes[0].columns.0.len();
    let classes = passes[0].values.dim().0;
    let bounds = passes.iter().map(|pass| bounds(pass, rows.clone())).collect::<Result<Vec<_>>>()?;
    let (mut lows, mut highs) = (vec![0.0f32; classes], vec![0.0f32; classes]);
    let (mut low, mut high) = (lows.clone(), highs.clone());
    let mut candidates = Vec::with_capacity(classes);
    for start in (0..width).step_by(TileArgmax::COLUMNS) {
        let columns = start..(start + TileArgmax::COLUMNS).min(width);
        lows.fill(0.0);
        highs.fill(0.0);
        for (pass, bounds) in passes.iter().zip(&bounds) {
            let cells = pass.columns.cells(columns.clone());
            low.fill(f32::INFINITY);
            high.fill(f32::NEG_INFINITY);
            let [lowest, highest] =
                bounds.each_ref().map(|bounds| &bounds[cells.start * classes..cells.end * classes]);
            for cell in lowest.chunks_exact(classes) {
                low.iter_mut().zip(cell).for_each(|(low, &value)| *low = least(*low, value));
            }
            for cell in highest.chunks_exact(classes) {
                high.iter_mut().zip(cell).for_each(|(high, &value)| *high = most(*high, value));
            }
            lows.iter_mut().zip(&low).for_each(|(sum, low)| *sum += low);
            highs.iter_mut().zip(&high).for_each(|(sum, high)| *sum += high);
        }
        let at_least = lows.iter().copied().fold(f32::NEG_INFINITY, most);
        // What rounding may add.
        let margin = 1e-4 * (1.0 + at_least.abs());
        candidates.clear();
        candidates.extend((0..classes).filter(|&class| highs[class] >= at_least - margin));
        if let Some(guide) = guide
            && candidates.len() > 1
        {
            let middle = |class: &usize| lows[*class] + highs[*class];
            let strongest = candidates.iter().copied().max_by(|a, b| middle(a).total_cmp(&middle(b)));
            let strongest = strongest.expect("more than one");
            let colours = colour_range(guide, &rows, &columns);
            candidates.retain(|&class| {
                class == strongest || lead(passes, class, strongest, (&rows, &columns), &colours) >= -margin
            });
        }
        tell(columns, &candidates)?;
    }
    Ok(())
}

/// How much larger than that of another class the logit of a class can be anywhere in a part of the photo with
/// these colours. This is less than what the bounds of both say, as they cannot be reached by the same colour.
fn lead(
    passes: &[Logits],
    class: usize,
    other: usize,
    (rows, columns): (&Range<usize>, &Range<usize>),
    colours: &[(f32, f32); 3],
) -> f32 {
    let guided = passes.iter().filter_map(|pass| Some((pass, pass.coefficients.as_ref()?)));
    let leads = guided.map(|(pass, Coefficients { terms, .. })| {
        let (_, height, width) = terms.dim();
        let planes = terms.as_slice().expect("standard layout");
        let columns = pass.columns.cells(columns.clone());
        let rows = pass.rows.cells(rows.clone()).map(|row| {
            let lines = |class: usize| -> [&[f32]; TERMS] {
                std::array::from_fn(|term| {
                    let start = ((class * TERMS + term) * height + row) * width;
                    &planes[start + columns.start..start + columns.end]
                })
            };
            let (own, others) = (lines(class), lines(other));
            (0..columns.len()).fold(f32::NEG_INFINITY, |largest, x| {
                let [a, b, c, constant] = std::array::from_fn(|term| own[term][x] - others[term][x]);
                let terms = [a, b, c].into_iter().zip(colours);
                let lead = terms.map(|(term, colour)| most(term * colour.0, term * colour.1)).sum::<f32>();
                most(largest, constant + lead)
            })
        });
        rows.fold(f32::NEG_INFINITY, most)
    });
    leads.sum()
}

/// The least and the largest red, green and blue (0 to 1) of a part of a photo.
fn colour_range(photo: &Photo, rows: &Range<usize>, columns: &Range<usize>) -> [(f32, f32); 3] {
    let width = photo.width() as usize;
    let (mut low, mut high) = ([[255u8; 4]; TileArgmax::COLUMNS], [[0u8; 4]; TileArgmax::COLUMNS]);
    for y in rows.clone() {
        let pixels = &photo.rgba()[4 * (y * width + columns.start)..4 * (y * width + columns.end)];
        for ((low, high), &value) in
            low.as_flattened_mut().iter_mut().zip(high.as_flattened_mut()).zip(pixels)
        {
            (*low, *high) = (value.min(*low), value.max(*high));
        }
    }
    std::array::from_fn(|channel| {
        let least = low.iter().fold(255, |least, pixel| pixel[channel].min(least));
        let most = high.iter().fold(0, |most, pixel| pixel[channel].max(most));
        (LEVELS[least as usize], LEVELS[most as usize])
    })
}

/// What the logits of all classes are between in some rows of the photo, columns of cells x classes: a logit lies
/// between those that the cells around it can give.
fn bounds(logits: &Logits, rows: Range<usize>) -> Result<[Vec<f32>; 2]> {
    let (low, high) = match &logits.coefficients {
        Some(Coefficients { low, high, .. }) => (low, high),
        None => (&logits.values, &logits.values),
    };
    let (classes, height, columns) = low.dim();
    let rows = logits.rows.cells(rows);
    let plane = || filled(0.0f32, columns * classes, PURPOSE);
    let line = || filled(0.0f32, columns, PURPOSE);
    let (mut bounds, mut lows, mut highs) = ([plane()?, plane()?], line()?, line()?);
    for class in 0..classes {
        lows.fill(f32::INFINITY);
        highs.fill(f32::NEG_INFINITY);
        for row in rows.clone() {
            let at = (class * height + row) * columns;
            let [low, high] =
                [low, high].map(|planes| &planes.as_slice().expect("standard layout")[at..at + columns]);
            lows.iter_mut().zip(low).for_each(|(line, &value)| *line = least(*line, value));
            highs.iter_mut().zip(high).for_each(|(line, &value)| *line = most(*line, value));
        }
        for (bounds, line) in bounds.iter_mut().zip([&lows, &highs]) {
            let cells = bounds.chunks_exact_mut(classes).zip(line);
            cells.for_each(|(bounds, &value)| bounds[class] = value);
        }
    }
    Ok(bounds)
}
