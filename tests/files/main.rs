//! Files of `bodymap`: nothing is lost that somebody else wrote, whatever can be read is read.
// They lean on links, pipes and devices as Linux has them.
#![cfg(all(feature = "cli", target_os = "linux"))]

mod inputs;
mod messages;
mod named;
mod replaced;
mod resumed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BODYMAP: &str = env!("CARGO_BIN_EXE_bodymap");

/// A file of the small test model; see `tests/models/make_people.py`.
fn people_model(name: &str) -> String {
    format!("{}/tests/models/people/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Bytes of a photo as PNG, of 384x240.
fn png_photo() -> Vec<u8> {
    std::fs::read(people_model("photo.png")).unwrap()
}

/// Bytes of a photo as JPEG.
fn jpeg_photo() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/www/samples/mpl_grace_hopper.jpg")).unwrap()
}

/// An empty folder to work in.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// A folder with `p.jpg` and `p.png`, a photo each.
    fn with_photos(name: &str) -> Folder {
        let folder = Folder::new(name);
        folder.write("p.jpg", &jpeg_photo());
        folder.write("p.png", &png_photo());
        folder
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// `bodymap` with the words of a line as arguments, run in the folder.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(BODYMAP);
        command.args(line.split(' ')).current_dir(&self.0);
        command
    }

    /// `bodymap parse` with the small model.
    fn parse_command(&self, line: &str) -> Command {
        let mut command = self.command(&format!("parse {line}"));
        command.args(["--model", &people_model("card.json")]);
        command
    }

    fn parse(&self, line: &str) -> Told {
        Told::of(self.parse_command(line).output().unwrap())
    }

    /// Files below, but for the records of what was written.
    fn files(&self) -> Vec<String> {
        fn collect(folder: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    if path.file_name().unwrap() != ".bodymap" {
                        collect(&path, base, found);
                    }
                } else {
                    found.push(path.strip_prefix(base).unwrap().to_str().unwrap().into());
                }
            }
        }
        let mut found = vec![];
        collect(&self.0, &self.0, &mut found);
        found.sort();
        found
    }
}

/// What a run came to.
#[derive(Debug)]
struct Told {
    status: Option<i32>,
    errors: String,
}

impl Told {
    fn of(output: Output) -> Told {
        Told { status: output.status.code(), errors: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    #[track_caller]
    fn is(&self, status: i32, parts: &[&str]) -> &Told {
        assert_eq!(self.status, Some(status), "{self:?}");
        for part in parts {
            assert!(self.errors.contains(part), "{part:?} in {}", self.errors);
        }
        self
    }
}
