//! A PyTorch checkpoint (`torch.save`, since 1.6) -> its weights, one tensor at a time.
//!
//! The file is a [zip] archive with an index, which is a [pickle], and a file for
//! each storage that tensors are views of. Nothing in it is executed.

mod pickle;
mod refusal;
mod tensor;
mod zip;

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use half::{bf16, f16};

use crate::error::{Code, Error, Result, reserved};
use crate::limits::{MAX_CHECKPOINT_INDEX_BYTES, MAX_STORAGE_BYTES};
use pickle::{Pickle, Value};
use refusal::{corrupt, shortened};
use tensor::{Element, Tensor};
use zip::Archive;

pub(super) use refusal::{listed, missing};

/// The key of the weights; beside it are the optimiser and the like.
const WEIGHTS: &str = "model";

/// An open checkpoint.
pub struct Checkpoint<R> {
    archive: Archive<R>,
    /// The folder in the archive, with the `/`.
    folder: String,
    tensors: BTreeMap<String, Tensor>,
    ignored: Vec<String>,
    /// Bytes of the storage last read; kept for its memory.
    bytes: Vec<u8>,
}

impl<R: Read + Seek> Checkpoint<R> {
    /// Reads the index; the weights stay where they are.
    pub fn open(reader: R) -> Result<Checkpoint<R>> {
        let mut archive = Archive::open(reader)?;
        const INDEX: &str = "data.pkl";
        let folders = archive.names().filter_map(|name| name.strip_suffix(INDEX));
        let folders: Vec<String> = folders.map(str::to_owned).collect();
        let [folder] = &folders[..] else {
            return Err(Error::new(
                Code::UnsupportedCheckpoint,
                "the file is a zip archive, but not a PyTorch checkpoint: it has no index (data.pkl)",
            ));
        };
        let mut bytes = vec![];
        let order = format!("{folder}byteorder");
        if archive.names().any(|name| name == order) {
            archive.read(&order, MAX_CHECKPOINT_INDEX_BYTES, &mut bytes)?;
            if bytes != b"little" {
                return Err(Error::new(
                    Code::UnsupportedCheckpoint,
                    "the checkpoint was saved on a big-endian machine; save it again on another",
                ));
            }
        }
        let mut index = vec![];
        archive.read(&format!("{folder}{INDEX}"), MAX_CHECKPOINT_INDEX_BYTES, &mut index)?;
        let (tensors, ignored) = weights(&Pickle::read(&index)?)?;
        Ok(Checkpoint { archive, folder: folder.clone(), tensors, ignored, bytes })
    }

    /// Names of the weights, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(|name| &**name)
    }

    /// Shape of a tensor of the weights.
    pub fn shape(&self, name: &str) -> Option<&[u64]> {
        self.tensors.get(name).map(|tensor| &*tensor.shape)
    }

    /// Whether a tensor of the weights holds floating-point numbers.
    pub fn is_float(&self, name: &str) -> bool {
        self.tensors.get(name).is_some_and(|tensor| !matches!(tensor.element, Element::Whole(_)))
    }

    /// What the file has beside tensors among the weights: keys, and `module.name()`
    /// for functions that loading it in Python would call.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Replaces what is in `values` by those of a tensor, row-major.
    pub fn read(&mut self, name: &str, values: &mut Vec<f32>) -> Result<()> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(missing(format!("it lacks {}", shortened(name))));
        };
        let file = format!("{}data/{}", self.folder, tensor.storage);
        self.archive.read(&file, MAX_STORAGE_BYTES, &mut self.bytes)?;
        if tensor.length.checked_mul(tensor.element.bytes()) != Some(self.bytes.len() as u64) {
            return Err(corrupt(format!(
                "{} should have {} elements in a file of {} bytes",
                shortened(name),
                tensor.length,
                self.bytes.len()
            )));
        }
        let steps =
            tensor.steps().ok_or_else(|| corrupt(format!("{} reaches beyond its file", shortened(name))))?;
        values.clear();
        if values.capacity() < steps.count {
            *values = reserved(steps.count, "a tensor of the checkpoint")?;
        }
        let bytes = &self.bytes;
        match tensor.element {
            Element::F64 => steps.collect(bytes, |b| f64::from_le_bytes(b) as f32, values),
            Element::F32 => steps.collect(bytes, f32::from_le_bytes, values),
            Element::F16 => steps.collect(bytes, |b| f16::from_le_bytes(b).to_f32(), values),
            Element::Bf16 => steps.collect(bytes, |b| bf16::from_le_bytes(b).to_f32(), values),
            Element::Whole(_) => {
                return Err(Error::new(
                    Code::WrongShape,
                    format!(
                        "the checkpoint does not fit the network: {} holds whole numbers",
                        shortened(name)
                    ),
                ));
            }
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(corrupt(format!("{} has values that are not numbers", shortened(name))));
        }
        Ok(())
    }
}

/// The way through the elements of a storage, checked to stay within it.
struct Steps<'a> {
    count: usize,
    offset: usize,
    shape: &'a [u64],
    strides: &'a [u64],
}

impl Tensor {
    fn steps(&self) -> Option<Steps<'_>> {
        let count = self.shape.iter().try_fold(1u64, |count, &size| count.checked_mul(size))?;
        let mut last = self.offset;
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add(size.saturating_sub(1).checked_mul(stride)?)?;
        }
        // A stride of 0 would make much out of little.
        let inside = count == 0 || (last < self.length && count <= self.length);
        inside.then_some(Steps {
            count: count as usize,
            offset: self.offset as usize,
            shape: &self.shape,
            strides: &self.strides,
        })
    }
}

impl Steps<'_> {
    fn collect<const N: usize>(&self, bytes: &[u8], value: impl Fn([u8; N]) -> f32, values: &mut Vec<f32>) {
        let (elements, _) = bytes.as_chunks::<N>();
        if self.count == 0 {
            return;
        }
        let (columns, step) = match (self.shape, self.strides) {
            ([.., columns], [.., step]) => (*columns as usize, *step as usize),
            _ => (1, 1),
        };
        let outer = self.shape.len().saturating_sub(1);
        let mut place = vec![0u64; outer];
        loop {
            let along: u64 = place.iter().zip(self.strides).map(|(at, stride)| at * stride).sum();
            let row = &elements[self.offset + along as usize..];
            values.extend((0..columns).map(|column| value(row[column * step])));
            let Some(axis) = (0..outer).rev().find(|&axis| place[axis] + 1 < self.shape[axis]) else {
                return;
            };
            place[axis] += 1;
            place[axis + 1..].fill(0);
        }
    }
}

/// The tensors among the weights, and what else there is.
fn weights(index: &Pickle) -> Result<(BTreeMap<String, Tensor>, Vec<String>)> {
    let mut ignored = vec![];
    let mut found = None;
    for (key, value) in index.entries(index.root()).into_iter().flatten() {
        match index.entries(value) {
            Some(_) if key == WEIGHTS => found = Some(value),
            _ => ignored.push(shortened(key)),
        }
    }
    let Some(found) = found else {
        let what = match ignored.len() {
            0 => "it is not a dict".to_owned(),
            _ => format!("it has {}", listed(&ignored)),
        };
        return Err(missing(format!("there is no dict of weights under {WEIGHTS:?}; {what}")));
    };
    let mut tensors = BTreeMap::new();
    for (key, value) in index.entries(found).into_iter().flatten() {
        match index.value(value) {
            Value::Tensor(tensor) => {
                tensors.insert(key.to_owned(), (**tensor).clone());
            }
            _ => ignored.push(format!("{WEIGHTS}.{}", shortened(key))),
        }
    }
    ignored.extend(index.uncalled.iter().map(|name| format!("{name}()")));
    Ok((tensors, ignored))
}

#[cfg(test)]
mod tests {
    use super::zip::tests::archive;
    use super::*;
    use std::io::Cursor;

    /// A text as a pickle has it.
    fn text(text: &str) -> Vec<u8> {
        [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn sizes(sizes: &[i32]) -> Vec<u8> {
        let items: Vec<u8> =
            sizes.iter().flat_map(|size| [&b"J"[..], &size.to_le_bytes()].concat()).collect();
        [b"(", &items[..], b"t"].concat()
    }

    struct Example {
        class: &'static str,
        length: i32,
        offset: i32,
        shape: &'static [i32],
        strides: &'static [i32],
    }

    const EXAMPLE: Example =
        Example { class: "FloatStorage", length: 6, offset: 0, shape: &[2, 3], strides: &[3, 1] };

    /// `{weights: {"w": tensor}, "optimizer": {}}` with its storage.
    fn checkpoint(weights: &str, example: &Example, storage: &[u8]) -> Vec<u8> {
        let Example { class, length, offset, shape, strides } = example;
        let index = [
            &b"\x80\x02}("[..],
            &text(weights),
            b"}",
            &text("w"),
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            &text("storage"),
            format!("ctorch\n{class}\n").as_bytes(),
            &text("7"),
            &text("cpu"),
            b"J",
            &length.to_le_bytes(),
            b"tQJ",
            &offset.to_le_bytes(),
            &sizes(shape),
            &sizes(strides),
            b"\x89NtRs",
            &text("optimizer"),
            b"}u.",
        ]
        .concat();
        archive(&[("m/data.pkl", &index), ("m/byteorder", b"little"), ("m/data/7", storage)])
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    const SIX: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    fn read(bytes: &[u8]) -> Result<Vec<f32>> {
        let mut values = vec![9.0; 2];
        Checkpoint::open(Cursor::new(bytes))?.read("w", &mut values)?;
        Ok(values)
    }

    fn values(example: Example, storage: &[u8]) -> Result<Vec<f32>> {
        read(&checkpoint("model", &example, storage))
    }

    #[test]
    fn weights_are_found_and_the_rest_is_listed() {
        let bytes = checkpoint("model", &EXAMPLE, &floats(&SIX));
        let checkpoint = Checkpoint::open(Cursor::new(&bytes)).unwrap();
        assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["w"]);
        assert_eq!(checkpoint.shape("w"), Some(&[2, 3][..]));
        assert_eq!(checkpoint.shape("v"), None);
        assert_eq!(checkpoint.ignored(), ["optimizer"]);
    }

    #[test]
    fn tensors_are_read_in_their_own_order() {
        let read = |example: Example| values(example, &floats(&SIX)).unwrap();
        assert_eq!(read(EXAMPLE), SIX);
        let turned = Example { shape: &[3, 2], strides: &[1, 3], ..EXAMPLE };
        assert_eq!(read(turned), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let part = Example { offset: 1, shape: &[2, 1, 2], strides: &[3, 9, 1], ..EXAMPLE };
        assert_eq!(read(part), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(read(Example { offset: 5, shape: &[], strides: &[], ..EXAMPLE }), [5.0]);
        assert_eq!(read(Example { shape: &[0, 3], ..EXAMPLE }), [0.0; 0]);
    }

    #[test]
    fn every_kind_of_float_is_read() {
        let one = |class, storage: &[u8]| {
            values(Example { class, length: 1, shape: &[1], strides: &[1], ..EXAMPLE }, storage)
        };
        assert_eq!(one("DoubleStorage", &1.5f64.to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(one("HalfStorage", &f16::from_f32(1.5).to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(one("BFloat16Storage", &bf16::from_f32(1.5).to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(one("LongStorage", &[0; 8]).unwrap_err().code(), Code::WrongShape);
        assert_eq!(one("FloatStorage", &f32::NAN.to_le_bytes()).unwrap_err().code(), Code::CorruptCheckpoint);
    }

    #[test]
    fn tensors_that_reach_beyond_their_storage_are_refused() {
        for example in [
            Example { offset: 1, ..EXAMPLE },
            Example { strides: &[4, 1], ..EXAMPLE },
            Example { shape: &[i32::MAX, i32::MAX, i32::MAX], strides: &[0, 0, 0], ..EXAMPLE },
            Example { shape: &[100, 6], strides: &[0, 1], ..EXAMPLE },
            Example { strides: &[i32::MAX, i32::MAX], ..EXAMPLE },
            Example { length: 7, ..EXAMPLE },
            Example { length: 5, ..EXAMPLE },
        ] {
            assert_eq!(values(example, &floats(&SIX)).unwrap_err().code(), Code::CorruptCheckpoint);
        }
    }

    #[test]
    fn a_checkpoint_without_weights_says_what_it_has() {
        let error = read(&checkpoint("state_dict", &EXAMPLE, &floats(&SIX))).unwrap_err();
        assert_eq!(error.code(), Code::MissingWeights);
        assert!(error.message().contains("state_dict, optimizer"), "{error}");
        let error = read(&archive(&[("a/data.pkl", b"\x80\x02N.")])).unwrap_err();
        assert_eq!(error.code(), Code::MissingWeights);
        for files in [&[("a/b", &b""[..])][..], &[("a/data.pkl", b"\x80\x02N."), ("b/data.pkl", b"")]] {
            assert_eq!(read(&archive(files)).unwrap_err().code(), Code::UnsupportedCheckpoint);
        }
        let files = [("a/data.pkl", &b"\x80\x02N."[..]), ("a/byteorder", b"big")];
        assert_eq!(read(&archive(&files)).unwrap_err().code(), Code::UnsupportedCheckpoint);
    }

    /// A flipped bit anywhere is found, or does not matter.
    #[test]
    fn flipped_bits_never_change_the_weights() {
        let bytes = checkpoint("model", &EXAMPLE, &floats(&SIX));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(values) = read(&flipped) {
                    assert_eq!(values, SIX, "{at} {bit}");
                }
            }
        }
    }

    #[test]
    fn names_from_the_file_are_fit_to_be_shown() {
        assert_eq!(shortened("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(shortened(&"é".repeat(101)).chars().count(), 101);
        assert_eq!(listed(&["a"; 10]), "a, a, a, a, a, a, a, a and 2 more");
    }
}
