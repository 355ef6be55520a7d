//! Pickled Python values, read as data: nothing is ever called.
//!
//! Read are the instructions of pickle protocol 2, which is what `torch.save`
//! writes (Python's `pickletools.py` describes them). Of the objects they build
//! only what leads to the weights is kept: texts, whole numbers, tuples, dicts and
//! tensors. Everything else becomes [`Value::Other`], and so does whatever a
//! function not known here would have returned.

use std::collections::{BTreeSet, HashMap};

use super::refusal::{corrupt, shortened, too_complex};
use super::tensor::{Element, Tensor};
use crate::error::Result;
use crate::limits::{MAX_PICKLE_VALUES, MAX_TENSOR_AXES};

/// A value; what it refers to is given by [`Id`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function: module and name.
    Global(&'a str, &'a str),
    /// Numbers that tensors are views of.
    Storage(Element, &'a str, u64),
    Tensor(Box<Tensor>),
    Other,
}

/// Index among the values of a pickle.
pub(super) type Id = usize;

/// The values of a pickle.
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// Classes and functions whose results were not needed, `module.name`.
    pub uncalled: BTreeSet<String>,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle.
    pub fn read(bytes: &'a [u8]) -> Result<Pickle<'a>> {
        let mut machine = Machine {
            rest: bytes,
            values: vec![],
            stack: vec![],
            marks: vec![],
            memo: HashMap::new(),
            uncalled: BTreeSet::new(),
        };
        let root = machine.run()?;
        Ok(Pickle { values: machine.values, root, uncalled: machine.uncalled })
    }

    /// The value that was pickled.
    pub fn root(&self) -> Id {
        self.root
    }

    pub fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    /// The entries of a dict whose keys are texts, in order.
    pub fn entries(&self, dict: Id) -> Option<impl Iterator<Item = (&'a str, Id)> + '_> {
        let Value::Dict(entries) = self.value(dict) else { return None };
        Some(entries.iter().filter_map(|&(key, value)| match self.value(key) {
            Value::Text(key) => Some((*key, value)),
            _ => None,
        }))
    }
}

/// The stack machine whose program a pickle is.
struct Machine<'a> {
    rest: &'a [u8],
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    uncalled: BTreeSet<String>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id> {
        loop {
            match self.bytes(1)?[0] {
                // PROTO
                0x80 => {
                    let version = self.bytes(1)?[0];
                    if version > 2 {
                        return Err(corrupt(format!("its index has pickle protocol {version}, not 2")));
                    }
                }
                b'.' => return self.pop(), // STOP
                b'(' => self.marks.push(self.stack.len()),
                b'0' => self.pop().map(drop)?,                  // POP
                b'1' => self.pop_to_mark().map(drop)?,          // POP_MARK
                b'N' | 0x88 | 0x89 => self.push(Value::Other)?, // NONE, NEWTRUE, NEWFALSE
                b'K' => {
                    let value = self.bytes(1)?[0];
                    self.push(Value::Int(value as i64))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(Value::Int(value as i64))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(value as i64))?;
                }
                // LONG1, LONG4
                0x8a => {
                    let length = self.bytes(1)?[0] as usize;
                    self.long(length)?;
                }
                0x8b => {
                    let length = u32::from_le_bytes(self.array()?) as usize;
                    self.long(length)?;
                }
                b'G' => {
                    self.bytes(8)?;
                    self.push(Value::Other)?;
                }
                // BINUNICODE, and what Python 2 wrote texts as: BINSTRING, SHORT_BINSTRING
                b'X' | b'T' => {
                    let length = u32::from_le_bytes(self.array()?) as usize;
                    self.text(length)?;
                }
                b'U' => {
                    let length = self.bytes(1)?[0] as usize;
                    self.text(length)?;
                }
                b')' => self.push(Value::Tuple(vec![]))?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Value::Tuple(items))?;
                }
                // TUPLE1, TUPLE2, TUPLE3
                count @ 0x85..=0x87 => {
                    let mut items = vec![];
                    for _ in 0x84..count {
                        items.push(self.pop()?);
                    }
                    items.reverse();
                    self.push(Value::Tuple(items))?;
                }
                b'}' => self.push(Value::Dict(vec![]))?,
                b']' => self.push(Value::Other)?, // EMPTY_LIST
                // APPEND
                b'a' => {
                    self.pop()?;
                    self.top()?;
                }
                // APPENDS
                b'e' => {
                    self.pop_to_mark()?;
                    self.top()?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set_items(&items)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    if !KNOWN.contains(&(module, name)) && Element::of_storage(module, name).is_none() {
                        self.uncalled.insert(format!("{}.{}", shortened(module), shortened(name)));
                    }
                    self.push(Value::Global(module, name))?;
                }
                // REDUCE, NEWOBJ
                opcode @ (b'R' | 0x81) => {
                    let (arguments, function) = (self.pop()?, self.pop()?);
                    let value = if opcode == b'R' { self.result(function, arguments) } else { Value::Other };
                    self.push(value)?;
                }
                // BUILD: attributes of the object below, such as the versions of a state dict
                b'b' => {
                    self.pop()?;
                    self.top()?;
                }
                // BINPERSID
                b'Q' => {
                    let id = self.pop()?;
                    let storage = self.storage(id);
                    self.push(storage)?;
                }
                b'q' => {
                    let key = self.bytes(1)?[0];
                    self.memorise(key as u32)?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.memorise(key)?;
                }
                b'h' => {
                    let key = self.bytes(1)?[0];
                    self.recall(key as u32)?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.recall(key)?;
                }
                other => {
                    return Err(corrupt(format!(
                        "its index has the pickle instruction {other:#04x}, which torch.save never writes"
                    )));
                }
            }
        }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| corrupt("its index ends within a value"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.bytes(N)?.try_into().expect("as many bytes as asked for"))
    }

    /// Text up to the end of the line.
    fn line(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let line = self.bytes(end.unwrap_or(self.rest.len()))?;
        self.bytes(1)?;
        std::str::from_utf8(line).map_err(|_| corrupt("its index names a class that is not text"))
    }

    fn text(&mut self, length: usize) -> Result<()> {
        let text = std::str::from_utf8(self.bytes(length)?);
        self.push(text.map_or(Value::Other, Value::Text))
    }

    /// A whole number of any length, the low byte first; kept if it fits.
    fn long(&mut self, length: usize) -> Result<()> {
        let bytes = self.bytes(length)?;
        let negative = bytes.last().is_some_and(|&high| high >= 0x80);
        let mut value = [if negative { 0xff } else { 0 }; 8];
        let fits = bytes.len() <= value.len();
        if fits {
            value[..bytes.len()].copy_from_slice(bytes);
        }
        self.push(if fits { Value::Int(i64::from_le_bytes(value)) } else { Value::Other })
    }

    fn push(&mut self, value: Value<'a>) -> Result<()> {
        if self.values.len() == MAX_PICKLE_VALUES {
            return Err(too_complex(format!("its index has more than {MAX_PICKLE_VALUES} values")));
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    /// The height of the stack below which nothing is taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err(corrupt("its index takes a value that is not there")),
        }
    }

    fn pop(&mut self) -> Result<Id> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| corrupt("its index takes values that are not there"))?;
        Ok(self.stack.split_off(mark))
    }

    fn memorise(&mut self, key: u32) -> Result<()> {
        let id = self.top()?;
        self.memo.insert(key, id);
        if self.memo.len() > MAX_PICKLE_VALUES {
            return Err(too_complex(format!("its index has more than {MAX_PICKLE_VALUES} values")));
        }
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<()> {
        let id = *self.memo.get(&key).ok_or_else(|| corrupt("its index refers to a value not yet there"))?;
        self.stack.push(id);
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let target = self.top()?;
        if !items.len().is_multiple_of(2) {
            return Err(corrupt("its index has a key without a value"));
        }
        if let Value::Dict(entries) = &mut self.values[target] {
            entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        Ok(())
    }

    /// What a function would return, if it is one of those that make weights.
    fn result(&self, function: Id, arguments: Id) -> Value<'a> {
        let Value::Tuple(arguments) = &self.values[arguments] else { return Value::Other };
        match self.values[function] {
            Value::Global("collections", "OrderedDict") if arguments.is_empty() => Value::Dict(vec![]),
            Value::Global("torch._utils", "_rebuild_tensor_v2") => {
                self.tensor(arguments).map_or(Value::Other, |tensor| Value::Tensor(Box::new(tensor)))
            }
            Value::Global("torch._utils", "_rebuild_parameter") => match arguments.first() {
                Some(&data) if matches!(self.values[data], Value::Tensor(_)) => self.values[data].clone(),
                _ => Value::Other,
            },
            _ => Value::Other,
        }
    }

    /// Arguments: storage, offset, shape, strides; the others are of no matter.
    fn tensor(&self, arguments: &[Id]) -> Option<Tensor> {
        let [storage, offset, shape, strides, ..] = arguments else { return None };
        let Value::Storage(element, key, length) = self.values[*storage] else { return None };
        let (shape, strides) = (self.sizes(*shape)?, self.sizes(*strides)?);
        let fits = shape.len() == strides.len() && shape.len() <= MAX_TENSOR_AXES;
        let offset = self.size(*offset)?;
        fits.then(|| Tensor { element, storage: key.to_owned(), length, offset, shape, strides })
    }

    fn size(&self, id: Id) -> Option<u64> {
        match self.values[id] {
            Value::Int(value) => u64::try_from(value).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        match &self.values[id] {
            Value::Tuple(items) => items.iter().map(|&item| self.size(item)).collect(),
            _ => None,
        }
    }

    /// Persistent ids are `("storage", class, key, device, number of elements)`.
    fn storage(&self, id: Id) -> Value<'a> {
        let Value::Tuple(parts) = &self.values[id] else { return Value::Other };
        let [kind, class, key, _, length] = parts[..] else { return Value::Other };
        let (Value::Text("storage"), &Value::Global(module, name), &Value::Text(key), Some(length)) =
            (&self.values[kind], &self.values[class], &self.values[key], self.size(length))
        else {
            return Value::Other;
        };
        match Element::of_storage(module, name) {
            Some(element) => Value::Storage(element, key, length),
            None => Value::Other,
        }
    }
}

/// The functions of [`Machine::result`].
const KNOWN: [(&str, &str); 3] = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn keys(pickle: &Pickle, dict: Id) -> Vec<String> {
        pickle.entries(dict).unwrap().map(|(key, _)| key.to_owned()).collect()
    }

    fn code(bytes: &[u8]) -> Code {
        Pickle::read(bytes).err().unwrap().code()
    }

    /// `{"model": OrderedDict({"w": tensor [2, 3]}), "step": 258}`, as torch.save writes it.
    const CHECKPOINT: &[u8] =
        b"\x80\x02}q\x00(X\x05\x00\x00\x00modelq\x01ccollections\nOrderedDict\nq\x02)Rq\x03\
        X\x01\x00\x00\x00wq\x04ctorch._utils\n_rebuild_tensor_v2\nq\x05((X\x07\x00\x00\x00storageq\x06\
        ctorch\nFloatStorage\nq\x07X\x01\x00\x00\x000q\x08X\x03\x00\x00\x00cpuq\x09K\x08tq\x0aQ\
        K\x02K\x02K\x03\x86q\x0bK\x03K\x01\x86q\x0c\x89h\x02)Rq\x0dtq\x0eRq\x0fs\
        X\x04\x00\x00\x00stepq\x10M\x02\x01u.";

    #[test]
    fn tensors_are_found() {
        let pickle = Pickle::read(CHECKPOINT).unwrap();
        assert_eq!(keys(&pickle, pickle.root()), ["model", "step"]);
        let entries: Vec<_> = pickle.entries(pickle.root()).unwrap().collect();
        assert_eq!(pickle.value(entries[1].1), &Value::Int(258));
        let (name, tensor) = pickle.entries(entries[0].1).unwrap().next().unwrap();
        let expected = Tensor {
            element: Element::F32,
            storage: "0".into(),
            length: 8,
            offset: 2,
            shape: vec![2, 3],
            strides: vec![3, 1],
        };
        assert_eq!((name, pickle.value(tensor)), ("w", &Value::Tensor(Box::new(expected))));
        assert!(pickle.uncalled.is_empty());
    }

    #[test]
    fn a_pickle_that_ends_early_is_damaged() {
        for length in 0..CHECKPOINT.len() {
            assert_eq!(code(&CHECKPOINT[..length]), Code::CorruptCheckpoint, "{length}");
        }
    }

    /// Whatever the bytes, the answer is a value or an error.
    #[test]
    fn flipped_bits_do_no_harm() {
        for at in 0..CHECKPOINT.len() {
            for bit in 0..8 {
                let mut flipped = CHECKPOINT.to_vec();
                flipped[at] ^= 1 << bit;
                let _ = Pickle::read(&flipped);
            }
        }
    }

    #[test]
    fn nothing_is_called() {
        // os.system("true"), an object with attributes, a set, a list and numpy's scalar.
        let pickle = Pickle::read(
            b"\x80\x02}(X\x01\x00\x00\x00acos\nsystem\nU\x04true\x85RX\x01\x00\x00\x00bcmine\nThing\n)\x81\
              }U\x01xK\x01sbX\x01\x00\x00\x00cc__builtin__\nset\n](K\x01K\x02e\x85RX\x01\x00\x00\x00dN\
              X\x01\x00\x00\x00eG?\xf0\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00f\x8a\x09\x01\x02\x03\x04\
              \x05\x06\x07\x08\x09u.",
        )
        .unwrap();
        assert_eq!(keys(&pickle, pickle.root()), ["a", "b", "c", "d", "e", "f"]);
        for (key, value) in pickle.entries(pickle.root()).unwrap() {
            assert_eq!(pickle.value(value), &Value::Other, "{key}");
        }
        let uncalled: Vec<_> = pickle.uncalled.iter().collect();
        assert_eq!(uncalled, ["__builtin__.set", "mine.Thing", "os.system"]);
    }

    #[test]
    fn whole_numbers_of_any_length_are_read() {
        let read = |bytes: &'static [u8]| {
            let pickle = Pickle::read(bytes).unwrap();
            pickle.value(pickle.root()).clone()
        };
        assert_eq!(read(b"\x8a\x05\xcb\x04\xfb\x71\x1f."), Value::Int(135_056_262_347));
        assert_eq!(read(b"\x8a\x01\xff."), Value::Int(-1));
        assert_eq!(read(b"\x8a\x00."), Value::Int(0));
        assert_eq!(read(b"J\xff\xff\xff\xff."), Value::Int(-1));
        assert_eq!(read(b"\x8b\x02\x00\x00\x00\x00\x01."), Value::Int(256));
    }

    #[test]
    fn bombs_are_refused() {
        let lists = [&b"\x80\x02"[..], &vec![b']'; MAX_PICKLE_VALUES + 1], b"."].concat();
        assert_eq!(code(&lists), Code::CheckpointTooComplex);
        let mut memo = b"\x80\x02N".to_vec();
        for key in 0..=MAX_PICKLE_VALUES as u32 {
            memo.push(b'r');
            memo.extend(key.to_le_bytes());
        }
        assert_eq!(code(&memo), Code::CheckpointTooComplex);
        // A text and a number of 4 GiB that are not there.
        assert_eq!(code(b"\x80\x02X\xff\xff\xff\xff."), Code::CorruptCheckpoint);
        assert_eq!(code(b"\x80\x02\x8b\xff\xff\xff\xff."), Code::CorruptCheckpoint);
        // A list a million deep is no deeper for a reader that keeps none.
        let deep = [&b"\x80\x02"[..], &vec![b']'; 1 << 19], &vec![b'a'; (1 << 19) - 1], b"."].concat();
        Pickle::read(&deep).unwrap();
    }

    #[test]
    fn taking_what_is_not_there_is_an_error() {
        for bytes in
            [&b"0."[..], b".", b"t.", b"(R.", b"h\x00.", b"q\x00.", b"(0.", b"}(Nu.", b"Nu.", b"\x85."]
        {
            assert_eq!(code(bytes), Code::CorruptCheckpoint, "{bytes:?}");
        }
    }

    #[test]
    fn other_protocols_are_named() {
        let error = Pickle::read(b"\x80\x04.").err().unwrap();
        assert!(error.message().contains("protocol 4"), "{error}");
        let error = Pickle::read(b"i").err().unwrap();
        assert!(error.message().contains("0x69"), "{error}");
    }

    #[test]
    fn odd_tensors_are_no_tensors() {
        let with = |from: &[u8], to: &[u8]| {
            let at = CHECKPOINT.windows(from.len()).position(|window| window == from).unwrap();
            let bytes = [&CHECKPOINT[..at], to, &CHECKPOINT[at + from.len()..]].concat();
            let pickle = Pickle::read(&bytes).unwrap();
            let model = pickle.entries(pickle.root()).unwrap().next().unwrap().1;
            let tensor = pickle.entries(model).unwrap().next().unwrap().1;
            matches!(pickle.value(tensor), Value::Tensor(_))
        };
        assert!(with(b"FloatStorage", b"HalfStorage"));
        assert!(!with(b"FloatStorage", b"QuantStorage"));
        assert!(!with(b"K\x03K\x01\x86q\x0c", b"K\x03\x85q\x0c"));
        assert!(!with(b"K\x03K\x01\x86", b"J\xff\xff\xff\xffK\x01\x86"));
    }
}
