//! `bodymap parse`: photos in, label maps, pictures and annotations out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bodymap::export::{Format, Options, stem};
use bodymap::{Card, Model, PaintOptions, PaletteSpec, limits};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use super::batch::Work;
use super::files;
use super::photos::{self, Input};
use super::report::{Outcome, Report};
use super::results::Results;

/// Parse photos and write the results into a folder.
///
/// Writes DIR/STEM.png (label map: indexed PNG in the photo's size, upright,
/// pixel = class id), DIR/STEM.colormap.png, DIR/STEM.overlay.png and
/// DIR/STEM.json (masks as base64 PNG). Formats that have more than one file a photo
/// lie in DIR/FORMAT/, and DIR/coco.json and DIR/labelstudio.json speak of all photos;
/// see docs/formats.md.
///
/// Of a folder or pattern the results keep the paths below it: DIR/beach/p1.png of
/// photos/beach/p1.jpg. A photo that fails is reported on standard error, the others
/// are parsed all the same, and the exit status is 1.
#[derive(Args)]
pub struct Arguments {
    /// JPEG, PNG or WebP files; folders, which are searched through; or patterns such as 'photos/**/*.jpg'.
    #[arg(required_unless_present = "list", value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// A file that names further photos, one a line; - for standard input.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Folder below which the results keep the paths of single files; without it they keep the file names alone.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Folder for the results; made if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Model card (JSON beside its model file); the built-in model if left out.
    #[arg(long, value_name = "CARD")]
    model: Option<PathBuf>,
    /// One of the settings of the model card, such as fast or fine; the card's first if left out.
    #[arg(long, value_name = "ID")]
    setting: Option<String>,
    /// What to write.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = format_parser(),
        default_values = ["labels", "colormap", "overlay", "json"],
    )]
    formats: Vec<Format>,
    /// Colours: cihp, voc, or a JSON file with one [r, g, b] or {"hsv": [h, s, v]} a class.
    #[arg(long)]
    palette: Option<String>,
    /// Photos parsed at a time, each with its own copy of the model; the processors are shared among them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Go on where an earlier run was stopped: photos whose results are all there are left out.
    #[arg(long)]
    resume: bool,
    /// Pack each format into DIR/FORMAT.zip as well.
    #[arg(long)]
    zip: bool,
    /// These photos are a part of all: leave to a later run, with --resume and all of them, what speaks of all.
    #[arg(long, conflicts_with = "zip")]
    part: bool,
    /// File for one line of JSON a photo: {"photo", "name", "outcome": "parsed", "kept" or "failed", "code", "message"}.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What stands before the photos' names in labelme and Label Studio files: a folder, seen from DIR/labelme, or a URL.
    #[arg(long, value_name = "PREFIX")]
    photos_at: Option<String>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let name = |format: Format| match format {
        Format::LabelMap => PossibleValue::new("labels").alias(format.name()),
        _ => PossibleValue::new(format.name()),
    };
    PossibleValuesParser::new(Format::all().map(name)).map(|name| {
        Format::from_name(if name == "labels" { "labelmap" } else { &name }).expect("a possible value")
    })
}

/// What the results of a folder depend on, kept in it so that a later run does not
/// mix them with those of another model.
#[derive(PartialEq, Serialize, Deserialize)]
struct Run {
    version: String,
    model: Card,
    setting: String,
    palette: Option<String>,
    photos_at: Option<String>,
}

const RUN_FILE: &str = ".bodymap-run.json";

/// Exit status 0 if every photo was parsed, 1 if some failed, 2 if none could be tried.
pub fn run(arguments: &Arguments) -> ExitCode {
    match prepare(arguments) {
        Ok((model, options, listed)) => parse_all(arguments, model, &options, listed),
        Err(message) => {
            eprintln!("bodymap: {message}");
            ExitCode::from(2)
        }
    }
}

/// The model, the options, and the photos of the list.
fn prepare(arguments: &Arguments) -> Result<(Model, Options, Vec<PathBuf>), String> {
    let listed = arguments.list.as_deref().map(photos::read_list).transpose()?.unwrap_or_default();
    let paint = PaintOptions { palette: palette(arguments.palette.as_deref())?, ..Default::default() };
    let options = Options { paint, photos: arguments.photos_at.clone() };
    std::fs::create_dir_all(&arguments.out)
        .map_err(|e| format!("{}: the folder cannot be made: {e} (io)", arguments.out.display()))?;
    let model = files::model(arguments.model.as_deref())?;
    let setting = model.card().setting(arguments.setting.as_deref()).map_err(|e| e.to_string())?;
    let run = Run {
        version: env!("CARGO_PKG_VERSION").into(),
        model: model.card().clone(),
        setting: setting.id.clone(),
        palette: arguments.palette.clone(),
        photos_at: arguments.photos_at.clone(),
    };
    keep_run(&arguments.out, &run, arguments.resume)?;
    Ok((model, options, listed))
}

/// Notes what this run is in the folder, if it is to be resumed or was before.
fn keep_run(out: &Path, run: &Run, resume: bool) -> Result<(), String> {
    let path = out.join(RUN_FILE);
    if resume && path.exists() {
        let json = files::read(&path, limits::MAX_CARD_BYTES as u64)?;
        if serde_json::from_slice(&json).ok().as_ref() != Some(run) {
            return Err(format!(
                "{}: the results are of another model, setting, palette or version; choose another folder or leave out --resume (bad-option)",
                out.display()
            ));
        }
        return Ok(());
    }
    if resume || path.exists() {
        let json = serde_json::to_vec_pretty(run).map_err(|e| e.to_string())?;
        files::write(&path, &json)?;
    }
    Ok(())
}

fn parse_all(arguments: &Arguments, model: Model, options: &Options, listed: Vec<PathBuf>) -> ExitCode {
    let is_listed = !listed.is_empty();
    let named_photos = [arguments.photos.clone(), listed].concat();
    let inputs = photos::find(&named_photos, arguments.base.as_deref(), &arguments.out);
    let photos::Inputs { photos, errors, is_batch } = inputs;
    let results = Results { folder: &arguments.out, formats: &arguments.formats };
    let is_batch = is_batch || is_listed || arguments.resume;
    let mut report = Report::new(photos.len() + errors.len(), is_batch);
    for error in errors {
        report.add(None, Outcome::Failed(error));
    }
    let mut stems: Vec<Option<String>> = vec![None; photos.len()];
    let mut tasks = vec![];
    let mut first_of = HashMap::new();
    for (n, photo) in photos.iter().enumerate() {
        match named(photo, &mut first_of) {
            Err(message) => report.add(Some(photo), Outcome::Failed(message)),
            Ok(stem) if arguments.resume && results.has(&photo.path, stem) => {
                stems[n] = Some(stem.into());
                report.add(Some(photo), Outcome::Kept);
            }
            Ok(_) => tasks.push((n, photo)),
        }
    }
    let label_set = model.card().label_set;
    let work = Work {
        setting: arguments.setting.as_deref(),
        card: arguments.model.as_deref(),
        options,
        results: &results,
    };
    work.run(model, &tasks, arguments.jobs as usize, |(n, photo), written| match written {
        Ok(()) => {
            stems[n] = stem(&photo.name).ok().map(Into::into);
            report.add(Some(photo), Outcome::Parsed);
        }
        Err(message) => report.add(Some(photo), Outcome::Failed(message)),
    });
    if !arguments.part {
        let stems: Vec<String> = stems.into_iter().flatten().collect();
        for error in results.finish(&stems, label_set, arguments.zip) {
            report.error(&error);
        }
    }
    if let Some(path) = &arguments.report
        && let Err(error) = files::write(path, report.lines())
    {
        report.error(&error);
    }
    if report.finish() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The stem of a photo, unless another has it.
fn named<'a>(photo: &'a Input, first_of: &mut HashMap<&'a str, &'a Path>) -> Result<&'a str, String> {
    let path = &photo.path;
    let stem = stem(&photo.name).map_err(|e| format!("{}: {e}", path.display()))?;
    if let Some(first) = first_of.get(stem) {
        return Err(format!(
            "{}: its results would replace those of {}; rename one of them (name-clash)",
            path.display(),
            first.display()
        ));
    }
    first_of.insert(stem, path);
    Ok(stem)
}

fn palette(argument: Option<&str>) -> Result<Option<PaletteSpec>, String> {
    match argument {
        Some(path) if path.ends_with(".json") => {
            let json = files::read(Path::new(path), limits::MAX_CARD_BYTES as u64)?;
            let spec = serde_json::from_slice(&json)
                .map_err(|e| format!("{path}: this is not a palette: {e} (bad-option)"))?;
            Ok(Some(spec))
        }
        Some(name) => Ok(Some(PaletteSpec::Name(name.into()))),
        None => Ok(None),
    }
}
