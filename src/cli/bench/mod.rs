//! `bodymap bench`: times photos, stage by stage.

mod profile;
mod statistics;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bodymap::{Model, PaintOptions, ParseOptions, Photo, Step, Work, limits};
use clap::Args;
use serde::Serialize;

use self::profile::Profile;
use self::statistics::{median, minimum};
use super::messages::warn;
use super::{files, named_file};

/// The photo that is parsed if none is given.
const SAMPLE_NAME: &str = "mpl_grace_hopper.jpg";
const SAMPLE: &[u8] = include_bytes!("../../../www/samples/mpl_grace_hopper.jpg");

/// Measure how long parsing takes.
///
/// Each photo is parsed once unmeasured, which also optimises the network for its
/// size, then as often as asked for. Times are by the clock; CPU seconds are
/// those of all threads.
#[derive(Args)]
pub struct Arguments {
    /// JPEG, PNG or WebP files; a built-in photo of 512x600 if left out.
    #[arg(value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Model card (JSON beside its model file); the built-in model if left out.
    #[arg(long, value_name = "CARD")]
    model: Option<PathBuf>,
    /// One of the settings of the model card, such as fast or fine; the card's first if left out.
    #[arg(long, value_name = "ID")]
    setting: Option<String>,
    /// How often each photo is parsed.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Threads to work with; one a core if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Say what each operator of the network takes, and which nodes are the slowest.
    #[arg(long)]
    profile: bool,
    /// Write every single time into a JSON file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What was measured. All times are in seconds, those of the repeats in their order.
#[derive(Serialize)]
struct Report {
    model: String,
    version: String,
    setting: String,
    threads: usize,
    load: f64,
    photos: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    photo: String,
    width: u32,
    height: u32,
    /// (height, width) of the input tensor of each pass.
    inputs: Vec<(usize, usize)>,
    /// Multiply-adds of the convolutions and products of matrices of all passes.
    macs: u64,
    /// Optimising the network for these sizes, once.
    plan: f64,
    seconds: Stages,
    /// Of all threads; empty where the system does not tell.
    cpu: Vec<f64>,
    /// Of the network, with `--profile` only.
    nodes: Profile,
}

/// The way of a photo, one time a repeat.
#[derive(Default, Serialize)]
struct Stages {
    /// File to pixels.
    decode: Vec<f64>,
    /// Resizing and normalising.
    tensor: Vec<f64>,
    network: Vec<f64>,
    /// Outputs to label map and people, in the photo's size.
    parsing: Vec<f64>,
    /// Label map to colormap.
    paint: Vec<f64>,
    total: Vec<f64>,
}

/// One time through all stages.
#[derive(Default)]
struct Run {
    size: (u32, u32),
    inputs: Vec<(usize, usize)>,
    macs: u64,
    decode: f64,
    tensor: f64,
    plan: f64,
    network: f64,
    parsing: f64,
    paint: f64,
    total: f64,
    cpu: Option<f64>,
}

/// Exit status 0 if everything was measured, 2 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    match measure(arguments) {
        Ok(report) => match print(&report, &mut io::stdout().lock()) {
            // Such as by `head`, which has seen enough.
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                warn(format_args!("the report cannot be written: {e} (io)"));
                ExitCode::from(2)
            }
            _ => ExitCode::SUCCESS,
        },
        Err(message) => {
            warn(message);
            ExitCode::from(2)
        }
    }
}

fn measure(arguments: &Arguments) -> Result<Report, String> {
    if let Some(path) = &arguments.json {
        named_file::check(path, is_report)?;
    }
    if let Some(threads) = arguments.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.into())
            .build_global()
            .map_err(|e| format!("{threads} threads cannot be started: {e} (out-of-memory)"))?;
    }
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for path in &arguments.photos {
        files.push((path.display().to_string(), files::read(path, limits::MAX_PHOTO_BYTES as u64)?));
    }
    if files.is_empty() {
        files.push((SAMPLE_NAME.into(), SAMPLE.into()));
    }
    let start = Instant::now();
    let mut model = files::model(arguments.model.as_deref())?;
    let load = start.elapsed().as_secs_f64();
    let setting = model.card().setting(arguments.setting.as_deref()).map_err(|e| e.to_string())?.id.clone();

    let mut photos = Vec::new();
    for (name, bytes) in files {
        let mut run = |profile: Option<&mut Profile>| {
            parse(&mut model, &bytes, &setting, profile).map_err(|e| format!("{name}: {e}"))
        };
        let first = run(None)?;
        let mut seconds = Stages::default();
        let mut cpu = Vec::new();
        let mut nodes = Profile::default();
        for _ in 0..arguments.repeats {
            let run = run(arguments.profile.then_some(&mut nodes))?;
            seconds.add(&run);
            cpu.extend(run.cpu);
        }
        photos.push(Measured {
            photo: name,
            width: first.size.0,
            height: first.size.1,
            inputs: first.inputs,
            macs: first.macs,
            plan: first.plan,
            seconds,
            cpu,
            nodes,
        });
    }
    let report = Report {
        model: model.card().id.clone(),
        version: model.card().version.clone(),
        setting,
        threads: rayon::current_num_threads(),
        load,
        photos,
    };
    if let Some(path) = &arguments.json {
        let json = serde_json::to_vec_pretty(&report).map_err(|e| e.to_string())?;
        named_file::write(path, &json)?;
    }
    Ok(report)
}

/// Whether a file holds the times of an earlier run.
fn is_report(bytes: &[u8]) -> bool {
    let report = serde_json::from_slice::<serde_json::Value>(bytes);
    report.is_ok_and(|report| {
        ["model", "setting", "threads", "photos"].iter().all(|key| report.get(key).is_some())
    })
}

fn parse(
    model: &mut Model,
    bytes: &[u8],
    setting: &str,
    mut profile: Option<&mut Profile>,
) -> bodymap::Result<Run> {
    let mut run = Run::default();
    let cpu = cpu_seconds();
    let start = Instant::now();
    let photo = Photo::decode(bytes)?;
    let mut before = Instant::now();
    run.decode = (before - start).as_secs_f64();
    run.size = (photo.width(), photo.height());
    if let Some(profile) = &mut profile {
        profile.begin();
    }
    let parsing =
        model.parse_in_steps(&photo, &ParseOptions::default().with_setting(setting), &mut |_, step| {
            let took = before.elapsed().as_secs_f64();
            match step {
                Step::Tensor { height, width } => {
                    run.inputs.push((height, width));
                    run.tensor += took;
                }
                Step::Network(Work::Plan) => run.plan += took,
                Step::Network(Work::Node { operator, node, macs }) => {
                    run.macs += macs;
                    run.network += took;
                    if let Some(profile) = &mut profile {
                        profile.add(operator, node, macs, took);
                    }
                }
                Step::Parsing => run.parsing += took,
                _ => {}
            }
            // What the bookkeeping takes is of no stage.
            before = Instant::now();
        })?;
    bodymap::paint(&parsing, parsing.width, parsing.height, &PaintOptions::default())?;
    run.paint = before.elapsed().as_secs_f64();
    run.total = start.elapsed().as_secs_f64();
    run.cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
    Ok(run)
}

/// CPU seconds of this process so far, of all threads.
fn cpu_seconds() -> Option<f64> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64)
    }
    #[cfg(not(unix))]
    None
}

impl Stages {
    fn add(&mut self, run: &Run) {
        self.decode.push(run.decode);
        self.tensor.push(run.tensor);
        self.network.push(run.network);
        self.parsing.push(run.parsing);
        self.paint.push(run.paint);
        self.total.push(run.total);
    }

    fn named(&self) -> [(&'static str, &[f64]); 6] {
        [
            ("decode", &self.decode),
            ("tensor", &self.tensor),
            ("network", &self.network),
            ("parsing", &self.parsing),
            ("paint", &self.paint),
            ("total", &self.total),
        ]
    }
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { model, version, setting, threads, load, .. } = report;
    writeln!(
        out,
        "{model} {version}, setting {setting}, {threads} thread(s), loaded in {:.0} ms",
        1e3 * load
    )?;
    for measured in &report.photos {
        let inputs: Vec<String> = measured.inputs.iter().map(|(h, w)| format!("{w}x{h}")).collect();
        let gmac = measured.macs as f64 / 1e9;
        writeln!(
            out,
            "\n{}, {}x{}: {} in the network, {gmac:.2} GMAC, optimised in {:.0} ms",
            measured.photo,
            measured.width,
            measured.height,
            inputs.join(" + "),
            1e3 * measured.plan,
        )?;
        writeln!(
            out,
            "{:<10} {:>10} {:>10}   {} repeats",
            "",
            "median ms",
            "min ms",
            measured.seconds.total.len()
        )?;
        for (name, seconds) in measured.seconds.named() {
            writeln!(out, "{name:<10} {:>10.1} {:>10.1}", 1e3 * median(seconds), 1e3 * minimum(seconds))?;
        }
        if !measured.cpu.is_empty() {
            writeln!(
                out,
                "{:<10} {:>10.1} {:>10.1}",
                "CPU",
                1e3 * median(&measured.cpu),
                1e3 * minimum(&measured.cpu)
            )?;
        }
        if measured.macs > 0 {
            writeln!(out, "{:.1} GMAC/s in the network", gmac / median(&measured.seconds.network))?;
        }
        measured.nodes.print(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(minimum(&[4.0, 1.0, 2.0]), 1.0);
    }
}
