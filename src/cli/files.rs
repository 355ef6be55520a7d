//! Files in and out, with errors that name them.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
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
    let named = |e: bodymap::Error| format!("{}: {e}", path.display());
    let json = read(path, limits::MAX_CARD_BYTES as u64)?;
    let json =
        String::from_utf8(json).map_err(|_| format!("{}: a model card is UTF-8 text", path.display()))?;
    let card = Card::from_json(&json).map_err(named)?;
    let paths: Vec<PathBuf> = card.files.iter().map(|file| path.with_file_name(&file.path)).collect();
    if let [path] = &paths[..] {
        return Model::read(card, open(path)?).map_err(named);
    }
    let mut bytes = Vec::new();
    for path in &paths {
        bytes.extend(read(path, limits::MAX_MODEL_BYTES)?);
    }
    Model::load(card, &bytes).map_err(named)
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
