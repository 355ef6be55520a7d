//! `bodymap licences`: what the program contains, and on what terms.

use std::process::ExitCode;

use super::messages::say;

/// Written by `scripts/third_party_licences.py`; the site and the npm package have the same.
const LICENCES: &str = include_str!("../../LICENSE-THIRD-PARTY");

pub fn run() -> ExitCode {
    say(LICENCES.trim_end());
    ExitCode::SUCCESS
}
