//! `bodymap` on the command line: a thin shell around the library.

mod batch;
mod bench;
mod files;
mod model;
mod parse;
mod photos;
mod pool;
mod report;
mod results;
mod serve;

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
}

pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Parse(arguments) => parse::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
    }
}
