//! The files inside a zip archive, read whole and checked by their CRC-32.
//!
//! PyTorch writes its checkpoints as archives of uncompressed files, named by a
//! central directory at the end, mostly in the 64-bit form ("APPNOTE.TXT", 4.3).
//! Of the format only that is read here: general readers also look for the
//! directory through the whole of a damaged file, which takes minutes where a
//! browser hands out the file piece by piece.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::refusal::{corrupt, too_complex};
use crate::error::{Code, Error, Result, filled};
use crate::limits::{MAX_CHECKPOINT_INDEX_BYTES, MAX_CHECKPOINT_READ_BYTES};

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const DIRECTORY_END: &[u8] = b"PK\x05\x06";
const DIRECTORY_END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// How a checkpoint from before PyTorch 1.6 begins: a pickle of its magic number.
const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0a";

/// An open archive.
pub(super) struct Archive<R> {
    reader: R,
    files: HashMap<String, File>,
    /// Bytes that may still be read.
    budget: u64,
}

struct File {
    /// Where its local header is.
    header: u64,
    size: u64,
    crc32: u32,
    /// Neither compressed nor encrypted.
    stored: bool,
}

/// Where the central directory is and what it holds.
struct Directory {
    offset: u64,
    size: u64,
    entries: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the central directory.
    pub fn open(mut reader: R) -> Result<Archive<R>> {
        let length = reader.seek(SeekFrom::End(0)).map_err(read_failed)?;
        let mut start = [0; 4];
        let known = length.min(4) as usize;
        read_at(&mut reader, 0, &mut start[..known])?;
        if length == 0 {
            return Err(Error::new(Code::EmptyFile, "the file is empty; choose a PyTorch checkpoint (.pt)"));
        }
        if start == LEGACY_START {
            return Err(Error::new(
                Code::UnsupportedCheckpoint,
                "the checkpoint has the form of PyTorch before 1.6; load and save it again with a later one",
            ));
        }
        if !LOCAL_HEADER.starts_with(&start[..known]) {
            return Err(Error::new(
                Code::UnsupportedCheckpoint,
                "the file is not a PyTorch checkpoint (.pt, a zip archive)",
            ));
        }
        let directory = Directory::find(&mut reader, length)?;
        let files = directory.read(&mut reader)?;
        Ok(Archive { reader, files, budget: MAX_CHECKPOINT_READ_BYTES })
    }

    /// Names of all files, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(|name| &**name)
    }

    /// Replaces what is in `content` by a file of at most `max` bytes.
    pub fn read(&mut self, name: &str, max: u64, content: &mut Vec<u8>) -> Result<()> {
        let Some(&File { header, size, crc32, stored }) = self.files.get(name) else {
            return Err(corrupt(format!("its file {name} is missing")));
        };
        if !stored {
            return Err(corrupt(format!("its file {name} is compressed, which PyTorch never does")));
        }
        if size > max {
            return Err(too_complex(format!("its file {name} has {size} bytes, at most {max} are read")));
        }
        self.budget = self.budget.checked_sub(size).ok_or_else(|| {
            too_complex(format!("its weights overlap: more than {MAX_CHECKPOINT_READ_BYTES} bytes in all"))
        })?;
        let mut local = [0; 30];
        read_at(&mut self.reader, header, &mut local)?;
        if !local.starts_with(LOCAL_HEADER) {
            return Err(corrupt(format!("its file {name} is not where its directory says")));
        }
        let skipped = 30 + u16_at(&local, 26) as u64 + u16_at(&local, 28) as u64;
        content.clear();
        if content.capacity() < size as usize {
            *content = filled(0, size as usize, "a tensor of the checkpoint")?;
        }
        content.resize(size as usize, 0);
        read_at(&mut self.reader, header + skipped, content)?;
        if crc32fast::hash(content) != crc32 {
            return Err(corrupt(format!("its file {name} does not have the checksum it was saved with")));
        }
        Ok(())
    }
}

impl Directory {
    /// Finds the directory by the record at the end of the file.
    fn find(reader: &mut (impl Read + Seek), length: u64) -> Result<Directory> {
        const RECORD: usize = 22;
        let mut tail = vec![0; length.min((RECORD + u16::MAX as usize) as u64) as usize];
        let tail_start = length - tail.len() as u64;
        read_at(reader, tail_start, &mut tail)?;
        let is_end = |&at: &usize| {
            tail[at..].starts_with(DIRECTORY_END)
                && at + RECORD + u16_at(&tail, at + 20) as usize == tail.len()
        };
        let Some(at) = (0..(tail.len() + 1).saturating_sub(RECORD)).rev().find(is_end) else {
            return Err(Error::new(
                Code::TruncatedCheckpoint,
                "the checkpoint has no directory at its end; the file was cut off, copy or download it again",
            ));
        };
        let end = tail_start + at as u64;
        let locator = at.checked_sub(20).map(|at| &tail[at..]).filter(|tail| tail.starts_with(LOCATOR_64));
        let directory = if let Some(locator) = locator {
            let mut record = [0; 56];
            let at = u64_at(locator, 8);
            if at.checked_add(record.len() as u64).is_none_or(|after| after > end) {
                return Err(corrupt("its directory is not where its last bytes say"));
            }
            read_at(reader, at, &mut record)?;
            if !record.starts_with(DIRECTORY_END_64) {
                return Err(corrupt("its directory is not where its last bytes say"));
            }
            Directory { entries: u64_at(&record, 32), size: u64_at(&record, 40), offset: u64_at(&record, 48) }
        } else {
            Directory {
                entries: u16_at(&tail, at + 10) as u64,
                size: u32_at(&tail, at + 12) as u64,
                offset: u32_at(&tail, at + 16) as u64,
            }
        };
        if directory.offset.checked_add(directory.size).is_none_or(|after| after > end) {
            return Err(corrupt("its directory is longer than the file"));
        }
        Ok(directory)
    }

    fn read(&self, reader: &mut (impl Read + Seek)) -> Result<HashMap<String, File>> {
        if self.size > MAX_CHECKPOINT_INDEX_BYTES {
            return Err(too_complex(format!(
                "its directory has {} bytes, at most {MAX_CHECKPOINT_INDEX_BYTES} are read",
                self.size
            )));
        }
        let mut bytes = filled(0, self.size as usize, "the directory of the checkpoint")?;
        read_at(reader, self.offset, &mut bytes)?;
        let broken = || corrupt("its directory is damaged");
        let mut files = HashMap::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let header = rest.get(..46).filter(|header| header.starts_with(DIRECTORY_ENTRY));
            let header = header.ok_or_else(broken)?;
            let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(header, at) as usize);
            let after = rest.get(46 + name + extra + comment..).ok_or_else(broken)?;
            let extra = &rest[46 + name..][..extra];
            let name = std::str::from_utf8(&rest[46..][..name]).map_err(|_| broken())?;
            // A field too large for 32 bits is all ones and follows in the extra part.
            let mut large = long_fields(extra);
            let mut field = |at: usize| match u32_at(header, at) {
                u32::MAX => large.next().ok_or_else(broken),
                value => Ok(value as u64),
            };
            let (size, packed, offset) = (field(24)?, field(20)?, field(42)?);
            let (encrypted, method) = (u16_at(header, 8) & 1 != 0, u16_at(header, 10));
            let stored = !encrypted && method == 0 && size == packed;
            if offset.checked_add(size).is_none_or(|after| after > self.offset) {
                return Err(corrupt(format!("its file {name} is longer than the archive")));
            }
            let file = File { header: offset, size, crc32: u32_at(header, 16), stored };
            if files.insert(name.to_owned(), file).is_some() {
                return Err(corrupt(format!("it has the file {name} twice")));
            }
            rest = after;
        }
        if files.len() as u64 != self.entries {
            return Err(broken());
        }
        Ok(files)
    }
}

/// The 64-bit values of a directory entry's extra part.
fn long_fields(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    const ZIP64: u16 = 1;
    let mut fields: &[u8] = &[];
    while extra.len() >= 4 {
        let (kind, size) = (u16_at(extra, 0), u16_at(extra, 2) as usize);
        let Some(content) = extra.get(4..4 + size) else { break };
        if kind == ZIP64 {
            fields = content;
            break;
        }
        extra = &extra[4 + size..];
    }
    fields.chunks_exact(8).map(|field| u64_at(field, 0))
}

fn read_at(reader: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> Result<()> {
    reader.seek(SeekFrom::Start(at)).and_then(|_| reader.read_exact(bytes)).map_err(read_failed)
}

fn read_failed(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => corrupt("it names places beyond its end"),
        _ => Error::new(Code::Io, format!("the checkpoint cannot be read: {error}")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Cursor;

    /// An archive as PyTorch writes it: stored files, records of 64 bits at the end.
    pub(in super::super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (vec![], vec![]);
        for (name, content) in files {
            let crc32 = crc32fast::hash(content).to_le_bytes();
            let size = (content.len() as u32).to_le_bytes();
            let name_length = (name.len() as u16).to_le_bytes();
            let offset = (bytes.len() as u32).to_le_bytes();
            bytes.extend([LOCAL_HEADER, &[0; 10], &crc32, &size, &size, &name_length, &[3, 0]].concat());
            bytes.extend([name.as_bytes(), b"FB\0", content].concat());
            directory.extend([DIRECTORY_ENTRY, &[0; 12], &crc32, &size, &size, &name_length].concat());
            directory.extend([&[0; 12], &offset[..], name.as_bytes()].concat());
        }
        let [at, end] = [bytes.len(), bytes.len() + directory.len()].map(|at| (at as u64).to_le_bytes());
        let size = (directory.len() as u64).to_le_bytes();
        let entries = (files.len() as u64).to_le_bytes();
        bytes.extend(directory);
        bytes.extend([DIRECTORY_END_64, &[0; 28], &entries, &size, &at].concat());
        bytes.extend([LOCATOR_64, &[0; 4], &end, &[1, 0, 0, 0]].concat());
        bytes.extend([DIRECTORY_END, &[0; 4], &[255; 12], &[0; 2]].concat());
        bytes
    }

    const FILES: &[(&str, &[u8])] = &[("a/data.pkl", b"index"), ("a/data/0", b"weights")];

    fn read(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
        let mut content = vec![];
        Archive::open(Cursor::new(bytes))?.read(name, 100, &mut content)?;
        Ok(content)
    }

    #[test]
    fn files_are_found_by_name() {
        let bytes = archive(FILES);
        let archive = Archive::open(Cursor::new(&bytes)).unwrap();
        let mut names: Vec<_> = archive.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["a/data.pkl", "a/data/0"]);
        assert_eq!(read(&bytes, "a/data/0").unwrap(), b"weights");
        assert_eq!(read(&bytes, "a/data/1").unwrap_err().code(), Code::CorruptCheckpoint);
    }

    #[test]
    fn the_short_form_of_the_directory_is_read_as_well() {
        let long = archive(FILES);
        let records = long.len() - 22 - 20 - 56;
        let (offset, size) = (u64_at(&long, records + 48) as u32, u64_at(&long, records + 40) as u32);
        let mut short = long[..records].to_vec();
        short.extend([DIRECTORY_END, &[0; 4], &[2, 0], &[2, 0]].concat());
        short.extend([&size.to_le_bytes()[..], &offset.to_le_bytes(), &[5, 0], b"words"].concat());
        assert_eq!(read(&short, "a/data.pkl").unwrap(), b"index");
    }

    #[test]
    fn a_cut_off_archive_is_truncated() {
        let bytes = archive(FILES);
        for length in 1..bytes.len() {
            assert_eq!(
                read(&bytes[..length], "a/data/0").unwrap_err().code(),
                Code::TruncatedCheckpoint,
                "{length}"
            );
        }
        assert_eq!(read(b"", "a").unwrap_err().code(), Code::EmptyFile);
    }

    #[test]
    fn other_files_are_not_taken_for_checkpoints() {
        for bytes in [&b"\x80\x02\x8a\x0al\xfc\x9cF"[..], b"\x89PNG\r\n", b"GG"] {
            assert_eq!(read(bytes, "a").unwrap_err().code(), Code::UnsupportedCheckpoint);
        }
    }

    /// A flipped bit changes nothing that is read, or is found.
    #[test]
    fn flipped_bits_are_found() {
        let bytes = archive(FILES);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                match read(&flipped, "a/data/0") {
                    Ok(content) => assert_eq!(content, b"weights", "{at} {bit}"),
                    Err(error) => assert!(
                        matches!(
                            error.code(),
                            Code::CorruptCheckpoint
                                | Code::TruncatedCheckpoint
                                | Code::UnsupportedCheckpoint
                                | Code::CheckpointTooComplex
                        ),
                        "{at} {bit}: {error}"
                    ),
                }
            }
        }
    }

    #[test]
    fn what_is_read_is_bounded() {
        let bytes = archive(FILES);
        let mut archive = Archive::open(Cursor::new(&bytes)).unwrap();
        let mut content = vec![];
        assert_eq!(archive.read("a/data/0", 6, &mut content).unwrap_err().code(), Code::CheckpointTooComplex);
        archive.budget = 13;
        archive.read("a/data/0", 7, &mut content).unwrap();
        let error = archive.read("a/data/0", 7, &mut content).unwrap_err();
        assert_eq!(error.code(), Code::CheckpointTooComplex);
        assert!(error.message().contains("overlap"), "{error}");
    }
}
