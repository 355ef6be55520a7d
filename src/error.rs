//! The one error type: a stable code for programs, a sentence for people.

use std::fmt;

/// Result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The names are stable; more may be added.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The file has no bytes.
    EmptyFile,
    /// The file is larger than [`limits::MAX_PHOTO_BYTES`](crate::limits::MAX_PHOTO_BYTES).
    FileTooLarge,
    /// Not a JPEG, PNG or WebP, or a variant of them that cannot be decoded.
    UnsupportedFormat,
    /// More pixels or a longer side than the limits allow.
    PhotoTooLarge,
    /// The file ends before its picture does.
    Truncated,
    /// The picture data contradict themselves.
    CorruptPhoto,
    /// The model card is not valid.
    BadCard,
    /// The model card has a format that this version does not know.
    NewerCard,
    /// The model file is not the one its card names.
    WrongHash,
    /// The model file cannot be read or does not fit its card.
    BadModel,
    /// Not a PyTorch checkpoint, or one of a kind that is not read.
    UnsupportedCheckpoint,
    /// The checkpoint ends before its directory does.
    TruncatedCheckpoint,
    /// The checkpoint's data contradict themselves or their checksums.
    CorruptCheckpoint,
    /// The checkpoint is larger or more entangled than weights need to be.
    CheckpointTooComplex,
    /// The checkpoint lacks weights that the network needs.
    MissingWeights,
    /// Weights of the checkpoint have another shape or type than the network's.
    WrongShape,
    /// An option has an unknown name or a value out of range.
    BadOption,
    /// The network failed on this input.
    InferenceFailed,
    /// There is not enough memory for this photo.
    OutOfMemory,
    /// The work was no longer wanted: see [`Stop`](crate::Stop).
    Stopped,
    /// Two files would bear the same name.
    NameClash,
    /// A file could not be read or written.
    Io,
}

impl Code {
    /// The code as programs see it, in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::EmptyFile => "empty-file",
            Code::FileTooLarge => "file-too-large",
            Code::UnsupportedFormat => "unsupported-format",
            Code::PhotoTooLarge => "photo-too-large",
            Code::Truncated => "truncated",
            Code::CorruptPhoto => "corrupt-photo",
            Code::BadCard => "bad-card",
            Code::NewerCard => "newer-card",
            Code::WrongHash => "wrong-hash",
            Code::BadModel => "bad-model",
            Code::UnsupportedCheckpoint => "unsupported-checkpoint",
            Code::TruncatedCheckpoint => "truncated-checkpoint",
            Code::CorruptCheckpoint => "corrupt-checkpoint",
            Code::CheckpointTooComplex => "checkpoint-too-complex",
            Code::MissingWeights => "missing-weights",
            Code::WrongShape => "wrong-shape",
            Code::BadOption => "bad-option",
            Code::InferenceFailed => "inference-failed",
            Code::OutOfMemory => "out-of-memory",
            Code::Stopped => "stopped",
            Code::NameClash => "name-clash",
            Code::Io => "io",
        }
    }
}

/// An error with a stable [`Code`] and a message that says what was wrong with
/// which input and what to do about it.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    /// An error, such as one of an [`Engine`](crate::Engine) of one's own.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence for people, in English.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code.as_str())
    }
}

impl std::error::Error for Error {}

/// A buffer of `len` copies of `value`, or [`Code::OutOfMemory`] naming what it was for.
///
/// Buffers whose size a photo decides are made here, so that a photo too large
/// for the memory at hand is an error and not an abort.
pub(crate) fn filled<T: Clone>(value: T, len: usize, purpose: &str) -> Result<Vec<T>> {
    let mut buffer = reserved(len, purpose)?;
    buffer.resize(len, value);
    Ok(buffer)
}

/// An empty buffer with room for `len` values, or [`Code::OutOfMemory`].
pub(crate) fn reserved<T>(len: usize, purpose: &str) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|_| no_memory::<T>(len, purpose))?;
    Ok(buffer)
}

/// A buffer of values of which it is known how many there are, or [`Code::OutOfMemory`].
pub(crate) fn collected<T>(values: impl ExactSizeIterator<Item = T>, purpose: &str) -> Result<Vec<T>> {
    let mut buffer = reserved(values.len(), purpose)?;
    buffer.extend(values);
    Ok(buffer)
}

/// Replaces what is in a buffer by other values, or [`Code::OutOfMemory`].
pub(crate) fn refill<T>(
    buffer: &mut Vec<T>,
    values: impl ExactSizeIterator<Item = T>,
    purpose: &str,
) -> Result<()> {
    buffer.clear();
    buffer.try_reserve(values.len()).map_err(|_| no_memory::<T>(values.len(), purpose))?;
    buffer.extend(values);
    Ok(())
}

/// Adds a value to a buffer of which nobody knows how long it becomes, or [`Code::OutOfMemory`].
pub(crate) fn push<T>(buffer: &mut Vec<T>, value: T, purpose: &str) -> Result<()> {
    if buffer.len() == buffer.capacity() {
        buffer.try_reserve(1).map_err(|_| no_memory::<T>(2 * buffer.len(), purpose))?;
    }
    buffer.push(value);
    Ok(())
}

fn no_memory<T>(len: usize, purpose: &str) -> Error {
    let mib = (len as f64 * size_of::<T>() as f64 / (1 << 20) as f64).ceil();
    Error::new(
        Code::OutOfMemory,
        format!("there is no memory for {purpose} ({mib} MiB); use a smaller photo or close other programs"),
    )
}
