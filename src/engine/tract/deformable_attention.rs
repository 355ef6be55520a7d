//! Multi-scale deformable attention (Zhu et al., "Deformable DETR", 2021): the
//! node `MSDeformAttn`, which `models/m2fp/README.md` defines.

use rayon::prelude::*;
use tract_onnx::Onnx;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::internal::*;

use crate::stop;

/// Tokens that a thread works on together.
const BAND: usize = 64;

/// Makes the node known.
pub(super) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("MSDeformAttn", |_, node| Ok((read(node)?, vec![])));
}

fn read(node: &NodeProto) -> TractResult<Box<dyn InferenceOp>> {
    let op = DeformableAttention { heads: node.get_attr("heads")?, points: node.get_attr("points")? };
    ensure!(op.heads > 0 && op.points > 0, "MSDeformAttn has no heads or no points");
    Ok(inference_wrap(op, 1, |_, solver, inputs, outputs| {
        check_input_arity(inputs, 4)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)
    }))
}

/// Inputs: value `[tokens, channels]`, offsets `[tokens, heads * levels * points * 2]`,
/// logits `[tokens, heads * levels * points]`, shapes `[levels, 2]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct DeformableAttention {
    heads: usize,
    points: usize,
}

impl Op for DeformableAttention {
    fn name(&self) -> StaticName {
        "BodymapDeformableAttention".into()
    }

    op_as_typed_op!();
}

impl EvalOp for DeformableAttention {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (value, offsets, logits, shapes) = args_4!(inputs);
        let shapes = shapes.cast_to::<i64>()?;
        let (levels, tokens) = levels(shapes.try_as_plain_ram()?.as_slice::<i64>()?)?;
        let samples =
            self.heads.checked_mul(self.points).and_then(|samples| samples.checked_mul(levels.len()));
        let samples = samples
            .filter(|&samples| samples <= usize::MAX / 2)
            .context("MSDeformAttn has too many samples")?;
        ensure!(
            value.rank() == 2
                && value.shape()[0] == tokens
                && value.shape()[1].is_multiple_of(self.heads)
                && offsets.shape() == [tokens, 2 * samples]
                && logits.shape() == [tokens, samples],
            "MSDeformAttn of {tokens} tokens does not go with {value:?}, {offsets:?}, {logits:?}"
        );
        let mut output = Tensor::zero::<f32>(value.shape())?;
        let (value, offsets, logits) =
            (value.try_as_plain_ram()?, offsets.try_as_plain_ram()?, logits.try_as_plain_ram()?);
        let (offsets, logits) = (offsets.as_slice::<f32>()?, logits.as_slice::<f32>()?);
        let mut target = output.try_as_plain_ram_mut()?;
        self.attend(value.as_slice::<f32>()?, offsets, logits, &levels, target.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for DeformableAttention {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(inputs[0].shape.clone())))
    }

    as_op!();
}

/// A map whose pixels are tokens, row by row.
#[derive(Clone, Copy)]
struct Level {
    /// Its first token.
    start: usize,
    height: usize,
    width: usize,
}

/// The levels, and the tokens of all.
fn levels(shapes: &[i64]) -> TractResult<(Vec<Level>, usize)> {
    let (mut levels, mut start) = (vec![], 0usize);
    for shape in shapes.chunks_exact(2) {
        let side = |side: i64| usize::try_from(side).ok();
        let sides = side(shape[0]).zip(side(shape[1]));
        let end = sides.and_then(|(height, width)| start.checked_add(height.checked_mul(width)?));
        let ((height, width), end) =
            sides.zip(end).with_context(|| format!("MSDeformAttn has a level of {shape:?}"))?;
        levels.push(Level { start, height, width });
        start = end;
    }
    Ok((levels, start))
}

impl DeformableAttention {
    fn attend(&self, value: &[f32], offsets: &[f32], logits: &[f32], levels: &[Level], output: &mut [f32]) {
        let tokens: usize = levels.iter().map(|level| level.height * level.width).sum();
        let channels = value.len() / tokens.max(1);
        if channels == 0 {
            return;
        }
        let depth = channels / self.heads;
        let samples = levels.len() * self.points;
        let stop = stop::current();
        let band = |(band, output): (usize, &mut [f32])| {
            if stop.is_asked() {
                return;
            }
            let mut taps = Vec::with_capacity(4 * samples);
            // Neighbours look at much the same tokens: head by head these stay in the nearest cache.
            for head in 0..self.heads {
                for (token, output) in (band * BAND..).zip(output.chunks_exact_mut(channels)) {
                    let at = (token * self.heads + head) * samples;
                    let (logits, offsets) = (&logits[at..][..samples], &offsets[2 * at..][..2 * samples]);
                    self.place(token, logits, offsets, levels, &mut taps);
                    sum(&value[head * depth..], channels, &taps, &mut output[head * depth..][..depth]);
                }
            }
        };
        if rayon::current_num_threads() > 1 {
            output.par_chunks_mut(BAND * channels).enumerate().for_each(band);
        } else {
            output.chunks_mut(BAND * channels).enumerate().for_each(band);
        }
    }

    /// The tokens that one head of one token looks at, and how much of each it takes.
    fn place(
        &self,
        token: usize,
        logits: &[f32],
        offsets: &[f32],
        levels: &[Level],
        taps: &mut Vec<(usize, f32)>,
    ) {
        taps.clear();
        let home = levels.iter().rfind(|level| level.start <= token).expect("the first level starts at 0");
        let (row, column) = ((token - home.start) / home.width, (token - home.start) % home.width);
        let middle = |at: usize, length: usize| (at as f32 + 0.5) / length as f32;
        let (x, y) = (middle(column, home.width), middle(row, home.height));
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0;
        let samples = logits.chunks_exact(self.points).zip(offsets.chunks_exact(2 * self.points));
        for (&Level { start, height, width }, (logits, offsets)) in levels.iter().zip(samples) {
            for (logit, offset) in logits.iter().zip(offsets.chunks_exact(2)) {
                let share = (logit - max).exp();
                total += share;
                let [left, right] = around(x * width as f32 + offset[0] - 0.5, width);
                let [above, below] = around(y * height as f32 + offset[1] - 0.5, height);
                let tap = |(row, down): (usize, f32), (column, along): (usize, f32)| {
                    (start + row * width + column, share * down * along)
                };
                taps.extend([tap(above, left), tap(above, right), tap(below, left), tap(below, right)]);
            }
        }
        taps.iter_mut().for_each(|(_, share)| *share /= total);
    }
}

/// The two pixels of a line of `length` around a place, and how much each counts; beyond the line nothing does.
fn around(at: f32, length: usize) -> [(usize, f32); 2] {
    // Rounded down; the standard library's way is a call on many a processor.
    let first = at as i32;
    let first = first.saturating_sub((first as f32 > at) as i32);
    let second = at - first as f32;
    let pixel = |place: i32, weight: f32| {
        let place = place as u32 as usize;
        if place < length { (place, weight) } else { (0, 0.0) }
    };
    [pixel(first, 1.0 - second), pixel(first.wrapping_add(1), second)]
}

/// The weighted sum of tokens, a number of channels at a time in registers.
fn sum(value: &[f32], channels: usize, taps: &[(usize, f32)], output: &mut [f32]) {
    let (wide, rest) = output.as_chunks_mut::<32>();
    for (i, output) in wide.iter_mut().enumerate() {
        *output = sum_of(&value[32 * i..], channels, taps);
    }
    let done = 32 * wide.len();
    let (narrow, rest) = rest.as_chunks_mut::<4>();
    for (i, output) in narrow.iter_mut().enumerate() {
        *output = sum_of(&value[done + 4 * i..], channels, taps);
    }
    let done = done + 4 * narrow.len();
    for (i, output) in rest.iter_mut().enumerate() {
        [*output] = sum_of(&value[done + i..], channels, taps);
    }
}

fn sum_of<const N: usize>(value: &[f32], channels: usize, taps: &[(usize, f32)]) -> [f32; N] {
    let mut sum = [0.0; N];
    for &(token, weight) in taps {
        let value: &[f32; N] = value[token * channels..][..N].try_into().expect("as many as cut out");
        for (sum, value) in sum.iter_mut().zip(value) {
            *sum += weight * value;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        heads: usize,
        points: usize,
        shapes: Vec<i64>,
        value: Vec<f32>,
        offsets: Vec<f32>,
        logits: Vec<f32>,
        output: Vec<f32>,
    }

    #[test]
    fn agrees_with_pytorch() {
        let cases = include_str!("../../../tests/m2fp/deformable_attention.json");
        let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
        assert_eq!(cases.len(), 2);
        for case in cases {
            let op = DeformableAttention { heads: case.heads, points: case.points };
            let mut output = vec![f32::NAN; case.value.len()];
            op.attend(
                &case.value,
                &case.offsets,
                &case.logits,
                &levels(&case.shapes).unwrap().0,
                &mut output,
            );
            assert_eq!(output.len(), case.output.len());
            for (value, expected) in output.iter().zip(&case.output) {
                assert!((value - expected).abs() <= 2e-6, "{value} {expected}");
            }
        }
    }

    #[test]
    fn levels_have_sides_that_can_be_multiplied() {
        let (found, tokens) = levels(&[2, 3, 4, 5]).unwrap();
        assert_eq!((found[1].start, tokens), (6, 26));
        for shapes in [[-1, 3], [i64::MAX, 3], [i64::MAX, 1 << 33]] {
            assert!(levels(&[&[2, 3][..], &shapes].concat()).is_err(), "{shapes:?}");
        }
    }

    #[test]
    fn places_far_away_count_nothing() {
        for at in [f32::INFINITY, f32::NEG_INFINITY, -1e30, 1e30, -1.0, 3.0] {
            assert!(around(at, 3).iter().all(|&(pixel, weight)| pixel < 3 && weight == 0.0), "{at}");
        }
        assert!(around(f32::NAN, 3).iter().all(|&(pixel, _)| pixel < 3));
        assert_eq!(around(-0.25, 3), [(0, 0.0), (0, 0.75)]);
        assert_eq!(around(1.25, 3), [(1, 0.75), (2, 0.25)]);
        assert_eq!(around(2.25, 3), [(2, 0.75), (0, 0.0)]);
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused() {
        let op = DeformableAttention { heads: 2, points: 1 };
        let eval = |tokens: usize, channels: usize, samples: usize| {
            let tensor = |columns: usize| Tensor::zero::<f32>(&[tokens, columns]).unwrap().into_tvalue();
            let shapes = tensor2(&[[1i64, 2], [2, 2]]).into_tvalue();
            op.eval_out_of_plan(tvec!(tensor(channels), tensor(2 * samples), tensor(samples), shapes))
        };
        assert!(eval(6, 4, 4).is_ok());
        for (tokens, channels, samples) in [(7, 4, 4), (6, 3, 4), (6, 4, 5)] {
            assert!(eval(tokens, channels, samples).is_err());
        }
    }
}
