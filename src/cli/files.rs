//! Files in and out, with errors that name them.

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use bodymap::{Card, Model, limits};

/// The model that ships with the program.
const DEFAULT_CARD: &str = include_str!("../../models/default/card.json");
const DEFAULT_MODEL: &[u8] = include_bytes!("../../models/default/default.onnx");

/// Loads the model of a card file, or the default one.
pub fn model(card: Option<&Path>) -> Result<Model, String> {
    let Some(path) = card else {
        let card = Card::from_json(DEFAULT_CARD).map_err(|e| e.to_string())?;
        return Model::read(card, Cursor::new(DEFAULT_MODEL)).map_err(|e| e.to_string());
    };
    let (card, joined) = card_and_files(path)?;
    Model::read(card, joined).map_err(|e| format!("{}: {e}", path.display()))
}

/// The card at that path, and the files beside it that it names.
pub fn card_and_files(path: &Path) -> Result<(Card, Joined), String> {
    let json = read(path, limits::MAX_CARD_BYTES as u64)?;
    let json =
        String::from_utf8(json).map_err(|_| format!("{}: a model card is UTF-8 text", path.display()))?;
    let card = Card::from_json(&json).map_err(|e| format!("{}: {e}", path.display()))?;
    let files = card.files.iter().map(|file| open(&path.with_file_name(&file.path)));
    let joined = Joined::new(files.collect::<Result<_, _>>()?)
        .map_err(|e| format!("{}: its files cannot be read: {e} (io)", path.display()))?;
    Ok((card, joined))
}

/// Files that are read as if they were one.
pub struct Joined {
    /// Each with the place at which it begins.
    files: Vec<(u64, fs::File)>,
    size: u64,
    at: u64,
}

impl Joined {
    fn new(files: Vec<fs::File>) -> io::Result<Joined> {
        let mut joined = Joined { files: vec![], size: 0, at: 0 };
        for file in files {
            let bytes = file.metadata()?.len();
            joined.files.push((joined.size, file));
            joined.size += bytes;
        }
        Ok(joined)
    }
}

impl Read for Joined {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // The last that begins here or before: those before it end there or are empty.
        let next = self.files.partition_point(|(begin, _)| *begin <= self.at);
        let Some((begin, file)) = next.checked_sub(1).map(|last| &mut self.files[last]) else { return Ok(0) };
        file.seek(SeekFrom::Start(self.at - *begin))?;
        let read = file.read(bytes)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Joined {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("a place before the file"))?;
        Ok(self.at)
    }
}

/// Opens a file.
pub fn open(path: &Path) -> Result<fs::File, String> {
    fs::File::open(path).map_err(|e| format!("{}: it cannot be read: {e} (io)", path.display()))
}

/// Reads a whole file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("{}: it cannot be read: {e} (io)", path.display());
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > max {
        return Err(format!(
            "{}: it has {size} bytes, at most {max} are read (file-too-large)",
            path.display()
        ));
    }
    fs::read(path).map_err(failed)
}

/// Writes a whole file, and the folders it lies in. Under its name there is at any
/// time nothing, what was there before, or all of it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    create(path, |mut file| file.write_all(bytes))
}

/// As [`write()`], with the bytes that `fill` writes.
pub fn create(path: &Path, fill: impl FnOnce(fs::File) -> io::Result<()>) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Others, on other computers too, may be at the same file.
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let part = path.with_file_name(format!(".{name}.{}-{moment}.part", std::process::id()));
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fill(fs::File::create(&part)?)?;
        fs::rename(&part, path)
    };
    written().map_err(|e| {
        let _ = fs::remove_file(&part);
        format!("{}: it cannot be written: {e} (io)", path.display())
    })
}
