//! `bodymap` on the command line: a thin shell around the library.

mod batch;
mod bench;
mod claims;
mod files;
mod known_results;
mod left_out;
mod licences;
mod lists;
mod messages;
mod model;
mod named_file;
mod parse;
mod patterns;
mod photos;
mod pool;
mod records;
mod report;
mod results;
mod search;
mod serve;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Parse people in photos into body parts and clothes, on the CPU.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Parse(parse::Arguments),
    Model(model::Arguments),
    Bench(bench::Arguments),
    Serve(serve::Arguments),
    /// Print the licences of bodymap, of its default model and of all that it contains.
    #[command(alias = "licenses")]
    Licences,
}

pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Parse(arguments) => parse::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Licences => licences::run(),
    }
}
