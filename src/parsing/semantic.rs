//! Semantic logits -> [`Parsing`]: each pixel is of the class whose logit,
//! bilinearly upsampled to the photo, is the largest.

use ndarray::{Array3, ArrayD, ArrayView3, Ix4};
use rayon::prelude::*;

use super::Parsing;
use crate::error::{Code, Error, Result, filled};
use crate::labels::LabelSet;
use crate::tensor::Placement;

/// Rows of the photo that are labelled together.
const BAND: usize = 32;

/// Reads the first output as logits `[1, classes, h, w]` over the padded input.
pub(crate) fn parse(outputs: &[ArrayD<f32>], placement: Placement, label_set: LabelSet) -> Result<Parsing> {
    let classes = label_set.names().len();
    let logits = outputs[0].view().into_dimensionality::<Ix4>().ok().filter(|logits| {
        let (batch, channels, height, width) = logits.dim();
        batch == 1 && channels == classes && height > 0 && width > 0
    });
    let Some(logits) = logits else {
        return Err(Error::new(
            Code::BadModel,
            format!("the model's output is {:?}, its card asks for [1, {classes}, h, w]", outputs[0].shape()),
        ));
    };
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err(Error::new(
            Code::InferenceFailed,
            "the network's output has values that are not numbers",
        ));
    }
    let logits = logits.as_standard_layout();
    let logits = logits.index_axis(ndarray::Axis(0), 0);

    let (width, height) = placement.photo;
    let columns = Taps::new(width, placement.content.0, placement.padded.0, logits.dim().2);
    let rows = Taps::new(height, placement.content.1, placement.padded.1, logits.dim().1);
    let pixels = width as usize * height as usize;
    let labels = label_map(logits, &columns, &rows, filled(0u8, pixels, "the label map")?);

    let probabilities = softmax(logits);
    let nearest_column: Vec<usize> = (0..width as usize).map(|x| columns.nearest(x)).collect();
    let nearest_row: Vec<usize> = (0..height as usize).map(|y| rows.nearest(y)).collect();
    let probability = |pixel: usize, class: u8| {
        let (y, x) = (pixel / width as usize, pixel % width as usize);
        probabilities[[class as usize, nearest_row[y], nearest_column[x]]]
    };
    let people = filled(0u16, pixels, "the people map")?;
    Ok(Parsing::from_label_map(label_set, placement.photo, labels, people, probability))
}

/// For each photo pixel along one axis, the two logits it lies between and the weight of the second.
struct Taps(Vec<(usize, usize, f32)>);

impl Taps {
    /// `photo` pixels cover `content` of `padded` input pixels, which `cells`
    /// logits cover in turn. Pixel centres are at one half; beyond the outer
    /// logits of the content the outermost one holds.
    fn new(photo: u32, content: u32, padded: u32, cells: usize) -> Taps {
        let scale = cells as f64 / padded as f64;
        let last = ((content as f64 * scale).ceil() as usize).clamp(1, cells) - 1;
        let taps = (0..photo).map(|pixel| {
            let at = (pixel as f64 + 0.5) * (content as f64 / photo as f64) * scale - 0.5;
            let at = at.clamp(0.0, last as f64);
            let first = at as usize;
            (first, (first + 1).min(last), (at - first as f64) as f32)
        });
        Taps(taps.collect())
    }

    fn nearest(&self, pixel: usize) -> usize {
        let (first, second, weight) = self.0[pixel];
        if weight < 0.5 { first } else { second }
    }
}

fn label_map(logits: ArrayView3<f32>, columns: &Taps, rows: &Taps, mut labels: Vec<u8>) -> Vec<u8> {
    let width = columns.0.len();
    let classes = logits.dim().0;
    let band = |(band, labels): (usize, &mut [u8])| {
        // A row of logits stretched to the photo's width, classes x width, for
        // the row above and the one below.
        let mut stretched = [(usize::MAX, vec![]), (usize::MAX, vec![])];
        let mut best = vec![0.0f32; width];
        for (i, labels) in labels.chunks_exact_mut(width).enumerate() {
            let (above, below, weight) = rows.0[band * BAND + i];
            if stretched[0].0 != above {
                stretched.swap(0, 1);
            }
            for (slot, row) in [(0, above), (1, below)] {
                if stretched[slot].0 != row {
                    stretched[slot].0 = row;
                    stretch(logits, row, columns, &mut stretched[slot].1);
                }
            }
            best.fill(f32::NEG_INFINITY);
            for class in 0..classes {
                let span = class * width..(class + 1) * width;
                let (above, below) = (&stretched[0].1[span.clone()], &stretched[1].1[span]);
                for (((&above, &below), best), label) in
                    above.iter().zip(below).zip(&mut best).zip(&mut *labels)
                {
                    let logit = above + (below - above) * weight;
                    *label = if logit > *best { class as u8 } else { *label };
                    *best = if logit > *best { logit } else { *best };
                }
            }
        }
    };
    labels.par_chunks_mut(BAND * width).enumerate().for_each(band);
    labels
}

fn stretch(logits: ArrayView3<f32>, row: usize, columns: &Taps, stretched: &mut Vec<f32>) {
    stretched.clear();
    for class in 0..logits.dim().0 {
        let line = logits.slice(ndarray::s![class, row, ..]);
        let line = line.as_slice().expect("logits in standard layout");
        stretched.extend(columns.0.iter().map(|&(a, b, weight)| line[a] + (line[b] - line[a]) * weight));
    }
}

/// Probabilities of the classes at each logit position.
fn softmax(logits: ArrayView3<f32>) -> Array3<f32> {
    let mut probabilities = logits.to_owned();
    for mut lane in probabilities.lanes_mut(ndarray::Axis(0)) {
        let max = lane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        lane.mapv_inplace(|logit| (logit - max).exp());
        let sum = lane.sum();
        lane.mapv_inplace(|exp| exp / sum);
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(photo: (u32, u32), content: (u32, u32), padded: (u32, u32)) -> Placement {
        Placement { photo, content, padded }
    }

    /// One logit a pixel: the class given is 4, the others 0.
    fn one_hot(classes: &[&[usize]]) -> ArrayD<f32> {
        let mut logits = ArrayD::zeros(vec![1, 20, classes.len(), classes[0].len()]);
        for (y, row) in classes.iter().enumerate() {
            for (x, &class) in row.iter().enumerate() {
                logits[[0, class, y, x]] = 4.0;
            }
        }
        logits
    }

    #[test]
    fn same_size_is_plain_argmax() {
        let logits = one_hot(&[&[0, 2, 2], &[0, 5, 13]]);
        let parsing = parse(&[logits], placement((3, 2), (3, 2), (3, 2)), LabelSet::Cihp).unwrap();
        assert_eq!(parsing.labels, [0, 2, 2, 0, 5, 13]);
        assert_eq!(parsing.people, [0; 6]);
        let hair = &parsing.segments[0];
        assert_eq!((hair.class, &*hair.label, hair.area, hair.bbox), (2, "Hair", 2, [1, 0, 2, 1]));
        let probability = 4f32.exp() / (4f32.exp() + 19.0);
        assert!((hair.score - probability).abs() < 1e-6);
        assert_eq!(parsing.segments.len(), 3);
    }

    #[test]
    fn padding_never_reaches_the_photo() {
        // The right and lower cells are padding and say "hat".
        let logits = one_hot(&[&[5, 5, 1, 1], &[5, 5, 1, 1], &[1, 1, 1, 1], &[1, 1, 1, 1]]);
        let parsing = parse(&[logits], placement((64, 48), (8, 8), (16, 16)), LabelSet::Cihp).unwrap();
        assert!(parsing.labels.iter().all(|&class| class == 5));
    }

    #[test]
    fn borders_lie_half_way_between_logits() {
        let logits = one_hot(&[&[9, 6]]);
        let parsing = parse(&[logits], placement((100, 70), (8, 4), (8, 4)), LabelSet::Cihp).unwrap();
        for (i, &class) in parsing.labels.iter().enumerate() {
            assert_eq!(class, if i % 100 < 50 { 9 } else { 6 }, "pixel {i}");
        }
    }

    /// The streamed argmax against the definition, on sizes that do not divide.
    #[test]
    fn agrees_with_the_definition() {
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let logits = Array3::from_shape_simple_fn((20, 7, 9), &mut random);
        let place = placement((101, 67), (33, 25), (36, 28));
        let output = logits.clone().insert_axis(ndarray::Axis(0)).into_dyn();
        let parsing = parse(&[output], place, LabelSet::Cihp).unwrap();
        let at = |pixel: usize, photo: u32, content: u32, padded: u32, cells: usize| {
            let scale = cells as f64 / padded as f64;
            let position = (pixel as f64 + 0.5) * content as f64 / photo as f64 * scale - 0.5;
            position.clamp(0.0, (content as f64 * scale).ceil() - 1.0)
        };
        let mut different = 0;
        for y in 0..67 {
            for x in 0..101 {
                let (v, u) = (at(y, 67, 25, 28, 7), at(x, 101, 33, 36, 9));
                let sample = |class: usize| {
                    let (y0, x0) = (v as usize, u as usize);
                    let (y1, x1) = ((y0 + 1).min(6), (x0 + 1).min(8));
                    let (fy, fx) = (v.fract(), u.fract());
                    let value = |y: usize, x: usize| logits[[class, y, x]] as f64;
                    (value(y0, x0) * (1.0 - fx) + value(y0, x1) * fx) * (1.0 - fy)
                        + (value(y1, x0) * (1.0 - fx) + value(y1, x1) * fx) * fy
                };
                let best = (0..20).max_by(|&a, &b| sample(a).total_cmp(&sample(b))).unwrap();
                different += (parsing.labels[y * 101 + x] as usize != best) as usize;
            }
        }
        assert!(different <= 1, "{different} pixels differ"); // f32 against f64 at a tie
    }

    #[test]
    fn wrong_outputs_are_refused() {
        let place = placement((4, 4), (4, 4), (4, 4));
        for shape in [vec![1, 19, 4, 4], vec![2, 20, 4, 4], vec![20, 4, 4], vec![1, 20, 0, 4]] {
            let error = parse(&[ArrayD::zeros(shape)], place, LabelSet::Cihp).unwrap_err();
            assert_eq!(error.code(), Code::BadModel);
        }
        let mut logits = ArrayD::zeros(vec![1, 20, 4, 4]);
        logits[[0, 3, 2, 1]] = f32::NAN;
        let error = parse(&[logits], place, LabelSet::Cihp).unwrap_err();
        assert_eq!(error.code(), Code::InferenceFailed);
    }
}
