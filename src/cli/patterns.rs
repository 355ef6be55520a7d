//! Patterns of paths, such as `photos/**/*.jpg`.

use std::path::{Path, PathBuf};

use glob::MatchOptions;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A pattern below a folder.
pub struct Pattern {
    base: PathBuf,
    whole: glob::Pattern,
    /// Of each folder and file on the way.
    parts: Vec<glob::Pattern>,
}

impl Pattern {
    /// Folders at its beginning that are there are taken by their names, even if these have brackets.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let wrong = |e: glob::PatternError| format!("{text}: this is no pattern: {e} (bad-option)");
        let (base, rest) = text.split_at(base_of(text, &|folder| folder.is_dir()));
        let part = |part| glob::Pattern::new(part).map_err(wrong);
        Ok(Pattern {
            base: base.into(),
            whole: glob::Pattern::new(rest).map_err(wrong)?,
            parts: rest.split('/').map(part).collect::<Result<_, _>>()?,
        })
    }

    /// The folders before the first that has a wildcard; empty for the one we are in.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// How deep below the base there may be matches.
    pub fn depth(&self) -> usize {
        if self.is_deep(self.parts.len()) { usize::MAX } else { self.parts.len() }
    }

    /// Whether a path below the base is one of the pattern.
    pub fn matches(&self, below: &Path) -> bool {
        self.whole.matches_path_with(below, OPTIONS)
    }

    /// Whether a folder below the base may have matches in it.
    pub fn may_match_in(&self, folder: &Path) -> bool {
        let names: Vec<_> = folder.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        let matching =
            |(part, name): (&glob::Pattern, &std::borrow::Cow<str>)| part.matches_with(name, OPTIONS);
        self.is_deep(names.len()) || self.parts.iter().zip(&names).all(matching)
    }

    /// Whether folders of any depth may stand for one of the first parts.
    fn is_deep(&self, parts: usize) -> bool {
        self.parts.iter().take(parts).any(|part| part.as_str() == "**")
    }

    /// Whether names with a dot in front are meant somewhere.
    pub fn names_hidden(&self) -> bool {
        self.parts.iter().any(|part| part.as_str().starts_with('.'))
    }
}

/// Where the folders end that are no pattern: those without wildcards, and those that are there.
fn base_of(text: &str, is_folder: &dyn Fn(&Path) -> bool) -> usize {
    let slashes = text.match_indices('/').map(|(at, _)| at + 1);
    let mut base = 0;
    for end in slashes {
        if text[base..end].contains(['*', '?', '[']) && !is_folder(Path::new(&text[..end])) {
            break;
        }
        base = end;
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_where_the_pattern_does() {
        let is_folder = |path: &Path| path == Path::new("[2024] a/") || path == Path::new("[2024] a/b*/");
        for (pattern, base) in [
            ("*.jpg", ""),
            ("photos/*.jpg", "photos/"),
            ("/a/b/**/x?.png", "/a/b/"),
            ("a/b[12]/c/*.jpg", "a/"),
            ("[2024] a/*.jpg", "[2024] a/"),
            ("[2024] a/b*/c[1]/*.jpg", "[2024] a/b*/"),
            ("[2025] a/*.jpg", ""),
        ] {
            assert_eq!(&pattern[..base_of(pattern, &is_folder)], base, "{pattern}");
        }
    }

    #[test]
    fn folders_are_searched_as_far_as_they_may_match() {
        let pattern = Pattern::new("a*/b/*.jpg").unwrap();
        assert_eq!(pattern.depth(), 3);
        for (path, may) in [("a1", true), ("a1/b", true), ("c", false), ("a1/c", false)] {
            assert_eq!(pattern.may_match_in(Path::new(path)), may, "{path}");
        }
        assert!(pattern.matches(Path::new("a1/b/p.jpg")));
        assert!(!pattern.matches(Path::new("a1/b/c/p.jpg")));
        let pattern = Pattern::new("a/**/*.jpg").unwrap();
        assert_eq!((pattern.base(), pattern.depth()), (Path::new("a/"), usize::MAX));
        assert!(pattern.may_match_in(Path::new("x/y/z")));
        for (path, matches) in [("p.jpg", true), ("x/y/p.jpg", true), (".p.jpg", false), (".x/p.jpg", false)]
        {
            assert_eq!(pattern.matches(Path::new(path)), matches, "{path}");
        }
    }
}
