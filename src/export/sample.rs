//! One photo as exports see it, and how it is written.

use crate::card::Card;
use crate::colormap::PaintOptions;
use crate::error::{Code, Error, Result};
use crate::parsing::Parsing;
use crate::photo::Photo;

/// One parsed photo, as exports see it.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// Path of the photo's file within its data set, `/` between folders, such as
    /// `beach/p1.jpg`. It need not exist.
    pub name: &'a str,
    /// What was found in it.
    pub parsing: &'a Parsing,
    /// The photo; needed for the overlay only.
    pub photo: Option<&'a Photo>,
    /// Card of the model that parsed it.
    pub model: &'a Card,
}

/// How exports are written.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Colours and, in pictures, what is shown.
    pub paint: PaintOptions,
    /// What stands before the photos' names where a format says where they are:
    /// a folder, seen from the export's own, or a URL. labelme and Label Studio need it.
    /// A slash is added behind it if there is none.
    pub photos: Option<String>,
}

impl Options {
    /// A photo's name, or that name as part of a URL, behind the prefix of all photos.
    pub(super) fn photo_at(&self, name: &str) -> String {
        let base = self.photos.as_deref().unwrap_or_default();
        // A folder may be given without the slash at its end, as everywhere. The value in a URL's query begins after `=`.
        let slash = if base.is_empty() || base.ends_with(['/', '\\', '=', '?']) { "" } else { "/" };
        format!("{base}{slash}{name}")
    }
}

/// Path of a photo without the ending of its file, by which its exports are named:
/// `beach/p1` of `beach/p1.jpg`.
///
/// Errors: [`Code::BadOption`] for names that lead out of their folder or that no
/// archive can hold.
pub fn stem(name: &str) -> Result<&str> {
    let wrong = |part: &str| matches!(part, "" | "." | "..");
    if name.split('/').any(wrong) || name.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(Error::new(
            Code::BadOption,
            format!("{name:?} is not the name of a photo: folders and a file, `/` between them"),
        ));
    }
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].rfind('.') {
        None | Some(0) => Ok(name),
        Some(dot) => Ok(&name[..file + dot]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_names_without_their_ending() {
        for (name, expected) in [
            ("p1.jpg", "p1"),
            ("a/b.c/p.1.jpg", "a/b.c/p.1"),
            ("a.b/photo", "a.b/photo"),
            (".jpg", ".jpg"),
            ("a/.hidden", "a/.hidden"),
            ("été 1.png", "été 1"),
        ] {
            assert_eq!(stem(name).unwrap(), expected);
        }
        for name in ["", "/p.jpg", "../p.jpg", "a/../p.jpg", "a//p.jpg", "a/", "..", "a\\p.jpg", "a\n.jpg"] {
            assert_eq!(stem(name).unwrap_err().code(), Code::BadOption, "{name:?}");
        }
    }
}
