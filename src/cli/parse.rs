//! `bodymap parse`: photos in, label maps and pictures out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bodymap::export::Format;
use bodymap::{Model, PaintOptions, PaletteSpec, Photo, limits};
use clap::{Args, ValueEnum};

use super::files;

/// Parse photos and write the results into a folder.
///
/// Writes DIR/STEM.png (label map: indexed PNG in the photo's size, upright,
/// pixel = class id), DIR/STEM.colormap.png, DIR/STEM.overlay.png and
/// DIR/STEM.json (masks as base64 PNG); if asked for also DIR/STEM.people.png
/// (indexed PNG, pixel = person id, 0 = nobody) and DIR/STEM.modelscope.json (masks,
/// labels and scores as ModelScope's pipeline has them). A photo that fails is reported on
/// standard error, the others are parsed all the same, and the exit status is 1.
#[derive(Args)]
pub struct Arguments {
    /// JPEG, PNG or WebP files.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
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
    #[arg(long, value_delimiter = ',', default_values = ["labels", "colormap", "overlay", "json"])]
    formats: Vec<Output>,
    /// Colours: cihp, voc, or a JSON file with one [r, g, b] or {"hsv": [h, s, v]} a class.
    #[arg(long)]
    palette: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Output {
    Labels,
    Colormap,
    Overlay,
    Json,
    People,
    Modelscope,
}

impl Output {
    fn format(self) -> Format {
        match self {
            Output::Labels => Format::LabelMap,
            Output::Colormap => Format::Colormap,
            Output::Overlay => Format::Overlay,
            Output::Json => Format::Json,
            Output::People => Format::People,
            Output::Modelscope => Format::ModelScope,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Output::Labels => "png",
            Output::Colormap => "colormap.png",
            Output::Overlay => "overlay.png",
            Output::Json => "json",
            Output::People => "people.png",
            Output::Modelscope => "modelscope.json",
        }
    }
}

/// Exit status 0 if every photo was parsed, 1 if some failed, 2 if none could be tried.
pub fn run(arguments: &Arguments) -> ExitCode {
    let prepared = || -> Result<(Model, PaintOptions), String> {
        let options = PaintOptions { palette: palette(arguments.palette.as_deref())?, ..Default::default() };
        std::fs::create_dir_all(&arguments.out)
            .map_err(|e| format!("{}: the folder cannot be made: {e} (io)", arguments.out.display()))?;
        let model = files::model(arguments.model.as_deref())?;
        model.card().setting(arguments.setting.as_deref()).map_err(|e| e.to_string())?;
        Ok((model, options))
    };
    let (mut model, options) = match prepared() {
        Ok(prepared) => prepared,
        Err(message) => {
            eprintln!("bodymap: {message}");
            return ExitCode::from(2);
        }
    };
    let mut written = HashMap::new();
    let mut failed = 0;
    for photo in &arguments.photos {
        if let Err(message) = parse_one(photo, arguments, &mut model, &options, &mut written) {
            eprintln!("bodymap: {message}");
            failed += 1;
        }
    }
    if failed > 0 {
        eprintln!("bodymap: {failed} of {} photos failed", arguments.photos.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse_one<'a>(
    path: &'a Path,
    arguments: &Arguments,
    model: &mut Model,
    options: &PaintOptions,
    written: &mut HashMap<std::ffi::OsString, &'a Path>,
) -> Result<(), String> {
    let named = |e: bodymap::Error| format!("{}: {e}", path.display());
    let stem = path.file_stem().ok_or_else(|| format!("{}: this is not a file (io)", path.display()))?;
    if let Some(first) = written.get(stem) {
        return Err(format!(
            "{}: its results would replace those of {}; rename one of them (name-clash)",
            path.display(),
            first.display()
        ));
    }
    let bytes = files::read(path, limits::MAX_PHOTO_BYTES as u64)?;
    let photo = Photo::decode(&bytes).map_err(named)?;
    drop(bytes);
    let parsing = model.parse(&photo, arguments.setting.as_deref(), &mut |_| ()).map_err(named)?;
    written.insert(stem.to_owned(), path);
    for output in &arguments.formats {
        let bytes =
            output.format().write(&parsing, Some(&photo), &model.card().id, options).map_err(named)?;
        let mut name = stem.to_owned();
        name.push(".");
        name.push(output.suffix());
        files::write(&arguments.out.join(name), &bytes)?;
    }
    Ok(())
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
