//! [`Model`]: a photo -> what its people are made of.

use std::io::{Cursor, Read, Seek};
use std::ops::Range;

use crate::card::{Card, Pass, Setting, Upsample};
use crate::engine::{Engine, TractEngine, Work};
use crate::error::Result;
use crate::model::CheckedFiles;
use crate::parsing::{self, Answer, Parsing, SecondLook};
use crate::photo::Photo;
use crate::stop::{self, Stop};
use crate::tensor::{InputTensor, Placement};

/// Work that has just been done. The core has no clock: what a step took is the time since the one before.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// A photo was made the input tensor of a pass.
    Tensor {
        /// In pixels.
        height: usize,
        /// In pixels.
        width: usize,
    },
    /// The engine did a piece of work on that pass.
    Network(Work<'a>),
    /// The outputs were made a parsing.
    Parsing,
}

/// How a photo is parsed: by the default setting, to its end, unless something else is asked for.
///
/// ```
/// use bodymap::{ParseOptions, Stop};
///
/// let options = ParseOptions::default().with_setting("fine").with_stop(Stop::never());
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ParseOptions<'a> {
    /// Id of one of the card's [`settings`](crate::Card::settings); the first one if left out.
    pub setting: Option<&'a str>,
    /// Ends the parse with [`Code::Stopped`](crate::Code::Stopped).
    pub stop: Stop,
}

impl<'a> ParseOptions<'a> {
    /// These options with a setting of the card.
    pub fn with_setting(self, id: &'a str) -> ParseOptions<'a> {
        ParseOptions { setting: Some(id), ..self }
    }

    /// These options with a signal that ends the parse.
    pub fn with_stop(self, stop: Stop) -> ParseOptions<'a> {
        ParseOptions { stop, ..self }
    }
}

/// A model that is ready to parse photos.
pub struct Model {
    card: Card,
    engine: Box<dyn Engine>,
}

impl Model {
    /// A model whose files are in memory; see [`read`](Model::read).
    pub fn load(card: Card, bytes: &[u8]) -> Result<Model> {
        Model::read(card, Cursor::new(bytes.to_vec()))
    }

    /// Checks the size and SHA-256 of each file against the card, then reads the network.
    ///
    /// `file` gives the bytes of the card's files, joined in order. It is read twice,
    /// piece by piece; besides the pieces one copy of the weights is in memory. A small
    /// model is kept as it is read; the file of a large one is kept instead, and
    /// checked and read again for photos that need another size of the input.
    pub fn read(card: Card, file: impl Read + Seek + Send + 'static) -> Result<Model> {
        let files = CheckedFiles::new(&card, file);
        let engine = TractEngine::from_onnx(files, &card.id)?;
        Ok(Model::with_engine(card, Box::new(engine)))
    }

    /// A model with an engine of one's own, such as a stand-in for tests.
    pub fn with_engine(card: Card, engine: Box<dyn Engine>) -> Model {
        Model { card, engine }
    }

    /// The model's card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Parses the people in a photo. `progress` is called with the part of the inference of
    /// all passes that is done, 0 to 1, never falling.
    pub fn parse(
        &mut self,
        photo: &Photo,
        options: &ParseOptions,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Parsing> {
        self.parse_in_steps(photo, options, &mut |done, step| {
            if matches!(step, Step::Network(Work::Node { .. }) | Step::Parsing) {
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
        options: &ParseOptions,
        observe: &mut dyn FnMut(f32, Step),
    ) -> Result<Parsing> {
        let setting = self.card.setting(options.setting)?.clone();
        options.stop.during(|| self.parse_with(photo, &setting, observe))
    }

    fn parse_with(
        &mut self,
        photo: &Photo,
        setting: &Setting,
        observe: &mut dyn FnMut(f32, Step),
    ) -> Result<Parsing> {
        let (first, rest) = setting.passes.split_at(1);
        let seen = work(first, photo) / most_work(setting, photo);
        let mut answers = self.answers(photo, first, 0.0..seen, observe)?;
        let look = parsing::second_look(&mut answers[0], setting, self.card.label_set)?;
        stop::check()?;
        let Some(SecondLook { origin, size, passes, first }) = look else {
            answers.extend(self.answers(photo, rest, seen..1.0, observe)?);
            return self.parsed(photo, setting, &answers, observe);
        };
        match first {
            Some(placement) => answers[0].placement = placement,
            None => answers.clear(),
        }
        let part = photo.part(origin, size)?;
        answers.extend(self.answers(&part, &passes, seen..1.0, observe)?);
        self.parsed(&part, setting, &answers, observe)?.within((photo.width(), photo.height()), origin)
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
            let outputs = self.engine.run(input.values(), &mut |part, work| {
                observe((done + part as f64 * share) as f32, Step::Network(work));
            })?;
            stop::check()?;
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
        let parsed = parsing::parse(answers, guide, &setting.clean, self.card.output, self.card.label_set);
        let parsing = parsed?;
        stop::check()?;
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
