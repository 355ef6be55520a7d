//! Files in and out, with errors that name them.

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
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

/// Reads a whole file of at most `max` bytes. Devices and pipes do not tell their size before,
/// and some have no end.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let file = open(path)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > max {
        return Err(format!(
            "{}: it has {size} bytes, at most {max} are read (file-too-large)",
            path.display()
        ));
    }
    read_from(file, max, path)
}

/// As [`read()`], from what is open already; `path` is for errors.
pub fn read_from(from: impl Read, max: u64, path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = vec![];
    from.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("{}: it cannot be read: {e} (io)", path.display()))?;
    if bytes.len() as u64 > max {
        return Err(format!(
            "{}: it has more than {max} bytes, which is all that is read (file-too-large)",
            path.display()
        ));
    }
    Ok(bytes)
}

/// Which file it is, whatever the path to it: the same for links to it.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&path.canonicalize().ok()?, &mut hasher);
        Some((0, std::hash::Hasher::finish(&hasher)))
    }
}

/// A file that gets its name once it is complete and on the disk. Under its name there is at
/// any time nothing, the file before, or the whole new one.
pub struct Unfinished {
    path: PathBuf,
    part: PathBuf,
    file: fs::File,
}

impl Unfinished {
    /// Makes the folders that the file lies in, and the file under another name.
    pub fn create(path: &Path) -> Result<Unfinished, String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Others, on other computers too, may be at the same file. The name does not hold the
        // file's own, which may be as long as names can be.
        let moment =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = path.with_file_name(format!(".{:x}-{moment:x}-{count:x}.part", std::process::id()));
        let create = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::File::create_new(&part)
        };
        let file = create().map_err(|e| unwritten(path, &e))?;
        Ok(Unfinished { path: path.into(), part, file })
    }

    /// Writes and finishes it in one go.
    pub fn whole(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> Result<(), String> {
        let mut file = Unfinished::create(path)?;
        file.write_all(bytes).map_err(|e| unwritten(path, &e))?;
        file.finish(modified)
    }

    /// The file gets another name in the same folder.
    pub fn rename(&mut self, path: &Path) {
        self.path = path.into();
    }

    /// Gives the file its name, and the time if there is one.
    pub fn finish(self, modified: Option<SystemTime>) -> Result<(), String> {
        let finish = || {
            if let Some(time) = modified {
                // It only spares a later run the reading.
                let _ = self.file.set_modified(time);
            }
            synced(&self.file)?;
            fs::rename(&self.part, &self.path)
        };
        finish().map_err(|e| unwritten(&self.path, &e))
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nothing is there any more if it was finished.
        let _ = fs::remove_file(&self.part);
    }
}

/// Waits until the file is on the disk. Some file systems have no such thing.
fn synced(file: &fs::File) -> io::Result<()> {
    match file.sync_all() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Waits until the names in a folder are on the disk, as far as the system can.
pub fn sync_folder(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Writes a whole file, and the folders it lies in. Under its name there is at any
/// time nothing, the file before, or the whole new one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    Unfinished::whole(path, bytes, None)?;
    sync_folder(path.parent().unwrap_or(path));
    Ok(())
}

/// Why a file was not written.
pub fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{}: it cannot be written: {error} (io)", path.display())
}

/// Whether the names of a folder are the same in small and capital letters.
pub fn folds_case(folder: &Path) -> bool {
    let Ok(probe) = Unfinished::create(&folder.join("p")) else { return false };
    let name = probe.part.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    probe.part.with_file_name(name).exists()
}
