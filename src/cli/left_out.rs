//! What a search found and did not take for photos.

use std::collections::BTreeMap;
use std::path::Path;

/// Counts, and lines for what needs a word of its own.
#[derive(Default)]
pub struct LeftOut {
    results: usize,
    hidden: usize,
    folders: usize,
    /// Files that are no photos, by their endings.
    others: BTreeMap<String, usize>,
    lines: Vec<String>,
}

impl LeftOut {
    /// A result of bodymap.
    pub fn add_result(&mut self) {
        self.results += 1;
    }

    /// A file or folder whose name begins with a dot.
    pub fn add_hidden(&mut self) {
        self.hidden += 1;
    }

    /// A folder that a pattern names as if it were a file.
    pub fn add_folder(&mut self) {
        self.folders += 1;
    }

    /// A file that is no photo by its ending, or has none and does not begin like one.
    pub fn add_other(&mut self, path: &Path) {
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        *self.others.entry(ending.unwrap_or("no ending".into())).or_default() += 1;
    }

    pub fn tell(&mut self, line: String) {
        self.lines.push(line);
    }

    /// A line for each that needs one, and one for all others.
    pub fn lines(self) -> Vec<String> {
        let LeftOut { results, hidden, folders, others, mut lines } = self;
        let endings: Vec<_> = others.keys().map(String::as_str).collect();
        let parts = [
            (results, counted(results, "result of bodymap", "results of bodymap")),
            (
                others.values().sum(),
                format!(
                    "{} ({})",
                    counted(others.values().sum(), "file that is no photo", "files that are no photos"),
                    endings.join(", ")
                ),
            ),
            (hidden, format!("{hidden} hidden")),
            (folders, counted(folders, "folder", "folders")),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
        if !parts.is_empty() {
            lines.push(format!("left out: {}", parts.join(", ")));
        }
        lines
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_many_of_what() {
        let mut left_out = LeftOut::default();
        assert_eq!(LeftOut::default().lines(), Vec::<String>::new());
        left_out.add_hidden();
        for name in ["a.txt", "b.heic", "c.txt", "d"] {
            left_out.add_other(Path::new(name));
        }
        left_out.add_result();
        left_out.tell("l: left out".into());
        assert_eq!(
            left_out.lines(),
            [
                "l: left out",
                "left out: 1 result of bodymap, 4 files that are no photos (.heic, .txt, no ending), 1 hidden"
            ]
        );
    }
}
