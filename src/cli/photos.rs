//! Arguments of the command line -> photos: files, folders and patterns.

use std::path::{Path, PathBuf};
use std::{fs, io};

use glob::{MatchOptions, glob_with};
use walkdir::{DirEntry, WalkDir};

/// What a photo's file name ends in where a whole folder is read.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

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
    /// Whether folders or patterns were named, so that nobody knows how many photos there are.
    pub is_batch: bool,
}

/// Reads a list of photos, one path a line.
pub fn read_list(path: &Path) -> Result<Vec<PathBuf>, String> {
    let read =
        || if path == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = read().map_err(|e| format!("{}: the list cannot be read: {e} (io)", path.display()))?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect())
}

/// Finds the photos. What lies in `out` is left out: results are not read as
/// photos. The names of single files begin below `base`, if there is one.
pub fn find(arguments: &[PathBuf], base: Option<&Path>, out: &Path) -> Inputs {
    let mut inputs = Inputs { photos: vec![], errors: vec![], is_batch: false };
    let out = out.canonicalize().ok();
    for argument in arguments {
        let before = (inputs.photos.len(), inputs.errors.len());
        if argument.is_dir() {
            inputs.is_batch = true;
            inputs.add_folder(argument, out.as_deref());
        } else if let Some(pattern) = pattern(argument) {
            inputs.is_batch = true;
            inputs.add_matches(pattern, out.as_deref());
        } else {
            match base {
                Some(base) if argument.starts_with(base) => inputs.push(argument, base),
                Some(base) => inputs.errors.push(format!(
                    "{}: it is not in {} (bad-option)",
                    argument.display(),
                    base.display()
                )),
                None => {
                    let folder = argument.parent().unwrap_or(argument);
                    inputs.push(argument, folder);
                }
            }
        }
        if before == (inputs.photos.len(), inputs.errors.len()) {
            inputs.errors.push(format!("{}: there is no photo (io)", argument.display()));
        }
    }
    inputs
}

/// The argument as a pattern, if it is one: no file has this name, but `*`, `?` or `[` is in it.
fn pattern(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    (!argument.exists() && text.contains(['*', '?', '['])).then_some(text)
}

impl Inputs {
    fn add_folder(&mut self, folder: &Path, out: Option<&Path>) {
        let shown = |entry: &DirEntry| {
            entry.depth() == 0 || !is_hidden(entry.path()) && !is_folder(entry.path(), out)
        };
        let entries = WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(shown);
        for entry in entries {
            match entry {
                Ok(entry) if is_photo(entry.path()) => self.push(entry.path(), folder),
                Ok(_) => {}
                Err(error) => self.errors.push(format!("{}: {error} (io)", folder.display())),
            }
        }
    }

    fn add_matches(&mut self, pattern: &str, out: Option<&Path>) {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let base = base_of(pattern);
        match glob_with(pattern, options) {
            Err(error) => self.errors.push(format!("{pattern}: this is no pattern: {error} (bad-option)")),
            Ok(paths) => {
                for path in paths {
                    match path {
                        Ok(path) if path.is_dir() || path.ancestors().any(|part| is_folder(part, out)) => {}
                        Ok(path) => self.push(&path, base),
                        Err(error) => self.errors.push(format!("{pattern}: {error} (io)")),
                    }
                }
            }
        }
    }

    fn push(&mut self, path: &Path, base: &Path) {
        let parts = path.strip_prefix(base).unwrap_or(path).components();
        let names: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        self.photos.push(Input { path: path.into(), name: names.join("/") });
    }
}

/// The folders of a pattern before the first that has a wildcard.
fn base_of(pattern: &str) -> &Path {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let end = pattern[..wild].rfind('/').map_or(0, |slash| slash + 1);
    Path::new(&pattern[..end])
}

fn is_folder(path: &Path, folder: Option<&Path>) -> bool {
    folder.is_some_and(|folder| path.canonicalize().is_ok_and(|path| path == folder))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_photo(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&&*ending)) && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_where_the_pattern_does() {
        for (pattern, base) in [
            ("*.jpg", ""),
            ("photos/*.jpg", "photos/"),
            ("/a/b/**/x?.png", "/a/b/"),
            ("a/b[12]/c/*.jpg", "a/"),
        ] {
            assert_eq!(base_of(pattern), Path::new(base));
        }
    }
}
