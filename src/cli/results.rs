//! Where results lie in the folder: `DIR/STEM.png` and its like for formats of one
//! file a photo, `DIR/FORMAT/` for those of more, and what speaks of all photos.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bodymap::export::{DataSet, File, Format, Layout};
use bodymap::{LabelSet, limits};

use super::files;

/// The folder that results are written into.
pub struct Results<'a> {
    pub folder: &'a Path,
    pub formats: &'a [Format],
}

impl Results<'_> {
    fn folder_of(&self, format: Format) -> PathBuf {
        match format.layout() {
            Layout::File => self.folder.into(),
            _ => self.folder.join(format.name()),
        }
    }

    /// Whether all results of a photo are there, and younger than the photo.
    pub fn has(&self, photo: &Path, stem: &str) -> bool {
        let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let Some(taken) = written(photo) else { return false };
        let last = |&format: &Format| self.folder_of(format).join(format.last_file(stem));
        self.formats.iter().map(last).all(|path| written(&path).is_some_and(|time| time >= taken))
    }

    pub fn write(&self, format: Format, files: &[File]) -> Result<(), String> {
        let folder = self.folder_of(format);
        files.iter().try_for_each(|file| files::write(&folder.join(&file.path), &file.bytes))
    }

    /// Writes what speaks of all photos, the stems in order, and if asked for the zips;
    /// gives what went wrong.
    pub fn finish(&self, stems: &[String], label_set: LabelSet, zip: bool) -> Vec<String> {
        let mut errors = vec![];
        for &format in self.formats {
            if let Err(error) = self.write(format, &format.index(stems, label_set)) {
                errors.push(error);
            }
            if format.layout() == Layout::Document || zip {
                let path = self.folder.join(format.data_set_name());
                let gathered = files::create(&path, |file| {
                    self.gather(format, stems, label_set, BufWriter::new(file), &mut errors)
                });
                errors.extend(gathered.err());
            }
        }
        errors
    }

    /// One file of all, from the files of each, of which one photo's are in memory at a time.
    fn gather(
        &self,
        format: Format,
        stems: &[String],
        label_set: LabelSet,
        out: BufWriter<fs::File>,
        errors: &mut Vec<String>,
    ) -> std::io::Result<()> {
        let mut set = DataSet::new(format, label_set, out);
        for stem in stems {
            let added = self.read(format, stem).and_then(|files| {
                set.add_files(stem, &files).map_err(|e| format!("{stem} in {}: {e}", format.name()))
            });
            errors.extend(added.err());
        }
        set.finish().map_err(std::io::Error::other)?.flush()
    }

    fn read(&self, format: Format, stem: &str) -> Result<Vec<File>, String> {
        let folder = self.folder_of(format);
        let read = |path: &str| files::read(&folder.join(path), limits::MAX_EXPORT_BYTES);
        let last = read(&format.last_file(stem))?;
        let paths = format.paths(stem, &last).map_err(|e| e.to_string())?;
        paths.into_iter().map(|path| read(&path).map(|bytes| File { path, bytes })).collect()
    }
}
