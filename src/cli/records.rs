//! What bodymap has written into a folder, noted in the folder itself: `.bodymap/`, a small file
//! for each photo.
//!
//! By it later runs know their own files, which they may replace, from everybody else's and from
//! those that somebody has corrected since. Each photo has its own file, so that runs on several
//! computers do not get in each other's way. It is written before the results are: whatever is
//! stopped when, there is no result without a record.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bodymap::export::Format;
use bodymap::limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files;
use super::whole::is_whole;

/// The folder of the records.
pub const FOLDER: &str = ".bodymap";

/// States of a file that are remembered; runs at the same time may each have written one.
const MAX_STATES: usize = 4;

/// Who has a record.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// A photo, by its stem.
    Photo(&'a str),
    /// What speaks of all photos, in a format.
    All(Format),
}

/// What was written for one owner.
#[derive(Default, Serialize, Deserialize)]
pub struct Record {
    /// The photo as it was.
    pub photo: Option<Source>,
    /// States in which each file was written, the last one last, by the path below the folder.
    files: BTreeMap<String, Vec<State>>,
}

/// A photo, as far as a look at its directory entry tells.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name in the results.
    pub name: String,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: i64,
}

/// A file as it was written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    bytes: u64,
    sha256: String,
    /// Microseconds since 1970; a file of this size and time need not be read.
    modified: u64,
}

/// What is found under the name of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// The file as it was last written.
    Last,
    /// The file as it was written earlier.
    Earlier,
    /// A file that was written, of which the end is missing or parts are broken.
    Damaged,
    /// A file that was written and then changed by somebody else.
    Changed,
    /// A file without anything in it, of which there is no record.
    Empty,
    /// Something else.
    Foreign,
}

impl Source {
    /// The photo at that path, which has that name in the results.
    pub fn of(path: &Path, name: &str) -> Source {
        let metadata = fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        Source {
            name: name.into(),
            bytes: metadata.map_or(0, |metadata| metadata.len()),
            modified: modified.map_or(0, |time| match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(after) => after.as_nanos() as i64,
                Err(e) => -(e.duration().as_nanos() as i64),
            }),
        }
    }
}

impl State {
    /// The state of a file of these bytes that is written now.
    pub fn of(bytes: &[u8]) -> State {
        State::new(bytes.len() as u64, Sha256::digest(bytes).as_slice())
    }

    pub fn new(bytes: u64, sha256: &[u8]) -> State {
        State { bytes, sha256: hex(sha256), modified: micros(SystemTime::now()) }
    }

    /// The time that the file is to bear.
    pub fn modified(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.modified)
    }
}

impl Record {
    /// Notes that a file is about to be written in this state.
    pub fn add(&mut self, path: &str, state: State) {
        let states = self.files.entry(path.into()).or_default();
        states.retain(|known| known.sha256 != state.sha256);
        states.push(state);
        states.drain(..states.len().saturating_sub(MAX_STATES));
    }

    /// Whether this file was written once.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// What there is under the path below the folder.
    pub fn find(&self, folder: &Path, path: &str) -> Found {
        let states = self.files.get(path).map_or(&[][..], Vec::as_slice);
        let path = folder.join(path);
        let Ok(entry) = fs::symlink_metadata(&path) else { return Found::Nothing };
        // Instead of a file a link to its copy may be there: some keep large files so.
        let Some(metadata) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else {
            return Found::Foreign;
        };
        if states.is_empty() {
            return if entry.is_file() && entry.len() == 0 { Found::Empty } else { Found::Foreign };
        }
        let modified = metadata.modified().map_or(0, micros);
        let unread = |state: &State| (state.bytes, state.modified) == (metadata.len(), modified);
        let known = states.iter().rposition(unread).or_else(|| {
            // Such as a copy.
            states.iter().find(|state| state.bytes == metadata.len())?;
            let sha256 = sha256(&path).ok()?;
            states.iter().rposition(|state| state.sha256 == sha256)
        });
        match known {
            Some(state) if state + 1 == states.len() => Found::Last,
            Some(_) => Found::Earlier,
            None if is_whole(&path) => Found::Changed,
            None => Found::Damaged,
        }
    }
}

/// The records of a folder.
pub struct Records<'a>(pub &'a Path);

impl Records<'_> {
    fn path(&self, owner: Owner) -> PathBuf {
        let records = self.0.join(FOLDER);
        match owner {
            Owner::All(format) => records.join(format!("all/{}.json", format.name())),
            // A name may be too long for another ending, and a folder too full.
            Owner::Photo(stem) => {
                let name = hex(&Sha256::digest(stem)[..16]);
                records.join(format!("photos/{}/{}.json", &name[..2], &name[2..]))
            }
        }
    }

    /// The record of an owner; an empty one if there is none that can be read.
    pub fn read(&self, owner: Owner) -> Record {
        let path = self.path(owner);
        if !path.exists() {
            return Record::default();
        }
        let read = files::read(&path, limits::MAX_RECORD_BYTES).ok();
        read.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    pub fn write(&self, owner: Owner, record: &Record) -> Result<(), String> {
        let json = serde_json::to_vec(record).map_err(|e| e.to_string())?;
        files::write(&self.path(owner), &json)
    }

    /// The record that has the file at this path below the folder, if one has.
    ///
    /// The path of a result holds the stem of its photo: after at most two folders of its format,
    /// before an ending, or before a folder and a file (`masks/STEM/parts/1-Hair.png`).
    pub fn of_result(&self, path: &str) -> Option<Record> {
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1)).take(3);
        let file = path.rfind('/').map_or(0, |at| at + 1);
        let dots = path[file..].rmatch_indices('.').map(|(at, _)| file + at).take(2);
        let folders = path.rmatch_indices('/').map(|(at, _)| at).take(2);
        let ends: Vec<_> = dots.chain(folders).collect();
        let stems = starts.flat_map(|start| ends.iter().filter_map(move |&end| path.get(start..end)));
        let photos = stems.filter(|stem| !stem.is_empty()).map(Owner::Photo);
        let mut records = photos.chain(Format::all().map(Owner::All)).map(|owner| self.read(owner));
        records.find(|record| record.has(path))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn micros(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&bytes[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_every_result_is_found_by_its_path() {
        let folder = std::env::temp_dir().join(format!("bodymap-records-{}", std::process::id()));
        let records = Records(&folder);
        let mut paths = vec![];
        for stem in ["p", "a.b/c d.1", "coco/masks/q.overlay"] {
            let mut record = Record::default();
            for format in Format::all() {
                let possible = format.possible_paths(stem).unwrap();
                let open = possible.open_folders.iter().map(|folder| format!("{folder}/1-Hair.png"));
                for path in possible.files.into_iter().chain(open) {
                    for path in [path.clone(), format!("{}/{path}", format.name())] {
                        record.add(&path, State::of(b""));
                        paths.push(path);
                    }
                }
            }
            records.write(Owner::Photo(stem), &record).unwrap();
        }
        for path in paths {
            assert!(records.of_result(&path).is_some(), "{path}");
        }
        for path in ["q.png", "p.webp", "a.b/p.png"] {
            assert!(records.of_result(path).is_none(), "{path}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_last_states_are_remembered() {
        let mut record = Record::default();
        for n in [1, 2, 3, 1, 4, 5] {
            record.add("p.png", State::of(&[n]));
        }
        let remembered: Vec<_> = record.files["p.png"].iter().map(|state| state.sha256.clone()).collect();
        assert_eq!(remembered, [3, 1, 4, 5].map(|n| State::of(&[n]).sha256));
    }
}
