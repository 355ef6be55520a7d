//! Which photo each path of the results belongs to, so that no two get the same.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bodymap::export::Paths;

/// Paths below the folder of the results, each with the one it belongs to. They are kept as hashes: there may be millions.
pub struct Claims {
    /// Whether small and capital letters are the same.
    folds_case: bool,
    files: HashMap<u64, usize>,
    folders: HashMap<u64, usize>,
    /// Folders in which PNGs of any name may be written.
    open: HashMap<u64, usize>,
    /// Folders in which there is a PNG, or a folder that is called like one.
    with_png: HashMap<u64, usize>,
}

impl Claims {
    pub fn new(folds_case: bool) -> Claims {
        Claims {
            folds_case,
            files: HashMap::new(),
            folders: HashMap::new(),
            open: HashMap::new(),
            with_png: HashMap::new(),
        }
    }

    /// Claims all paths for an owner, or none of them if another has one already: then it gives that one.
    pub fn claim(&mut self, owner: usize, paths: &Paths) -> Result<(), usize> {
        let taken = paths.files.iter().find_map(|path| self.taken(path));
        let taken = taken.or_else(|| paths.open_folders.iter().find_map(|path| self.taken_folder(path)));
        if let Some(other) = taken {
            return Err(other);
        }
        for path in &paths.files {
            self.files.insert(self.key(path), owner);
            self.claim_parents(owner, path);
        }
        for path in &paths.open_folders {
            self.open.insert(self.key(path), owner);
            // As if a file were in it, whose name does not matter.
            self.claim_parents(owner, &format!("{path}/"));
        }
        Ok(())
    }

    fn claim_parents(&mut self, owner: usize, path: &str) {
        let mut below = path;
        while let Some((folder, name)) = below.rsplit_once('/') {
            if is_png(name) {
                self.with_png.entry(self.key(folder)).or_insert(owner);
            }
            self.folders.entry(self.key(folder)).or_insert(owner);
            below = folder;
        }
    }

    /// Who is in the way of a file.
    fn taken(&self, path: &str) -> Option<usize> {
        let folder = self.folders.get(&self.key(path)).copied();
        folder.or_else(|| self.taken_on_the_way(path))
    }

    /// Who is in the way of a folder for PNGs of any name.
    fn taken_folder(&self, path: &str) -> Option<usize> {
        let png = self.with_png.get(&self.key(path)).copied();
        png.or_else(|| self.taken_on_the_way(path))
    }

    /// Who has a file of this path or of a folder that it lies in.
    fn taken_on_the_way(&self, path: &str) -> Option<usize> {
        let mut below = path;
        loop {
            if let Some(&other) = self.files.get(&self.key(below)) {
                return Some(other);
            }
            let (folder, name) = below.rsplit_once('/')?;
            if is_png(name)
                && let Some(&other) = self.open.get(&self.key(folder))
            {
                return Some(other);
            }
            below = folder;
        }
    }

    fn key(&self, path: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        if self.folds_case {
            path.to_lowercase().hash(&mut hasher);
        } else {
            path.hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn is_png(name: &str) -> bool {
    name.len() > 4
        && name.is_char_boundary(name.len() - 4)
        && name[name.len() - 4..].eq_ignore_ascii_case(".png")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(files: &[&str], open_folders: &[&str]) -> Paths {
        let owned = |paths: &[&str]| paths.iter().map(|&path| path.into()).collect();
        Paths { files: owned(files), open_folders: owned(open_folders) }
    }

    #[test]
    fn a_path_belongs_to_one() {
        let first = paths(&["a/p.png", "p.json"], &["masks/p/parts"]);
        for (files, open, other) in [
            (&["p.png", "a/q.png"][..], &["masks/q/parts"][..], None),
            (&["q.png", "p.json"], &[], Some(7)),
            // A file where a folder is, and a folder where a file is.
            (&["a"], &[], Some(7)),
            (&["p.json/q.png"], &[], Some(7)),
            (&[], &["a/p.png/parts"], Some(7)),
            // PNGs of any name.
            (&["masks/p/parts/Hair.png"], &[], Some(7)),
            (&["masks/p/parts/Hair.png/q.json"], &[], Some(7)),
            (&["masks/p/parts/masks.json"], &["masks/p/parts/parts"], None),
            (&[], &["a"], Some(7)),
            (&["P.JSON"], &[], None),
        ] {
            let mut claims = Claims::new(false);
            claims.claim(7, &first).unwrap();
            assert_eq!(claims.claim(8, &paths(files, open)).err(), other, "{files:?} {open:?}");
            // Nothing is claimed by those who do not get all.
            let again = claims.claim(9, &paths(&["q.png", "p.png"], &[]));
            assert_eq!(again.is_ok(), !files.contains(&"p.png"), "{files:?}");
        }
    }

    #[test]
    fn letters_are_folded_where_the_folder_does() {
        let mut claims = Claims::new(true);
        claims.claim(0, &paths(&["P.JSON"], &[])).unwrap();
        assert_eq!(claims.claim(1, &paths(&["p.json"], &[])), Err(0));
    }
}
