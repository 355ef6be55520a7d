//! The model card: JSON beside each model that says all the program needs to know of it.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;
use crate::limits;

/// What a model is and how it wants its input. Unknown fields are an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Short name, letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// Version of the weights.
    pub version: String,
    /// Licence of the weights (not of the code).
    pub licence: Licence,
    /// Classes of the output channels.
    pub label_set: LabelSet,
    /// The files that make up the model, in order; their bytes are joined.
    pub files: Vec<ModelFile>,
    /// How a photo becomes the input tensor.
    pub input: Input,
    /// The choices between speed and quality; the first is the default one.
    pub settings: Vec<Setting>,
    /// What the network answers.
    pub output: OutputKind,
}

/// Licence of a model's weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX identifier.
    pub name: String,
    /// Where its text is.
    pub url: String,
    /// Whom to credit, and what the weights were made from.
    pub attribution: String,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// File name beside the card; no folders.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// A choice between speed and quality: the passes whose results are averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Short name, such as `fast`; letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// How the logits are brought to the photo's size.
    pub upsample: Upsample,
    /// What becomes of small patches that the model is not sure of.
    #[serde(default, skip_serializing_if = "Specks::are_kept")]
    pub specks: Specks,
    /// What the network is run on, in order.
    pub passes: Vec<Pass>,
    /// A closer look at small people, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closer: Option<Closer>,
    /// A mirrored look at the part with the people, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<Mirrored>,
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
pub enum Upsample {
    /// Between the four nearest cells.
    Bilinear,
    /// Along the edges of the photo, by a guided filter; takes longer.
    Guided,
}

/// What becomes of small patches that the model is not sure of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Specks {
    /// They stay, which is what a card means that says nothing of them.
    #[default]
    Keep,
    /// They become what surrounds them; where people are told apart, nobody wears two left shoes, and no dress ends as
    /// a skirt.
    Merge,
}

impl Specks {
    fn are_kept(&self) -> bool {
        *self == Specks::Keep
    }
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

/// Size of the network's input for a photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
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

/// Filter of the resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// Triangle filter with antialiasing on 8-bit pixels, as Pillow's BILINEAR.
    Bilinear,
}

/// Channel order of the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
pub enum PadWhen {
    /// `value` is a pixel value, 0 to 255, normalised like the photo.
    BeforeNormalise,
    /// `value` goes into the tensor as it is.
    AfterNormalise,
}

/// What the network answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
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
pub enum QueryRule {
    /// Parts and whole people: n is the classes of the label set, "Human" and "nothing".
    MultiHuman,
    /// Parts of one person: n is the classes of the label set and "nothing".
    SingleHuman,
}

impl Card {
    /// Reads and checks a card.
    pub fn from_json(json: &str) -> Result<Card> {
        let card = Card::read(json)?;
        card.check_files()?;
        Ok(card)
    }

    /// Reads and checks the card of a template, which names no files.
    pub(crate) fn from_template_json(json: &str) -> Result<Card> {
        let card = Card::read(json)?;
        if card.files.is_empty() { Ok(card) } else { Err(bad("that of a template names no files")) }
    }

    /// The card as a file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a card is texts and finite numbers") + "\n"
    }

    /// Checks all but the files.
    fn read(json: &str) -> Result<Card> {
        if json.len() > limits::MAX_CARD_BYTES {
            return Err(bad(format!(
                "it has {} bytes, at most {} are read",
                json.len(),
                limits::MAX_CARD_BYTES
            )));
        }
        let card: Card = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
        card.check()?;
        Ok(card)
    }

    /// The setting of that id, or the default one, which is the first.
    pub fn setting(&self, id: Option<&str>) -> Result<&Setting> {
        let mut settings = self.settings.iter();
        let found = match id {
            None => settings.next(),
            Some(id) => settings.find(|setting| setting.id == id),
        };
        found.ok_or_else(|| {
            let ids: Vec<&str> = self.settings.iter().map(|setting| &*setting.id).collect();
            Error::new(
                Code::BadOption,
                format!(
                    "the model {:?} has no setting {:?}; use {}",
                    self.id,
                    id.unwrap_or_default(),
                    ids.join(" or ")
                ),
            )
        })
    }

    fn check(&self) -> Result<()> {
        if !plain(&self.id) {
            return Err(bad(format!("the id {:?} may have letters, digits, - _ and . only", self.id)));
        }
        self.check_settings()?;
        let numbers = [self.input.mean, self.input.std].concat();
        if !numbers.iter().chain([&self.input.pad.value]).all(|v| v.is_finite())
            || self.input.std.iter().any(|&s| s <= 0.0)
        {
            return Err(bad("mean, std and pad must be finite and std above 0"));
        }
        Ok(())
    }

    fn check_files(&self) -> Result<()> {
        if self.files.is_empty() {
            return Err(bad("it names no model file"));
        }
        if self.files.len() > limits::MAX_MODEL_FILES {
            return Err(bad(format!(
                "it names {} files, at most {} are read",
                self.files.len(),
                limits::MAX_MODEL_FILES
            )));
        }
        for file in &self.files {
            if !plain(&file.path) {
                return Err(bad(format!("the file {:?} is not a plain name beside the card", file.path)));
            }
            let hash = file.sha256.as_bytes();
            if hash.len() != 64 || !hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(bad(format!("the sha256 of {:?} is not 64 lower-case hex digits", file.path)));
            }
        }
        let total = self.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.bytes));
        if total.is_none_or(|bytes| bytes > limits::MAX_MODEL_BYTES) {
            return Err(bad(format!("its files have more than {} bytes in all", limits::MAX_MODEL_BYTES)));
        }
        Ok(())
    }

    fn check_settings(&self) -> Result<()> {
        if !(1..=limits::MAX_SETTINGS).contains(&self.settings.len()) {
            return Err(bad(format!(
                "it has {} settings, not 1 to {}",
                self.settings.len(),
                limits::MAX_SETTINGS
            )));
        }
        for (i, Setting { id, passes, upsample, specks, closer, mirrored }) in
            self.settings.iter().enumerate()
        {
            if !plain(id) {
                return Err(bad(format!("the setting {id:?} may have letters, digits, - _ and . only")));
            }
            if self.settings[..i].iter().any(|earlier| earlier.id == *id) {
                return Err(bad(format!("it has two settings {id:?}")));
            }
            if !(1..=limits::MAX_PASSES).contains(&passes.len()) {
                return Err(bad(format!(
                    "the setting {id:?} has {} passes, not 1 to {}",
                    passes.len(),
                    limits::MAX_PASSES
                )));
            }
            if closer.is_some() && self.output != OutputKind::SemanticCenters {
                return Err(bad(format!(
                    "the setting {id:?} looks closer, which needs \"semantic+centers\""
                )));
            }
            if let Some(Closer { height, pixels, multiple }) = *closer {
                side("the height of a closer look", height)?;
                second_look("closer", pixels, multiple)?;
            }
            if let Some(Mirrored { pixels, multiple }) = *mirrored {
                if self.output != OutputKind::SemanticCenters {
                    return Err(bad(format!(
                        "the setting {id:?} looks again mirrored, which needs \"semantic+centers\""
                    )));
                }
                if !matches!(passes[..], [Pass { size: SizeRule::ShortSide { .. }, mirror: false }]) {
                    return Err(bad(format!(
                        "the setting {id:?} looks again mirrored, which goes with one pass that is not, by \"short_side\""
                    )));
                }
                second_look("mirrored", pixels, multiple)?;
            }
            for pass in passes {
                pass.size.check()?;
                if matches!((pass.size, self.output), (SizeRule::Centred { .. }, OutputKind::SemanticCenters))
                {
                    return Err(bad("the size rule \"centred\" does not go with \"semantic+centers\""));
                }
            }
            if matches!((upsample, self.output), (Upsample::Guided, OutputKind::Queries { .. })) {
                return Err(bad(format!("the setting {id:?} is \"guided\", which queries cannot be")));
            }
            if matches!((specks, self.output), (Specks::Merge, OutputKind::Queries { .. })) {
                return Err(bad(format!("the setting {id:?} merges specks, which queries have none of")));
            }
        }
        Ok(())
    }
}

impl SizeRule {
    fn check(self) -> Result<()> {
        match self {
            SizeRule::Fixed { width, height } | SizeRule::Centred { width, height } => {
                side("the width", width)?;
                side("the height", height)
            }
            SizeRule::ShortSide { short, max, multiple } => {
                side("short", short)?;
                side("max", max)?;
                side("multiple", multiple)?;
                if !max.is_multiple_of(multiple) && max.next_multiple_of(multiple) > limits::MAX_INPUT_SIDE {
                    return Err(bad(format!("max {max} padded to a multiple of {multiple} is too large")));
                }
                Ok(())
            }
        }
    }
}

/// Refuses what no side of a network input can be.
fn side(name: &str, value: u32) -> Result<()> {
    if (1..=limits::MAX_INPUT_SIDE).contains(&value) {
        Ok(())
    } else {
        Err(bad(format!("{name} is {value}, not 1 to {}", limits::MAX_INPUT_SIDE)))
    }
}

/// Refuses what no second look of that kind can have.
fn second_look(kind: &str, pixels: u32, multiple: u32) -> Result<()> {
    side(&format!("the multiple of a {kind} look"), multiple)?;
    if (1..=limits::MAX_INPUT_SIDE.pow(2)).contains(&pixels) {
        Ok(())
    } else {
        Err(bad(format!("a {kind} look of {pixels} pixels is not possible")))
    }
}

/// Whether a name is safe in paths, addresses and pages.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn bad(what: impl std::fmt::Display) -> Error {
    Error::new(Code::BadCard, format!("the model card is not valid: {what}"))
}

#[cfg(test)]
pub(crate) const EXAMPLE: &str = r#"{
    "id": "example", "title": "Example", "version": "1",
    "licence": { "name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/", "attribution": "" },
    "label_set": "cihp",
    "files": [{ "path": "example.onnx", "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }],
    "input": { "resample": "bilinear", "channels": "rgb", "mean": [123.0, 117.0, 104.0], "std": [58.0, 57.0, 57.5],
        "pad": { "value": 0.0, "when": "after_normalise" } },
    "settings": [
        { "id": "fast", "upsample": "bilinear", "passes": [
            { "size": { "rule": "short_side", "short": 64, "max": 128, "multiple": 32 }, "mirror": false }] },
        { "id": "fine", "upsample": "guided", "specks": "merge", "passes": [
            { "size": { "rule": "fixed", "width": 64, "height": 96 }, "mirror": false },
            { "size": { "rule": "fixed", "width": 64, "height": 96 }, "mirror": true }] }],
    "output": { "kind": "semantic" } }"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(from: &str, to: &str) -> Result<Card> {
        assert!(EXAMPLE.contains(from), "{from}");
        Card::from_json(&EXAMPLE.replace(from, to))
    }

    #[test]
    fn example_is_read_and_written_back() {
        let card = Card::from_json(EXAMPLE).unwrap();
        assert_eq!(
            card.settings[0].passes[0].size,
            SizeRule::ShortSide { short: 64, max: 128, multiple: 32 }
        );
        assert_eq!(card.output, OutputKind::Semantic);
        assert_eq!(Card::from_json(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        assert_eq!(card.settings.iter().map(|s| s.specks).collect::<Vec<_>>(), [Specks::Keep, Specks::Merge]);
        assert_eq!(serde_json::to_string(&card).unwrap().matches("specks").count(), 1);
    }

    #[test]
    fn settings_are_found_by_id() {
        let card = Card::from_json(EXAMPLE).unwrap();
        assert_eq!(card.setting(None).unwrap().id, "fast");
        assert_eq!(card.setting(Some("fine")).unwrap().passes.len(), 2);
        let error = card.setting(Some("best")).unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.message().contains("\"best\"; use fast or fine"), "{error}");
    }

    #[test]
    fn outputs_with_centers_are_known() {
        let card = edited(r#""kind": "semantic""#, r#""kind": "semantic+centers""#).unwrap();
        assert_eq!(card.output, OutputKind::SemanticCenters);
    }

    /// The end of a setting that looks closer.
    const CLOSER: &str = r#""mirror": true }], "closer": { "height": 448, "pixels": 9000, "multiple": 64 }"#;

    #[test]
    fn closer_looks_are_at_people() {
        let with_people = EXAMPLE.replace(r#""semantic""#, r#""semantic+centers""#);
        let closer = with_people.replace(r#""mirror": true }]"#, CLOSER);
        let card = Card::from_json(&closer).unwrap();
        assert_eq!(card.settings[0].closer, None);
        assert_eq!(card.settings[1].closer, Some(Closer { height: 448, pixels: 9000, multiple: 64 }));
        assert_eq!(Card::from_json(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        for (from, to, named) in [
            (r#""height": 448"#, r#""height": 0"#, "height of a closer look is 0"),
            (r#""pixels": 9000"#, r#""pixels": 0"#, "closer look of 0 pixels"),
            (r#""multiple": 64 }"#, r#""multiple": 0 }"#, "multiple of a closer look is 0"),
            (r#""height": 448"#, r#""closest": 448"#, "closest"),
        ] {
            let error = Card::from_json(&closer.replace(from, to)).unwrap_err();
            assert!(error.message().contains(named), "{error}");
        }
    }

    /// The end of a setting of one pass that looks again mirrored.
    const MIRRORED: &str = r#""mirror": false }], "mirrored": { "pixels": 9000, "multiple": 64 } }"#;

    #[test]
    fn mirrored_looks_follow_one_pass_over_people() {
        let with_people = EXAMPLE.replace(r#""semantic""#, r#""semantic+centers""#);
        let first = r#""mirror": false }] }"#;
        let mirrored = with_people.replace(first, MIRRORED);
        let card = Card::from_json(&mirrored).unwrap();
        assert_eq!(card.settings[0].mirrored, Some(Mirrored { pixels: 9000, multiple: 64 }));
        assert_eq!(card.settings[1].mirrored, None);
        assert_eq!(Card::from_json(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        let fixed = r#"{ "rule": "fixed", "width": 64, "height": 96 }, "mirror": false }], "mirrored""#;
        let short = r#"{ "rule": "short_side", "short": 64, "max": 128, "multiple": 32 }, "mirror": false }], "mirrored""#;
        for (from, to, named) in [
            (r#""pixels": 9000"#, r#""pixels": 0"#, "mirrored look of 0 pixels"),
            (r#""multiple": 64 }"#, r#""multiple": 0 }"#, "multiple of a mirrored look is 0"),
            (r#""pixels": 9000"#, r#""height": 9000"#, "height"),
            (r#""mirror": false }], "mirrored""#, r#""mirror": true }], "mirrored""#, "one pass that is not"),
            (short, fixed, "short_side"),
            (r#""semantic+centers""#, r#""semantic""#, "looks again mirrored, which needs"),
        ] {
            let edited = mirrored.replace(from, to);
            assert_ne!(edited, mirrored, "{from}");
            let error = Card::from_json(&edited).unwrap_err();
            assert!(error.code() == Code::BadCard && error.message().contains(named), "{error}");
        }
        let mut two = card.clone();
        two.settings[1].mirrored = card.settings[0].mirrored;
        let error = Card::from_json(&serde_json::to_string(&two).unwrap()).unwrap_err();
        assert!(
            error.message().contains("\"fine\" looks again mirrored, which goes with one pass"),
            "{error}"
        );
    }

    #[test]
    fn queries_have_a_rule() {
        let with = |kind: &str, from: &str, to: &str| {
            Card::from_json(&EXAMPLE.replace(r#""kind": "semantic""#, kind).replace(from, to))
        };
        let (guided, merged) = (r#""guided", "specks": "merge""#, r#""bilinear", "specks": "merge""#);
        let queries = r#""kind": "queries", "rule": "multi_human""#;
        let card = with(queries, guided, r#""bilinear""#).unwrap();
        assert_eq!(card.output, OutputKind::Queries { rule: QueryRule::MultiHuman });
        assert_eq!(Card::from_json(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        let (fixed, centred) = (r#""rule": "fixed""#, r#""rule": "centred""#);
        with(r#""kind": "semantic""#, fixed, centred).unwrap();
        for (kind, from, to, named) in [
            (queries, "", "", "\"fine\" is \"guided\""),
            (queries, guided, merged, "\"fine\" merges specks"),
            (r#""kind": "semantic+centers""#, fixed, centred, "centred"),
            (r#""kind": "queries""#, guided, r#""bilinear""#, "rule"),
            (r#""kind": "queries", "rule": "all""#, guided, r#""bilinear""#, "all"),
        ] {
            let error = with(kind, from, to).unwrap_err();
            assert!(error.code() == Code::BadCard && error.message().contains(named), "{error}");
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let cases = [
            (r#""version""#, r#""colour": 1, "version""#, "colour"),
            (r#""short": 64"#, r#""short": 64, "long": 1"#, "long"),
            (r#""cihp""#, r#""chip""#, "chip"),
            (r#""semantic""#, r#""sematnic""#, "sematnic"),
            (r#""resample""#, r#""size": 64, "resample""#, "size"),
            (r#""mirror": true"#, r#""mirrored": true"#, "mirrored"),
            (r#", "mirror": true"#, "", "mirror"),
            (r#""guided""#, r#""sharp""#, "sharp"),
            (r#""merge""#, r#""drop""#, "drop"),
            (r#""id": "fine""#, r#""id": "fast""#, "two settings \"fast\""),
            (r#""id": "fine""#, r#""id": "very fine""#, "very fine"),
            (
                r#""width": 64, "height": 96 }, "mirror": true"#,
                r#""width": 0, "height": 96 }, "mirror": true"#,
                "width is 0",
            ),
            (r#""mirror": true }]"#, CLOSER, "looks closer"),
            ("example.onnx", "../example.onnx", "../example.onnx"),
            ("ba7816", "BA7816", "sha256"),
            (r#""bytes": 3"#, r#""bytes": 18446744073709551615"#, "bytes in all"),
            (r#""max": 128"#, r#""max": 4096"#, "max is 4096"),
            (r#""multiple": 32"#, r#""multiple": 0"#, "multiple is 0"),
            ("[58.0,", "[0.0,", "std"),
            (r#""id": "example""#, r#""id": """#, "id"),
        ];
        for (from, to, named) in cases {
            let error = edited(from, to).unwrap_err();
            assert_eq!(error.code(), Code::BadCard);
            assert!(error.message().contains(named), "{from} -> {to}: {error}");
        }
        assert_eq!(Card::from_json("{").unwrap_err().code(), Code::BadCard);
        for (field, error) in [("settings", "0 settings"), ("passes", "0 passes")] {
            let mut card = Card::from_json(EXAMPLE).unwrap();
            match field {
                "settings" => card.settings.clear(),
                _ => card.settings[1].passes.clear(),
            }
            let json = serde_json::to_string(&card).unwrap();
            assert!(Card::from_json(&json).unwrap_err().message().contains(error));
        }
        let mut card = Card::from_json(EXAMPLE).unwrap();
        let pass = card.settings[0].passes[0];
        card.settings[0].passes = vec![pass; limits::MAX_PASSES + 1];
        let json = serde_json::to_string(&card).unwrap();
        assert!(Card::from_json(&json).unwrap_err().message().contains("passes, not 1 to"));
        let long = " ".repeat(limits::MAX_CARD_BYTES + 1);
        assert_eq!(Card::from_json(&long).unwrap_err().code(), Code::BadCard);
    }
}
