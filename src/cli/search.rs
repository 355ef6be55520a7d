//! Files below a folder, through links but each folder once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::left_out::LeftOut;
use super::patterns::Pattern;
use super::records;

/// Where is searched.
pub struct Search<'a> {
    /// The folder; empty for the one we are in.
    pub root: &'a Path,
    /// Folder of the results, which is left out if it lies below.
    pub out: Option<&'a Path>,
    /// What the paths below the root are like; none for all.
    pub pattern: Option<&'a Pattern>,
}

/// What is found.
pub enum Entry {
    File(PathBuf),
    /// Why something could not be read.
    Failed(String),
}

impl Search<'_> {
    /// Files by name, folder after folder.
    pub fn entries(&self, left_out: &mut LeftOut) -> Vec<Entry> {
        let start = if self.root.as_os_str().is_empty() { Path::new(".") } else { self.root };
        let root = start.canonicalize().unwrap_or_else(|_| start.into());
        let mut linked = HashSet::new();
        let depth = self.pattern.map_or(usize::MAX, Pattern::depth);
        let walk = WalkDir::new(start).follow_links(true).max_depth(depth).sort_by_file_name();
        let mut found = vec![];
        let mut walk = walk.into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.add_error(error, start, &mut found, left_out);
                    continue;
                }
            };
            if entry.depth() == 0 {
                continue;
            }
            let is_folder = entry.file_type().is_dir();
            if self.is_hidden(&entry, left_out)
                || is_folder && !self.is_searched(&entry, start, &root, &mut linked, left_out)
            {
                if is_folder {
                    walk.skip_current_dir();
                }
                continue;
            }
            let below = entry.path().strip_prefix(start).unwrap_or(entry.path());
            let matches = self.pattern.is_none_or(|pattern| pattern.matches(below));
            match (is_folder, matches) {
                (true, true) if self.pattern.is_some() => left_out.add_folder(),
                (false, true) if entry.file_type().is_file() => {
                    found.push(Entry::File(self.root.join(below)))
                }
                (false, true) => {
                    let path = self.root.join(below);
                    left_out.tell(format!("{}: left out, it is no plain file", path.display()));
                }
                _ => {}
            }
        }
        found
    }

    fn is_hidden(&self, entry: &DirEntry, left_out: &mut LeftOut) -> bool {
        let name = entry.file_name().to_string_lossy();
        let is_hidden = name.starts_with('.') && !self.pattern.is_some_and(Pattern::names_hidden);
        if is_hidden && name != records::FOLDER && self.pattern.is_none() {
            left_out.add_hidden();
        }
        is_hidden
    }

    /// Whether a folder is searched.
    fn is_searched(
        &self,
        entry: &DirEntry,
        start: &Path,
        root: &Path,
        linked: &mut HashSet<PathBuf>,
        left_out: &mut LeftOut,
    ) -> bool {
        let below = entry.path().strip_prefix(start).unwrap_or(entry.path());
        if self.pattern.is_some_and(|pattern| !pattern.may_match_in(below)) {
            return false;
        }
        let Ok(target) = entry.path().canonicalize() else { return true };
        if self.out == Some(&*target) {
            let path = self.root.join(below);
            left_out.tell(format!("{}: left out, it is the folder of the results", path.display()));
            return false;
        }
        if !entry.path_is_symlink() {
            return true;
        }
        let is_around = |folder: &Path| target.starts_with(folder) || folder.starts_with(&target);
        if is_around(root) || linked.iter().any(|folder| is_around(folder)) {
            let path = self.root.join(below);
            left_out.tell(format!(
                "{}: left out, the link leads to {}, which is searched already",
                path.display(),
                target.display()
            ));
            return false;
        }
        linked.insert(target);
        true
    }

    fn add_error(&self, error: walkdir::Error, start: &Path, found: &mut Vec<Entry>, left_out: &mut LeftOut) {
        let path = error.path().unwrap_or(start);
        let below = path.strip_prefix(start).unwrap_or(path);
        let shown = self.root.join(below);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if self.pattern.is_some_and(|pattern| !pattern.matches(below) && !pattern.may_match_in(below)) {
            return;
        }
        if error.loop_ancestor().is_some() {
            left_out.tell(format!("{}: left out, the link leads back to a folder above", shown.display()));
        } else if name.starts_with('.') && error.depth() > 0 && self.pattern.is_none() {
            left_out.add_hidden();
        } else if path.is_symlink() {
            // A link that leads nowhere: a photo by its name is told to be missing.
            if self.pattern.is_none_or(|pattern| pattern.matches(below)) {
                found.push(Entry::File(shown));
            }
        } else {
            found.push(Entry::Failed(format!("{}: {error} (io)", shown.display())));
        }
    }
}
