//! Stopping work that is no longer wanted.

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::{Code, Error, Result};

/// Tells work to stop. A clone is the same signal.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<Asked>>);

type Asked = dyn Fn() -> bool + Send + Sync;

thread_local! {
    static CURRENT: RefCell<Stop> = RefCell::default();
}

impl Stop {
    /// A signal that never comes, as the default one.
    pub fn never() -> Stop {
        Stop::default()
    }

    /// A signal that has come once `asked` returns true.
    ///
    /// The threads that work call it every few milliseconds. When it has returned true it has to go on doing so
    /// until the call in question has failed with [`Code::Stopped`].
    pub fn when(asked: impl Fn() -> bool + Send + Sync + 'static) -> Stop {
        Stop(Some(Arc::new(asked)))
    }

    /// Whether results are no longer wanted: then whatever computes them may leave them unfinished.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked())
    }

    /// Lets this signal be the [`current`] one of this thread while `work` runs. Fails if it came, whatever came out.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        /// Puts the signal before back, also when the work panics.
        struct Before(Stop);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(std::mem::take(&mut self.0));
            }
        }
        let _before = Before(CURRENT.replace(self.clone()));
        let result = work();
        check()?;
        result
    }
}

/// The signal for the work of this thread. Work that is divided among threads takes it before, for all of them.
pub(crate) fn current() -> Stop {
    CURRENT.with_borrow(Stop::clone)
}

/// Fails if the results of this thread are no longer wanted, and so may be unfinished.
pub(crate) fn check() -> Result<()> {
    if current().is_asked() { Err(Error::new(Code::Stopped, "the work was stopped")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    #[test]
    fn a_signal_counts_for_the_work_that_it_was_given_to() {
        let asked = Arc::new(AtomicBool::new(false));
        let (outer, inner) = (Stop::when(|| false), {
            let asked = asked.clone();
            Stop::when(move || asked.load(Relaxed))
        });
        let failed = outer.during(|| {
            let failed = inner.during(|| {
                check().unwrap();
                asked.store(true, Relaxed);
                Ok(())
            });
            assert_eq!(failed.unwrap_err().code(), Code::Stopped);
            check()
        });
        failed.unwrap();
        assert!(!current().is_asked());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            inner.during(|| -> Result<()> { panic!("on purpose") })
        }));
        assert!(panicked.is_err() && !current().is_asked());
    }
}
