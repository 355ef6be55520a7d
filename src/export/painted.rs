//! The colours as a picture, alone or over the photo.

use crate::error::{Code, Error, Result};
use crate::export::picture::png;
use crate::export::sample::{Options, Sample};

/// RGB PNG, each class in its colour on black.
pub(super) fn colormap(sample: &Sample, options: &Options) -> Result<Vec<u8>> {
    let parsing = sample.parsing;
    png(parsing.width, parsing.height, &crate::colormap::colormap(parsing, &options.paint)?)
}

/// RGB PNG, the colours over the photo.
pub(super) fn overlay(sample: &Sample, options: &Options) -> Result<Vec<u8>> {
    let parsing = sample.parsing;
    let Some(photo) = sample.photo else {
        return Err(Error::new(Code::BadOption, "an overlay needs the photo as well"));
    };
    png(parsing.width, parsing.height, &crate::colormap::overlay(parsing, photo, &options.paint)?)
}
