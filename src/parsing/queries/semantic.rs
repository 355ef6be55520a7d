//! Queries -> semantic maps, one value a class and pixel, and the label map of
//! the largest in their mean over the passes.

use std::ops::Range;

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use super::instances::{Found, Runs};
use super::masks::{Grid, MaskRows, PlaneRows};
use super::outputs::{Queries, sigmoid};
use crate::error::{Result, collected, filled, refill, reserved};
use crate::labels::LabelSet;
use crate::parsing::bands::BAND;
use crate::parsing::{Instance, Parsing};
use crate::stop;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "the semantic maps";

/// Score from which an instance counts in a pasted map, and value from which its pixels do.
const PASTED: f32 = 0.5;

/// Makes a row of a map in the photo's size: its number, and one line a class, which are replaced.
type MakeRow<'a> = Box<dyn FnMut(usize, &mut [Vec<f32>]) -> Result<()> + 'a>;

/// The semantic map of one pass.
pub(super) trait SemanticMap: Sync {
    fn grid(&self) -> &Grid;

    /// Whether left and right are changed.
    fn mirrored(&self) -> bool;

    fn rows(&self) -> Result<MakeRow<'_>>;
}

/// Sum over the queries of class probability times mask probability, in the size
/// that the photo has in the input tensor; the map of the pipeline for one person.
pub(super) struct Summed<'a, 'b> {
    queries: &'a Queries<'b>,
    /// `[classes, h, w]`.
    values: Array3<f32>,
}

impl<'a, 'b> Summed<'a, 'b> {
    pub fn new(queries: &'a Queries<'b>) -> Result<Summed<'a, 'b>> {
        let (width, height) = queries.grid.content();
        let classes = queries.probabilities.ncols();
        let values = filled(0.0f32, classes * width * height, "the semantic map")?;
        let mut values =
            Array3::from_shape_vec((height, classes, width), values).expect("one line a row and class");
        let stop = stop::current();
        let lines = values.as_slice_mut().expect("standard layout");
        lines.par_chunks_mut(BAND * classes * width).enumerate().try_for_each(|(band, lines)| {
            if stop.is_asked() {
                return Ok(());
            }
            let mut line = vec![];
            for (query, probabilities) in queries.probabilities.rows().into_iter().enumerate() {
                let mut rows = MaskRows::new(queries.mask(query), &queries.grid);
                for (y, sums) in (band * BAND..).zip(lines.chunks_exact_mut(classes * width)) {
                    rows.tensor_row(y, &mut line)?;
                    line.iter_mut().for_each(|value| *value = sigmoid(*value));
                    for (sum, &probability) in sums.chunks_exact_mut(width).zip(probabilities) {
                        sum.iter_mut().zip(&line).for_each(|(sum, mask)| *sum += probability * mask);
                    }
                }
            }
            Ok(())
        })?;
        Ok(Summed { queries, values: values.permuted_axes([1, 0, 2]) })
    }
}

impl SemanticMap for Summed<'_, '_> {
    fn grid(&self) -> &Grid {
        &self.queries.grid
    }

    fn mirrored(&self) -> bool {
        self.queries.placement.mirrored
    }

    fn rows(&self) -> Result<MakeRow<'_>> {
        let plane = |plane| PlaneRows::new(plane, &self.queries.grid);
        let mut planes = collected(self.values.axis_iter(Axis(0)).map(plane), PURPOSE)?;
        Ok(Box::new(move |y, lines| {
            planes.iter_mut().zip(lines).try_for_each(|(plane, line)| plane.row(y, line))
        }))
    }
}

/// For each class the mean of score times mask probability over its instances,
/// where that is above one half; the map of the pipeline for several people.
pub(super) struct Pasted<'a, 'b> {
    pub queries: &'a Queries<'b>,
    pub found: &'a Found,
}

impl SemanticMap for Pasted<'_, '_> {
    fn grid(&self) -> &Grid {
        &self.queries.grid
    }

    fn mirrored(&self) -> bool {
        self.queries.placement.mirrored
    }

    fn rows(&self) -> Result<MakeRow<'_>> {
        let Pasted { queries, found } = *self;
        let width = queries.grid.photo().0;
        let instances = found.classes(PASTED).into_iter().map(|i| {
            let claim = &found.claims[i];
            (claim.class as usize, claim.score, MaskRows::new(queries.mask(claim.query), &queries.grid))
        });
        let mut instances = collected(instances, PURPOSE)?;
        let mut logits = vec![];
        let mut times = vec![];
        Ok(Box::new(move |y, lines| {
            refill(&mut times, (0..lines.len() * width).map(|_| 0u32), PURPOSE)?;
            for line in lines.iter_mut() {
                refill(line, (0..width).map(|_| 0.0), PURPOSE)?;
            }
            for (class, score, rows) in &mut instances {
                rows.row(y, &mut logits)?;
                let times = &mut times[*class * width..][..width];
                for ((&logit, value), times) in logits.iter().zip(&mut lines[*class]).zip(times) {
                    let pasted = sigmoid(logit) * *score;
                    if pasted > PASTED {
                        *value += pasted;
                        *times += 1;
                    }
                }
            }
            for (line, times) in lines.iter_mut().zip(times.chunks_exact(width)) {
                line.iter_mut().zip(times).for_each(|(value, &times)| *value /= times.max(1) as f32);
            }
            Ok(())
        }))
    }
}

/// A label map and how sure it is.
pub(super) struct Labelled {
    pub labels: Vec<u8>,
    /// The value of each pixel's class, 0 to 1 in steps of 1/255.
    values: Vec<u8>,
    width: usize,
    /// For each class the sum of the sigmoids of its pixels' values, and the pixels.
    sums: Vec<(f64, u64)>,
}

/// Each pixel is of the class whose value, averaged over the passes, is the largest.
pub(super) fn label_map(passes: &[impl SemanticMap], label_set: LabelSet) -> Result<Labelled> {
    let (width, height) = passes[0].grid().photo();
    let classes = label_set.names().len();
    let mut labels = filled(0u8, width * height, "the label map")?;
    let mut values = filled(0u8, width * height, "the scores")?;
    let mut sums = filled((0.0, 0u64), classes * height.div_ceil(BAND), PURPOSE)?;
    let bands = labels.par_chunks_mut(BAND * width).zip(values.par_chunks_mut(BAND * width));
    let bands = bands.zip(sums.par_chunks_exact_mut(classes)).enumerate();
    bands.try_for_each(|(band, ((labels, values), sums))| {
        let rows = passes.iter().map(|pass| Ok((pass.mirrored(), pass.rows()?)));
        let mut rows = rows.collect::<Result<Vec<_>>>()?;
        let (mut lines, mut means) = (filled(vec![], classes, PURPOSE)?, reserved(classes, PURPOSE)?);
        for _ in 0..classes {
            means.push(filled(0.0f32, width, PURPOSE)?);
        }
        let targets = labels.chunks_exact_mut(width).zip(values.chunks_exact_mut(width));
        for (y, (labels, values)) in (band * BAND..).zip(targets) {
            means.iter_mut().for_each(|line| line.fill(0.0));
            for (mirrored, rows) in &mut rows {
                rows(y, &mut lines)?;
                for (class, line) in lines.iter().enumerate() {
                    let class = if *mirrored { label_set.mirrored()[class] as usize } else { class };
                    means[class].iter_mut().zip(line).for_each(|(mean, value)| *mean += value);
                }
            }
            for (x, (label, value)) in labels.iter_mut().zip(values).enumerate() {
                let mut best = 0;
                for class in 1..classes {
                    if means[class][x] > means[best][x] {
                        best = class;
                    }
                }
                let mean = means[best][x] / passes.len() as f32;
                *label = best as u8;
                *value = (mean.min(1.0) * 255.0).round() as u8;
                sums[best].0 += sigmoid(mean) as f64;
                sums[best].1 += 1;
            }
        }
        Ok(())
    })?;
    let mut total = filled((0.0, 0), classes, PURPOSE)?;
    for sums in sums.chunks_exact(classes) {
        for (total, (sum, pixels)) in total.iter_mut().zip(sums) {
            total.0 += sum;
            total.1 += pixels;
        }
    }
    Ok(Labelled { labels, values, width, sums: total })
}

impl Labelled {
    pub fn into_parsing(self, label_set: LabelSet, photo: (u32, u32), people: Vec<u16>) -> Result<Parsing> {
        let add = |y: usize, columns: Range<usize>, _, sum: &mut f64| {
            let values = &self.values[y * self.width..][columns];
            values.iter().for_each(|&value| *sum += (value as f32 / 255.0) as f64);
        };
        Parsing::from_label_map(label_set, photo, self.labels, people, add)
    }

    /// What the pipeline for one person returns: a mask for each class that is there,
    /// the background included. Its scores are the mean of the sigmoid of values that
    /// are probabilities already, and so hardly tell anything.
    pub fn published(&self, label_set: LabelSet) -> Result<Vec<Instance>> {
        let present = self.sums.iter().enumerate().filter(|(_, (_, pixels))| *pixels > 0);
        let instance = |(class, &(sum, pixels)): (usize, &(f64, u64))| {
            let mut runs = Runs::default();
            for labels in self.labels.chunks_exact(self.width) {
                runs.extend(labels.iter().map(|&label| label as usize == class))?;
            }
            Ok(Instance {
                class: class as u8,
                label: label_set.names()[class].into(),
                person: (class != 0) as u16,
                score: (sum / (pixels + 1) as f64) as f32,
                runs: runs.finish()?,
            })
        };
        let mut instances = reserved(self.sums.len(), "the masks")?;
        for class in present {
            instances.push(instance(class)?);
        }
        Ok(instances)
    }
}
