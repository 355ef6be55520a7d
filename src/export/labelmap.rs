//! Label map as indexed PNG: pixel = class id, the palette inside.

use crate::error::Result;
use crate::export::class_names::{class_list, credit};
use crate::export::picture;
use crate::export::sample::{Options, Sample};
use crate::palette::Palette;

/// The label map in the photo's own size; text chunks tell the names of the `Classes`
/// and the `Model` with the licence of its weights. Of the options only the palette matters: class ids are never left out.
pub(super) fn png(sample: &Sample, options: &Options) -> Result<Vec<u8>> {
    let Sample { parsing, model, .. } = *sample;
    let palette = match &options.paint.palette {
        Some(spec) => Palette::from_spec(spec, parsing.label_set)?,
        None => Palette::of(parsing.label_set),
    };
    let palette = palette.colours().concat();
    let texts = [("Classes", class_list(parsing.label_set)), ("Model", credit(model))];
    picture::indexed(parsing.width, parsing.height, palette, &parsing.labels, &texts)
}
