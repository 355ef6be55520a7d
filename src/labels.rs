//! Label sets: which class each id of a label map stands for.

use serde::{Deserialize, Serialize};

/// The classes a model tells apart. Left and right are the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelSet {
    /// Crowd Instance-level Human Parsing, 20 classes (Gong et al., ECCV 2018).
    Cihp,
}

const CIHP: [&str; 20] = [
    "Background",
    "Hat",
    "Hair",
    "Gloves",
    "Sunglasses",
    "UpperClothes",
    "Dress",
    "Coat",
    "Socks",
    "Pants",
    "Torso-skin",
    "Scarf",
    "Skirt",
    "Face",
    "Left-arm",
    "Right-arm",
    "Left-leg",
    "Right-leg",
    "Left-shoe",
    "Right-shoe",
];

impl LabelSet {
    /// Every label set.
    pub const ALL: [LabelSet; 1] = [LabelSet::Cihp];

    /// The name cards and exports use, such as `cihp`.
    pub fn id(self) -> &'static str {
        match self {
            LabelSet::Cihp => "cihp",
        }
    }

    /// The label set of that [`id`](LabelSet::id).
    pub fn from_id(id: &str) -> Option<LabelSet> {
        LabelSet::ALL.into_iter().find(|set| set.id() == id)
    }

    /// Class names; the index is the class id of label maps, 0 is the background.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            LabelSet::Cihp => &CIHP,
        }
    }
}
