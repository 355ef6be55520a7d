//! What a network answered -> [`Parsing`].

mod answer;
mod bands;
mod clean;
mod equal_run;
mod instance;
mod logits;
mod parsed;
mod people;
mod planes;
mod queries;
mod second_look;
mod semantic;

pub(crate) use answer::Answer;
pub use instance::Instance;
pub use parsed::{Parsing, Segment};
pub(crate) use second_look::{SecondLook, second_look};

use crate::card::{CleanPass, OutputKind};
use crate::error::{Result, filled};
use crate::labels::LabelSet;
use crate::photo::Photo;

/// The answers to all passes over one photo, at least one, become a parsing whose
/// outlines follow those of the `guide`, which is the photo, if there is one.
/// Answers to queries have neither a guide nor a clean-up.
pub(crate) fn parse(
    answers: &[Answer],
    guide: Option<&Photo>,
    passes: &[CleanPass],
    output: OutputKind,
    label_set: LabelSet,
) -> Result<Parsing> {
    let people_map = match output {
        OutputKind::Queries { rule } => return queries::parse(answers, rule, label_set),
        OutputKind::Semantic => |_: &[Answer], labels: &[u8]| filled(0, labels.len(), "the people map"),
        OutputKind::SemanticCenters => people::people_map,
    };
    let semantic = semantic::Semantic::new(answers, guide, label_set)?;
    let mut labels = semantic.label_map()?;
    let mut people = people_map(answers, &labels)?;
    let mut probabilities = semantic.probabilities()?;
    let photo = answers[0].placement.photo;
    for pass in clean::chosen(passes) {
        let width = photo.0 as usize;
        let mut draft = clean::Draft { labels: &mut labels, people: &people, width, label_set };
        (pass.run)(&mut draft, &mut probabilities)?;
        if pass.moves_people {
            people = people_map(answers, &labels)?;
        }
    }
    Parsing::from_label_map(label_set, photo, labels, people, probabilities)
}
