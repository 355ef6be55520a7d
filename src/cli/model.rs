//! `bodymap model`: models made of what others have published.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bodymap::{Checkpoint, Import, Licence, Precision, Template, limits};
use clap::{Args, Subcommand, ValueEnum};

use super::files::{self, Unfinished, unwritten};
use super::messages::{say, warn};

/// Name of a model's card.
const CARD: &str = "card.json";

/// M2FP without its weights, for several people and for one.
const TEMPLATES: [(&str, &[u8]); 2] = [
    (include_str!("../../models/m2fp/multi.json"), include_bytes!("../../models/m2fp/multi.onnx")),
    (include_str!("../../models/m2fp/single.json"), include_bytes!("../../models/m2fp/single.onnx")),
];

/// Make models of what others have published.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(ImportArguments),
    Split(SplitArguments),
}

/// Make a model of M2FP's PyTorch checkpoint, as ModelScope publishes it.
///
/// Writes DIR/card.json and the model file it names; `bodymap parse --model DIR/card.json`
/// works with it. Nothing of the checkpoint is executed. The weights have a licence of
/// their own, which is shown and must be accepted.
#[derive(Args)]
struct ImportArguments {
    /// The checkpoint, pytorch_model.pt.
    checkpoint: PathBuf,
    /// Folder for the model; made if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How the weights are stored: f32 as they are, f16 in half the size, i8 in a quarter and less exactly.
    #[arg(long, default_value = "f16")]
    precision: Stored,
    /// Accept the licence of the weights.
    #[arg(long)]
    accept_licence: bool,
    /// Card of another network without weights, beside its ONNX file of the same name.
    #[arg(long, value_name = "CARD")]
    template: Option<PathBuf>,
}

/// Split a model into parts, so that a page downloads it part by part.
///
/// Writes DIR/card.json and the parts that it names, each with its size and SHA-256. A download
/// that breaks off goes on with the parts that are missing.
#[derive(Args)]
struct SplitArguments {
    /// Card of the model, beside its files.
    card: PathBuf,
    /// Folder for the parts; made if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Size of the parts in bytes.
    #[arg(long, default_value_t = limits::MAX_PART_BYTES)]
    part_bytes: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stored {
    F32,
    F16,
    I8,
}

pub fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Import(arguments) => import(arguments),
        Command::Split(arguments) => split(arguments),
    };
    match done {
        Ok(status) => status,
        Err(message) => {
            warn(message);
            ExitCode::FAILURE
        }
    }
}

/// Exit status 0 if the model was written, 2 if its licence was not accepted.
fn import(arguments: &ImportArguments) -> Result<ExitCode, String> {
    let path = &arguments.checkpoint;
    let named = |e: bodymap::Error| format!("{}: {e}", path.display());
    let checkpoint = Checkpoint::open(files::open(path)?).map_err(named)?;
    let mut import = Import::new(checkpoint, templates(arguments.template.as_deref())?).map_err(named)?;
    let card = import.template().card();
    say(&card.title);
    show(&card.licence);
    if !arguments.accept_licence {
        warn("to accept this licence and go on, add --accept-licence");
        return Ok(ExitCode::from(2));
    }
    let ignored = import.ignored();
    if !ignored.is_empty() {
        say(format_args!("Not used of the checkpoint: {}", ignored.join(", ")));
    }
    let precision = match arguments.precision {
        Stored::F32 => Precision::F32,
        Stored::F16 => Precision::F16,
        Stored::I8 => Precision::I8,
    };
    let card_file = arguments.out.join(CARD);
    refuse_to_replace(&card_file)?;
    // Under its own name only when it is complete; that is on the card.
    let mut unfinished = Unfinished::create(&arguments.out.join("model.onnx"))?;
    let card = write(&mut import, precision, &mut unfinished).map_err(|e| match e {
        Failure::Import(e) => named(e),
        Failure::File(e) => unwritten(&arguments.out, &e),
    })?;
    let model = arguments.out.join(&card.files[0].path);
    refuse_to_replace(&model)?;
    unfinished.rename(&model);
    unfinished.finish(None)?;
    files::write(&card_file, card.to_json().as_bytes())?;
    say(format_args!("{}: {} bytes", model.display(), card.files[0].bytes));
    say(card_file.display());
    Ok(ExitCode::SUCCESS)
}

fn split(SplitArguments { card, out, part_bytes }: &SplitArguments) -> Result<ExitCode, String> {
    let (whole, joined) = files::card_and_files(card)?;
    let card_file = out.join(CARD);
    let mut refused = None;
    let split = bodymap::split(&whole, joined, *part_bytes, &mut |name, bytes| {
        let path = out.join(name);
        let written = refuse_to_replace(&card_file)
            .and_then(|()| refuse_to_replace(&path))
            .and_then(|()| files::write(&path, bytes));
        written.map_err(|message| io::Error::other(refused.insert(message).clone()))
    });
    let split = split.map_err(|e| refused.unwrap_or_else(|| format!("{}: {e}", card.display())))?;
    // Last, so that a card means that all parts are there.
    files::write(&card_file, split.to_json().as_bytes())?;
    say(format_args!("{}: {} parts", card_file.display(), split.files.len()));
    Ok(ExitCode::SUCCESS)
}

/// Models are never replaced: who knows whether there is another copy.
fn refuse_to_replace(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(format!(
            "{}: there is such a file already; move it away or choose another folder (name-clash)",
            path.display()
        )),
    }
}

enum Failure {
    Import(bodymap::Error),
    File(io::Error),
}

fn write(
    import: &mut Import<File>,
    precision: Precision,
    out: &mut Unfinished,
) -> Result<bodymap::Card, Failure> {
    let mut out = BufWriter::new(out);
    let card = import.write(precision, &mut out, &mut |_| ()).map_err(Failure::Import)?;
    out.flush().map_err(Failure::File)?;
    Ok(card)
}

fn show(Licence { name, url, attribution }: &Licence) {
    say(format_args!("Licence of the weights: {name}, {url}"));
    say(attribution);
}

fn templates(card: Option<&Path>) -> Result<Vec<Template>, String> {
    let Some(path) = card else {
        let read = |(card, network): (&str, &[u8])| Template::new(card, network.to_vec());
        return TEMPLATES.into_iter().map(read).collect::<Result<_, _>>().map_err(|e| e.to_string());
    };
    let json = files::read(path, limits::MAX_CARD_BYTES as u64)?;
    let json = String::from_utf8(json).map_err(|_| format!("{}: a card is UTF-8 text", path.display()))?;
    let network = files::read(&path.with_extension("onnx"), limits::MAX_TEMPLATE_BYTES)?;
    let template = Template::new(&json, network).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(vec![template])
}
