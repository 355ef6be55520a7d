//! The model card: a JSON file beside each model with all that the program needs to know.

mod check;
mod files;
mod settings;
mod tensors;

use serde::{Deserialize, Serialize};

pub use files::{Licence, ModelFile};
pub use settings::{CleanPass, Closer, Mirrored, Pass, Setting, SizeRule, Upsample};
pub use tensors::{Channels, Input, OutputKind, Pad, PadWhen, QueryRule, Resample};

use crate::error::{Code, Error, Result};
use crate::labels::LabelSet;
use crate::limits;

/// The newest format of cards that is read, and the one that is written.
///
/// A change that earlier programs would misread raises it. Cards without a number are of the first format.
pub const CARD_FORMAT: u32 = 1;

/// What a model is and how it wants its input. Unknown fields are an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Card {
    /// Format of the card, 1 to [`CARD_FORMAT`].
    #[serde(default = "first_format")]
    pub format: u32,
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

impl Card {
    /// Reads and checks a card.
    pub fn from_json(json: &str) -> Result<Card> {
        let card = Card::read(json)?;
        check::files(&card.files)?;
        Ok(card)
    }

    /// Reads and checks the card of a template, which names no files.
    pub(crate) fn from_template_json(json: &str) -> Result<Card> {
        let card = Card::read(json)?;
        if card.files.is_empty() { Ok(card) } else { Err(check::bad("that of a template names no files")) }
    }

    /// The card as a file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a card is texts and finite numbers") + "\n"
    }

    /// Checks all but the files.
    fn read(json: &str) -> Result<Card> {
        if json.len() > limits::MAX_CARD_BYTES {
            return Err(check::bad(format!(
                "it has {} bytes, at most {} are read",
                json.len(),
                limits::MAX_CARD_BYTES
            )));
        }
        // First, as what else a newer card says may be unknown here.
        let Format { format } = serde_json::from_str(json).map_err(check::bad)?;
        if format > CARD_FORMAT as u64 {
            return Err(Error::new(
                Code::NewerCard,
                format!(
                    "the model card has format {format}, and this version reads {CARD_FORMAT}; use a newer version"
                ),
            ));
        }
        let card: Card = serde_json::from_str(json).map_err(check::bad)?;
        if card.format == 0 {
            return Err(check::bad("its format is 0, not 1 or more"));
        }
        check::id(&card.id)?;
        check::settings(&card.settings, card.output)?;
        check::input(&card.input)?;
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
}

/// The field of a card that is read before all others.
#[derive(Deserialize)]
struct Format {
    #[serde(default = "first_format_of_any_size")]
    format: u64,
}

fn first_format() -> u32 {
    1
}

fn first_format_of_any_size() -> u64 {
    1
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
        { "id": "fine", "upsample": "guided", "clean": ["specks", "dresses", "shoes"], "passes": [
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
        assert_eq!(card.settings[0].clean, []);
        assert_eq!(card.settings[1].clean, CleanPass::ALL);
        let written = serde_json::to_string(&card).unwrap();
        assert!(written.starts_with(r#"{"format":1,"#) && written.matches("clean").count() == 1, "{written}");
    }

    #[test]
    fn cards_without_a_format_are_read_as_before() {
        let list = r#""clean": ["specks", "dresses", "shoes"]"#;
        let card = Card::from_json(EXAMPLE).unwrap();
        assert_eq!(edited(list, r#""specks": "merge""#).unwrap(), card);
        assert_eq!(edited(list, r#""specks": "keep""#).unwrap().settings[1].clean, []);
        assert_eq!(edited(r#""id": "example""#, r#""format": 1, "id": "example""#).unwrap(), card);
    }

    #[test]
    fn a_newer_card_is_known_by_its_format() {
        for (from, to) in [
            (r#""id": "example""#, r#""format": 2, "id": "example""#),
            (r#""id": "example""#, r#""format": 5000000000, "id": "example""#),
            // Whatever else it has.
            (r#""id": "example", "title": "Example""#, r#""format": 2, "name": ["example"]"#),
        ] {
            let error = edited(from, to).unwrap_err();
            assert_eq!(error.code(), Code::NewerCard, "{error}");
        }
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
        let guided = r#""guided", "clean": ["specks", "dresses", "shoes"]"#;
        let cleaned = r#""bilinear", "clean": ["shoes"]"#;
        let queries = r#""kind": "queries", "rule": "multi_human""#;
        let card = with(queries, guided, r#""bilinear""#).unwrap();
        assert_eq!(card.output, OutputKind::Queries { rule: QueryRule::MultiHuman });
        assert_eq!(Card::from_json(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        let (fixed, centred) = (r#""rule": "fixed""#, r#""rule": "centred""#);
        with(r#""kind": "semantic""#, fixed, centred).unwrap();
        for (kind, from, to, named) in [
            (queries, "", "", "\"fine\" is \"guided\""),
            (queries, guided, cleaned, "\"fine\" has the clean-up pass shoes"),
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
            (r#""dresses""#, r#""hats""#, "hats"),
            (r#""dresses""#, r#""specks""#, "specks twice"),
            (r#""clean": ["#, r#""specks": "merge", "clean": ["#, "both clean and specks"),
            (r#""id": "example""#, r#""format": 0, "id": "example""#, "format is 0"),
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
