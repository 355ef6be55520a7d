//! Stopping work that is no longer wanted.

use std::sync::OnceLock;

use crate::error::{Code, Error, Result};

static ASKED: OnceLock<fn() -> bool> = OnceLock::new();

/// Sets what tells, once and for all models of this program, that the work under way shall stop.
///
/// `asked` is called by the threads that work, every few milliseconds; when it has returned true it has to
/// go on doing so until the call in question has failed with [`Code::Stopped`]. Nothing can be asked
/// where this was never called.
pub fn stop_when(asked: fn() -> bool) {
    let _ = ASKED.set(asked);
}

/// Whether results are no longer wanted: then what computes them may leave them unfinished.
pub(crate) fn stopping() -> bool {
    ASKED.get().is_some_and(|asked| asked())
}

/// Fails if results are no longer wanted, and so may be unfinished.
pub(crate) fn check() -> Result<()> {
    if stopping() { Err(Error::new(Code::Stopped, "the work was stopped")) } else { Ok(()) }
}

/// A result that is finished. One that was stopped says nothing of it, or fails for another reason.
pub(crate) fn finished<T>(result: Result<T>) -> Result<T> {
    check()?;
    result
}
