//! What goes into a network, and what comes out.

use serde::{Deserialize, Serialize};

/// How a photo of any size becomes the input tensor: normalise, pad.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Filter of the resize.
    pub resample: Resample,
    /// Channel order of the tensor.
    pub channels: Channels,
    /// Subtracted from each channel (in `channels` order), on the scale 0 to 255.
    pub mean: [f32; 3],
    /// Then each channel is divided by this, on the scale 0 to 255.
    pub std: [f32; 3],
    /// What fills the tensor right of and below the photo.
    pub pad: Pad,
}

/// Filter of the resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resample {
    /// Triangle filter with antialiasing on 8-bit pixels, as Pillow's BILINEAR.
    Bilinear,
}

/// Channel order of the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What fills the tensor right of and below the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// The value of every channel, on the scale that holds at that moment.
    pub value: f32,
    /// Before or after mean and std are applied.
    pub when: PadWhen,
}

/// When the padding is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PadWhen {
    /// `value` is a pixel value, 0 to 255, normalised like the photo.
    BeforeNormalise,
    /// `value` goes into the tensor as it is.
    AfterNormalise,
}

/// What the network answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum OutputKind {
    /// One tensor of logits, `[1, classes, h, w]`, for the padded input at any scale.
    Semantic,
    /// Logits as in `semantic`, then what tells people apart, at a scale of its own:
    /// a heatmap `[1, 1, h, w]`, 0 to 1 with a peak at each person's centre, and
    /// offsets `[1, 2, h, w]`, x and y from the middle of the cell to the centre of
    /// its person, in pixels of the input tensor.
    #[serde(rename = "semantic+centers")]
    SemanticCenters,
    /// Logits of the classes `[1, queries, n]` and of the masks `[1, queries, h, w]`, as
    /// Mask2Former and M2FP answer; the last class is "nothing".
    Queries {
        /// What the queries stand for.
        rule: QueryRule,
    },
}

/// What the queries of a network stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QueryRule {
    /// Parts and whole people: n is the classes of the label set, "Human" and "nothing".
    MultiHuman,
    /// Parts of one person: n is the classes of the label set and "nothing".
    SingleHuman,
}
