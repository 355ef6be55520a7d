//! ONNX files on the wire: Protocol Buffers, as far as they are taken apart and put together here
//! (<https://protobuf.dev/programming-guides/encoding/>).

use std::io::{self, Read};

/// Numbers of fields, and values, of [`onnx.proto`](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
pub(crate) mod onnx {
    pub const MODEL_GRAPH: u64 = 7;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_INITIALIZER: u64 = 5;
    pub const TENSOR_DIMS: u64 = 1;
    pub const TENSOR_DATA_TYPE: u64 = 2;
    pub const TENSOR_NAME: u64 = 8;
    pub const TENSOR_RAW_DATA: u64 = 9;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_NAME: u64 = 3;
    pub const NODE_OP_TYPE: u64 = 4;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const ATTRIBUTE_NAME: u64 = 1;
    pub const ATTRIBUTE_INT: u64 = 3;
    pub const ATTRIBUTE_TYPE: u64 = 20;
    pub const INT: u64 = 2;
    pub const FLOAT: u64 = 1;
    pub const INT8: u64 = 3;
    pub const FLOAT16: u64 = 10;
}

/// Wire types.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

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
    let tag = varint(rest).ok()?;
    let content = match tag & 7 {
        VARINT => Content::Number(varint(rest).ok()?),
        FIXED_64 => Content::Bytes(split(rest, 8)?),
        LENGTH => {
            let length = varint(rest).ok()?;
            Content::Bytes(split(rest, usize::try_from(length).ok()?)?)
        }
        FIXED_32 => Content::Bytes(split(rest, 4)?),
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
pub(crate) fn varint(bytes: &mut impl Read) -> io::Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        bytes.read_exact(&mut byte)?;
        value |= ((byte[0] & 0x7f) as u64) << shift;
        if byte[0] < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not ONNX")
}

/// A message that is read as it comes.
pub(crate) struct Stream<R> {
    bytes: io::Take<R>,
}

impl<R: Read> Stream<R> {
    /// A message of `size` bytes.
    pub fn new(bytes: R, size: u64) -> Stream<R> {
        Stream { bytes: bytes.take(size) }
    }

    /// Bytes that are left to be read.
    pub fn left(&self) -> u64 {
        self.bytes.limit()
    }

    /// The number of the next field, and its wire type.
    pub fn tag(&mut self) -> io::Result<u64> {
        self.varint()
    }

    /// Reads the length of a field and returns how much of the file is left after it.
    pub fn length(&mut self) -> io::Result<u64> {
        let length = self.varint()?;
        self.left().checked_sub(length).ok_or_else(malformed)
    }

    /// Adds the field of a tag to a message.
    pub fn copy(&mut self, tag: u64, message: &mut Vec<u8>) -> io::Result<()> {
        push_varint(message, tag);
        let length = match tag & 7 {
            VARINT => {
                push_varint(message, self.varint()?);
                0
            }
            FIXED_64 => 8,
            FIXED_32 => 4,
            LENGTH => {
                let after = self.length()?;
                let length = self.left() - after;
                push_varint(message, length);
                length as usize
            }
            _ => return Err(malformed()),
        };
        if length as u64 > self.left() {
            return Err(malformed());
        }
        let start = message.len();
        message.try_reserve_exact(length)?;
        message.resize(start + length, 0);
        self.bytes.read_exact(&mut message[start..])
    }

    fn varint(&mut self) -> io::Result<u64> {
        varint(&mut self.bytes).map_err(|e| if self.left() == 0 { malformed() } else { e })
    }
}

/// The tag of a field with bytes: a text or a message.
pub(crate) fn bytes_tag(number: u64) -> u64 {
    number << 3 | LENGTH
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
    push_varint(message, number << 3 | VARINT);
    push_varint(message, value);
}

/// Adds the tag and length of a field with `length` bytes, which are to follow.
pub(crate) fn push_length(message: &mut Vec<u8>, number: u64, length: u64) {
    push_varint(message, bytes_tag(number));
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
