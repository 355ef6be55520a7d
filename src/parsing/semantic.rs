//! Semantic logits -> label map: each pixel is of the class whose logit,
//! bilinearly upsampled to the photo and averaged over the passes, is the largest.

use std::ops::Range;

use rayon::prelude::*;

use super::answer::Answer;
use super::bands::BAND;
use super::logits::{Logits, TileArgmax, candidates, probabilities};
use crate::error::{Result, filled};
use crate::labels::LabelSet;
use crate::photo::Photo;

/// The logits of all passes over one photo.
pub(super) struct Semantic<'a> {
    guide: Option<&'a Photo>,
    photo: (u32, u32),
    passes: Vec<Logits>,
}

impl<'a> Semantic<'a> {
    /// Reads the first output of each pass as logits `[1, classes, h, w]` over the padded input.
    pub fn new(answers: &[Answer], guide: Option<&'a Photo>, label_set: LabelSet) -> Result<Semantic<'a>> {
        let passes =
            answers.iter().map(|answer| Logits::new(answer, guide, label_set)).collect::<Result<_>>()?;
        Ok(Semantic { guide, photo: answers[0].placement.photo, passes })
    }

    /// Adds to a sum how probable the model finds a class at the pixels of some columns of a row.
    pub fn probabilities(&self) -> Result<impl FnMut(usize, Range<usize>, u8, &mut f64)> {
        probabilities(&self.passes)
    }

    /// The class of each pixel of the photo, row by row.
    pub fn label_map(&self) -> Result<Vec<u8>> {
        let width = self.photo.0 as usize;
        let mut labels = filled(0u8, width * self.photo.1 as usize, "the label map")?;
        let bands = labels.par_chunks_mut(BAND * width).enumerate();
        bands.try_for_each(|(band, labels)| self.label_band(band * BAND, labels))?;
        Ok(labels)
    }

    /// Labels the rows from `top` on.
    fn label_band(&self, top: usize, labels: &mut [u8]) -> Result<()> {
        let width = self.photo.0 as usize;
        let mut tile = TileArgmax::new(self.passes.len());
        for (start, labels) in
            (top..).step_by(TileArgmax::ROWS).zip(labels.chunks_mut(TileArgmax::ROWS * width))
        {
            let rows = start..start + labels.len() / width;
            candidates(&self.passes, self.guide, rows.clone(), |columns, classes| {
                if let [only] = classes {
                    labels.chunks_exact_mut(width).for_each(|row| row[columns.clone()].fill(*only as u8));
                    Ok(())
                } else {
                    self.label_tile(&mut tile, (rows.clone(), columns), classes, labels)
                }
            })?;
        }
        Ok(())
    }

    /// Labels the pixels of a tile, `labels` being its rows of the photo, with the best of some classes.
    fn label_tile(
        &self,
        tile: &mut TileArgmax,
        (rows, columns): (Range<usize>, Range<usize>),
        classes: &[usize],
        labels: &mut [u8],
    ) -> Result<()> {
        let width = self.photo.0 as usize;
        tile.begin(&self.passes, &columns);
        if let Some(guide) = self.guide {
            tile.take_colours(rows.clone().map(|y| {
                let pixels = &guide.rgba()[4 * (y * width + columns.start)..4 * (y * width + columns.end)];
                pixels.as_chunks::<4>().0
            }));
        }
        for &class in classes {
            tile.compare(&self.passes, class, &rows)?;
        }
        for (row, found) in labels.chunks_exact_mut(width).zip(&tile.found) {
            row[columns.clone()].iter_mut().zip(found).for_each(|(label, &class)| *label = class as u8);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::OutputKind;
    use crate::error::Code;
    use crate::parsing::Parsing;
    use crate::tensor::Placement;
    use ndarray::{Array3, ArrayD};

    fn placement(photo: (u32, u32), content: (u32, u32), padded: (u32, u32)) -> Placement {
        Placement { photo, content, origin: (0, 0), padded, mirrored: false }
    }

    fn parse(passes: &[(ArrayD<f32>, Placement)]) -> Result<Parsing> {
        let answers: Vec<Answer> = passes
            .iter()
            .map(|(logits, placement)| Answer { placement: *placement, outputs: vec![logits.clone()] })
            .collect();
        crate::parsing::parse(&answers, None, &[], OutputKind::Semantic, LabelSet::Cihp)
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
        let parsing = parse(&[(logits, placement((3, 2), (3, 2), (3, 2)))]).unwrap();
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
        let parsing = parse(&[(logits, placement((64, 48), (8, 8), (16, 16)))]).unwrap();
        assert!(parsing.labels.iter().all(|&class| class == 5));
    }

    #[test]
    fn padding_on_all_sides_never_reaches_the_photo() {
        let logits = one_hot(&[&[1, 1, 1, 1, 1], &[1, 5, 7, 1, 1], &[1, 9, 2, 1, 1], &[1, 1, 1, 1, 1]]);
        let place = placement((40, 20), (8, 8), (20, 16));
        let parsing = parse(&[(logits.clone(), Placement { origin: (4, 4), ..place })]).unwrap();
        for (i, &class) in parsing.labels.iter().enumerate() {
            let expected = match (i / 40 < 10, i % 40 < 20) {
                (true, true) => 5,
                (true, false) => 7,
                (false, true) => 9,
                (false, false) => 2,
            };
            assert_eq!(class, expected, "pixel {i}");
        }
        // The middle of the photo lies in the middle of a cell; of the outer two a half is padding.
        let parsing = parse(&[(logits, Placement { origin: (2, 4), content: (8, 4), ..place })]).unwrap();
        assert_eq!(parsing.labels[0], 1);
        assert_eq!(parsing.labels[20], 5);
        assert_eq!(parsing.labels[39], 7);
    }

    #[test]
    fn borders_lie_half_way_between_logits() {
        let logits = one_hot(&[&[9, 6]]);
        let parsing = parse(&[(logits, placement((100, 70), (8, 4), (8, 4)))]).unwrap();
        for (i, &class) in parsing.labels.iter().enumerate() {
            assert_eq!(class, if i % 100 < 50 { 9 } else { 6 }, "pixel {i}");
        }
    }

    #[test]
    fn passes_are_averaged() {
        // Coat by 1 in the first pass, hair by 2 in the second, which is twice as fine.
        let mut first = one_hot(&[&[7, 7]]);
        first.mapv_inplace(|logit| logit / 4.0);
        let mut second = one_hot(&[&[2, 2, 0, 0], &[2, 2, 0, 0]]);
        second.mapv_inplace(|logit| logit / 2.0);
        let (one, two) = (placement((8, 4), (8, 4), (8, 4)), placement((8, 4), (16, 8), (16, 8)));
        let parsing = parse(&[(first, one), (second, two)]).unwrap();
        assert_eq!(parsing.labels[..8], [2, 2, 2, 2, 0, 0, 0, 0]);
        assert_eq!(parsing.segments.len(), 1);
        let probability = |e: f32, of: f32| e.exp() / (of.exp() + 19.0);
        let score = (probability(0.0, 1.0) + probability(2.0, 2.0)) / 2.0;
        assert!((parsing.segments[0].score - score).abs() < 1e-6);
    }

    #[test]
    fn a_mirrored_pass_is_turned_back_with_left_and_right() {
        let (left_arm, right_arm, right_leg) = (14, 15, 17);
        let plain = one_hot(&[&[left_arm, 2, 0, 9, right_leg]]);
        // What a network answers to the mirrored photo: its right arm is now a left one.
        let mirrored = one_hot(&[&[16, 9, 0, 2, right_arm, 1, 1, 1]]);
        let place = placement((50, 10), (5, 1), (5, 1));
        let seen = placement((50, 10), (5, 1), (8, 1));
        let seen = Placement { mirrored: true, ..seen };
        let alone = parse(&[(plain.clone(), place)]).unwrap();
        let turned = parse(&[(mirrored.clone(), seen)]).unwrap();
        assert_eq!(turned.labels, alone.labels);
        assert_eq!(parse(&[(plain, place), (mirrored, seen)]).unwrap().labels, alone.labels);
    }

    #[test]
    fn the_average_with_the_mirrored_pass_is_symmetric() {
        let mut state = 3u32;
        let mut random = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let logits = ArrayD::from_shape_simple_fn(vec![1, 20, 6, 9], &mut random);
        // A network that sees no difference between a symmetric photo and its mirror image.
        // The width is even: in a middle column left and right would tie.
        let place = placement((98, 67), (36, 24), (36, 24));
        let both = [(logits.clone(), place), (logits, Placement { mirrored: true, ..place })];
        let labels = parse(&both).unwrap().labels;
        let swap = LabelSet::Cihp.mirrored();
        let different = labels.chunks_exact(98).flat_map(|row| {
            row.iter().zip(row.iter().rev()).filter(|&(&class, &other)| swap[other as usize] != class)
        });
        assert!(different.count() <= 2); // both f32 and on the border
        assert!(labels.contains(&14) && labels.contains(&15));
    }

    #[test]
    fn outlines_follow_the_guide() {
        // The photo's edge lies within the third cell, that of the logits before it.
        let row = [[[30, 30, 30, 255]; 24].concat(), [[220, 220, 220, 255]; 36].concat()].concat();
        let photo = Photo::from_rgba(60, 20, row.repeat(20)).unwrap();
        let logits = one_hot(&[[5, 5, 7, 7, 7, 7].as_slice(); 2]);
        let answers = [Answer { placement: placement((60, 20), (24, 8), (24, 8)), outputs: vec![logits] }];
        let edge = |guide| {
            let (kind, set) = (OutputKind::Semantic, LabelSet::Cihp);
            let labels = crate::parsing::parse(&answers, guide, &[], kind, set).unwrap().labels;
            labels[..60].iter().filter(|&&class| class == 5).count()
        };
        assert_eq!((edge(None), edge(Some(&photo))), (20, 24));
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
        let parsing = parse(&[(output, place)]).unwrap();
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
    fn classes_left_out_never_win() {
        let mut state = 5u32;
        let mut random = move || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let (width, height) = (150u32, 70u32);
        let shade = |i: u32| (i / 4 % width / 2 + i / 4 / width + 20 * (i % 4)) as u8;
        let rgba = (0..4 * width * height).map(shade).collect();
        let photo = Photo::from_rgba(width, height, rgba).unwrap();
        for guide in [None, Some(&photo)] {
            let passes = [false, true].map(|mirrored| Answer {
                placement: Placement { mirrored, ..placement((width, height), (60, 28), (64, 32)) },
                outputs: vec![ArrayD::from_shape_fn(vec![1, 20, 8, 16], |at| {
                    random() + if (at[1] + at[3] / 4) % 5 == 0 { 6.0 } else { 0.0 }
                })],
            });
            let semantic = Semantic::new(&passes, guide, LabelSet::Cihp).unwrap();
            let found = semantic.label_map().unwrap();
            let (mut tiles, mut left) = (0, 0);
            candidates(&semantic.passes, guide, 0..TileArgmax::ROWS, |_, classes| {
                tiles += 1;
                left += classes.len();
                Ok(())
            })
            .unwrap();
            assert!((tiles..20 * tiles).contains(&left), "{left} of {}", 20 * tiles);
            let all_classes: Vec<usize> = (0..20).collect();
            let mut all = vec![0; found.len()];
            let mut tile = TileArgmax::new(passes.len());
            for (top, labels) in
                (0..).step_by(TileArgmax::ROWS).zip(all.chunks_mut(TileArgmax::ROWS * width as usize))
            {
                let rows = top..top + labels.len() / width as usize;
                for left in (0..width as usize).step_by(TileArgmax::COLUMNS) {
                    let columns = left..(left + TileArgmax::COLUMNS).min(width as usize);
                    semantic.label_tile(&mut tile, (rows.clone(), columns), &all_classes, labels).unwrap();
                }
            }
            assert!(found == all);
        }
    }

    #[test]
    fn wrong_outputs_are_refused() {
        let place = placement((4, 4), (4, 4), (4, 4));
        for shape in [vec![1, 19, 4, 4], vec![2, 20, 4, 4], vec![20, 4, 4], vec![1, 20, 0, 4]] {
            let error = parse(&[(ArrayD::zeros(shape), place)]).unwrap_err();
            assert_eq!(error.code(), Code::BadModel);
        }
        let mut logits = ArrayD::zeros(vec![1, 20, 4, 4]);
        logits[[0, 3, 2, 1]] = f32::NAN;
        let error = parse(&[(logits, place)]).unwrap_err();
        assert_eq!(error.code(), Code::InferenceFailed);
    }
}
