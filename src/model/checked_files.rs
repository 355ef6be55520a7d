//! The bytes of a model, checked against its card.

use std::io::{Read, Seek, Take};

use sha2::{Digest, Sha256};

use crate::card::{Card, ModelFile};
use crate::error::{Code, Error, Result};
use crate::stop;

trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// The files of a model, joined.
pub(crate) struct CheckedFiles {
    /// What is known of them from a card.
    files: Option<Vec<ModelFile>>,
    /// Bytes of all.
    size: u64,
    joined: Box<dyn ReadSeek>,
}

impl CheckedFiles {
    /// `joined` gives the bytes of the card's files in order.
    pub fn new(card: &Card, joined: impl Read + Seek + Send + 'static) -> CheckedFiles {
        let size = card.files.iter().map(|file| file.bytes).sum();
        CheckedFiles { files: Some(card.files.clone()), size, joined: Box::new(joined) }
    }

    /// A file of `size` bytes of which nothing is known, to be measured only.
    #[cfg(target_family = "wasm")]
    pub fn without_card(size: u64, file: impl Read + Seek + Send + 'static) -> CheckedFiles {
        CheckedFiles { files: None, size, joined: Box::new(file) }
    }

    /// The bytes, if they are those of the card.
    pub fn open(&mut self) -> Result<Take<&mut dyn Read>> {
        self.rewind()?;
        if let Some(files) = &self.files {
            check(files, &mut self.joined)?;
            self.rewind()?;
        }
        let joined: &mut dyn Read = &mut self.joined;
        Ok(joined.take(self.size))
    }

    fn rewind(&mut self) -> Result<()> {
        self.joined.rewind().map_err(|e| Error::new(Code::Io, format!("the model cannot be read: {e}")))
    }
}

fn check(files: &[ModelFile], joined: &mut impl Read) -> Result<()> {
    for file in files {
        let wrong = |what: String| {
            Error::new(
                Code::WrongHash,
                format!("{} is not the file its model card names: {what}; download it again", file.path),
            )
        };
        let mut hash = Sha256::new();
        let bytes = hash_all(&mut joined.take(file.bytes), &mut hash)
            .map_err(|e| Error::new(Code::Io, format!("{} cannot be read: {e}", file.path)))?;
        if bytes != file.bytes {
            return Err(wrong(format!("it has {bytes} bytes, the card says {}", file.bytes)));
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if hash != file.sha256 {
            return Err(wrong(format!("its SHA-256 is {hash}, the card says {}", file.sha256)));
        }
    }
    match joined.read(&mut [0]) {
        Ok(0) => Ok(()),
        _ => Err(Error::new(Code::WrongHash, "the model has more bytes than its card says")),
    }
}

/// Hashes a file piece by piece and counts its bytes.
fn hash_all(file: &mut impl Read, hash: &mut Sha256) -> std::io::Result<u64> {
    let (mut piece, mut bytes) = (vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(bytes),
            read => {
                stop::check().map_err(std::io::Error::other)?;
                hash.update(&piece[..read]);
                bytes += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::EXAMPLE;

    #[test]
    fn only_the_bytes_of_the_card_are_accepted() {
        let card = Card::from_json(EXAMPLE).unwrap();
        check(&card.files, &mut &b"abc"[..]).unwrap();
        for bytes in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert_eq!(check(&card.files, &mut &bytes[..]).unwrap_err().code(), Code::WrongHash);
        }
    }
}
