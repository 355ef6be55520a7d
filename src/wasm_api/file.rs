//! Files that JavaScript reads and writes.
//!
//! The page hands over one function for each, whatever is behind it: blobs of a store, a file of the reader, an access
//! handle. So no types of `web-sys` are needed here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

/// A file that JavaScript reads.
pub(super) struct JsFile {
    size: u64,
    at: u64,
    read_at: Held,
}

impl JsFile {
    /// A file of `size` bytes, of which `read_at(offset, length)` gives a part as an `Uint8Array`.
    pub fn new(size: u64, read_at: Function) -> JsFile {
        JsFile { size, at: 0, read_at: Held::new(read_at) }
    }
}

/// A function of JavaScript that stays on its thread, whereas its number may go anywhere.
struct Held(u32);

thread_local! {
    static FUNCTIONS: RefCell<BTreeMap<u32, Function>> = const { RefCell::new(BTreeMap::new()) };
}

impl Held {
    fn new(function: Function) -> Held {
        FUNCTIONS.with_borrow_mut(|functions| {
            let number = functions.last_key_value().map_or(0, |(last, _)| last + 1);
            functions.insert(number, function);
            Held(number)
        })
    }

    fn get(&self) -> io::Result<Function> {
        FUNCTIONS
            .with_borrow(|functions| functions.get(&self.0).cloned())
            .ok_or_else(|| io::Error::other("a file can be read on the thread only that opened it"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        FUNCTIONS.with_borrow_mut(|functions| functions.remove(&self.0));
    }
}

impl Read for JsFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.size.saturating_sub(self.at).min(bytes.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        let (offset, length) = ((self.at as f64).into(), (length as f64).into());
        let part = self.read_at.get()?.call2(&JsValue::NULL, &offset, &length).map_err(failed)?;
        let part = part.dyn_into::<Uint8Array>().map_err(|_| io::Error::other("readAt returned no bytes"))?;
        let read = (part.length() as usize).min(bytes.len());
        part.subarray(0, read as u32).copy_to(&mut bytes[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for JsFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("a place before the file"))?;
        Ok(self.at)
    }
}

/// A file that JavaScript writes.
pub(super) struct JsSink(pub Function);

impl Write for JsSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.call1(&JsValue::NULL, &Uint8Array::from(bytes)).map_err(failed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(thrown: JsValue) -> io::Error {
    let message = Reflect::get(&thrown, &"message".into()).ok().and_then(|message| message.as_string());
    io::Error::other(message.unwrap_or_else(|| "the page could not read or write a file".into()))
}
