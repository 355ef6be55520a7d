//! Masks or a label map + palette + drawing order -> RGBA pictures.

use serde::Deserialize;

use crate::error::{Code, Error, Result, collected, filled};
use crate::labels::LabelSet;
use crate::palette::{DrawingOrder, Palette, PaletteSpec};
use crate::parsing::Parsing;
use crate::photo::Photo;

/// How a parsing is painted. In JSON every field may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaintOptions {
    /// Colours of the classes; the label set's own if left out.
    pub palette: Option<PaletteSpec>,
    /// Class ids to show; all if left out.
    pub classes: Option<Vec<u8>>,
    /// Show this person only.
    pub person: Option<u16>,
    /// Opacity of what is painted, 0 to 1; the use says what it is if left out.
    pub opacity: Option<f32>,
}

/// Opacity of the colours in an overlay unless the options say otherwise.
pub const OVERLAY_OPACITY: f32 = 0.6;

/// One mask of a picture: a pixel is part of it where `bits` is not 0.
pub struct Mask<'a> {
    /// Class id.
    pub class: u8,
    /// One byte a pixel, row by row.
    pub bits: &'a [u8],
}

/// Merges masks, which may overlap, into a label map of `pixels` pixels: where
/// several claim a pixel the one highest in the drawing order has it, and of
/// the same class any. Pixels no mask claims are background.
pub fn merge(masks: &[Mask], order: &DrawingOrder, pixels: usize) -> Result<Vec<u8>> {
    let mut labels = filled(0u8, pixels, "the label map")?;
    let mut bottom_up: Vec<&Mask> = masks.iter().collect();
    bottom_up.sort_by_key(|mask| order.rank(mask.class));
    for mask in bottom_up {
        if mask.bits.len() != pixels {
            return Err(Error::new(
                Code::BadOption,
                format!(
                    "a mask of class {} has {} pixels, the picture {pixels}",
                    mask.class,
                    mask.bits.len()
                ),
            ));
        }
        for (label, &bit) in labels.iter_mut().zip(mask.bits) {
            if bit != 0 {
                *label = mask.class;
            }
        }
    }
    Ok(labels)
}

/// The options checked and resolved: an RGBA colour for each class.
struct Paint {
    colours: [[u8; 4]; 256],
    person: Option<u16>,
}

impl Paint {
    fn new(options: &PaintOptions, label_set: LabelSet, default_opacity: f32) -> Result<Paint> {
        let palette = match &options.palette {
            Some(spec) => Palette::from_spec(spec, label_set)?,
            None => Palette::of(label_set),
        };
        let opacity = options.opacity.unwrap_or(default_opacity);
        if !(0.0..=1.0).contains(&opacity) {
            return Err(Error::new(Code::BadOption, format!("the opacity {opacity} is not between 0 and 1")));
        }
        let alpha = (opacity * 255.0).round() as u8;
        let classes = label_set.names().len();
        if let Some(class) = options.classes.iter().flatten().find(|&&class| class as usize >= classes) {
            return Err(Error::new(
                Code::BadOption,
                format!("class {class} is not one of the {classes} of {}", label_set.id()),
            ));
        }
        let mut colours = [[0; 4]; 256];
        for (class, &[r, g, b]) in palette.colours().iter().enumerate().skip(1) {
            let shown = options.classes.as_ref().is_none_or(|classes| classes.contains(&(class as u8)));
            if shown {
                colours[class] = [r, g, b, alpha];
            }
        }
        Ok(Paint { colours, person: options.person })
    }

    fn colour(&self, class: u8, person: u16) -> [u8; 4] {
        match self.person {
            Some(shown) if shown != person => [0; 4],
            _ => self.colours[class as usize],
        }
    }
}

/// The colormap as RGBA (not premultiplied) at `width` x `height` pixels, each
/// taken from the nearest pixel of the parsing. Background and hidden classes
/// are transparent, the rest has the opacity of the options (1 if left out).
pub fn paint(parsing: &Parsing, width: u32, height: u32, options: &PaintOptions) -> Result<Vec<u8>> {
    let paint = Paint::new(options, parsing.label_set, 1.0)?;
    if width == 0 || height == 0 || width > parsing.width || height > parsing.height {
        return Err(Error::new(
            Code::BadOption,
            format!(
                "a parsing of {}x{} pixels is painted at most at that size, not {width}x{height}",
                parsing.width, parsing.height
            ),
        ));
    }
    let mut rgba = filled(0u8, width as usize * height as usize * 4, "the colormap")?;
    let nearest = |i: usize, to: u32, from: u32| (i as u64 * from as u64 + from as u64 / 2) / to as u64;
    let column = |x| nearest(x, width, parsing.width).min(parsing.width as u64 - 1) as usize;
    let columns = collected((0..width as usize).map(column), "the colormap")?;
    for (y, row) in rgba.chunks_exact_mut(4 * width as usize).enumerate() {
        let y = nearest(y, height, parsing.height).min(parsing.height as u64 - 1) as usize;
        let start = y * parsing.width as usize;
        for (pixel, &x) in row.chunks_exact_mut(4).zip(&columns) {
            pixel.copy_from_slice(&paint.colour(parsing.labels[start + x], parsing.people[start + x]));
        }
    }
    Ok(rgba)
}

/// The colormap as opaque RGB in the photo's size, on black.
pub fn colormap(parsing: &Parsing, options: &PaintOptions) -> Result<Vec<u8>> {
    composed(parsing, options, 1.0, |_| [0; 3])
}

/// The colormap over the photo, as opaque RGB; opacity 0.6 if left out.
pub fn overlay(parsing: &Parsing, photo: &Photo, options: &PaintOptions) -> Result<Vec<u8>> {
    if (photo.width(), photo.height()) != (parsing.width, parsing.height) {
        return Err(Error::new(
            Code::BadOption,
            format!(
                "the photo is {}x{}, its parsing {}x{}",
                photo.width(),
                photo.height(),
                parsing.width,
                parsing.height
            ),
        ));
    }
    let pixels = photo.rgba();
    composed(parsing, options, OVERLAY_OPACITY, |i| [pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]])
}

fn composed(
    parsing: &Parsing,
    options: &PaintOptions,
    default_opacity: f32,
    under: impl Fn(usize) -> [u8; 3],
) -> Result<Vec<u8>> {
    let paint = Paint::new(options, parsing.label_set, default_opacity)?;
    let mut rgb = filled(0u8, parsing.labels.len() * 3, "the picture")?;
    for (i, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let [r, g, b, alpha] = paint.colour(parsing.labels[i], parsing.people[i]);
        let alpha = alpha as u32;
        for ((value, over), under) in pixel.iter_mut().zip([r, g, b]).zip(under(i)) {
            *value = ((over as u32 * alpha + under as u32 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    Ok(rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsing() -> Parsing {
        // Hair, hair / background, coat; the coat is person 2's.
        let people = vec![1, 1, 0, 2];
        Parsing::from_parts(LabelSet::Cihp, (2, 2), vec![2, 2, 0, 7], people, vec![]).unwrap()
    }

    fn options(json: &str) -> PaintOptions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn masks_are_merged_by_the_drawing_order() {
        let mask = |class, bits| Mask { class, bits };
        let masks = [mask(7, &[1, 1, 0, 0]), mask(5, &[1, 1, 1, 0]), mask(1, &[255, 0, 0, 0])];
        let order = DrawingOrder::of(LabelSet::Cihp);
        assert_eq!(merge(&masks, &order, 4).unwrap(), [1, 7, 5, 0]);
        // Upper clothes drawn last cover the coat and the hat.
        let mut ids: Vec<u8> = (0..20).filter(|&id| id != 5).collect();
        ids.push(5);
        let order = DrawingOrder::new(ids, LabelSet::Cihp).unwrap();
        assert_eq!(merge(&masks, &order, 4).unwrap(), [5, 5, 5, 0]);
        assert_eq!(merge(&masks, &order, 5).unwrap_err().code(), Code::BadOption);
        assert_eq!(DrawingOrder::new(vec![0, 1], LabelSet::Cihp).unwrap_err().code(), Code::BadOption);
    }

    #[test]
    fn classes_people_and_opacity_choose_what_is_painted() {
        let painted = |json: &str| paint(&parsing(), 2, 2, &options(json)).unwrap();
        let (hair, coat) = ([255, 0, 0, 255], [0, 119, 221, 255]);
        assert_eq!(painted("{}"), [hair, hair, [0; 4], coat].concat());
        assert_eq!(painted(r#"{"classes": [7]}"#), [[0; 4], [0; 4], [0; 4], coat].concat());
        assert_eq!(painted(r#"{"person": 1}"#), [hair, hair, [0; 4], [0; 4]].concat());
        assert_eq!(painted(r#"{"opacity": 0.5, "person": 2}"#)[12..], [0, 119, 221, 128]);
        assert_eq!(painted(r#"{"palette": "voc"}"#)[..4], [0, 128, 0, 255]);
        let mut colours = vec!["[1, 2, 3]"; 20];
        colours[2] = r#"{"hsv": [120, 1, 0.5]}"#;
        let json = format!(r#"{{"palette": [{}]}}"#, colours.join(","));
        assert_eq!(painted(&json), [[0, 128, 0, 255], [0, 128, 0, 255], [0; 4], [1, 2, 3, 255]].concat());
    }

    #[test]
    fn smaller_paintings_take_the_nearest_pixel() {
        let labels = (0..16).collect();
        let parsing = Parsing::from_parts(LabelSet::Cihp, (4, 4), labels, vec![0; 16], vec![]).unwrap();
        let painted = paint(&parsing, 2, 2, &PaintOptions::default()).unwrap();
        let palette = Palette::of(LabelSet::Cihp);
        for (pixel, class) in painted.chunks_exact(4).zip([5, 7, 13, 15]) {
            assert_eq!(pixel[..3], palette.colours()[class]);
        }
    }

    #[test]
    fn overlay_blends_with_the_photo() {
        let photo = Photo::from_rgba(2, 2, [100, 100, 100, 255].repeat(4)).unwrap();
        let picture = overlay(&parsing(), &photo, &options(r#"{"opacity": 0.2}"#)).unwrap();
        assert_eq!(picture[..3], [131, 80, 80]);
        assert_eq!(picture[6..9], [100, 100, 100]);
        assert_eq!(colormap(&parsing(), &PaintOptions::default()).unwrap()[6..], [0, 0, 0, 0, 119, 221]);
        let other = Photo::from_rgba(1, 1, vec![0; 4]).unwrap();
        assert_eq!(overlay(&parsing(), &other, &options("{}")).unwrap_err().code(), Code::BadOption);
    }

    #[test]
    fn bad_options_are_named() {
        for json in [
            r#"{"opacity": 2}"#,
            r#"{"classes": [20]}"#,
            r#"{"palette": "pink"}"#,
            r#"{"palette": [[1, 2, 3]]}"#,
        ] {
            let error = paint(&parsing(), 2, 2, &options(json)).unwrap_err();
            assert_eq!(error.code(), Code::BadOption, "{json}");
        }
        let hsv = format!(r#"{{"palette": [{}]}}"#, vec![r#"{"hsv": [361, 1, 1]}"#; 20].join(","));
        assert_eq!(paint(&parsing(), 2, 2, &options(&hsv)).unwrap_err().code(), Code::BadOption);
        assert!(serde_json::from_str::<PaintOptions>(r#"{"opactiy": 1}"#).is_err());
        assert_eq!(paint(&parsing(), 3, 2, &options("{}")).unwrap_err().code(), Code::BadOption);
    }
}
