//! [`Model::parse`]: the passes of a setting through the network.

use crate::error::Result;
use crate::model::{Model, Upsample};
use crate::parsing::{self, Answer, Parsing};
use crate::photo::Photo;
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
        let setting = self.card.setting(setting)?;
        let passes = &setting.passes;
        let work = |pass: &crate::Pass| {
            let (width, height) = Placement::new(*pass, photo.width(), photo.height()).padded;
            width as f64 * height as f64
        };
        let total: f64 = passes.iter().map(work).sum();
        let mut before = 0.0;
        let mut answers = Vec::with_capacity(passes.len());
        for pass in passes {
            let input = InputTensor::from_photo(photo, &self.card.input, *pass)?;
            let outputs = self.engine.run(input.values(), &mut |done| {
                progress(((before + done as f64 * work(pass)) / total) as f32);
            })?;
            before += work(pass);
            answers.push(Answer { placement: input.placement(), outputs });
        }
        let guide = (setting.upsample == Upsample::Guided).then_some(photo);
        parsing::parse(&answers, guide, self.card.output, self.card.label_set)
    }
}
