//! A file that somebody named for us to write: a report, measured times. It may be a link, a pipe
//! or a device, and if it is a plain file it may hold something else.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bodymap::Photo;

use super::files::{self, unwritten};

/// As many links are followed as Linux follows.
const MAX_LINKS: usize = 40;

/// How much of a file is read to know what it is.
const MAX_READ_BYTES: u64 = 64 << 20;

/// Where the bytes go.
enum Place {
    /// A plain file, or none yet: it is written whole and then gets its name.
    Plain(PathBuf),
    /// Something that is written into.
    Stream(PathBuf),
    Stdout,
    Stderr,
}

/// Whether the file may be written: there is none, it is no plain file, it is empty, or it holds
/// what `is_ours` knows as ours. A link says by itself where to write; only a photo is not replaced
/// there. To be asked before the work whose outcome it is for.
pub fn check(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> Result<(), String> {
    let Place::Plain(plain) = place(path).map_err(|e| unwritten(path, &e))? else { return Ok(()) };
    let mut bytes = vec![];
    match fs::File::open(&plain) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.and_then(|file| file.take(MAX_READ_BYTES).read_to_end(&mut bytes)),
    }
    .map_err(|e| unwritten(path, &e))?;
    if bytes.is_empty() || is_ours(&bytes) || path.is_symlink() && !Photo::is_begun_by(&bytes) {
        return Ok(());
    }
    Err(format!(
        "{}: there is a file that bodymap did not write; move it or give another name (name-clash)",
        path.display()
    ))
}

/// Writes the file: through links, into what is no plain file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let into = |stream: &mut dyn Write| {
        stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|e| unwritten(path, &e))
    };
    match place(path).map_err(|e| unwritten(path, &e))? {
        Place::Plain(plain) => files::write(&plain, bytes),
        // What another has open may have bytes already: these follow.
        Place::Stream(stream) => {
            into(&mut fs::File::options().append(true).open(stream).map_err(|e| unwritten(path, &e))?)
        }
        Place::Stdout => into(&mut io::stdout().lock()),
        Place::Stderr => into(&mut io::stderr().lock()),
    }
}

/// Follows links to where the bytes go.
fn place(path: &Path) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        for (name, place) in [("/dev/stdout", Place::Stdout), ("/dev/stderr", Place::Stderr)] {
            if path == Path::new(name) {
                return Ok(place);
            }
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
        // The links there name no files but what this program has open.
        if folder.starts_with("/proc") || folder == Path::new("/dev/fd") {
            return Ok(Place::Stream(path));
        }
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => path = path.with_file_name("").join(fs::read_link(&path)?),
            Ok(found) if found.is_file() => return Ok(Place::Plain(path)),
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => return Ok(Place::Stream(path)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Place::Plain(path)),
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("links lead in a circle"))
}
