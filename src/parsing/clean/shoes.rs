//! Label map -> label map in which nobody wears two left shoes.

use std::cmp::Reverse;

use super::draft::{Draft, Probability};
use super::patches::Patches;
use crate::error::Result;

/// Of the two shoes of a person the smaller is at least this part of the other in pixels; what is less is a piece of
/// a shoe.
const LEAST: f64 = 0.5;

/// Lets the shoes of whoever shows two of them be one left and one right shoe, each as a whole: the right one is that
/// of which the model is surer, on average, that it is.
pub(super) fn pair(draft: &mut Draft, probability: &mut Probability) -> Result<()> {
    let Draft { labels, people, width, label_set } = draft;
    let (width, label_set) = (*width, *label_set);
    let Some([left, right]) = label_set.shoes() else {
        return Ok(());
    };
    let (mut shoes, patches) = Patches::of_people(labels, people, width, [left, right])?;
    shoes.sort_unstable_by_key(|&patch| (patches.class(patch), Reverse(patches.area(patch)), patch));
    for shoes in shoes.chunk_by(|&a, &b| patches.class(a) == patches.class(b)) {
        let least = LEAST * patches.area(shoes[0]) as f64;
        let large = shoes.iter().take_while(|&&shoe| patches.area(shoe) as f64 >= least).count();
        if large != 2 {
            continue;
        }
        let mut right_rather_than_left = |shoe: u32| {
            let [is_left, is_right] = [left, right].map(|side| patches.sum(shoe, side, probability));
            (is_right - is_left) / patches.area(shoe) as f64
        };
        let sides = if right_rather_than_left(shoes[0]) > right_rather_than_left(shoes[1]) {
            [right, left]
        } else {
            [left, right]
        };
        for (&shoe, side) in shoes.iter().zip(sides) {
            patches.fill(shoe, side, labels);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::labels::LabelSet;

    const WIDTH: usize = 40;
    const HEIGHT: usize = 20;
    const LEFT: u8 = 18;
    const RIGHT: u8 = 19;

    /// Columns, rows, class, person, and how probable it is that the shoe, which is one for sure, is a right one.
    type Shoe = (Range<usize>, Range<usize>, u8, u16, f64);

    /// The classes of the first pixels of shoes, once they are paired.
    fn paired<const N: usize>(shoes: [Shoe; N]) -> [u8; N] {
        let (mut labels, mut people) = (vec![0; WIDTH * HEIGHT], vec![0; WIDTH * HEIGHT]);
        let mut is_right = vec![0.0; WIDTH * HEIGHT];
        for (columns, rows, class, person, probability) in shoes.clone() {
            for y in rows {
                for x in columns.clone() {
                    let at = y * WIDTH + x;
                    (labels[at], people[at], is_right[at]) = (class, person, probability);
                }
            }
        }
        let mut draft =
            Draft { labels: &mut labels, people: &people, width: WIDTH, label_set: LabelSet::Cihp };
        pair(&mut draft, &mut |y: usize, columns: Range<usize>, class: u8, sum: &mut f64| {
            columns.map(|x| is_right[y * WIDTH + x]).for_each(|right| {
                *sum += if class == RIGHT { right } else { 1.0 - right };
            });
        })
        .unwrap();
        shoes.map(|(columns, rows, ..)| labels[rows.start * WIDTH + columns.start])
    }

    #[test]
    fn of_two_left_shoes_the_less_likely_one_is_right() {
        assert_eq!(paired([(2..6, 5..9, LEFT, 1, 0.4), (10..14, 5..9, LEFT, 1, 0.1)]), [RIGHT, LEFT]);
        assert_eq!(paired([(2..6, 5..9, RIGHT, 1, 0.9), (10..14, 5..9, RIGHT, 1, 0.95)]), [LEFT, RIGHT]);
    }

    #[test]
    fn a_shoe_is_of_one_side_as_a_whole() {
        assert_eq!(
            paired([(2..6, 5..9, LEFT, 1, 0.4), (6..10, 5..9, RIGHT, 1, 0.8), (20..28, 5..9, LEFT, 1, 0.1)]),
            [RIGHT, RIGHT, LEFT]
        );
    }

    #[test]
    fn what_is_right_already_and_the_shoes_of_others_stay() {
        let pair = [(2..6, 5..9, LEFT, 1, 0.2), (10..14, 5..9, RIGHT, 1, 0.7)];
        assert_eq!(paired(pair), [LEFT, RIGHT]);
        assert_eq!(paired([(2..6, 5..9, LEFT, 1, 0.2), (6..10, 5..9, LEFT, 2, 0.4)]), [LEFT, LEFT]);
    }

    #[test]
    fn pieces_are_no_shoes_of_their_own() {
        let shoe = (2..6, 5..9, LEFT, 1, 0.2);
        assert_eq!(paired([shoe.clone(), (10..13, 5..7, LEFT, 1, 0.4)]), [LEFT, LEFT]);
        assert_eq!(
            paired([shoe, (10..14, 5..9, LEFT, 1, 0.4), (20..24, 5..9, LEFT, 1, 0.3)]),
            [LEFT, LEFT, LEFT]
        );
    }
}
