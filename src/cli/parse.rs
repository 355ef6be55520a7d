//! `bodymap parse`: photos in, label maps, pictures and annotations out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bodymap::export::{Format, Options, Paths, stem};
use bodymap::{Card, LabelSet, Model, PaintOptions, PaletteSpec, limits};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use super::batch::Work;
use super::claims::Claims;
use super::messages::warn;
use super::photos::{self, Input, Inputs};
use super::report::{Outcome, Report, is_report};
use super::results::Results;
use super::{files, lists, named_file, records};

/// Parse photos and write the results into a folder.
///
/// Writes DIR/STEM.png (label map: indexed PNG in the photo's size, upright,
/// pixel = class id), DIR/STEM.colormap.png, DIR/STEM.overlay.png and
/// DIR/STEM.json (masks as base64 PNG). Formats that have more than one file a photo
/// lie in DIR/FORMAT/, and DIR/coco.json and DIR/labelstudio.json are about all photos;
/// see docs/formats.md.
///
/// Of a folder or pattern the results keep the paths below it: DIR/beach/p1.png of
/// photos/beach/p1.jpg. A photo that fails is reported on standard error, the others
/// are parsed all the same, and the exit status is 1.
///
/// Nothing is replaced but results that bodymap wrote and nobody changed since, which
/// it knows by the hidden folder DIR/.bodymap.
#[derive(Args)]
pub struct Arguments {
    /// JPEG, PNG or WebP files; folders, which are searched through; or patterns such as 'photos/**/*.jpg'.
    #[arg(required_unless_present = "list", value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// A file that names further photos, one a line in UTF-8 or UTF-16; - for standard input.
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
        default_values = ["labelmap", "colormap", "overlay", "json"],
    )]
    formats: Vec<Format>,
    /// Colours: cihp, voc, or a JSON file with one [r, g, b] or {"hsv": [h, s, v]} a class.
    #[arg(long)]
    palette: Option<String>,
    /// Photos parsed at a time, each with its own copy of the model; the processors are shared among them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Go on where an earlier run was stopped: photos whose results are all there and whole are left out.
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
    let value = |format: Format| PossibleValue::new(format.name()).aliases(format.alias());
    PossibleValuesParser::new(Format::all().map(value))
        .map(|name| Format::from_name(&name).expect("a possible value"))
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

const RUN_FILE: &str = ".bodymap/run.json";

/// Exit status 0 if every photo was parsed, 1 if some failed, 2 if none could be tried.
pub fn run(arguments: &Arguments) -> ExitCode {
    match parse(arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            warn(message);
            ExitCode::from(2)
        }
    }
}

/// Parses everything and gives the number of things that failed.
fn parse(arguments: &Arguments) -> Result<usize, String> {
    let listed = arguments.list.as_deref().map(lists::read).transpose()?.unwrap_or_default();
    let paint = PaintOptions { palette: palette(arguments.palette.as_deref())?, ..Default::default() };
    let options = Options { paint, photos: arguments.photos_at.clone() };
    if let Some(path) = &arguments.report {
        named_file::check(path, is_report)?;
    }
    let model = files::model(arguments.model.as_deref())?;
    let setting = model.card().setting(arguments.setting.as_deref()).map_err(|e| e.to_string())?;
    let run = Run {
        version: env!("CARGO_PKG_VERSION").into(),
        model: model.card().clone(),
        setting: setting.id.clone(),
        palette: arguments.palette.clone(),
        photos_at: arguments.photos_at.clone(),
    };
    std::fs::create_dir_all(&arguments.out)
        .map_err(|e| format!("{}: the folder cannot be made: {e} (io)", arguments.out.display()))?;

    let is_listed = !listed.is_empty();
    let named_photos = [arguments.photos.clone(), listed].concat();
    let inputs = photos::find(&named_photos, arguments.base.as_deref(), &arguments.out);
    let keeps = arguments.resume && is_same_run(&arguments.out, &run)?;
    let plan = Plan::new(arguments, model.card().label_set, &inputs, keeps)?;
    keep_run(&arguments.out, &run, arguments.resume)?;

    let is_batch = inputs.is_batch || is_listed || arguments.resume;
    let mut report = Report::new(inputs.photos.len() + inputs.errors.len(), is_batch);
    inputs.left_out.lines().iter().for_each(|line| report.tell(line));
    for error in inputs.errors {
        report.add(None, Outcome::Failed(error));
    }
    Ok(parse_planned(arguments, model, &options, &inputs.photos, plan, report))
}

/// Whether results in the folder are known to be of such a run, so that a resumed one may keep them.
/// Error: they are known to be of another.
fn is_same_run(out: &Path, run: &Run) -> Result<bool, String> {
    let path = out.join(RUN_FILE);
    if !path.exists() {
        return Ok(true);
    }
    let json = files::read(&path, limits::MAX_CARD_BYTES as u64)?;
    match serde_json::from_slice::<Run>(&json) {
        Ok(before) if before != *run => Err(format!(
            "{}: the results are of another model, setting, palette or version; choose another folder or leave out --resume (bad-option)",
            out.display()
        )),
        before => Ok(before.is_ok()),
    }
}

/// Notes what this run is in the folder, if it is to be resumed or was before.
fn keep_run(out: &Path, run: &Run, resume: bool) -> Result<(), String> {
    let path = out.join(RUN_FILE);
    if resume || path.exists() {
        let json = serde_json::to_vec_pretty(run).map_err(|e| e.to_string())?;
        files::write(&path, &json)?;
    }
    Ok(())
}

/// What is done about each photo, known before anything is written.
struct Plan<'a> {
    results: Results<'a>,
    /// In the order of the photos.
    photos: Vec<Planned>,
}

enum Planned {
    Parse,
    /// The results are there.
    Keep,
    Refuse(String),
}

impl<'a> Plan<'a> {
    /// Whole results from before stay if it `keeps` them. Errors: what speaks of all photos cannot be written.
    fn new(
        arguments: &'a Arguments,
        label_set: LabelSet,
        inputs: &Inputs,
        keeps: bool,
    ) -> Result<Plan<'a>, String> {
        let results =
            Results { folder: &arguments.out, formats: &arguments.formats, resume: arguments.resume };
        let of_all = results.paths_of_all(label_set, arguments.zip);
        if !arguments.part {
            results.check_all(&of_all, &inputs.originals)?;
        }
        let mut claims = Claims::new(files::folds_case(results.folder));
        let mut files: Vec<String> = of_all.into_iter().map(|(_, path)| path).collect();
        files.push(records::FOLDER.into());
        // The report may lie among the results.
        let report = arguments.report.as_deref().and_then(|path| path_below(&arguments.out, path));
        files.extend(report);
        // They differ from each other.
        let _ = claims.claim(inputs.photos.len(), &Paths { files, open_folders: vec![] });
        let planned = |(n, photo)| plan_photo(&results, n, photo, inputs, keeps, &mut claims);
        let photos = inputs.photos.iter().enumerate().map(planned).collect();
        Ok(Plan { results, photos })
    }
}

fn plan_photo(
    results: &Results,
    n: usize,
    photo: &Input,
    inputs: &Inputs,
    keeps: bool,
    claims: &mut Claims,
) -> Planned {
    let path = photo.path.display();
    let named = stem(&photo.name).and_then(|stem| Ok((stem, results.possible_paths(stem)?)));
    let (stem, paths) = match named {
        Ok(named) => named,
        Err(e) => return Planned::Refuse(format!("{path}: {e}")),
    };
    let has_all = keeps && results.has(photo, stem);
    if !has_all && let Err(message) = results.check(photo, stem, &paths, &inputs.originals) {
        return Planned::Refuse(message);
    }
    match claims.claim(n, &paths) {
        Ok(()) if has_all => Planned::Keep,
        Ok(()) => Planned::Parse,
        Err(other) => {
            let other = inputs.photos.get(other).map(|other| other.path.display().to_string());
            Planned::Refuse(format!(
                "{path}: its results would replace {}; rename one of them (name-clash)",
                other.map_or("what is written of all photos".into(), |other| format!("those of {other}"))
            ))
        }
    }
}

/// The path of a file below a folder, if it is there.
fn path_below(folder: &Path, file: &Path) -> Option<String> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = parent.canonicalize().ok()?.join(file.file_name()?);
    let below = file.strip_prefix(folder.canonicalize().ok()?).ok()?;
    Some(below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// Parses the photos of the plan and gives the number of things that failed.
fn parse_planned(
    arguments: &Arguments,
    model: Model,
    options: &Options,
    photos: &[Input],
    Plan { results, photos: planned }: Plan,
    mut report: Report,
) -> usize {
    let mut is_there = vec![false; photos.len()];
    let mut tasks = vec![];
    for (n, (photo, planned)) in photos.iter().zip(planned).enumerate() {
        match planned {
            Planned::Parse => tasks.push((n, photo)),
            Planned::Keep => {
                is_there[n] = true;
                report.add(Some(photo), Outcome::Kept);
            }
            Planned::Refuse(message) => report.add(Some(photo), Outcome::Failed(message)),
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
            is_there[n] = true;
            report.add(Some(photo), Outcome::Parsed);
        }
        Err(message) => report.add(Some(photo), Outcome::Failed(message)),
    });
    if !arguments.part {
        let there = photos.iter().zip(is_there).filter(|(_, is_there)| *is_there);
        let stems: Vec<String> =
            there.filter_map(|(photo, _)| stem(&photo.name).ok()).map(Into::into).collect();
        for error in results.finish(&stems, label_set, arguments.zip) {
            report.error(&error);
        }
    }
    if let Some(path) = &arguments.report
        && let Err(error) = named_file::write(path, report.lines())
    {
        report.error(&error);
    }
    report.finish()
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
