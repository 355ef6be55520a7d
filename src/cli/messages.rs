//! Lines for whoever watches. A reader that has gone away, or a full disk behind it, stops no work.

use std::fmt::Display;
use std::io::{self, Write};

/// A line on standard error.
pub fn warn(message: impl Display) {
    // In one piece: lines of other programs do not come in between.
    let line = format!("bodymap: {message}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// A line on standard output.
pub fn say(line: impl Display) {
    let _ = io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
