//! A second look at the part of a photo in which the people are.

mod closer;
mod first_look;
mod mirrored;

pub(crate) use first_look::SecondLook;

use first_look::FirstLook;

use super::answer::Answer;
use crate::card::Setting;
use crate::error::Result;
use crate::labels::LabelSet;

/// The second look that a setting takes after this first answer, if it takes one.
pub(crate) fn second_look(
    answer: &mut Answer,
    setting: &Setting,
    label_set: LabelSet,
) -> Result<Option<SecondLook>> {
    if setting.closer.is_none() && setting.mirrored.is_none() {
        return Ok(None);
    }
    let seen = FirstLook::new(answer, label_set)?;
    if seen.parsing.segments.is_empty() {
        return Ok(None);
    }
    let closer = setting.closer.and_then(|closer| closer::look(&seen, closer, &setting.passes));
    Ok(closer.or_else(|| mirrored::look(&seen, setting.mirrored?)))
}
