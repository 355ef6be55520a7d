//! Centres and offsets -> the person of each pixel, as Panoptic-DeepLab groups
//! pixels (Cheng et al., CVPR 2020): every pixel votes for a place by its
//! offset and belongs to the centre nearest to it.

use ndarray::{Array2, Array3, ArrayView2, Axis, Ix4, s};
use rayon::prelude::*;

use super::answer::Answer;
use super::bands::BAND;
use super::logits::{Taps, content_columns, content_rows};
use super::planes;
use crate::error::{Code, Error, Result, collected, filled, push, refill, reserved};
use crate::limits::{MAX_PEOPLE, MIN_PERSON_SHARE};
use crate::tensor::Placement;

/// Heat from which a peak is a person's centre.
const PEAK: f32 = 0.2;

/// A centre is the peak of all within this many pixels of the input tensor, each way.
const PEAK_RADIUS: f32 = 12.0;

/// Two centres nearer than this times the square root of the pixels of both are one person's.
const DOUBLE: f32 = 0.25;

/// What buffers are for, should there be no memory for them.
const PURPOSE: &str = "telling people apart";

/// The person of each pixel, counted from 1; 0 for the background.
///
/// People are numbered by their centres from left to right. Where there are no
/// centres but people, all are person 1.
pub(super) fn people_map(answers: &[Answer], labels: &[u8]) -> Result<Vec<u16>> {
    let field = Field::new(answers)?;
    let mut centers = field.centers()?;
    let mut people = filled(0u16, labels.len(), "the people map")?;
    loop {
        field.group(&centers, labels, &mut people)?;
        let kept = field.kept(&centers, &people);
        if kept.len() == centers.len() {
            return Ok(people);
        }
        centers = kept;
    }
}

/// The centre of a person, in pixels of the input tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Center {
    x: f32,
    y: f32,
    heat: f32,
}

/// What the network says of people in the cells with some of the photo: heat, and
/// the place each cell votes for in pixels of the input tensor.
struct Field {
    heat: Array2<f32>,
    /// x, y; `[2, h, w]`.
    votes: Array3<f32>,
    placement: Placement,
    /// Column and row of the first of these cells.
    first: (usize, usize),
    /// Columns and rows of all cells.
    cells: (usize, usize),
    /// Width and height of a cell in pixels of the input tensor.
    step: (f32, f32),
}

impl Field {
    /// Reads the second and third output of the passes with the largest tensor;
    /// the mean if the photo went through it mirrored as well.
    fn new(answers: &[Answer]) -> Result<Field> {
        let area = |answer: &&Answer| {
            let Placement { padded, mirrored, .. } = answer.placement;
            (padded.0 as u64 * padded.1 as u64, !mirrored)
        };
        let placement = answers.iter().max_by_key(area).expect("a setting has passes").placement;
        let same =
            |answer: &&Answer| Placement { mirrored: placement.mirrored, ..answer.placement } == placement;
        let mut passes = answers.iter().filter(same).map(centers_and_offsets);
        let (mut heat, mut votes) = passes.next().expect("the pass just found")?;
        let mut count = 1.0;
        for pass in passes {
            let (more_heat, more_votes) = pass?;
            if more_votes.dim() != votes.dim() {
                return Err(Error::new(
                    Code::BadModel,
                    "the model's centres of two passes of one size differ in size",
                ));
            }
            heat += &more_heat;
            votes += &more_votes;
            count += 1.0;
        }
        heat /= count;
        votes /= count;
        let placement = Placement { mirrored: false, ..placement };
        let (height, width) = heat.dim();
        let step = (placement.padded.0 as f32 / width as f32, placement.padded.1 as f32 / height as f32);
        for ((axis, y, x), vote) in votes.indexed_iter_mut() {
            *vote += if axis == 0 { (x as f32 + 0.5) * step.0 } else { (y as f32 + 0.5) * step.1 };
        }
        let (rows, columns) = (content_rows(placement, height), content_columns(placement, width));
        let first = (columns.start, rows.start);
        let heat = planes::copied(heat.slice(s![rows.clone(), columns.clone()]), PURPOSE)?;
        let votes = planes::copied(votes.slice(s![.., rows, columns]), PURPOSE)?;
        Ok(Field { heat, votes, placement, first, cells: (width, height), step })
    }

    /// The peaks of the heat over the photo, from left to right; of too many the hottest.
    fn centers(&self) -> Result<Vec<Center>> {
        let step = self.step;
        let reach = |step: f32| ((PEAK_RADIUS / step).round() as usize).max(1);
        let heat = self.heat.view();
        let mut centers = vec![];
        for ((y, x), &value) in heat.indexed_iter() {
            if value >= PEAK && is_peak(heat, (y, x), (reach(step.1), reach(step.0))) {
                let at = |y: usize, x: usize| heat.get((y, x)).copied();
                let (left, right) = (at(y, x.wrapping_sub(1)), at(y, x + 1));
                let (above, below) = (at(y.wrapping_sub(1), x), at(y + 1, x));
                let center = Center {
                    x: ((self.first.0 + x) as f32 + 0.5 + summit(left, value, right)) * step.0,
                    y: ((self.first.1 + y) as f32 + 0.5 + summit(above, value, below)) * step.1,
                    heat: value,
                };
                push(&mut centers, center, PURPOSE)?;
            }
        }
        centers.sort_by(|a, b| b.heat.total_cmp(&a.heat));
        centers.truncate(MAX_PEOPLE);
        centers.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        Ok(centers)
    }

    /// Gives every pixel that is not background to the centre nearest to its vote, as 1 + index.
    fn group(&self, centers: &[Center], labels: &[u8], people: &mut [u16]) -> Result<()> {
        if centers.len() <= 1 {
            people.iter_mut().zip(labels).for_each(|(person, &class)| *person = (class != 0) as u16);
            return Ok(());
        }
        let (height, width) = self.heat.dim();
        let line = |axis: usize, y: usize| {
            let start = (axis * height + y) * width;
            &self.votes.as_slice().expect("votes in standard layout")[start..start + width]
        };
        let mut nearest = reserved(height, PURPOSE)?;
        for y in 0..height {
            let votes = line(0, y).iter().zip(line(1, y));
            nearest.push(collected(votes.map(|(&x, &y)| self::nearest(centers, x, y)), PURPOSE)?);
        }
        let columns = Taps::columns(self.placement, self.cells.0)?;
        let rows = Taps::rows(self.placement, self.cells.1)?;
        let photo = self.placement.photo.0 as usize;
        let bands = people.par_chunks_mut(BAND * photo).zip(labels.par_chunks(BAND * photo)).enumerate();
        let mut runs = reserved(width, PURPOSE)?;
        runs.extend(columns.runs(0..photo));
        bands.try_for_each(|(band, (people, labels))| {
            // The person of each column between two rows of cells, 0 where votes must be looked at.
            let (mut between, mut agreed) = (None, filled(0u16, photo, PURPOSE)?);
            let rows = &rows.0[band * BAND..];
            let lines = people.chunks_exact_mut(photo).zip(labels.chunks_exact(photo)).zip(rows);
            for ((people, labels), &(above, below, down)) in lines {
                if between.replace((above, below)) != Some((above, below)) {
                    let cells = self::agreed(&nearest[above], &nearest[below])?;
                    runs.iter().for_each(|run| agreed[run.clone()].fill(cells[columns.0[run.start].0]));
                }
                for ((person, &class), &agreed) in people.iter_mut().zip(labels).zip(&agreed) {
                    *person = if class == 0 { 0 } else { agreed };
                }
                let votes = [0, 1].map(|axis| (line(axis, above), line(axis, below)));
                for x in runs.iter().filter(|run| agreed[run.start] == 0).cloned().flatten() {
                    if labels[x] != 0 {
                        let (left, right, across) = columns.0[x];
                        let [x_vote, y_vote] = votes.map(|(above, below)| {
                            let top = above[left] + (above[right] - above[left]) * across;
                            let bottom = below[left] + (below[right] - below[left]) * across;
                            top + (bottom - top) * down
                        });
                        people[x] = self::nearest(centers, x_vote, y_vote);
                    }
                }
            }
            Ok(())
        })
    }

    /// The centres without those that have next to no pixels, and without the weaker of two of one person.
    fn kept(&self, centers: &[Center], people: &[u16]) -> Vec<Center> {
        if centers.len() <= 1 {
            return centers.to_vec();
        }
        let mut pixels = vec![0usize; centers.len() + 1];
        people.chunk_by(|a, b| a == b).for_each(|run| pixels[run[0] as usize] += run.len());
        let pixels = &pixels[1..];
        let Placement { photo, content, .. } = self.placement;
        // Pixels of the input tensor for one of the photo.
        let area = content.0 as f32 / photo.0 as f32 * (content.1 as f32 / photo.1 as f32);
        let most = pixels.iter().max().copied().unwrap_or(0);
        let fewest = ((people.len() as f64 * MIN_PERSON_SHARE) as usize).clamp(1, most.max(1));
        let mut hottest: Vec<usize> = (0..centers.len()).filter(|&i| pixels[i] >= fewest).collect();
        hottest.sort_by(|&a, &b| centers[b].heat.total_cmp(&centers[a].heat));
        let mut kept: Vec<usize> = vec![];
        for i in hottest {
            let is_double = |&other: &usize| {
                let (a, b) = (centers[i], centers[other]);
                let near = DOUBLE * DOUBLE * (pixels[i] + pixels[other]) as f32 * area;
                (a.x - b.x).powi(2) + (a.y - b.y).powi(2) < near
            };
            if !kept.iter().any(is_double) {
                kept.push(i);
            }
        }
        kept.sort_unstable();
        kept.into_iter().map(|i| centers[i]).collect()
    }
}

/// The heat `[h, w]` and offsets `[2, h, w]` of one pass, as of the photo as it is.
fn centers_and_offsets(answer: &Answer) -> Result<(Array2<f32>, Array3<f32>)> {
    let shapes: Vec<&[usize]> = answer.outputs.iter().map(|output| output.shape()).collect();
    let wrong = || {
        Error::new(
            Code::BadModel,
            format!(
                "the model's outputs are {shapes:?}, its card asks for logits, centers [1, 1, h, w] and offsets [1, 2, h, w]"
            ),
        )
    };
    let [_, heat, offsets] = &answer.outputs[..] else { return Err(wrong()) };
    let (height, width) = match *heat.shape() {
        [1, 1, height, width] if height > 0 && width > 0 => (height, width),
        _ => return Err(wrong()),
    };
    if *offsets.shape() != [1, 2, height, width] {
        return Err(wrong());
    }
    if heat.iter().chain(offsets).any(|value| !value.is_finite()) {
        return Err(Error::new(
            Code::InferenceFailed,
            "the network's output has values that are not numbers",
        ));
    }
    let planes = |output: &ndarray::ArrayD<f32>| {
        let planes = output.view().into_dimensionality::<Ix4>().expect("the shape just checked");
        planes::copied(planes.index_axis_move(Axis(0), 0), PURPOSE)
    };
    let (mut heat, mut offsets) = (planes(heat)?, planes(offsets)?);
    if answer.placement.mirrored {
        turn(&mut heat, answer.placement)?;
        turn(&mut offsets, answer.placement)?;
        offsets.index_axis_mut(Axis(0), 0).mapv_inplace(|x| -x);
    }
    Ok((heat.index_axis_move(Axis(0), 0), offsets))
}

/// Turns channels of a mirrored tensor back, onto the cells they would have in the
/// tensor of the photo as it is.
fn turn(channels: &mut Array3<f32>, placement: Placement) -> Result<()> {
    let width = channels.dim().2;
    let content = placement.content.0 as f32 * width as f32 / placement.padded.0 as f32;
    let taps = (0..width).map(|x| {
        let at = (content - x as f32 - 1.0).clamp(0.0, (width - 1) as f32);
        (at as usize, (at as usize + 1).min(width - 1), at.fract())
    });
    let (taps, mut before) = (collected(taps, PURPOSE)?, vec![]);
    for mut line in channels.rows_mut() {
        refill(&mut before, line.iter().copied(), PURPOSE)?;
        for (value, &(left, right, weight)) in line.iter_mut().zip(&taps) {
            *value = before[left] + (before[right] - before[left]) * weight;
        }
    }
    Ok(())
}

/// For each cell of a row its person, the next and the two below if all
/// four have the same, else 0. The places nearest to one centre are convex: between
/// votes that agree nothing else can come out.
fn agreed(above: &[u16], below: &[u16]) -> Result<Vec<u16>> {
    let last = above.len() - 1;
    let cell = |x: usize| {
        let next = (x + 1).min(last);
        if [above[next], below[x], below[next]] == [above[x]; 3] { above[x] } else { 0 }
    };
    collected((0..above.len()).map(cell), PURPOSE)
}

/// Whether no cell within reach is hotter; of equals the first is the peak.
fn is_peak(heat: ArrayView2<f32>, (y, x): (usize, usize), reach: (usize, usize)) -> bool {
    let (height, width) = heat.dim();
    let rows = y.saturating_sub(reach.0)..(y + reach.0 + 1).min(height);
    rows.into_iter().all(|v| {
        let columns = x.saturating_sub(reach.1)..(x + reach.1 + 1).min(width);
        columns.into_iter().all(|u| {
            let (here, there) = (heat[[y, x]], heat[[v, u]]);
            here > there || here == there && (y, x) <= (v, u)
        })
    })
}

/// Where the parabola through three neighbouring values has its summit, -0.5 to 0.5 from the middle one.
fn summit(before: Option<f32>, middle: f32, after: Option<f32>) -> f32 {
    let (Some(before), Some(after)) = (before, after) else { return 0.0 };
    let bend = 2.0 * middle - before - after;
    if bend > 0.0 { ((after - before) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
}

/// 1 + index of the centre nearest to a place; of equals the first.
fn nearest(centers: &[Center], x: f32, y: f32) -> u16 {
    let mut best = (f32::INFINITY, 0);
    for (i, center) in centers.iter().enumerate() {
        let distance = (center.x - x).powi(2) + (center.y - y).powi(2);
        if distance < best.0 {
            best = (distance, i + 1);
        }
    }
    best.1 as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;

    /// People as ellipses: centre x, y and half axes, in pixels of the input tensor; the last is in front.
    type Ellipse = (f32, f32, f32, f32);

    fn person_at(people: &[Ellipse], x: f32, y: f32) -> Option<usize> {
        people.iter().rposition(|&(cx, cy, rx, ry)| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0)
    }

    /// What a perfect network says of people, at one cell for `step` pixels.
    fn answer(people: &[Ellipse], placement: Placement, step: u32) -> Answer {
        let (width, height) = (placement.padded.0 / step, placement.padded.1 / step);
        let mut heat = ArrayD::zeros(vec![1, 1, height as usize, width as usize]);
        let mut offsets = ArrayD::zeros(vec![1, 2, height as usize, width as usize]);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (px, py) = ((x as f32 + 0.5) * step as f32, (y as f32 + 0.5) * step as f32);
                for &(cx, cy, ..) in people {
                    let distance = (px - cx).powi(2) + (py - cy).powi(2);
                    heat[[0, 0, y, x]] = f32::max(heat[[0, 0, y, x]], (-distance / 128.0).exp());
                }
                if let Some(person) = person_at(people, px, py) {
                    offsets[[0, 0, y, x]] = people[person].0 - px;
                    offsets[[0, 1, y, x]] = people[person].1 - py;
                }
            }
        }
        Answer { placement, outputs: vec![ArrayD::zeros(vec![1]), heat, offsets] }
    }

    /// A photo twice the size of its 192 x 120 pixels in a tensor of 192 x 128.
    fn placement(mirrored: bool) -> Placement {
        let (photo, content, padded) = ((384, 240), (192, 120), (192, 128));
        Placement { photo, content, origin: (0, 0), padded, mirrored }
    }

    /// Class and person of each pixel of the photo, people counted from 1 in the order given.
    fn truth(people: &[Ellipse]) -> (Vec<u8>, Vec<u16>) {
        let pixels = (0..240).flat_map(|y| (0..384).map(move |x| (x, y)));
        let at = |(x, y): (u32, u32)| person_at(people, (x as f32 + 0.5) / 2.0, (y as f32 + 0.5) / 2.0);
        let people: Vec<u16> = pixels.map(|pixel| at(pixel).map_or(0, |person| person as u16 + 1)).collect();
        (people.iter().map(|&person| 5 * (person > 0) as u8).collect(), people)
    }

    /// Part of the person pixels that have another person than the truth.
    fn wrong(found: &[u16], truth: &[u16]) -> f64 {
        assert!(found.iter().zip(truth).all(|(&a, &b)| (a == 0) == (b == 0)));
        let different = found.iter().zip(truth).filter(|(a, b)| a != b).count();
        different as f64 / truth.iter().filter(|&&person| person > 0).count() as f64
    }

    const THREE: [Ellipse; 3] =
        [(40.0, 60.0, 18.0, 50.0), (82.0, 70.0, 22.0, 44.0), (150.3, 52.8, 20.0, 40.0)];

    #[test]
    fn people_are_told_apart_and_counted_from_left_to_right() {
        let (labels, truth) = truth(&THREE);
        for step in [2, 4, 8] {
            let found = people_map(&[answer(&THREE, placement(false), step)], &labels).unwrap();
            let wrong = wrong(&found, &truth);
            // Only what lies within a cell of the border between two who touch.
            assert!(wrong < 0.004 * step as f64, "1/{step}: {wrong}");
        }
    }

    #[test]
    fn centers_are_found_within_a_fraction_of_a_cell() {
        let field = Field::new(&[answer(&THREE, placement(false), 4)]).unwrap();
        let centers = field.centers().unwrap();
        assert_eq!(centers.len(), 3);
        for (center, (x, y, ..)) in centers.iter().zip(THREE) {
            assert!((center.x - x).abs() < 0.5 && (center.y - y).abs() < 0.5, "{center:?} {x} {y}");
        }
    }

    #[test]
    fn people_of_a_part_are_those_of_the_whole_photo() {
        let (labels, _) = truth(&THREE);
        let whole = people_map(&[answer(&THREE, placement(false), 4)], &labels).unwrap();
        // The part without the third person.
        let (left, top, width, height) = (16, 8, 216, 232);
        let inside: Vec<usize> =
            (top..top + height).flat_map(|y| y * 384 + left..y * 384 + left + width).collect();
        let labels: Vec<u8> = inside.iter().map(|&i| labels[i]).collect();
        let part = Placement {
            photo: (width as u32, height as u32),
            content: (width as u32 / 2, height as u32 / 2),
            origin: (left as u32 / 2, top as u32 / 2),
            ..placement(false)
        };
        let found = people_map(&[Answer { placement: part, ..answer(&THREE, placement(false), 4) }], &labels);
        assert_eq!(found.unwrap(), inside.iter().map(|&i| whole[i]).collect::<Vec<_>>());
    }

    #[test]
    fn a_mirrored_pass_is_turned_back() {
        let seen = THREE.map(|(x, y, rx, ry)| (192.0 - x, y, rx, ry));
        // The photo leaves part of the tensor's right side empty.
        let narrow = |mirrored| Placement { padded: (224, 128), ..placement(mirrored) };
        let (labels, truth) = truth(&THREE);
        let plain = answer(&THREE, narrow(false), 4);
        let mirrored = answer(&seen, narrow(true), 4);
        for answers in [vec![mirrored], vec![plain, answer(&seen, narrow(true), 4)]] {
            let found = people_map(&answers, &labels).unwrap();
            assert!(wrong(&found, &truth) < 0.02);
        }
    }

    #[test]
    fn the_largest_tensor_decides() {
        let nobody = answer(&[], Placement { content: (96, 60), padded: (96, 64), ..placement(false) }, 4);
        let (labels, truth) = truth(&THREE);
        let found = people_map(&[nobody, answer(&THREE, placement(false), 4)], &labels).unwrap();
        assert!(wrong(&found, &truth) < 0.02);
    }

    #[test]
    fn people_without_a_center_are_one_person() {
        let (labels, truth) = truth(&THREE);
        let found = people_map(&[answer(&[], placement(false), 4)], &labels).unwrap();
        assert!(found.iter().zip(truth).all(|(&found, truth)| found == (truth > 0) as u16));
    }

    #[test]
    fn a_center_that_nobody_votes_for_is_left_out() {
        let mut answer = answer(&THREE, placement(false), 4);
        answer.outputs[1][[0, 0, 4, 28]] = 1.0;
        assert_eq!(Field::new(std::slice::from_ref(&answer)).unwrap().centers().unwrap().len(), 4);
        let (labels, truth) = truth(&THREE);
        assert!(wrong(&people_map(&[answer], &labels).unwrap(), &truth) < 0.02);
    }

    #[test]
    fn two_centers_of_one_person_are_one() {
        // A second, weaker peak 14 pixels from the first, and votes on both sides of half way.
        let one = [(95.0, 61.0, 70.0, 55.0)];
        let mut answer = answer(&one, placement(false), 2);
        for y in 0..64 {
            for x in 0..96 {
                let (px, py) = ((x as f32 + 0.5) * 2.0, (y as f32 + 0.5) * 2.0);
                let second = 0.9 * (-((px - 109.0).powi(2) + (py - 61.0).powi(2)) / 16.0).exp();
                let heat = &mut answer.outputs[1][[0, 0, y, x]];
                *heat = heat.powi(4).max(second);
                answer.outputs[2][[0, 0, y, x]] += if x % 2 == 0 { 8.0 } else { 0.0 };
            }
        }
        assert_eq!(Field::new(std::slice::from_ref(&answer)).unwrap().centers().unwrap().len(), 2);
        let (labels, truth) = truth(&one);
        assert_eq!(people_map(&[answer], &labels).unwrap(), truth);
    }

    #[test]
    fn a_person_is_not_the_double_of_a_center_without_pixels() {
        let two = [(80.0, 60.0, 60.0, 58.0), (165.0, 60.0, 20.0, 40.0)];
        let mut answer = answer(&two, placement(false), 4);
        answer.outputs[1].mapv_inplace(|heat| 0.8 * heat);
        // Hotter than the first person's peak, beyond its window, and no vote is near.
        answer.outputs[1][[0, 0, 18, 19]] = 1.0;
        assert_eq!(Field::new(std::slice::from_ref(&answer)).unwrap().centers().unwrap().len(), 3);
        let (labels, truth) = truth(&two);
        assert!(wrong(&people_map(&[answer], &labels).unwrap(), &truth) < 0.02);
    }

    #[test]
    fn the_hottest_of_too_many_centers_are_kept() {
        let (photo, mirrored) = ((800, 800), false);
        let place = Placement { photo, content: photo, origin: (0, 0), padded: photo, mirrored };
        let mut answer = answer(&[], place, 4);
        for i in 0..100 {
            answer.outputs[1][[0, 0, 10 + 20 * (i / 10), 10 + 20 * (i % 10)]] = 0.3 + 0.005 * i as f32;
        }
        let centers = Field::new(&[answer]).unwrap().centers().unwrap();
        assert_eq!(centers.len(), MAX_PEOPLE);
        assert!(centers.iter().all(|center| center.heat > 0.47));
        assert!(centers.is_sorted_by(|a, b| a.x <= b.x));
    }

    #[test]
    fn wrong_outputs_are_refused() {
        let (labels, _) = truth(&THREE);
        let code = |change: &dyn Fn(&mut Answer)| {
            let mut answer = answer(&THREE, placement(false), 4);
            change(&mut answer);
            people_map(&[answer], &labels).unwrap_err().code()
        };
        assert_eq!(code(&|answer| answer.outputs.truncate(2)), Code::BadModel);
        assert_eq!(code(&|answer| answer.outputs.swap(1, 2)), Code::BadModel);
        assert_eq!(code(&|answer| answer.outputs[2] = ArrayD::zeros(vec![1, 2, 8, 8])), Code::BadModel);
        assert_eq!(code(&|answer| answer.outputs[2][[0, 0, 0, 0]] = f32::NAN), Code::InferenceFailed);
    }
}
