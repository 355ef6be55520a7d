//! [`Model::parse`]: the passes of a setting through the network.

use std::ops::Range;

use crate::engine::Step;
use crate::error::Result;
use crate::model::{Model, Pass, Setting, Upsample};
use crate::parsing::{self, Answer, Parsing, SecondLook};
use crate::photo::Photo;
use crate::stop;
use crate::tensor::{InputTensor, Placement};

impl Model {
    /// Parses the people in a photo.
    ///
    /// `setting` is the id of one of the card's [`settings`](crate::Card::settings), the
    /// default one if left out. `progress` is called with the part of the inference of
    /// all passes that is done, 0 to 1, never falling.
    pub fn parse(
        &mut self,
        photo: &Photo,
        setting: Option<&str>,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Parsing> {
        self.parse_in_steps(photo, setting, &mut |done, step| {
            if matches!(step, Step::Node { .. } | Step::Parsing) {
                progress(done);
            }
        })
    }

    /// [`Model::parse`] that tells of each [`Step`], for those who measure it.
    ///
    /// `observe` is called after each step with the part of the inference of all passes that
    /// is done, 0 to 1.
    pub fn parse_in_steps(
        &mut self,
        photo: &Photo,
        setting: Option<&str>,
        observe: &mut dyn FnMut(f32, Step),
    ) -> Result<Parsing> {
        let setting = self.card.setting(setting)?.clone();
        let (first, rest) = setting.passes.split_at(1);
        let seen = work(first, photo) / most_work(&setting, photo);
        let mut answers = self.answers(photo, first, 0.0..seen, observe)?;
        let look = parsing::second_look(&mut answers[0], &setting, self.card.label_set);
        let Some(SecondLook { origin, size, passes, first }) = stop::finished(look)? else {
            answers.extend(self.answers(photo, rest, seen..1.0, observe)?);
            return self.parsed(photo, &setting, &answers, observe);
        };
        match first {
            Some(placement) => answers[0].placement = placement,
            None => answers.clear(),
        }
        let part = photo.part(origin, size)?;
        answers.extend(self.answers(&part, &passes, seen..1.0, observe)?);
        self.parsed(&part, &setting, &answers, observe)?.within((photo.width(), photo.height()), origin)
    }

    /// Runs the network on each pass over a photo, which is that range of the inference of all.
    fn answers(
        &mut self,
        photo: &Photo,
        passes: &[Pass],
        range: Range<f64>,
        observe: &mut dyn FnMut(f32, Step),
    ) -> Result<Vec<Answer>> {
        let whole = work(passes, photo);
        let mut done = range.start;
        let mut answers = Vec::with_capacity(passes.len());
        for pass in passes {
            let input = InputTensor::from_photo(photo, &self.card.input, *pass)?;
            let (_, _, height, width) = input.values().dim();
            observe(done as f32, Step::Tensor { height, width });
            let share = (range.end - range.start) * work(&[*pass], photo) / whole;
            let ran = self.engine.run(input.values(), &mut |part, step| {
                observe((done + part as f64 * share) as f32, step);
            });
            let outputs = stop::finished(ran)?;
            done += share;
            answers.push(Answer { placement: input.placement(), outputs });
        }
        Ok(answers)
    }

    /// The answers to all passes over a photo as a parsing.
    fn parsed(
        &self,
        photo: &Photo,
        setting: &Setting,
        answers: &[Answer],
        observe: &mut dyn FnMut(f32, Step),
    ) -> Result<Parsing> {
        let guide = (setting.upsample == Upsample::Guided).then_some(photo);
        let parsed = parsing::parse(answers, guide, setting.specks, self.card.output, self.card.label_set);
        let parsing = stop::finished(parsed)?;
        observe(1.0, Step::Parsing);
        Ok(parsing)
    }
}

/// Pixels of the inputs of a setting over a photo; with the second look that it may take, where nothing else follows
/// the first pass.
fn most_work(setting: &Setting, photo: &Photo) -> f64 {
    let passes = work(&setting.passes, photo);
    if setting.passes.len() > 1 {
        return passes;
    }
    let closer = setting.closer.map_or(0.0, |closer| closer.pixels as f64);
    let mirrored = setting.mirrored.map_or(0.0, |mirrored| mirrored.pixels as f64);
    (passes + closer).max(mirrored)
}

/// Pixels of the inputs of some passes over a photo.
fn work(passes: &[Pass], photo: &Photo) -> f64 {
    let padded = passes.iter().map(|&pass| Placement::new(pass, photo.width(), photo.height()).padded);
    padded.map(|(width, height)| width as f64 * height as f64).sum()
}
