//! Arguments of the command line -> photos: files, folders and patterns.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use bodymap::Photo;

use super::files;
use super::known_results::{self, KnownResults};
use super::left_out::LeftOut;
use super::patterns::Pattern;
use super::records::Found;
use super::search::{self, Entry};

/// What a photo's file name ends in where a whole folder is read.
const ENDINGS: [&str; 9] = ["jpg", "jpeg", "jpe", "jfif", "jif", "pjpeg", "pjp", "png", "webp"];

/// Files that are not to be replaced, whoever wrote them.
pub type Originals = HashSet<(u64, u64)>;

/// A photo to parse.
pub struct Input {
    /// Its file.
    pub path: PathBuf,
    /// Its name in the results, `/` between folders: the file name alone, or the
    /// path from the folder that was named.
    pub name: String,
}

/// What the arguments name.
pub struct Inputs {
    /// In the order of the arguments; within folders by name.
    pub photos: Vec<Input>,
    /// Why a folder or pattern named nothing.
    pub errors: Vec<String>,
    /// What was found and is not parsed.
    pub left_out: LeftOut,
    /// Whether folders or patterns were named, so that nobody knows how many photos there are.
    pub is_batch: bool,
    /// The files of the photos.
    pub originals: Originals,
    /// Each file with its name in the results.
    named: HashSet<u64>,
}

/// Finds the photos. What lies in `out` below a folder that is searched is left out, and so are
/// results wherever they are: they are not read as photos. The names of single files begin below
/// `base`, if there is one.
pub fn find(arguments: &[PathBuf], base: Option<&Path>, out: &Path) -> Inputs {
    let mut inputs = Inputs {
        photos: vec![],
        errors: vec![],
        left_out: LeftOut::default(),
        is_batch: false,
        originals: HashSet::new(),
        named: HashSet::new(),
    };
    let out = out.canonicalize().ok();
    let mut known = KnownResults::default();
    for argument in arguments {
        let errors = inputs.errors.len();
        let has_found = if argument.is_dir() {
            inputs.is_batch = true;
            let search = search::Search { root: argument, out: out.as_deref(), pattern: None };
            inputs.add_found(search, argument, &mut known)
        } else if let Some(text) = pattern(argument) {
            inputs.is_batch = true;
            match Pattern::new(text) {
                Err(message) => {
                    inputs.errors.push(message);
                    true
                }
                Ok(pattern) => {
                    let root = pattern.base();
                    let search = search::Search { root, out: out.as_deref(), pattern: Some(&pattern) };
                    inputs.add_found(search, root, &mut known)
                }
            }
        } else {
            inputs.add_file(argument, base, out.as_deref());
            true
        };
        if !has_found && errors == inputs.errors.len() {
            inputs.errors.push(format!("{}: there is no photo (io)", argument.display()));
        }
    }
    if inputs.photos.is_empty() && inputs.errors.is_empty() {
        inputs.errors.push("what was named are results of bodymap, there is no photo among them (io)".into());
    }
    inputs
}

/// The argument as a pattern, if it is one: no file has this name, but `*`, `?` or `[` is in it.
fn pattern(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    (fs::symlink_metadata(argument).is_err() && text.contains(['*', '?', '['])).then_some(text)
}

impl Inputs {
    /// A file that was named. Results of this very folder may be among what a shell made of `*`.
    fn add_file(&mut self, path: &Path, base: Option<&Path>, out: Option<&Path>) {
        if let Some(found) = out.and_then(|out| known_results::find_in(out, path))
            && matches!(found, Found::Last | Found::Earlier)
        {
            self.left_out.tell(format!("{}: left out, it is a result of bodymap", path.display()));
            return;
        }
        match base {
            Some(base) if path.starts_with(base) => self.push(path, base),
            Some(base) => {
                self.errors.push(format!("{}: it is not in {} (bad-option)", path.display(), base.display()))
            }
            None => self.push(path, path.parent().unwrap_or(path)),
        }
    }

    /// What a search finds; gives whether there was a photo or a result.
    fn add_found(&mut self, search: search::Search, base: &Path, known: &mut KnownResults) -> bool {
        let is_pattern = search.pattern.is_some();
        let mut has_found = false;
        for entry in search.entries(&mut self.left_out) {
            let path = match entry {
                Entry::File(path) => path,
                Entry::Failed(message) => {
                    self.errors.push(message);
                    continue;
                }
            };
            match known.find(&path) {
                None if !is_pattern && !is_photo(&path) => {
                    self.left_out.add_other(&path);
                    continue;
                }
                None => self.push(&path, base),
                Some(Found::Changed | Found::Damaged) => self.left_out.tell(format!(
                    "{}: left out, it is a result of bodymap that was changed since",
                    path.display()
                )),
                Some(_) => self.left_out.add_result(),
            }
            has_found = true;
        }
        has_found
    }

    /// Adds a photo, unless it was named before.
    fn push(&mut self, path: &Path, base: &Path) {
        let parts = path.strip_prefix(base).unwrap_or(path).components();
        let names: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        let name = names.join("/");
        let identity = files::identity(path);
        let mut hasher = DefaultHasher::new();
        match identity {
            Some(identity) => (identity, &name).hash(&mut hasher),
            None => (path, &name).hash(&mut hasher),
        }
        if self.named.insert(hasher.finish()) {
            self.originals.extend(identity);
            self.photos.push(Input { path: path.into(), name });
        }
    }
}

/// Whether a file in a folder is a photo: by its ending, without one by how it begins.
fn is_photo(path: &Path) -> bool {
    let Some(ending) = path.extension() else { return begins_as_photo(path) };
    ENDINGS.contains(&&*ending.to_string_lossy().to_lowercase())
}

fn begins_as_photo(path: &Path) -> bool {
    let mut head = vec![];
    let read = fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.is_ok() && Photo::is_begun_by(&head)
}
