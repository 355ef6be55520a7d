//! Views of a [`Parsing`](crate::Parsing) as files, one module a format.

pub mod labelmap;
pub mod modelscope;
pub mod people;
pub mod picture;
pub mod service;

use crate::colormap::PaintOptions;
use crate::error::{Code, Error, Result};
use crate::parsing::Parsing;
use crate::photo::Photo;

/// The file formats a parsing can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Indexed PNG, pixel = class id.
    LabelMap,
    /// RGB PNG, each class in its colour on black.
    Colormap,
    /// RGB PNG, the colours over the photo.
    Overlay,
    /// PNG, pixel = person id.
    People,
    /// The service's JSON with one mask a segment.
    Json,
    /// The JSON of ModelScope's pipeline: masks, labels and scores.
    ModelScope,
}

impl Format {
    /// The format of that name: `labelmap`, `colormap`, `overlay`, `people` or `json`.
    /// A page has no [`Format::ModelScope`]: instances are not among what it keeps.
    pub fn from_name(name: &str) -> Result<Format> {
        match name {
            "labelmap" => Ok(Format::LabelMap),
            "colormap" => Ok(Format::Colormap),
            "overlay" => Ok(Format::Overlay),
            "people" => Ok(Format::People),
            "json" => Ok(Format::Json),
            other => Err(Error::new(
                Code::BadOption,
                format!("there is no format {other:?}; use labelmap, colormap, overlay, people or json"),
            )),
        }
    }

    /// The bytes of the file. `photo` is needed for the overlay only; `model` is
    /// the id of the model, for the formats that name it.
    pub fn write(
        self,
        parsing: &Parsing,
        photo: Option<&Photo>,
        model: &str,
        options: &PaintOptions,
    ) -> Result<Vec<u8>> {
        match self {
            Format::LabelMap => labelmap::png(parsing, options),
            Format::Colormap => {
                picture::png(parsing.width, parsing.height, &crate::colormap::colormap(parsing, options)?)
            }
            Format::Overlay => {
                let photo =
                    photo.ok_or_else(|| Error::new(Code::BadOption, "an overlay needs the photo as well"))?;
                picture::png(
                    parsing.width,
                    parsing.height,
                    &crate::colormap::overlay(parsing, photo, options)?,
                )
            }
            Format::People => people::png(parsing),
            Format::Json => service::json(parsing, model),
            Format::ModelScope => modelscope::json(parsing),
        }
    }
}
