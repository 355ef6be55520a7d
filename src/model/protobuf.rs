//! Protocol Buffers, as far as ONNX files are taken apart and put together here
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    pub number: u64,
    pub content: Content<'a>,
    /// The field with its tag.
    pub encoded: &'a [u8],
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A message that contradicts the encoding.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed;

/// The fields of a message.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Malformed>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest).ok_or(Malformed);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let message = *rest;
    let tag = varint(rest)?;
    let content = match tag & 7 {
        0 => Content::Number(varint(rest)?),
        1 => Content::Bytes(split(rest, 8)?),
        2 => {
            let length = varint(rest)?;
            Content::Bytes(split(rest, usize::try_from(length).ok()?)?)
        }
        5 => Content::Bytes(split(rest, 4)?),
        _ => return None,
    };
    Some(Field { number: tag >> 3, content, encoded: &message[..message.len() - rest.len()] })
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

/// Reads a number of variable length.
pub(crate) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= ((byte & 0x7f) as u64) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Adds a number of variable length.
pub(crate) fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// Adds a field with a number.
pub(crate) fn push_number(message: &mut Vec<u8>, number: u64, value: u64) {
    push_varint(message, number << 3);
    push_varint(message, value);
}

/// Adds the tag and length of a field with `length` bytes, which are to follow.
pub(crate) fn push_length(message: &mut Vec<u8>, number: u64, length: u64) {
    push_varint(message, number << 3 | 2);
    push_varint(message, length);
}

/// Adds a field with bytes: a text or a message.
pub(crate) fn push_bytes(message: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push_length(message, number, bytes.len() as u64);
    message.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        let mut message = vec![];
        push_number(&mut message, 1, 300);
        push_bytes(&mut message, 20, b"text");
        push_number(&mut message, 3, u64::MAX);
        message.extend([5 << 3 | 5, 1, 2, 3, 4, 6 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        let read: Vec<Field> = fields(&message).collect::<Result<_, _>>().unwrap();
        let contents: Vec<_> = read.iter().map(|field| (field.number, field.content)).collect();
        let expected = [
            (1, Content::Number(300)),
            (20, Content::Bytes(b"text")),
            (3, Content::Number(u64::MAX)),
            (5, Content::Bytes(&[1, 2, 3, 4])),
            (6, Content::Bytes(&[1, 2, 3, 4, 5, 6, 7, 8])),
        ];
        assert_eq!(contents, expected);
        assert_eq!(read.iter().flat_map(|field| field.encoded).copied().collect::<Vec<u8>>(), message);
    }

    #[test]
    fn what_breaks_off_is_malformed() {
        let mut message = vec![];
        push_bytes(&mut message, 1, b"text");
        for length in 1..message.len() {
            assert_eq!(fields(&message[..length]).collect::<Vec<_>>(), [Err(Malformed)], "{length}");
        }
        for bytes in [&[0xff; 11][..], &[3], &[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            assert!(fields(bytes).any(|field| field.is_err()), "{bytes:?}");
        }
    }
}
