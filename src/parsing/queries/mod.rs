//! Queries -> label map and people.
//!
//! A network of the Mask2Former family answers with a number of queries, each a
//! mask and the probability of every class. Which of them count, and with what
//! score, is decided as in ModelScope's pipeline for M2FP (`image_human_parsing`,
//! version 1.9.5): [`Instance`]s are the masks, labels and scores that it returns.
//! The maps made of them are our own: see [`people`] and [`drawing`].

mod drawing;
mod instances;
mod masks;
mod outputs;
mod people;
mod published;
mod semantic;

use std::ops::Range;

use super::answer::Answer;
use super::parsed::Parsing;
use crate::card::QueryRule;
use crate::error::{Result, filled};
use crate::labels::LabelSet;
use drawing::Drawn;
use instances::Found;
use outputs::read;
use people::People;
use semantic::{Pasted, Summed};

/// The answers to all passes over one photo become a parsing.
///
/// With one pass over several people, instances are drawn over each other by the
/// drawing order. With more passes, and for one person always, each pixel has the
/// class that is the largest in the mean of the passes' semantic maps.
pub(super) fn parse(answers: &[Answer], rule: QueryRule, label_set: LabelSet) -> Result<Parsing> {
    match rule {
        QueryRule::MultiHuman => multi_human(answers, label_set),
        QueryRule::SingleHuman => single_human(answers, label_set),
    }
}

fn multi_human(answers: &[Answer], label_set: LabelSet) -> Result<Parsing> {
    let classes = label_set.names().len();
    let passes = read(answers, classes + 1)?;
    let main = passes.iter().position(|queries| !queries.placement.mirrored).unwrap_or(0);
    let found = passes.iter().map(|queries| Found::new(queries, classes)).collect::<Result<Vec<_>>>()?;
    let (queries, claims) = (&passes[main], &found[main]);
    let people = People::new(queries, claims)?;
    let Drawn { winners, people: mut persons } = drawing::draw(queries, claims, &people, label_set)?;
    let photo = queries.placement.photo;
    let parsing = if passes.len() == 1 {
        let mut labels = filled(0u8, winners.len(), "the label map")?;
        labels.iter_mut().zip(&winners).for_each(|(class, &winner)| *class = claims.winner_class(winner));
        clear_background(&mut persons, &labels);
        let add = |y: usize, columns: Range<usize>, _, sum: &mut f64| {
            let winners = &winners[y * photo.0 as usize..][columns];
            winners.iter().for_each(|&winner| *sum += claims.winner_score(winner) as f64);
        };
        Parsing::from_label_map(label_set, photo, labels, persons, add)?
    } else {
        let maps = passes.iter().zip(&found).map(|(queries, found)| Pasted { queries, found });
        let labelled = semantic::label_map(&maps.collect::<Vec<_>>(), label_set)?;
        clear_background(&mut persons, &labelled.labels);
        labelled.into_parsing(label_set, photo, persons)?
    };
    Ok(Parsing { instances: published::published(claims, &people, label_set)?, ..parsing })
}

fn single_human(answers: &[Answer], label_set: LabelSet) -> Result<Parsing> {
    let passes = read(answers, label_set.names().len())?;
    let maps = passes.iter().map(Summed::new).collect::<Result<Vec<_>>>()?;
    let labelled = semantic::label_map(&maps, label_set)?;
    let mut people = filled(1u16, labelled.labels.len(), "the people map")?;
    clear_background(&mut people, &labelled.labels);
    let instances = labelled.published(label_set)?;
    let parsing = labelled.into_parsing(label_set, passes[0].placement.photo, people)?;
    Ok(Parsing { instances, ..parsing })
}

fn clear_background(people: &mut [u16], labels: &[u8]) {
    people.iter_mut().zip(labels).for_each(|(person, &class)| *person = if class == 0 { 0 } else { *person });
}

#[cfg(test)]
mod tests {
    use super::masks::{MaskRows, PlaneRows};
    use super::outputs::{Queries, sigmoid};
    use super::semantic::SemanticMap;
    use super::*;
    use crate::error::Code;
    use crate::tensor::Placement;
    use ndarray::{Array3, ArrayD, Axis, s};

    const HUMAN: usize = 20;

    fn place(photo: (u32, u32), content: (u32, u32), padded: (u32, u32)) -> Placement {
        Placement { photo, content, origin: (0, 0), padded, mirrored: false }
    }

    /// A query: classes with their probabilities, and the rectangle left, top, right, bottom of its mask in cells.
    type Rectangle<'a> = (&'a [(usize, f32)], [usize; 4]);

    /// What a network of `classes` with "Human", but without "nothing", answers.
    fn answer(queries: &[Rectangle], classes: usize, placement: Placement, cell: u32) -> Answer {
        let (width, height) = ((placement.padded.0 / cell) as usize, (placement.padded.1 / cell) as usize);
        let mut logits = ArrayD::zeros(vec![1, queries.len(), classes + 1]);
        let mut masks = ArrayD::from_elem(vec![1, queries.len(), height, width], -4.0);
        for (query, (probabilities, [left, top, right, bottom])) in queries.iter().enumerate() {
            let rest: f32 = 1.0 - probabilities.iter().map(|(_, probability)| probability).sum::<f32>();
            for class in 0..classes {
                logits[[0, query, class]] = f32::ln(1e-6);
            }
            logits[[0, query, classes]] = rest.max(1e-6).ln();
            for &(class, probability) in *probabilities {
                logits[[0, query, class]] = probability.ln();
            }
            masks.slice_mut(s![0, query, *top..*bottom, *left..*right]).fill(4.0);
        }
        Answer { placement, outputs: vec![logits, masks] }
    }

    /// Cells are pixels of the photo.
    fn parsed(queries: &[Rectangle], width: u32, height: u32) -> Parsing {
        let size = (width, height);
        let answer = answer(queries, HUMAN + 1, place(size, size, size), 1);
        parse(&[answer], QueryRule::MultiHuman, LabelSet::Cihp).unwrap()
    }

    #[test]
    fn parts_are_given_to_the_people_they_lie_on() {
        let (hair, coat, shoe, nothing) = (2, 7, 18, 5);
        let parsing = parsed(
            &[
                (&[(HUMAN, 0.9)], [6, 0, 10, 6]),
                (&[(HUMAN, 0.8)], [1, 0, 5, 6]),
                (&[(HUMAN, 0.7)], [1, 0, 5, 5]), // the left one again, weaker
                (&[(hair, 0.9)], [1, 0, 5, 1]),
                (&[(hair, 0.6)], [6, 0, 10, 1]),
                (&[(coat, 0.85)], [1, 2, 10, 3]), // of both, and of the gap between them
                (&[(shoe, 0.8)], [12, 5, 14, 6]), // of nobody
                (&[(nothing, 0.05)], [0, 0, 15, 6]),
            ],
            15,
            6,
        );
        let row = |y: usize| (&parsing.labels[15 * y..][..15], &parsing.people[15 * y..][..15]);
        assert_eq!(row(0).0, [0, 2, 2, 2, 2, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(row(0).1, [0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(row(2).0, [0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
        assert_eq!(row(2).1, [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(row(5).0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 18, 0]);
        assert_eq!(row(5).1, [0; 15]);
        let segments: Vec<(u8, u16, u64)> =
            parsing.segments.iter().map(|segment| (segment.class, segment.person, segment.area)).collect();
        assert_eq!(segments, [(18, 0, 2), (2, 1, 4), (7, 1, 5), (2, 2, 4), (7, 2, 4)]);
        // Probability of the class times the mean probability of the mask.
        assert!((parsing.segments[3].score - 0.6 * sigmoid(4.0)).abs() < 1e-4);
        let instances: Vec<(&str, u16)> =
            parsing.instances.iter().map(|instance| (&*instance.label, instance.person)).collect();
        let expected = [
            ("Hair", 1),
            ("Coat", 1),
            ("Left-shoe", 0),
            ("Hair", 2),
            ("Human", 2),
            ("Human", 1),
            ("Human", 1),
        ];
        assert_eq!(instances, expected);
        let mask = parsing.instances[2].mask(90).unwrap();
        assert!(mask.iter().enumerate().all(|(i, &bit)| bit == if i == 87 || i == 88 { 255 } else { 0 }));
    }

    #[test]
    fn what_overlaps_is_drawn_in_order_but_on_its_own_person() {
        let (upper, coat, arm) = (5, 7, 14);
        let parsing = parsed(
            &[
                (&[(HUMAN, 0.9)], [0, 0, 4, 3]),
                (&[(HUMAN, 0.9)], [4, 0, 8, 3]),
                (&[(coat, 0.5)], [0, 0, 5, 2]), // a coat of the left one, over the edge
                (&[(upper, 0.9)], [0, 1, 4, 3]), // below the coat where both are
                (&[(arm, 0.3)], [4, 0, 8, 3]),  // of the right one: not below the other's coat
            ],
            8,
            3,
        );
        let (l, r) = ([7, 7, 7, 7, 14, 14, 14, 14], [5, 5, 5, 5, 14, 14, 14, 14]);
        assert_eq!(parsing.labels, [l, l, r].concat());
        assert_eq!(parsing.people, [1, 1, 1, 1, 2, 2, 2, 2].repeat(3));
    }

    #[test]
    fn nobody_is_there() {
        let parsing = parsed(&[(&[(5, 0.09)], [0, 0, 3, 3]), (&[(0, 0.9)], [0, 0, 3, 3])], 3, 3);
        assert_eq!((parsing.labels, parsing.people), (vec![0; 9], vec![0; 9]));
        assert!(parsing.segments.is_empty() && parsing.instances.is_empty());
    }

    /// Smooth masks and steep classes from a seed.
    fn random(seed: u32, classes: usize, placement: Placement) -> Answer {
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let (queries, height, width) =
            (30, (placement.padded.1 / 4) as usize, (placement.padded.0 / 4) as usize);
        let logits = ArrayD::from_shape_simple_fn(vec![1, queries, classes + 1], || 30.0 * random().powi(8));
        let waves = Array3::from_shape_simple_fn((queries, 2, 2), || 0.6 * random());
        let masks = ArrayD::from_shape_fn(vec![1, queries, height, width], |at| {
            let wave = |axis: usize| {
                (waves[[at[1], axis, 0]] * at[2 + axis] as f32 + 9.0 * waves[[at[1], axis, 1]]).sin()
            };
            3.0 * wave(0) + 4.0 * wave(1) - 1.5
        });
        Answer { placement, outputs: vec![logits, masks] }
    }

    fn planes(queries: &Queries) -> Vec<Vec<f32>> {
        let plane = |query| {
            let (mut rows, mut line) = (MaskRows::new(queries.mask(query), &queries.grid), vec![]);
            let rows = (0..queries.grid.photo().1).flat_map(|y| {
                rows.row(y, &mut line).unwrap();
                line.clone()
            });
            rows.collect()
        };
        (0..queries.masks.dim().0).map(plane).collect()
    }

    const SIZES: (u32, u32, u32) = (61, 50, 56);

    /// Without dropping anything early, on whole planes.
    #[test]
    fn instances_follow_the_definition() {
        let placement = place((SIZES.0, 37), (SIZES.1, 30), (SIZES.2, 32));
        let answers = [random(1, HUMAN + 1, placement)];
        let queries = &read(&answers, HUMAN + 1).unwrap()[0];
        let planes = planes(queries);
        let mut pairs: Vec<(usize, usize)> =
            (0..30).flat_map(|query| (0..=HUMAN).map(move |class| (query, class))).collect();
        pairs.sort_by(|&a, &b| queries.probabilities[b].total_cmp(&queries.probabilities[a]));
        let mut expected: Vec<(usize, f64, Vec<bool>)> = vec![];
        for &(query, class) in &pairs[..100] {
            let inside: Vec<bool> = planes[query].iter().map(|&logit| logit > 0.0).collect();
            let positive = planes[query].iter().filter(|&&logit| logit > 0.0);
            let sum: f64 = positive.clone().map(|&logit| 1.0 / (1.0 + (-logit as f64).exp())).sum();
            let score = queries.probabilities[[query, class]] as f64 * sum / (positive.count() as f64 + 1e-6);
            if class != 0 && score >= 0.1 {
                expected.push((class, score, inside));
            }
        }
        expected.sort_by(|a, b| (a.0 == HUMAN).cmp(&(b.0 == HUMAN)).then(b.1.total_cmp(&a.1)));
        let parsing = parse(&answers, QueryRule::MultiHuman, LabelSet::Cihp).unwrap();
        assert!(expected.len() > 20 && expected.iter().filter(|(class, ..)| *class == HUMAN).count() > 1);
        assert_eq!(parsing.instances.len(), expected.len());
        for (instance, (class, score, inside)) in parsing.instances.iter().zip(&expected) {
            assert_eq!(instance.class as usize, *class);
            assert!((instance.score as f64 - score).abs() < 1e-6, "{} {score}", instance.score);
            let mask = instance.mask(inside.len()).unwrap();
            assert!(mask.iter().zip(inside).all(|(&bit, &inside)| (bit == 255) == inside));
        }
        // Every pixel that a part claims has one of these parts.
        for (i, &label) in parsing.labels.iter().enumerate() {
            let claims: Vec<usize> = expected
                .iter()
                .filter(|(class, _, inside)| *class != HUMAN && inside[i])
                .map(|&(class, ..)| class)
                .collect();
            assert!(claims.contains(&(label as usize)) || (claims.is_empty() && label == 0), "pixel {i}");
        }
    }

    #[test]
    fn one_persons_map_follows_the_definition() {
        let origin = (3, 2);
        let placement = Placement { origin, ..place((37, 61), (30, 50), (40, 56)) };
        let answers = [random(2, 20, placement)];
        let queries = &read(&answers, 20).unwrap()[0];
        let summed = Summed::new(queries).unwrap();
        let mut rows = summed.rows().unwrap();
        let mut lines = vec![vec![]; 20];
        let parsing = parse(&answers, QueryRule::SingleHuman, LabelSet::Lip).unwrap();
        // Whole planes of the tensor, cropped, stretched.
        let mut sums = Array3::<f32>::zeros((20, 50, 30));
        for query in 0..30 {
            let (mut rows, mut line) = (MaskRows::new(queries.mask(query), &queries.grid), vec![]);
            for y in 0..50 {
                rows.tensor_row(y, &mut line).unwrap();
                for (x, &logit) in line.iter().enumerate() {
                    for class in 0..20 {
                        sums[[class, y, x]] += queries.probabilities[[query, class]] / (1.0 + (-logit).exp());
                    }
                }
            }
        }
        let mut classes = std::collections::BTreeSet::new();
        for y in 0..61 {
            rows(y, &mut lines).unwrap();
            let plane = |class: usize| {
                let (mut rows, mut line) =
                    (PlaneRows::new(sums.index_axis(Axis(0), class), &queries.grid), vec![]);
                rows.row(y, &mut line).unwrap();
                line
            };
            let planes: Vec<Vec<f32>> = (0..20).map(plane).collect();
            for x in 0..37 {
                let label = parsing.labels[y * 37 + x] as usize;
                classes.insert(label);
                for class in 0..20 {
                    assert!((planes[class][x] - lines[class][x]).abs() < 1e-5);
                    assert!(planes[class][x] <= planes[label][x] + 1e-5, "{x} {y}");
                }
                assert_eq!(parsing.people[y * 37 + x], (label != 0) as u16);
            }
        }
        assert!(classes.len() > 3, "{classes:?}");
        let published: Vec<usize> =
            parsing.instances.iter().map(|instance| instance.class as usize).collect();
        assert!(classes.into_iter().eq(published));
        assert!(parsing.instances.iter().all(|instance| (0.5..1.0).contains(&instance.score)));
        let areas: u64 = parsing.segments.iter().map(|segment| segment.area).sum();
        assert_eq!(areas as usize, parsing.labels.iter().filter(|&&class| class != 0).count());
    }

    /// What the same network answers to the mirrored photo.
    fn mirrored(answer: &Answer) -> Answer {
        let Placement { content, padded, .. } = answer.placement;
        let (cells, all) = (content.0 as usize / 4, padded.0 as usize / 4);
        let swap = LabelSet::Cihp.mirrored();
        let mut logits = answer.outputs[0].clone();
        for (class, &other) in swap.iter().enumerate() {
            logits.slice_mut(s![.., .., class]).assign(&answer.outputs[0].slice(s![.., .., other as usize]));
        }
        let order: Vec<usize> = (0..cells).rev().chain(cells..all).collect();
        let masks = answer.outputs[1].select(Axis(3), &order);
        Answer { placement: Placement { mirrored: true, ..answer.placement }, outputs: vec![logits, masks] }
    }

    #[test]
    fn mirrored_passes_are_turned_back() {
        // No padding beside the photo, so that its border is the same on both sides.
        let placement = place((61, 37), (56, 30), (56, 32));
        for (rule, classes, set) in
            [(QueryRule::SingleHuman, 20, LabelSet::Lip), (QueryRule::MultiHuman, HUMAN + 1, LabelSet::Cihp)]
        {
            let plain = random(3, classes, placement);
            let turned = mirrored(&plain);
            let alone = parse(std::slice::from_ref(&plain), rule, set).unwrap();
            let back = parse(std::slice::from_ref(&turned), rule, set).unwrap();
            let differ = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
            assert!(rule == QueryRule::MultiHuman || differ(&alone.labels, &back.labels) <= 2);
            let twice = parse(&[plain, turned], rule, set).unwrap();
            let once = match rule {
                QueryRule::SingleHuman => alone.labels,
                // Several passes are averaged as semantic maps: those of one pass.
                QueryRule::MultiHuman => {
                    let answers = [random(3, classes, placement)];
                    let queries = &read(&answers, classes).unwrap()[0];
                    let found = &Found::new(queries, HUMAN).unwrap();
                    semantic::label_map(&[Pasted { queries, found }], set).unwrap().labels
                }
            };
            assert!(once.iter().any(|&class| class > 0));
            assert!(differ(&once, &twice.labels) <= 2, "{rule:?}");
            assert!(twice.people.iter().zip(&twice.labels).all(|(&person, &class)| class > 0 || person == 0));
        }
    }

    #[test]
    fn wrong_outputs_are_refused() {
        let placement = place((8, 8), (8, 8), (8, 8));
        let code = |logits: Vec<usize>, masks: Vec<usize>| {
            let outputs = vec![ArrayD::zeros(logits), ArrayD::zeros(masks)];
            let answer = Answer { placement, outputs };
            parse(&[answer], QueryRule::MultiHuman, LabelSet::Cihp).err().map(|error| error.code())
        };
        assert_eq!(code(vec![1, 5, 22], vec![1, 5, 2, 2]), None);
        for (logits, masks) in [
            (vec![1, 5, 21], vec![1, 5, 2, 2]),
            (vec![1, 5, 22], vec![1, 6, 2, 2]),
            (vec![2, 5, 22], vec![2, 5, 2, 2]),
            (vec![1, 5, 22], vec![1, 5, 0, 2]),
            (vec![1, 5, 22], vec![1, 5, 2]),
        ] {
            assert_eq!(code(logits, masks), Some(Code::BadModel));
        }
        let mut answer = random(1, HUMAN + 1, placement);
        answer.outputs[1][[0, 3, 1, 1]] = f32::NAN;
        let error = parse(&[answer], QueryRule::MultiHuman, LabelSet::Cihp).unwrap_err();
        assert_eq!(error.code(), Code::InferenceFailed);
        let answer = Answer { placement, outputs: vec![ArrayD::zeros(vec![1, 5, 22])] };
        let error = parse(&[answer], QueryRule::MultiHuman, LabelSet::Cihp).unwrap_err();
        assert_eq!(error.code(), Code::BadModel);
    }
}
