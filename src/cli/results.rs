//! Where results lie in the folder: `DIR/STEM.png` and its like for formats of one
//! file a photo, `DIR/FORMAT/` for those of more, and what speaks of all photos.
//!
//! Nothing is replaced but what bodymap wrote itself and nobody changed since.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bodymap::export::{DataSet, File, Format, Layout, Paths};
use bodymap::{LabelSet, limits};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::files::{self, Unfinished, unwritten};
use super::photos::{Input, Originals};
use super::records::{Found, Owner, Record, Records, Source, State};

/// The folder that results are written into.
pub struct Results<'a> {
    pub folder: &'a Path,
    pub formats: &'a [Format],
    /// Whether empty files count as results that an earlier run was stopped at.
    pub resume: bool,
}

impl Results<'_> {
    fn records(&self) -> Records<'_> {
        Records(self.folder)
    }

    /// Where the results of a photo may lie.
    pub fn possible_paths(&self, stem: &str) -> bodymap::Result<Paths> {
        let mut all = Paths { files: vec![], open_folders: vec![] };
        for &format in self.formats {
            let Paths { files, open_folders } = format.possible_paths(stem)?;
            all.files.extend(files.iter().map(|path| below(format, path)));
            all.open_folders.extend(open_folders.iter().map(|path| below(format, path)));
        }
        Ok(all)
    }

    /// The files about all photos, each with its format.
    pub fn paths_of_all(&self, label_set: LabelSet, zip: bool) -> Vec<(Format, String)> {
        let mut paths = vec![];
        for &format in self.formats {
            let index = format.index(&[], label_set);
            paths.extend(index.iter().map(|file| (format, below(format, &file.path))));
            if is_gathered(format, zip) {
                paths.push((format, format.data_set_name()));
            }
        }
        paths
    }

    /// Whether the results of a photo may be written where they belong, as far as that is known
    /// before it is parsed.
    pub fn check(
        &self,
        input: &Input,
        stem: &str,
        paths: &Paths,
        originals: &Originals,
    ) -> Result<(), String> {
        let record = self.records().read(Owner::Photo(stem));
        let named = |message: String| format!("{}: {message}", input.path.display());
        for path in &paths.files {
            self.check_path(&record, path, Some(originals)).map_err(named)?;
            self.check_name(&record, &input.name, path).map_err(named)?;
        }
        Ok(())
    }

    /// Whether what speaks of all photos may be written.
    pub fn check_all(&self, paths: &[(Format, String)], originals: &Originals) -> Result<(), String> {
        for (format, path) in paths {
            let record = self.records().read(Owner::All(*format));
            self.check_path(&record, path, Some(originals))?;
        }
        Ok(())
    }

    fn check_path(&self, record: &Record, path: &str, originals: Option<&Originals>) -> Result<(), String> {
        let found = record.find(self.folder, path);
        let full = self.folder.join(path);
        let why = match found {
            Found::Nothing => return Ok(()),
            _ if originals.is_some_and(|all| files::identity(&full).is_some_and(|it| all.contains(&it))) => {
                "is a photo of this run"
            }
            Found::Empty if self.resume => return Ok(()),
            Found::Last | Found::Earlier | Found::Damaged => return Ok(()),
            Found::Changed => "was changed since bodymap wrote it",
            Found::Empty | Found::Foreign => "is there already, and bodymap has no record that it wrote it",
        };
        Err(format!(
            "{} {why}; move it away, or choose another folder for the results (name-clash)",
            full.display()
        ))
    }

    /// Whether a result that is there is one of a photo of that name. Upper and lower case may
    /// differ: cameras, computers and converters each have their own way.
    fn check_name(&self, record: &Record, name: &str, path: &str) -> Result<(), String> {
        match &record.photo {
            Some(photo)
                if !photo.name.eq_ignore_ascii_case(name)
                    && record.find(self.folder, path) != Found::Nothing =>
            {
                Err(format!(
                    "its results would replace those of {}, which are in {} from an earlier run; rename one of them \
                     or choose another folder for the results (name-clash)",
                    photo.name,
                    self.folder.display()
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether all results of a photo are there from before, of the photo as it is now. Those that
    /// somebody has corrected are kept, those that are broken are not.
    pub fn has(&self, input: &Input, stem: &str) -> bool {
        let record = self.records().read(Owner::Photo(stem));
        if record.photo.as_ref() != Some(&Source::of(&input.path, &input.name)) {
            return false;
        }
        let is_kept = |path: &str| matches!(record.find(self.folder, path), Found::Last | Found::Changed);
        self.formats.iter().all(|&format| {
            let last = below(format, &format.last_file(stem));
            if !record.has(&last) || !is_kept(&last) {
                return false;
            }
            let read = || files::read(&self.folder.join(&last), limits::MAX_EXPORT_BYTES).unwrap_or_default();
            let contents = if format == Format::Masks { read() } else { vec![] };
            format
                .paths(stem, &contents)
                .is_ok_and(|paths| paths.iter().all(|path| is_kept(&below(format, path))))
        })
    }

    /// Writes all results of a photo, or none if one is in the way of something else.
    pub fn write(&self, source: Source, stem: &str, made: &[(Format, Vec<File>)]) -> Result<(), String> {
        let mut record = self.records().read(Owner::Photo(stem));
        let files = || {
            made.iter()
                .flat_map(|(format, files)| files.iter().map(|file| (below(*format, &file.path), file)))
        };
        // Another may have come since the run began, and of some formats the names are known only now.
        for (path, _) in files() {
            self.check_path(&record, &path, None)?;
            self.check_name(&record, &source.name, &path)?;
        }
        record.photo = Some(source);
        self.put(Owner::Photo(stem), record, files())
    }

    /// Notes the files in the record of their owner, then writes them.
    fn put<'f>(
        &self,
        owner: Owner,
        mut record: Record,
        files: impl Iterator<Item = (String, &'f File)>,
    ) -> Result<(), String> {
        let files: Vec<_> = files.map(|(path, file)| (path, file, State::of(&file.bytes))).collect();
        for (path, _, state) in &files {
            record.add(path, state.clone());
        }
        self.records().write(owner, &record)?;
        // The disk takes those that come together in about the time of one.
        let folders = files.into_par_iter().map(|(path, file, state)| {
            let path = self.folder.join(path);
            Unfinished::whole(&path, &file.bytes, Some(state.modified()))?;
            Ok(path.parent().unwrap_or(self.folder).to_owned())
        });
        let folders = folders.collect::<Result<BTreeSet<_>, String>>()?;
        folders.par_iter().for_each(|folder| files::sync_folder(folder));
        Ok(())
    }

    /// Writes what speaks of all photos, the stems in order, and if asked for the zips;
    /// gives what went wrong.
    pub fn finish(&self, stems: &[String], label_set: LabelSet, zip: bool) -> Vec<String> {
        let mut errors = vec![];
        for &format in self.formats {
            let written = self.write_index(format, stems, label_set);
            errors.extend(written.err());
            if is_gathered(format, zip) {
                let written = self.write_gathered(format, stems, label_set, &mut errors);
                errors.extend(written.err());
            }
        }
        errors
    }

    fn write_index(&self, format: Format, stems: &[String], label_set: LabelSet) -> Result<(), String> {
        let index = format.index(stems, label_set);
        if index.is_empty() {
            return Ok(());
        }
        let owner = Owner::All(format);
        let record = self.records().read(owner);
        let files = || index.iter().map(|file| (below(format, &file.path), file));
        files().try_for_each(|(path, _)| self.check_path(&record, &path, None))?;
        self.put(owner, record, files())
    }

    /// One file of all, from the files of each.
    fn write_gathered(
        &self,
        format: Format,
        stems: &[String],
        label_set: LabelSet,
        errors: &mut Vec<String>,
    ) -> Result<(), String> {
        let (owner, name) = (Owner::All(format), format.data_set_name());
        let mut record = self.records().read(owner);
        self.check_path(&record, &name, None)?;
        let path = self.folder.join(&name);
        let out = Hashed { file: Unfinished::create(&path)?, bytes: 0, hasher: Sha256::new() };
        let out = self.gather(format, stems, label_set, BufWriter::new(out), errors);
        let Hashed { file, bytes, hasher } = out.map_err(|e| unwritten(&path, &e))?;
        let state = State::new(bytes, &hasher.finalize());
        record.add(&name, state.clone());
        self.records().write(owner, &record)?;
        file.finish(Some(state.modified()))?;
        files::sync_folder(self.folder);
        Ok(())
    }

    /// Of the photos' files those of one are in memory at a time.
    fn gather<W: Write>(
        &self,
        format: Format,
        stems: &[String],
        label_set: LabelSet,
        out: BufWriter<W>,
        errors: &mut Vec<String>,
    ) -> io::Result<W> {
        let mut set = DataSet::new(format, label_set, out);
        for stem in stems {
            let added = self.read(format, stem).and_then(|files| {
                set.add_files(stem, &files).map_err(|e| format!("{stem} in {}: {e}", format.name()))
            });
            errors.extend(added.err());
        }
        let out = set.finish().map_err(io::Error::other)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn read(&self, format: Format, stem: &str) -> Result<Vec<File>, String> {
        let read = |path: &str| files::read(&self.folder.join(below(format, path)), limits::MAX_EXPORT_BYTES);
        let last = read(&format.last_file(stem))?;
        let paths = format.paths(stem, &last).map_err(|e| e.to_string())?;
        paths.into_iter().map(|path| read(&path).map(|bytes| File { path, bytes })).collect()
    }
}

/// The path below the folder of all results, `/` between folders.
fn below(format: Format, path: &str) -> String {
    match format.layout() {
        Layout::File => path.into(),
        _ => format!("{}/{path}", format.name()),
    }
}

/// Whether there is one file of all photos in this format.
fn is_gathered(format: Format, zip: bool) -> bool {
    format.layout() == Layout::Document || zip
}

/// A file and what its record will tell.
struct Hashed {
    file: Unfinished,
    bytes: u64,
    hasher: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
