//! Many photos, several at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use bodymap::export::{Format, Options, Sample, stem};
use bodymap::{Model, ParseOptions, Photo, limits};

use super::files;
use super::photos::Input;
use super::pool::Pools;
use super::records::Source;
use super::results::Results;

/// A photo to parse, and its place among all.
type Task<'a> = (usize, &'a Input);

/// What is done with each photo.
pub struct Work<'a> {
    pub setting: Option<&'a str>,
    /// Card of the model, read again for each job.
    pub card: Option<&'a Path>,
    pub options: &'a Options,
    pub results: &'a Results<'a>,
}

impl Work<'_> {
    /// Parses the photos, `jobs` at a time, and tells `done` of each, in the order they come to an end.
    pub fn run(
        &self,
        model: Model,
        tasks: &[Task],
        jobs: usize,
        mut done: impl FnMut(Task, Result<(), String>),
    ) {
        let jobs = jobs.clamp(1, tasks.len().max(1));
        let pools = Pools::new(jobs);
        let next = AtomicUsize::new(0);
        let mut first = Some(model);
        std::thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            for _ in 0..jobs {
                let (next, tell, model, pools) = (&next, tell.clone(), first.take(), &pools);
                scope.spawn(move || pools.run(|| self.job(model, tasks, next, &tell)));
            }
            drop(tell);
            for (n, written) in told {
                done(tasks[n], written);
            }
        });
    }

    /// Takes one task after the other.
    fn job(
        &self,
        mut model: Option<Model>,
        tasks: &[Task],
        next: &AtomicUsize,
        tell: &mpsc::Sender<(usize, Result<(), String>)>,
    ) {
        while let n = next.fetch_add(1, Ordering::Relaxed)
            && let Some((_, photo)) = tasks.get(n)
        {
            let written = catch_unwind(AssertUnwindSafe(|| {
                let mut ready = match model.take() {
                    Some(model) => model,
                    None => files::model(self.card)?,
                };
                let written = self.parse(photo, &mut ready);
                model = Some(ready);
                written
            }));
            // After a panic the model may be in any state; the next photo gets a new one.
            let written = written.unwrap_or_else(|_| {
                Err(format!(
                    "{}: the program failed on this photo; please report it (inference-failed)",
                    photo.path.display()
                ))
            });
            if tell.send((n, written)).is_err() {
                return;
            }
        }
    }

    fn parse(&self, input: &Input, model: &mut Model) -> Result<(), String> {
        let named = |e: bodymap::Error| format!("{}: {e}", input.path.display());
        let stem = stem(&input.name).map_err(named)?;
        // Looked at before it is read: a photo that is replaced meanwhile is parsed anew later.
        let source = Source::of(&input.path, &input.name);
        let bytes = files::read(&input.path, limits::MAX_PHOTO_BYTES as u64)?;
        let photo = Photo::decode(&bytes).map_err(named)?;
        drop(bytes);
        let mut options = ParseOptions::default();
        options.setting = self.setting;
        let parsing = model.parse(&photo, &options, &mut |_| ()).map_err(named)?;
        let sample =
            Sample { name: &input.name, parsing: &parsing, photo: Some(&photo), model: model.card() };
        let files = |&format: &Format| Ok((format, format.files(&sample, self.options).map_err(named)?));
        let made = self.results.formats.iter().map(files).collect::<Result<Vec<_>, String>>()?;
        let written = self.results.write(source, stem, &made);
        written.map_err(|message| format!("{}: {message}", input.path.display()))
    }
}
