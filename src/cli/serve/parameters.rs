//! Values of headers with parameters: `form-data; name="image"; filename="p.jpg"`.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// A value and its parameters.
pub struct Parameters<'a> {
    /// What stands before the first `;`, in lower case.
    pub value: String,
    parameters: Vec<(&'a [u8], Cow<'a, [u8]>)>,
}

impl<'a> Parameters<'a> {
    /// Reads a header as its senders mean it: names in any case, spaces around all, quotes or none.
    pub fn new(header: &'a [u8]) -> Parameters<'a> {
        let (value, mut rest) = split(header, b";");
        let mut parameters = vec![];
        while !rest.is_empty() {
            let (name, after) = split(&rest[1..], b";=");
            rest = after;
            if let [b'=', text @ ..] = rest {
                let (text, after) = match text.trim_ascii_start() {
                    [b'"', quoted @ ..] => {
                        let (text, after) = unquoted(quoted);
                        (text, split(after, b";").1)
                    }
                    plain => {
                        let (text, after) = split(plain, b";");
                        (text.into(), after)
                    }
                };
                parameters.push((name, text));
                rest = after;
            }
        }
        Parameters { value: String::from_utf8_lossy(value).to_ascii_lowercase(), parameters }
    }

    /// The first parameter of a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let is_it = |(other, _): &&(&[u8], _)| other.eq_ignore_ascii_case(name.as_bytes());
        self.parameters.iter().find(is_it).map(|(_, text)| &**text)
    }

    /// The name of a file, of which some clients send only the form `filename*=UTF-8''caf%C3%A9.jpg`.
    pub fn file_name(&self) -> Option<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.get("filename").map(text).or_else(|| {
            let name = self.get("filename*")?.splitn(3, |&byte| byte == b'\'').nth(2)?;
            Some(percent_decode(name).decode_utf8_lossy().into_owned())
        })
    }
}

/// What stands before the first of some bytes, without the spaces around it, and the rest from there on.
fn split<'a>(text: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let end = text.iter().position(|byte| at.contains(byte)).unwrap_or(text.len());
    (text[..end].trim_ascii(), &text[end..])
}

/// A text up to its closing quote, and what follows. Paths of Windows have backslashes that quote nothing.
fn unquoted(quoted: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let mut text = vec![];
    let mut at = 0;
    while at < quoted.len() && quoted[at] != b'"' {
        let is_pair = quoted[at] == b'\\' && matches!(quoted.get(at + 1), Some(b'"' | b'\\'));
        at += is_pair as usize;
        text.push(quoted[at]);
        at += 1;
    }
    (text.into(), quoted.get(at + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_their_senders_mean_them() {
        // A header, its value, its parameters.
        type Case = (&'static str, &'static str, &'static [(&'static str, Option<&'static str>)]);
        let cases: [Case; 9] = [
            ("multipart/form-data; boundary=x", "multipart/form-data", &[("boundary", Some("x"))]),
            (
                "Multipart/Form-Data ;BOUNDARY = \"a b;c\" ;",
                "multipart/form-data",
                &[("boundary", Some("a b;c"))],
            ),
            ("image/jpeg", "image/jpeg", &[("boundary", None)]),
            ("form-data; filename=\"my name.jpg\"; name=\"image\"", "form-data", &[("name", Some("image"))]),
            (
                "form-data; filename=a.jpg; name=image",
                "form-data",
                &[("name", Some("image")), ("filename", Some("a.jpg"))],
            ),
            (
                r#"form-data; filename="a\"; name=\"b"; name=c"#,
                "form-data",
                &[("filename", Some("a\"; name=\"b")), ("name", Some("c"))],
            ),
            (r#"form-data; filename="C:\new\p.jpg""#, "form-data", &[("filename", Some(r"C:\new\p.jpg"))]),
            ("form-data;; flag; name=\"open", "form-data", &[("flag", None), ("name", Some("open"))]),
            ("", "", &[("name", None)]),
        ];
        for (header, value, parameters) in cases {
            let read = Parameters::new(header.as_bytes());
            assert_eq!(read.value, value);
            for &(name, text) in parameters {
                assert_eq!(read.get(name), text.map(str::as_bytes), "{header}: {name}");
            }
        }
    }

    #[test]
    fn files_are_named_in_two_ways() {
        let name = |header: &str| Parameters::new(header.as_bytes()).file_name();
        assert_eq!(name("form-data; name=image"), None);
        assert_eq!(name("form-data; filename=\"caf\u{e9}.jpg\"").unwrap(), "caf\u{e9}.jpg");
        assert_eq!(name("form-data; filename*=utf-8''caf%C3%A9%27s.jpg").unwrap(), "caf\u{e9}'s.jpg");
        assert_eq!(name("form-data; filename*=utf-8''b; filename=a").unwrap(), "a");
        assert_eq!(name("form-data; filename*=b"), None);
    }
}
