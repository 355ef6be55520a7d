//! Bytes of a model, checked against its card -> [`Model`].

use sha2::{Digest, Sha256};

use crate::engine::{Engine, TractEngine};
use crate::error::{Code, Error, Result};
use crate::model::Card;

/// A model that is ready to parse photos.
pub struct Model {
    pub(super) card: Card,
    pub(super) engine: Box<dyn Engine>,
}

impl Model {
    /// Checks the size and SHA-256 of each file against the card, then reads the network.
    ///
    /// `bytes` are those of the card's files, joined in order.
    pub fn load(card: Card, bytes: &[u8]) -> Result<Model> {
        check_files(&card, bytes)?;
        let engine = TractEngine::from_onnx(bytes, &card)?;
        Ok(Model::with_engine(card, Box::new(engine)))
    }

    /// A model with an engine of one's own, such as a stand-in for tests.
    pub fn with_engine(card: Card, engine: Box<dyn Engine>) -> Model {
        Model { card, engine }
    }

    /// The model's card.
    pub fn card(&self) -> &Card {
        &self.card
    }
}

fn check_files(card: &Card, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    for file in &card.files {
        let wrong = |what: String| {
            Error::new(
                Code::WrongHash,
                format!("{} is not the file its model card names: {what}; download it again", file.path),
            )
        };
        let Some((part, after)) = usize::try_from(file.bytes).ok().and_then(|n| rest.split_at_checked(n))
        else {
            return Err(wrong(format!("it has {} bytes, the card says {}", rest.len(), file.bytes)));
        };
        let hash: String = Sha256::digest(part).iter().map(|byte| format!("{byte:02x}")).collect();
        if hash != file.sha256 {
            return Err(wrong(format!("its SHA-256 is {hash}, the card says {}", file.sha256)));
        }
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Error::new(
            Code::WrongHash,
            format!("the model has {} bytes more than its card says", rest.len()),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::card::EXAMPLE;

    #[test]
    fn only_the_bytes_of_the_card_are_accepted() {
        let card = Card::from_json(EXAMPLE).unwrap();
        check_files(&card, b"abc").unwrap();
        for bytes in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert_eq!(check_files(&card, bytes).unwrap_err().code(), Code::WrongHash);
        }
        // The right bytes, but no network.
        assert_eq!(Model::load(card, b"abc").err().unwrap().code(), Code::BadModel);
    }
}
