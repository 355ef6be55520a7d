//! Label sets: which class each id of a label map stands for.

use serde::{Deserialize, Serialize};

/// The classes a model tells apart. Left and right are the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelSet {
    /// Crowd Instance-level Human Parsing, 20 classes (Gong et al., ECCV 2018).
    Cihp,
    /// Look Into Person, 20 classes (Liang et al., TPAMI 2018): those of CIHP, but
    /// jumpsuits in place of the skin of the torso.
    Lip,
    /// Active Template Regression, 18 classes (Liang et al., TPAMI 2015), in the order
    /// of the published SCHP and SegFormer models.
    Atr,
    /// Pascal-Person-Part, 7 classes (Chen et al., CVPR 2014): parts only, left and
    /// right together.
    Pascal,
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

const LIP: [&str; 20] = {
    let mut names = CIHP;
    names[10] = "Jumpsuits";
    names
};

const ATR: [&str; 18] = [
    "Background",
    "Hat",
    "Hair",
    "Sunglasses",
    "Upper-clothes",
    "Skirt",
    "Pants",
    "Dress",
    "Belt",
    "Left-shoe",
    "Right-shoe",
    "Face",
    "Left-leg",
    "Right-leg",
    "Left-arm",
    "Right-arm",
    "Bag",
    "Scarf",
];

const PASCAL: [&str; 7] =
    ["Background", "Head", "Torso", "Upper-arms", "Lower-arms", "Upper-legs", "Lower-legs"];

/// CIHP's and LIP's.
const CIHP_MIRRORED: [u8; 20] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14, 17, 16, 19, 18];

const ATR_MIRRORED: [u8; 18] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 11, 13, 12, 15, 14, 16, 17];

const PASCAL_MIRRORED: [u8; 7] = [0, 1, 2, 3, 4, 5, 6];

impl LabelSet {
    /// Every label set.
    pub const ALL: [LabelSet; 4] = [LabelSet::Cihp, LabelSet::Lip, LabelSet::Atr, LabelSet::Pascal];

    /// The name cards and exports use, such as `cihp`.
    pub fn id(self) -> &'static str {
        match self {
            LabelSet::Cihp => "cihp",
            LabelSet::Lip => "lip",
            LabelSet::Atr => "atr",
            LabelSet::Pascal => "pascal",
        }
    }

    /// The label set of that [`id`](LabelSet::id).
    pub fn from_id(id: &str) -> Option<LabelSet> {
        LabelSet::ALL.into_iter().find(|set| set.id() == id)
    }

    /// The class that each class becomes in a mirrored photo: left and right change
    /// places, the others stay. The index is the class id.
    pub fn mirrored(self) -> &'static [u8] {
        match self {
            LabelSet::Cihp | LabelSet::Lip => &CIHP_MIRRORED,
            LabelSet::Atr => &ATR_MIRRORED,
            LabelSet::Pascal => &PASCAL_MIRRORED,
        }
    }

    /// The classes that are clothes of the body, arms and legs: what a model takes one of for another.
    pub(crate) fn garments(self) -> &'static [u8] {
        match self {
            LabelSet::Cihp => &[5, 6, 7, 9, 12],
            LabelSet::Lip => &[5, 6, 7, 9, 10, 12],
            LabelSet::Atr => &[4, 5, 6, 7],
            LabelSet::Pascal => &[],
        }
    }

    /// Dress and skirt, if they are classes.
    pub(crate) fn dress_and_skirt(self) -> Option<[u8; 2]> {
        match self {
            LabelSet::Cihp | LabelSet::Lip => Some([6, 12]),
            LabelSet::Atr => Some([7, 5]),
            LabelSet::Pascal => None,
        }
    }

    /// The left and the right shoe, if they are classes.
    pub(crate) fn shoes(self) -> Option<[u8; 2]> {
        match self {
            LabelSet::Cihp | LabelSet::Lip => Some([18, 19]),
            LabelSet::Atr => Some([9, 10]),
            LabelSet::Pascal => None,
        }
    }

    /// Class names; the index is the class id of label maps, 0 is the background.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            LabelSet::Cihp => &CIHP,
            LabelSet::Lip => &LIP,
            LabelSet::Atr => &ATR,
            LabelSet::Pascal => &PASCAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garments_have_their_names() {
        let names = |set: LabelSet| {
            set.garments().iter().map(|&class| set.names()[class as usize]).collect::<Vec<_>>()
        };
        assert_eq!(names(LabelSet::Cihp), ["UpperClothes", "Dress", "Coat", "Pants", "Skirt"]);
        assert_eq!(names(LabelSet::Lip), ["UpperClothes", "Dress", "Coat", "Pants", "Jumpsuits", "Skirt"]);
        assert_eq!(names(LabelSet::Atr), ["Upper-clothes", "Skirt", "Pants", "Dress"]);
        assert!(names(LabelSet::Pascal).is_empty());
    }

    #[test]
    fn pairs_of_classes_have_their_names() {
        for set in LabelSet::ALL {
            for (pair, expected) in
                [(set.shoes(), ["Left-shoe", "Right-shoe"]), (set.dress_and_skirt(), ["Dress", "Skirt"])]
            {
                let names = pair.map(|pair| pair.map(|class| set.names()[class as usize]));
                assert!([None, Some(expected)].contains(&names), "{names:?}");
                assert_eq!(names.is_some(), set.names().contains(&expected[0]));
            }
        }
    }

    #[test]
    fn mirrored_swaps_left_and_right() {
        for set in LabelSet::ALL {
            let names = set.names();
            assert_eq!(set.mirrored().len(), names.len());
            for (name, &other) in names.iter().zip(set.mirrored()) {
                let swapped = match name.split_once('-') {
                    Some(("Left", part)) => format!("Right-{part}"),
                    Some(("Right", part)) => format!("Left-{part}"),
                    _ => name.to_string(),
                };
                assert_eq!(names[other as usize], swapped);
            }
        }
    }
}
