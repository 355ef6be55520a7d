//! Label map -> label map in which no dress ends as a skirt.

use super::draft::{Draft, Probability};
use super::patches::Patches;
use crate::error::Result;

/// Lets what a person wears of dress and skirt, where both touch, be one of them: that which the model takes the whole
/// for.
pub(super) fn make_whole(draft: &mut Draft, probability: &mut Probability) -> Result<()> {
    let Draft { labels, people, width, label_set } = draft;
    let (width, label_set) = (*width, *label_set);
    let Some(classes) = label_set.dress_and_skirt() else {
        return Ok(());
    };
    // Few photos show both.
    if !classes.iter().all(|class| labels.contains(class)) {
        return Ok(());
    }
    let (of_person, patches) = Patches::of_people(labels, people, width, classes)?;
    for patch in of_person {
        let both =
            |class| patches.lines(patch).any(|(y, columns)| labels[y * width..][columns].contains(&class));
        if !classes.into_iter().all(both) {
            continue;
        }
        let [dress, skirt] = classes.map(|class| patches.sum(patch, class, probability));
        patches.fill(patch, classes[(skirt > dress) as usize], labels);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::labels::LabelSet;

    const WIDTH: usize = 30;
    const HEIGHT: usize = 20;
    const DRESS: u8 = 6;
    const SKIRT: u8 = 12;
    const COAT: u8 = 7;

    /// Rows of columns 10 to 20, class, person, and how probable a skirt is there; a dress is it otherwise.
    type Garment = (Range<usize>, u8, u16, f64);

    /// The classes of the first pixels of garments, once dresses are whole.
    fn whole<const N: usize>(garments: [Garment; N]) -> [u8; N] {
        let (mut labels, mut people) = (vec![0; WIDTH * HEIGHT], vec![0; WIDTH * HEIGHT]);
        let mut is_skirt = [0.0; HEIGHT];
        for (rows, class, person, probability) in garments.clone() {
            for y in rows {
                labels[y * WIDTH + 10..y * WIDTH + 20].fill(class);
                people[y * WIDTH + 10..y * WIDTH + 20].fill(person);
                is_skirt[y] = probability;
            }
        }
        let mut draft =
            Draft { labels: &mut labels, people: &people, width: WIDTH, label_set: LabelSet::Cihp };
        make_whole(&mut draft, &mut |y: usize, columns: Range<usize>, class: u8, sum: &mut f64| {
            let probability = if class == SKIRT { is_skirt[y] } else { 1.0 - is_skirt[y] };
            *sum += columns.len() as f64 * probability;
        })
        .unwrap();
        garments.map(|(rows, ..)| labels[rows.start * WIDTH + 10])
    }

    #[test]
    fn dress_and_skirt_that_touch_are_what_both_are_taken_for() {
        assert_eq!(whole([(2..8, DRESS, 1, 0.4), (8..12, SKIRT, 1, 0.55)]), [DRESS; 2]);
        // The smaller part, but surely.
        assert_eq!(whole([(2..8, DRESS, 1, 0.4), (8..12, SKIRT, 1, 0.9)]), [SKIRT; 2]);
    }

    #[test]
    fn what_does_not_touch_stays() {
        let apart = [(2..8, DRESS, 1, 0.4), (8..10, COAT, 1, 0.5), (10..14, SKIRT, 1, 0.6)];
        assert_eq!(whole(apart), [DRESS, COAT, SKIRT]);
    }

    #[test]
    fn what_another_person_wears_stays() {
        assert_eq!(whole([(2..8, DRESS, 1, 0.2), (8..12, SKIRT, 2, 0.6)]), [DRESS, SKIRT]);
    }

    #[test]
    fn what_is_one_of_both_stays_although_less_likely() {
        assert_eq!(whole([(2..8, DRESS, 1, 0.6)]), [DRESS]);
    }
}
