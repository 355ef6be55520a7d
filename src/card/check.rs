//! What makes a card valid, beyond that it is JSON with the right fields.

use std::fmt::Display;

use super::files::ModelFile;
use super::settings::{Closer, Mirrored, Pass, Setting, SizeRule, Upsample};
use super::tensors::{Input, OutputKind};
use crate::error::{Code, Error, Result};
use crate::limits;

/// Refuses ids that are not safe in paths, addresses and pages.
pub(super) fn id(id: &str) -> Result<()> {
    if plain(id) {
        Ok(())
    } else {
        Err(bad(format!("the id {id:?} may have letters, digits, - _ and . only")))
    }
}

/// Refuses numbers that no tensor can be made with.
pub(super) fn input(input: &Input) -> Result<()> {
    let numbers = [input.mean, input.std].concat();
    if !numbers.iter().chain([&input.pad.value]).all(|v| v.is_finite()) || input.std.iter().any(|&s| s <= 0.0)
    {
        return Err(bad("mean, std and pad must be finite and std above 0"));
    }
    Ok(())
}

/// Refuses lists of files that no model has.
pub(super) fn files(files: &[ModelFile]) -> Result<()> {
    if files.is_empty() {
        return Err(bad("it names no model file"));
    }
    if files.len() > limits::MAX_MODEL_FILES {
        return Err(bad(format!(
            "it names {} files, at most {} are read",
            files.len(),
            limits::MAX_MODEL_FILES
        )));
    }
    for file in files {
        if !plain(&file.path) {
            return Err(bad(format!("the file {:?} is not a plain name beside the card", file.path)));
        }
        let hash = file.sha256.as_bytes();
        if hash.len() != 64 || !hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad(format!("the sha256 of {:?} is not 64 lower-case hex digits", file.path)));
        }
    }
    let total = files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.bytes));
    if total.is_none_or(|bytes| bytes > limits::MAX_MODEL_BYTES) {
        return Err(bad(format!("its files have more than {} bytes in all", limits::MAX_MODEL_BYTES)));
    }
    Ok(())
}

/// Refuses settings that cannot be run on a network with these outputs.
pub(super) fn settings(settings: &[Setting], output: OutputKind) -> Result<()> {
    if !(1..=limits::MAX_SETTINGS).contains(&settings.len()) {
        return Err(bad(format!("it has {} settings, not 1 to {}", settings.len(), limits::MAX_SETTINGS)));
    }
    for (i, Setting { id, passes, upsample, clean, closer, mirrored }) in settings.iter().enumerate() {
        if !plain(id) {
            return Err(bad(format!("the setting {id:?} may have letters, digits, - _ and . only")));
        }
        if settings[..i].iter().any(|earlier| earlier.id == *id) {
            return Err(bad(format!("it has two settings {id:?}")));
        }
        if !(1..=limits::MAX_PASSES).contains(&passes.len()) {
            return Err(bad(format!(
                "the setting {id:?} has {} passes, not 1 to {}",
                passes.len(),
                limits::MAX_PASSES
            )));
        }
        if closer.is_some() && output != OutputKind::SemanticCenters {
            return Err(bad(format!("the setting {id:?} looks closer, which needs \"semantic+centers\"")));
        }
        if let Some(Closer { height, pixels, multiple }) = *closer {
            side("the height of a closer look", height)?;
            second_look("closer", pixels, multiple)?;
        }
        if let Some(Mirrored { pixels, multiple }) = *mirrored {
            if output != OutputKind::SemanticCenters {
                return Err(bad(format!(
                    "the setting {id:?} looks again mirrored, which needs \"semantic+centers\""
                )));
            }
            if !matches!(passes[..], [Pass { size: SizeRule::ShortSide { .. }, mirror: false }]) {
                return Err(bad(format!(
                    "the setting {id:?} looks again mirrored, which goes with one pass that is not, by \"short_side\""
                )));
            }
            second_look("mirrored", pixels, multiple)?;
        }
        for pass in passes {
            size_rule(pass.size)?;
            if matches!((pass.size, output), (SizeRule::Centred { .. }, OutputKind::SemanticCenters)) {
                return Err(bad("the size rule \"centred\" does not go with \"semantic+centers\""));
            }
        }
        if matches!((upsample, output), (Upsample::Guided, OutputKind::Queries { .. })) {
            return Err(bad(format!("the setting {id:?} is \"guided\", which queries cannot be")));
        }
        for (at, pass) in clean.iter().enumerate() {
            if clean[..at].contains(pass) {
                return Err(bad(format!("the setting {id:?} has the clean-up pass {} twice", pass.name())));
            }
        }
        // A pass asks how probable other classes are at a pixel; a query is drawn with the score of its own class alone.
        if let (Some(pass), OutputKind::Queries { .. }) = (clean.first(), output) {
            return Err(bad(format!(
                "the setting {id:?} has the clean-up pass {}, which queries cannot have",
                pass.name()
            )));
        }
    }
    Ok(())
}

fn size_rule(rule: SizeRule) -> Result<()> {
    match rule {
        SizeRule::Fixed { width, height } | SizeRule::Centred { width, height } => {
            side("the width", width)?;
            side("the height", height)
        }
        SizeRule::ShortSide { short, max, multiple } => {
            side("short", short)?;
            side("max", max)?;
            side("multiple", multiple)?;
            if !max.is_multiple_of(multiple) && max.next_multiple_of(multiple) > limits::MAX_INPUT_SIDE {
                return Err(bad(format!("max {max} padded to a multiple of {multiple} is too large")));
            }
            Ok(())
        }
    }
}

/// Refuses what no side of a network input can be.
fn side(name: &str, value: u32) -> Result<()> {
    if (1..=limits::MAX_INPUT_SIDE).contains(&value) {
        Ok(())
    } else {
        Err(bad(format!("{name} is {value}, not 1 to {}", limits::MAX_INPUT_SIDE)))
    }
}

/// Refuses what no second look of that kind can have.
fn second_look(kind: &str, pixels: u32, multiple: u32) -> Result<()> {
    side(&format!("the multiple of a {kind} look"), multiple)?;
    if (1..=limits::MAX_INPUT_SIDE.pow(2)).contains(&pixels) {
        Ok(())
    } else {
        Err(bad(format!("a {kind} look of {pixels} pixels is not possible")))
    }
}

/// Whether a name is safe in paths, addresses and pages.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

pub(super) fn bad(what: impl Display) -> Error {
    Error::new(Code::BadCard, format!("the model card is not valid: {what}"))
}
