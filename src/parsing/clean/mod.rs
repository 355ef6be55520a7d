//! Label map -> label map without what networks get wrong: the table of the clean-up passes.

mod draft;
mod dresses;
mod patches;
mod shoes;
mod specks;

pub(super) use draft::Draft;

use draft::Probability;

use crate::card::CleanPass;
use crate::error::Result;

/// A pass over the label map.
pub(super) struct Row {
    pass: CleanPass,
    pub run: fn(&mut Draft, &mut Probability) -> Result<()>,
    /// Whether it changes what is a person's, so that people are told apart anew.
    pub moves_people: bool,
}

/// All passes, in the order in which they are run.
const PASSES: [Row; 3] = [
    Row { pass: CleanPass::Specks, run: specks::merge, moves_people: true },
    Row { pass: CleanPass::Dresses, run: dresses::make_whole, moves_people: false },
    Row { pass: CleanPass::Shoes, run: shoes::pair, moves_people: false },
];

/// The passes of a setting, in the order in which they are run.
pub(super) fn chosen(passes: &[CleanPass]) -> impl Iterator<Item = &'static Row> {
    PASSES.iter().filter(|row| passes.contains(&row.pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_pass_in_order() {
        assert_eq!(PASSES.map(|row| row.pass), CleanPass::ALL);
        let names: Vec<CleanPass> =
            chosen(&[CleanPass::Shoes, CleanPass::Specks]).map(|row| row.pass).collect();
        assert_eq!(names, [CleanPass::Specks, CleanPass::Shoes]);
    }
}
