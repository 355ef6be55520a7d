//! The files of a model -> parts that can be downloaded, checked and kept one by one.

use std::io::{self, Read, Seek};

use sha2::{Digest, Sha256};

use crate::card::{Card, ModelFile};
use crate::error::{Code, Error, Result, reserved};
use crate::limits;
use crate::model::checked_files::CheckedFiles;

/// Splits a model into parts of at most `part_bytes` bytes and returns the card that names them.
///
/// `file` gives the bytes of the card's files, joined in order; they are checked against the
/// card. `write` takes the name and the bytes of each part in turn. The joined bytes stay what
/// they are, so that a split model gives the same results.
///
/// Errors: [`Code::WrongHash`], [`Code::BadOption`] for a size that is 0, above
/// [`limits::MAX_PART_BYTES`] or gives too many parts, [`Code::Io`].
pub fn split(
    card: &Card,
    file: impl Read + Seek + Send + 'static,
    part_bytes: u64,
    write: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<Card> {
    if !(1..=limits::MAX_PART_BYTES).contains(&part_bytes) {
        return Err(Error::new(
            Code::BadOption,
            format!("a part has 1 to {} bytes, not {part_bytes}", limits::MAX_PART_BYTES),
        ));
    }
    let size: u64 = card.files.iter().map(|file| file.bytes).sum();
    let parts = size.div_ceil(part_bytes);
    if parts > limits::MAX_MODEL_FILES as u64 {
        return Err(Error::new(
            Code::BadOption,
            format!("that would be {parts} parts, at most {} are read", limits::MAX_MODEL_FILES),
        ));
    }
    let failed = |e: io::Error| Error::new(Code::Io, format!("the model cannot be split: {e}"));
    let mut files = CheckedFiles::new(card, file);
    let mut joined = files.open()?;
    let mut bytes = reserved(part_bytes.min(size) as usize, "a part of the model")?;
    let mut files = vec![];
    for number in 1..=parts {
        bytes.clear();
        (&mut joined).take(part_bytes).read_to_end(&mut bytes).map_err(failed)?;
        let path = format!("{}.{number:03}.onnx", card.id);
        write(&path, &bytes).map_err(failed)?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        files.push(ModelFile { path, bytes: bytes.len() as u64, sha256 });
    }
    Ok(Card { files, ..card.clone() })
}
