//! Whether a file that was written before is all there, as far as that is cheap to tell.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::de::IgnoredAny;

/// Largest end of a zip archive: its record and the longest comment.
const ZIP_END_BYTES: u64 = 22 + u16::MAX as u64;

/// Whether a file is whole: a PNG with all its chunks, JSON that can be parsed, a zip with its
/// directory. Of other files only that something is in them can be told.
pub fn is_whole(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let whole = match &*ending {
        "zip" => zip_is_whole(path),
        "png" => std::fs::read(path).map(|bytes| png_is_whole(&bytes)),
        "json" => std::fs::read(path).map(|bytes| serde_json::from_slice::<IgnoredAny>(&bytes).is_ok()),
        _ => path.metadata().map(|metadata| metadata.len() > 0),
    };
    whole.unwrap_or(false)
}

fn png_is_whole(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else { return false };
    // Length, kind, data, checksum of kind and data.
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((chunk, after)) = after.split_at_checked(length.saturating_add(4)) else { return false };
        let Some((checksum, after)) = after.split_first_chunk::<4>() else { return false };
        if crc32fast::hash(chunk) != u32::from_be_bytes(*checksum) {
            return false;
        }
        if chunk.starts_with(b"IEND") {
            return true;
        }
        rest = after;
    }
    false
}

fn zip_is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(size.saturating_sub(ZIP_END_BYTES)))?;
    let mut end = vec![];
    file.take(ZIP_END_BYTES).read_to_end(&mut end)?;
    // The record of 22 bytes ends in the length of the comment that follows.
    let is_record = |at: usize, record: &[u8]| {
        let comment = u16::from_le_bytes([record[20], record[21]]) as usize;
        record.starts_with(b"PK\x05\x06") && at + 22 + comment == end.len()
    };
    Ok(end.windows(22).enumerate().any(|(at, record)| is_record(at, record)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bodymap::export::png;

    #[test]
    fn what_is_cut_or_changed_is_not_whole() {
        let bytes = png(2, 1, &[1, 2, 3, 4, 5, 6]).unwrap();
        assert!(png_is_whole(&bytes));
        assert!((0..bytes.len()).all(|end| !png_is_whole(&bytes[..end])));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!png_is_whole(&changed), "byte {at}");
        }
    }

    #[test]
    fn a_zip_has_its_end() {
        let path = std::env::temp_dir().join(format!("bodymap-whole-{}.zip", std::process::id()));
        let mut zip = b"PK\x03\x04 what is in it PK\x05\x06".to_vec();
        zip.extend([0; 18]);
        let mut with_comment = zip.clone();
        with_comment[zip.len() - 2] = 3;
        for (bytes, whole) in [
            (&zip[..], true),
            (&zip[..zip.len() - 1], false),
            (&with_comment, false),
            (&[&with_comment[..], b"abc"].concat(), true),
            (&[], false),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(is_whole(&path), whole, "{bytes:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
