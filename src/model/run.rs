//! [`Model::parse`]: the passes of a setting through the network.

use crate::engine::Step;
use crate::error::Result;
use crate::model::{Model, Pass, Upsample};
use crate::parsing::{self, Answer, Parsing};
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
            if matches!(step, Step::Node { .. }) {
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
        let mut passes = setting.passes;
        let work = |passes: &[Pass]| -> f64 {
            let padded =
                passes.iter().map(|&pass| Placement::new(pass, photo.width(), photo.height()).padded);
            padded.map(|(width, height)| width as f64 * height as f64).sum()
        };
        let mut answers = Vec::with_capacity(passes.len());
        // The part of the inference that is done.
        let mut done = 0.0;
        while let Some(&pass) = passes.get(answers.len()) {
            let input = InputTensor::from_photo(photo, &self.card.input, pass)?;
            let (_, _, height, width) = input.values().dim();
            observe(done as f32, Step::Tensor { height, width });
            let share = (1.0 - done) * work(&[pass]) / work(&passes[answers.len()..]);
            let ran = self.engine.run(input.values(), &mut |part, step| {
                observe((done + part as f64 * share) as f32, step);
            });
            let outputs = stop::finished(ran)?;
            done += share;
            answers.push(Answer { placement: input.placement(), outputs });
            if let (Some(closer), [answer]) = (setting.closer, &mut answers[..])
                && pass.size != closer.size
            {
                let tallest = stop::finished(parsing::tallest_person(answer, self.card.label_set))?;
                if (1.0..closer.below as f32).contains(&tallest) {
                    answers.clear();
                    passes.iter_mut().for_each(|pass| pass.size = closer.size);
                }
            }
        }
        let guide = (setting.upsample == Upsample::Guided).then_some(photo);
        let parsed = parsing::parse(&answers, guide, setting.specks, self.card.output, self.card.label_set);
        let parsing = stop::finished(parsed)?;
        observe(1.0, Step::Parsing);
        Ok(parsing)
    }
}
