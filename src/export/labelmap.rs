//! Label map as indexed PNG: pixel = class id, the palette inside.

use crate::colormap::PaintOptions;
use crate::error::Result;
use crate::export::{class_list, picture};
use crate::palette::Palette;
use crate::parsing::Parsing;

/// The label map in the photo's own size, the names of the classes in a text chunk
/// `Classes`. Of the options only the palette matters: class ids are never left out.
pub(super) fn png(parsing: &Parsing, options: &PaintOptions) -> Result<Vec<u8>> {
    let palette = match &options.palette {
        Some(spec) => Palette::from_spec(spec, parsing.label_set)?,
        None => Palette::of(parsing.label_set),
    };
    let palette = palette.colours().concat();
    let classes = class_list(parsing.label_set);
    picture::indexed(parsing.width, parsing.height, palette, &parsing.labels, Some(("Classes", &classes)))
}
