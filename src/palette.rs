//! Palettes and drawing orders, as data.

use serde::Deserialize;

use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;

/// One colour a class, index = class id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette(Vec<[u8; 3]>);

/// A palette as options write it: a name, or one colour a class, in RGB or HSV.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum PaletteSpec {
    /// `"cihp"`, the label set's own, or `"voc"`.
    Name(String),
    /// One colour a class, in the order of the class ids.
    Colours(Vec<Colour>),
}

/// A colour as options write it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Colour {
    /// `[r, g, b]`, each 0 to 255.
    Rgb([u8; 3]),
    /// `{"hsv": [h, s, v]}`: hue in degrees 0 to 360, saturation and value 0 to 1.
    Hsv {
        /// Hue, saturation, value.
        hsv: [f32; 3],
    },
}

/// The colours the LIP and CIHP data sets are shown in, ids 0 to 19.
const CIHP: [[u8; 3]; 20] = [
    [0, 0, 0],
    [128, 0, 0],
    [255, 0, 0],
    [0, 85, 0],
    [170, 0, 51],
    [255, 85, 0],
    [0, 0, 85],
    [0, 119, 221],
    [85, 85, 0],
    [0, 85, 85],
    [85, 51, 0],
    [52, 86, 128],
    [0, 128, 0],
    [0, 0, 255],
    [51, 170, 221],
    [0, 255, 255],
    [85, 255, 170],
    [170, 255, 85],
    [255, 255, 0],
    [255, 170, 0],
];

/// What CIHP has as well in its colours; belt and bag in colours of their own.
const ATR: [[u8; 3]; 18] = [
    CIHP[0],
    CIHP[1],
    CIHP[2],
    CIHP[4],
    CIHP[5],
    CIHP[12],
    CIHP[9],
    CIHP[6],
    [170, 170, 170],
    CIHP[18],
    CIHP[19],
    CIHP[13],
    CIHP[16],
    CIHP[17],
    CIHP[14],
    CIHP[15],
    [170, 0, 255],
    CIHP[11],
];

/// The colours that CIHP has for face, upper clothes, arms and legs.
const PASCAL: [[u8; 3]; 7] = [CIHP[0], CIHP[13], CIHP[5], CIHP[14], CIHP[15], CIHP[16], CIHP[17]];

impl Palette {
    /// The default palette of a label set.
    pub fn of(label_set: LabelSet) -> Palette {
        match label_set {
            LabelSet::Cihp | LabelSet::Lip => Palette(CIHP.to_vec()),
            LabelSet::Atr => Palette(ATR.to_vec()),
            LabelSet::Pascal => Palette(PASCAL.to_vec()),
        }
    }

    /// The Pascal VOC colour map: bit `k` of each channel's high end comes from
    /// bits `3k`, `3k+1`, `3k+2` of the id (VOCdevkit's `VOClabelcolormap`).
    pub fn voc(classes: usize) -> Palette {
        let colour = |id: usize| {
            let mut rgb = [0u8; 3];
            for (shift, bits) in (0..8).rev().zip((0..).map(|k| id >> (3 * k))).take(3) {
                for (channel, value) in rgb.iter_mut().enumerate() {
                    *value |= ((bits >> channel & 1) as u8) << shift;
                }
            }
            rgb
        };
        Palette((0..classes).map(colour).collect())
    }

    /// The palette that options describe, checked against the label set.
    pub fn from_spec(spec: &PaletteSpec, label_set: LabelSet) -> Result<Palette> {
        let classes = label_set.names().len();
        match spec {
            PaletteSpec::Name(name) if name == "cihp" => Ok(Palette::of(label_set)),
            PaletteSpec::Name(name) if name == "voc" => Ok(Palette::voc(classes)),
            PaletteSpec::Name(name) => Err(Error::new(
                Code::BadOption,
                format!("there is no palette {name:?}; use \"cihp\", \"voc\" or a list of {classes} colours"),
            )),
            PaletteSpec::Colours(colours) if colours.len() == classes => {
                colours.iter().map(|colour| colour.rgb()).collect::<Result<_>>().map(Palette)
            }
            PaletteSpec::Colours(colours) => Err(Error::new(
                Code::BadOption,
                format!("the palette has {} colours, the label set {} classes", colours.len(), classes),
            )),
        }
    }

    /// RGB colours, index = class id.
    pub fn colours(&self) -> &[[u8; 3]] {
        &self.0
    }
}

impl Colour {
    fn rgb(self) -> Result<[u8; 3]> {
        let [h, s, v] = match self {
            Colour::Rgb(rgb) => return Ok(rgb),
            Colour::Hsv { hsv } => hsv,
        };
        if !((0.0..=360.0).contains(&h) && (0.0..=1.0).contains(&s) && (0.0..=1.0).contains(&v)) {
            return Err(Error::new(
                Code::BadOption,
                format!(
                    "the HSV colour [{h}, {s}, {v}] is out of range: hue 0 to 360, saturation and value 0 to 1"
                ),
            ));
        }
        // Smith, "Color gamut transform pairs" (1978), in the form f(n) = v - v s max(0, min(k, 4-k, 1)).
        let channel = |n: f32| {
            let k = (n + h / 60.0) % 6.0;
            (255.0 * (v - v * s * k.min(4.0 - k).clamp(0.0, 1.0))).round() as u8
        };
        Ok([channel(5.0), channel(3.0), channel(1.0)])
    }
}

/// Class ids from the bottom of the picture to its top: where masks overlap,
/// the later class covers the earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawingOrder(Vec<u8>);

/// Skin below clothes, inner clothes below outer ones, what is worn on the
/// head and hands on top.
const CIHP_ORDER: [u8; 20] = [0, 10, 16, 17, 14, 15, 13, 8, 18, 19, 9, 12, 6, 5, 7, 2, 11, 3, 4, 1];

/// The same with jumpsuits below what is worn over them.
const LIP_ORDER: [u8; 20] = [0, 16, 17, 14, 15, 13, 8, 18, 19, 9, 12, 10, 6, 5, 7, 2, 11, 3, 4, 1];

/// The same with the belt on the clothes and the bag before them.
const ATR_ORDER: [u8; 18] = [0, 12, 13, 14, 15, 11, 9, 10, 6, 5, 7, 4, 8, 2, 17, 16, 3, 1];

/// From the feet up.
const PASCAL_ORDER: [u8; 7] = [0, 6, 5, 4, 3, 2, 1];

impl DrawingOrder {
    /// The default order of a label set.
    pub fn of(label_set: LabelSet) -> DrawingOrder {
        match label_set {
            LabelSet::Cihp => DrawingOrder(CIHP_ORDER.to_vec()),
            LabelSet::Lip => DrawingOrder(LIP_ORDER.to_vec()),
            LabelSet::Atr => DrawingOrder(ATR_ORDER.to_vec()),
            LabelSet::Pascal => DrawingOrder(PASCAL_ORDER.to_vec()),
        }
    }

    /// An order of one's own: each class id of the label set exactly once.
    pub fn new(classes: Vec<u8>, label_set: LabelSet) -> Result<DrawingOrder> {
        let mut sorted = classes.clone();
        sorted.sort_unstable();
        if sorted.iter().map(|&id| id as usize).eq(0..label_set.names().len()) {
            Ok(DrawingOrder(classes))
        } else {
            Err(Error::new(
                Code::BadOption,
                format!(
                    "the drawing order must name each class id from 0 to {} once, got {classes:?}",
                    label_set.names().len() - 1
                ),
            ))
        }
    }

    /// Height of a class in the drawing, 0 = bottom.
    pub(crate) fn rank(&self, class: u8) -> usize {
        self.0.iter().position(|&id| id == class).unwrap_or(0)
    }
}
