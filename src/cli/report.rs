//! What is told of a batch while it runs: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::messages::warn;
use super::photos::Input;

/// How a photo fared.
pub enum Outcome {
    /// Its results were written.
    Parsed,
    /// Its results were there from before.
    Kept,
    /// Why there are none.
    Failed(String),
}

/// Counts how photos fare and tells it on standard error.
pub struct Report {
    began: Instant,
    total: usize,
    parsed: usize,
    kept: usize,
    failed: usize,
    /// Data sets that could not be written as they should.
    incomplete: usize,
    told: Told,
    /// One line of JSON a photo.
    lines: Vec<u8>,
}

enum Told {
    /// Errors only.
    Errors,
    Lines,
    Bar(ProgressBar),
}

impl Report {
    /// Of `total` photos; of a batch more is told than errors.
    pub fn new(total: usize, is_batch: bool) -> Report {
        let told = match (is_batch, std::io::stderr().is_terminal()) {
            (false, _) => Told::Errors,
            (true, false) => Told::Lines,
            (true, true) => Told::Bar(bar(total)),
        };
        Report {
            began: Instant::now(),
            total,
            parsed: 0,
            kept: 0,
            failed: 0,
            incomplete: 0,
            told,
            lines: vec![],
        }
    }

    /// Counts a photo; none is a folder or pattern that names none.
    pub fn add(&mut self, photo: Option<&Input>, outcome: Outcome) {
        let (outcome, message) = match outcome {
            Outcome::Parsed => {
                self.parsed += 1;
                ("parsed", None)
            }
            Outcome::Kept => {
                self.kept += 1;
                ("kept", None)
            }
            Outcome::Failed(message) => {
                self.failed += 1;
                self.tell(&message);
                ("failed", Some(message))
            }
        };
        let done = self.parsed + self.kept + self.failed;
        let name = photo.map(|photo| &*photo.name);
        match &self.told {
            Told::Lines if outcome == "parsed" => {
                warn(format_args!("{done}/{} {}", self.total, name.unwrap_or_default()));
            }
            Told::Errors | Told::Lines => {}
            Told::Bar(bar) => {
                bar.set_position(done as u64);
                bar.set_message(name.unwrap_or_default().to_owned());
            }
        }
        let line = json!({
            "photo": photo.map(|photo| photo.path.to_string_lossy()),
            "name": name,
            "outcome": outcome,
            "code": message.as_deref().and_then(code_of),
            "message": message,
        });
        self.lines.extend(format!("{line}\n").into_bytes());
    }

    /// Tells what went wrong with a data set.
    pub fn error(&mut self, message: &str) {
        self.incomplete += 1;
        self.tell(message);
    }

    /// Tells something that is no failure.
    pub fn tell(&self, message: &str) {
        match &self.told {
            Told::Bar(bar) => bar.suspend(|| warn(message)),
            _ => warn(message),
        }
    }

    /// One line of JSON a photo, in the order they came to an end.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Tells the sum and gives the number of things that failed.
    pub fn finish(self) -> usize {
        let Report { began, total, parsed, kept, failed, incomplete, told, .. } = self;
        if let Told::Bar(bar) = &told {
            bar.finish_and_clear();
        }
        match told {
            Told::Errors if failed > 0 => warn(format_args!("{failed} of {total} photos failed")),
            Told::Errors => {}
            _ => warn(format_args!(
                "{parsed} photos parsed, {kept} kept from before, {failed} failed; {:.1} s",
                began.elapsed().as_secs_f64()
            )),
        }
        failed + incomplete
    }
}

/// Whether a file is the report of an earlier run, by its first line.
pub fn is_report(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = serde_json::from_slice::<serde_json::Value>(line);
    line.is_ok_and(|line| ["photo", "name", "outcome"].iter().all(|key| line.get(key).is_some()))
}

/// The code at the end of a message: `io` of `it cannot be read (io)`.
fn code_of(message: &str) -> Option<&str> {
    Some(message.strip_suffix(')')?.rsplit_once('(')?.1)
}

fn bar(total: usize) -> ProgressBar {
    let style = "{bar:40} {pos}/{len}, {eta} left  {wide_msg}";
    ProgressBar::new(total as u64).with_style(ProgressStyle::with_template(style).expect("a valid template"))
}
