//! Label map -> label map without specks: small patches that the model is not sure
//! of become what surrounds them.

use super::draft::{Draft, Probability};
use super::patches::{Patches, Small};
use crate::error::Result;
use crate::limits::MIN_PERSON_SHARE;

/// A patch of at most a share of its person whose pixels are less probable, on average, than this is a speck.
struct Limit {
    share: f64,
    probability: f64,
}

/// For patches of any class. A hand may be 0.003 of a person.
const ANY: Limit = Limit { share: 0.0025, probability: 0.5 };

/// For patches of a garment that lie on another garment: the larger, the less sure the model must be.
const GARMENT: [Limit; 2] =
    [Limit { share: 0.05, probability: 0.6 }, Limit { share: LARGEST_GARMENT, probability: 0.45 }];
const LARGEST_GARMENT: f64 = 0.15;

/// What has at most this part of the photo's pixels is a speck, however probable: a cell of 96x96, whose probability
/// need not be that of a pixel with another colour than the cell.
const LEAST_SHARE: f64 = 1e-4;

/// Gives the specks of a label map to what surrounds them: of the classes of the larger patches that each touches,
/// to the one that is most probable there.
///
/// A patch's person is the person of its first pixel, as far as it is one figure with the patch.
pub(super) fn merge(draft: &mut Draft, probability: &mut Probability) -> Result<()> {
    let Draft { labels, people, width, label_set } = draft;
    let (width, label_set) = (*width, *label_set);
    let garments = label_set.garments();
    // What is too small for a person is small, whatever it is part of.
    let fewest = (MIN_PERSON_SHARE * labels.len() as f64) as u32;
    let mut patches = Patches::new(labels, width)?;
    let mut areas = vec![0; people.iter().fold(0, |most, &person| person.max(most)) as usize + 1];
    people.chunk_by(|a, b| a == b).for_each(|run| areas[run[0] as usize] += run.len() as u32);
    let most = (LARGEST_GARMENT * patches.largest_figure() as f64) as u32;
    for Small { patch, around, lines } in patches.small(most.max(fewest))? {
        let (class, area) = (patches.class(patch), patches.area(patch));
        // The background is a hole in a figure, or none of this concerns it.
        if class == 0 && around.iter().any(|&other| patches.class(other) == 0) {
            continue;
        }
        let within = if class == 0 { around[0] } else { patch };
        let figure = patches.figure_area(within);
        let person = match people[patches.first_pixel(within)] {
            0 => figure,
            person => figure.min(areas[person as usize]),
        } as f64;
        let is_small = area as f64 <= ANY.share * person || area <= fewest;
        let is_garment = garments.contains(&class) && area as f64 <= LARGEST_GARMENT * person;
        if !is_small && !is_garment {
            continue;
        }
        let mut mean = |class: u8| {
            let mut sum = 0.0;
            lines.iter().for_each(|(y, columns)| probability(*y, columns.clone(), class, &mut sum));
            sum / area as f64
        };
        let own = mean(class);
        let is_weak = is_small && (own < ANY.probability || area as f64 <= LEAST_SHARE * labels.len() as f64);
        let falls_under = |limit: &Limit| area as f64 <= limit.share * person && own < limit.probability;
        let is_weak_garment = is_garment && GARMENT.iter().any(falls_under);
        if !is_weak && !is_weak_garment {
            continue;
        }
        let mut classes: Vec<u8> = around.iter().map(|&other| patches.class(other)).collect();
        classes.sort_unstable();
        classes.dedup();
        let classes = classes.into_iter().map(|class| (class, mean(class)));
        let (best, _) = classes.max_by(|a, b| a.1.total_cmp(&b.1)).expect("a patch around it");
        if is_weak || garments.contains(&best) {
            patches.set_class(patch, best);
            lines.iter().for_each(|(y, columns)| labels[y * width..][columns.clone()].fill(best));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::labels::LabelSet;

    const WIDTH: usize = 200;
    const HEIGHT: usize = 100;

    /// A label map of rectangles, each over those before it: columns, rows, class, how probable its pixels are.
    /// What is less probable is so in favour of the class that it covers.
    struct Scene {
        labels: Vec<u8>,
        probabilities: Vec<[f32; 20]>,
    }

    impl Scene {
        /// A figure of upper clothes with a leg in pants, 9,000 pixels in all.
        fn new() -> Scene {
            let scene =
                Scene { labels: vec![0; WIDTH * HEIGHT], probabilities: vec![[0.0; 20]; WIDTH * HEIGHT] };
            scene.with(0..WIDTH, 0..HEIGHT, 0, 1.0).with(20..120, 5..65, 5, 0.9).with(20..120, 65..95, 9, 0.9)
        }

        fn with(mut self, columns: Range<usize>, rows: Range<usize>, class: u8, probability: f32) -> Scene {
            for y in rows {
                for at in y * WIDTH + columns.start..y * WIDTH + columns.end {
                    self.probabilities[at] = [0.0; 20];
                    self.probabilities[at][self.labels[at] as usize] = 1.0 - probability;
                    self.probabilities[at][class as usize] += probability;
                    self.labels[at] = class;
                }
            }
            self
        }

        /// The classes of some pixels, x and y, once the specks are merged.
        fn merged<const N: usize>(self, pixels: [(usize, usize); N]) -> [u8; N] {
            let people = self.labels.iter().map(|&class| (class != 0) as u16).collect();
            self.merged_of(people, pixels)
        }

        fn merged_of<const N: usize>(self, people: Vec<u16>, pixels: [(usize, usize); N]) -> [u8; N] {
            let mut labels = self.labels;
            let mut draft =
                Draft { labels: &mut labels, people: &people, width: WIDTH, label_set: LabelSet::Cihp };
            merge(&mut draft, &mut |y: usize, columns: Range<usize>, class: u8, sum: &mut f64| {
                columns.for_each(|x| *sum += self.probabilities[y * WIDTH + x][class as usize] as f64);
            })
            .unwrap();
            pixels.map(|(x, y)| labels[y * WIDTH + x])
        }
    }

    #[test]
    fn small_and_weak_patches_become_what_surrounds_them() {
        // 20 pixels of 9,000: an arm on the clothes, a hole in them, and surely some sunglasses; then 24.
        let (arm, sunglasses, rows) = (14, 4, 22..26);
        let scene = Scene::new()
            .with(30..35, rows.clone(), arm, 0.45)
            .with(52..57, rows.clone(), 0, 0.45)
            .with(73..78, rows.clone(), sunglasses, 0.55)
            .with(93..99, rows, arm, 0.45);
        let pixels = [(33, 25), (55, 25), (75, 25), (95, 25), (150, 50)];
        assert_eq!(scene.merged(pixels), [5, 5, sunglasses, arm, 0]);
    }

    #[test]
    fn garments_on_garments_are_merged_while_larger_and_surer() {
        // 400 pixels of a coat are less than a twentieth of the figure, 500 are more; a scarf is no such garment.
        let scene = Scene::new()
            .with(30..50, 20..40, 7, 0.55)
            .with(60..85, 20..40, 7, 0.55)
            .with(30..50, 70..90, 11, 0.4)
            .with(60..80, 70..90, 6, 0.65);
        assert_eq!(scene.merged([(40, 30), (70, 30), (40, 80), (70, 80)]), [5, 7, 11, 6]);
    }

    #[test]
    fn large_garments_are_merged_if_nearly_as_likely_something_else() {
        // 900 pixels are a tenth of the figure, 1,500 a sixth.
        let large = |probability| Scene::new().with(30..60, 20..50, 7, probability).merged([(40, 30)]);
        assert_eq!((large(0.4), large(0.5)), ([5], [7]));
        assert_eq!(Scene::new().with(30..80, 20..50, 7, 0.4).merged([(40, 30)]), [7]);
    }

    #[test]
    fn a_garment_on_the_background_is_no_patch_of_another() {
        let scene = Scene::new().with(119..139, 40..60, 7, 0.55);
        assert_eq!(scene.merged([(130, 50)]), [7]);
    }

    #[test]
    fn what_is_small_on_two_people_may_be_large_on_one() {
        let coat = || Scene::new().with(40..60, 20..40, 7, 0.55);
        let nobody = vec![0; WIDTH * HEIGHT];
        let two = |labels: &[u8]| -> Vec<u16> {
            let pixels = labels.iter().enumerate();
            pixels.map(|(at, &class)| if class == 0 { 0 } else { 1 + (at % WIDTH >= 80) as u16 }).collect()
        };
        assert_eq!(coat().merged_of(nobody, [(50, 30)]), [5]);
        let people = two(&coat().labels);
        assert_eq!(coat().merged_of(people, [(50, 30)]), [7]);
    }

    #[test]
    fn small_people_are_kept_unless_too_small_for_one() {
        // 60 pixels, and 9 where a person has 10.
        let scene = Scene::new().with(150..156, 20..30, 5, 0.45).with(170..173, 20..23, 5, 0.45);
        assert_eq!(scene.merged([(152, 25), (171, 21)]), [5, 0]);
    }

    #[test]
    fn the_background_around_people_is_no_speck() {
        let gap = Scene::new().with(50..58, 0..8, 0, 0.3).with(50..58, 92..100, 0, 0.3);
        assert_eq!(gap.merged([(55, 6), (55, 94)]), [0, 0]);
    }

    #[test]
    fn a_speck_on_a_speck_becomes_what_that_became() {
        let scene = Scene::new().with(30..35, 22..26, 14, 0.45).with(32..34, 23..25, 13, 0.4);
        assert_eq!(scene.merged([(31, 25), (33, 24)]), [5, 5]);
    }

    #[test]
    fn no_more_than_a_cell_is_a_speck_however_probable() {
        // A cell is two of the photo's 20,000 pixels.
        let scene = Scene::new().with(30..32, 20..21, 14, 0.9).with(40..43, 20..21, 14, 0.9);
        assert_eq!(scene.merged([(30, 20), (40, 20)]), [5, 14]);
    }

    #[test]
    fn nothing_is_lost_of_a_photo_of_one_pixel() {
        for class in [0, 5] {
            let mut labels = [class];
            let label_set = LabelSet::Cihp;
            let mut draft = Draft { labels: &mut labels, people: &[class as u16], width: 1, label_set };
            merge(&mut draft, &mut |_: usize, _: Range<usize>, _: u8, _: &mut f64| {}).unwrap();
            assert_eq!(labels, [class]);
        }
    }
}
