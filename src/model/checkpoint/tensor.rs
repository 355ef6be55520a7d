//! Where the values of a checkpoint's tensors are, and of what kind.

/// Where the values of a tensor are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub element: Element,
    /// Name of the storage.
    pub storage: String,
    /// Elements of the storage.
    pub length: u64,
    /// First element, and steps to the next along each axis, in elements.
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
}

/// What a storage consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    /// Whole numbers or booleans, of that many bytes.
    Whole(u8),
}

impl Element {
    /// The element of a storage class.
    pub fn of_storage(module: &str, name: &str) -> Option<Element> {
        if module != "torch" {
            return None;
        }
        Some(match name {
            "DoubleStorage" => Element::F64,
            "FloatStorage" => Element::F32,
            "HalfStorage" => Element::F16,
            "BFloat16Storage" => Element::Bf16,
            "LongStorage" => Element::Whole(8),
            "IntStorage" => Element::Whole(4),
            "ShortStorage" => Element::Whole(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Element::Whole(1),
            _ => return None,
        })
    }

    pub fn bytes(self) -> u64 {
        match self {
            Element::F64 => 8,
            Element::F32 => 4,
            Element::F16 | Element::Bf16 => 2,
            Element::Whole(bytes) => bytes as u64,
        }
    }
}
