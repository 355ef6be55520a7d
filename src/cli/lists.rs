//! Lists of photos: one path a line.

use std::io;
use std::path::{Path, PathBuf};

use bodymap::limits;

use super::files;

/// Reads a list of photos; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<PathBuf>, String> {
    let bytes = match path == Path::new("-") {
        true => files::read_from(io::stdin().lock(), limits::MAX_LIST_BYTES, path),
        false => files::read(path, limits::MAX_LIST_BYTES),
    }?;
    let photos = lines(&bytes);
    if photos.is_empty() {
        return Err(format!("{}: the list names no photo (io)", path.display()));
    }
    Ok(photos)
}

/// The paths. Windows writes lists in UTF-16 or with a mark before the first line; on other systems
/// a path is any bytes, in whatever encoding somebody once named the file.
fn lines(bytes: &[u8]) -> Vec<PathBuf> {
    if let Some(text) = utf16(bytes) {
        return text.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect();
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.trim_ascii().is_empty()).map(path_of).collect()
}

/// The text of bytes that begin with the mark of UTF-16.
fn utf16(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = bytes[2..].as_chunks().0.iter().map(|&pair| unit(pair)).collect();
    Some(String::from_utf16_lossy(&units))
}

fn path_of(line: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(line).into()
    }
    #[cfg(not(unix))]
    String::from_utf8_lossy(line).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_come_from_anywhere() {
        let photos = ["a b.jpg", " été.jpg "].map(PathBuf::from);
        let text = "a b.jpg\r\n\n \t\r\n été.jpg ";
        let units =
            |swap: bool| text.encode_utf16().map(move |unit| if swap { unit.swap_bytes() } else { unit });
        let utf16 = |swap| -> Vec<u8> {
            let mark = if swap { 0xfeff_u16.swap_bytes() } else { 0xfeff };
            std::iter::once(mark).chain(units(swap)).flat_map(u16::to_le_bytes).collect()
        };
        for bytes in
            [text.as_bytes().to_vec(), ["\u{feff}", text].concat().into_bytes(), utf16(false), utf16(true)]
        {
            assert_eq!(lines(&bytes), photos);
        }
        assert_eq!(lines(b"\xef\xbb\xbf\r\n"), Vec::<PathBuf>::new());
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_any_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let found = lines(b"caf\xe9.jpg\np.jpg\n");
        assert_eq!(found[0].as_os_str().as_bytes(), b"caf\xe9.jpg");
        assert_eq!(found[1], Path::new("p.jpg"));
    }
}
