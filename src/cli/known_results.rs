//! Whether a file is a result that bodymap wrote into its folder or one above.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::records::{self, Found, Records};

/// Remembers which folders have records.
#[derive(Default)]
pub struct KnownResults {
    /// For each folder those at or above it that have records.
    roots: HashMap<PathBuf, Vec<PathBuf>>,
}

impl KnownResults {
    /// What a record says of this file; none if no record has it.
    pub fn find(&mut self, path: &Path) -> Option<Found> {
        let folder = folder_of(path)?;
        let full = folder.join(path.file_name()?);
        let roots = self.roots.entry(folder).or_insert_with_key(|folder| {
            let has_records = |root: &&Path| root.join(records::FOLDER).is_dir();
            folder.ancestors().filter(has_records).map(Path::to_owned).collect()
        });
        roots.iter().find_map(|root| find_below(root, &full))
    }
}

/// What the records of the folder `root`, a canonical path, say of this file.
pub fn find_in(root: &Path, path: &Path) -> Option<Found> {
    find_below(root, &folder_of(path)?.join(path.file_name()?))
}

/// The folder that the file lies in, without links.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.canonicalize().ok()
}

fn find_below(root: &Path, full: &Path) -> Option<Found> {
    let parts = full.strip_prefix(root).ok()?.components();
    let names: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    let below = names.join("/");
    let record = Records(root).of_result(&below)?;
    Some(record.find(root, &below))
}
