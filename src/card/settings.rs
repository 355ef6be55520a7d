//! The choices between speed and quality that a card offers.

use serde::{Deserialize, Serialize};

/// A choice between speed and quality: the passes whose results are averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "AnySetting")]
#[non_exhaustive]
pub struct Setting {
    /// Short name, such as `fast`; letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// How the logits are brought to the photo's size.
    pub upsample: Upsample,
    /// What the label map is cleaned of, each pass once. They are run in the order of [`CleanPass::ALL`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clean: Vec<CleanPass>,
    /// What the network is run on, in order.
    pub passes: Vec<Pass>,
    /// A closer look at small people, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closer: Option<Closer>,
    /// A mirrored look at the part with the people, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<Mirrored>,
}

/// A setting as it stands in cards: earlier ones have `specks` for `clean`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnySetting {
    id: String,
    upsample: Upsample,
    specks: Option<Specks>,
    clean: Option<Vec<CleanPass>>,
    passes: Vec<Pass>,
    closer: Option<Closer>,
    mirrored: Option<Mirrored>,
}

/// All passes of the clean-up, or none.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Specks {
    Keep,
    Merge,
}

impl TryFrom<AnySetting> for Setting {
    type Error = String;

    fn try_from(setting: AnySetting) -> Result<Setting, String> {
        let AnySetting { id, upsample, specks, clean, passes, closer, mirrored } = setting;
        let clean = match (specks, clean) {
            (Some(_), Some(_)) => {
                return Err(format!("the setting {id:?} has both clean and specks; leave out specks"));
            }
            (Some(Specks::Merge), None) => CleanPass::ALL.into(),
            (Some(Specks::Keep) | None, clean) => clean.unwrap_or_default(),
        };
        Ok(Setting { id, upsample, clean, passes, closer, mirrored })
    }
}

/// A pass over the label map that mends what networks get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CleanPass {
    /// Small patches that the model is not sure of become what surrounds them.
    Specks,
    /// Where a person's dress and skirt touch, both become the more probable of the two.
    Dresses,
    /// Two shoes of a person become one left and one right shoe.
    Shoes,
}

impl CleanPass {
    /// Every pass, in the order in which they are run.
    pub const ALL: [CleanPass; 3] = [CleanPass::Specks, CleanPass::Dresses, CleanPass::Shoes];

    /// Its name in cards.
    pub fn name(self) -> &'static str {
        match self {
            CleanPass::Specks => "specks",
            CleanPass::Dresses => "dresses",
            CleanPass::Shoes => "shoes",
        }
    }
}

/// A second look at the part of a photo in which the people are, where all of them are small in the input of the
/// first pass. The passes are then run on that part alone, and the first answer is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closer {
    /// Pixels of the input that the tallest person then has from head to foot.
    pub height: u32,
    /// Most pixels of the input, padding left out; people are smaller if more would be needed.
    pub pixels: u32,
    /// Both sides of the tensor are multiples of this.
    pub multiple: u32,
}

/// A second, mirrored look at the part of a photo in which the people are, where there is no closer one and they can be
/// seen at about the size that they have in the input of the first pass. The results are averaged, what lies around the
/// part is background. It goes with one pass, by the size rule [`SizeRule::ShortSide`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirrored {
    /// Most pixels of both inputs together, padding included.
    pub pixels: u32,
    /// Both sides of the tensor are multiples of this.
    pub multiple: u32,
}

/// How logits are brought to the photo's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Upsample {
    /// Between the four nearest cells.
    Bilinear,
    /// Along the edges of the photo, by a guided filter; takes longer.
    Guided,
}

/// One run of the network on the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// Size of the resized photo.
    pub size: SizeRule,
    /// Whether the network sees the photo mirrored left to right.
    pub mirror: bool,
}

/// Size of the network's input for a photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SizeRule {
    /// The photo is stretched to exactly this size.
    Fixed {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The short side becomes `short`; if the long side would exceed `max`, it
    /// becomes `max` instead. Sides are rounded, then padded to a multiple.
    ShortSide {
        /// Pixels.
        short: u32,
        /// Pixels.
        max: u32,
        /// Both sides of the tensor are multiples of this.
        multiple: u32,
    },
    /// The tensor has exactly this size; the photo is shrunk to fit, never
    /// enlarged, and lies in its middle. Where only the last row or column is
    /// missing it is 0 in the tensor, whatever the padding is otherwise.
    Centred {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}
