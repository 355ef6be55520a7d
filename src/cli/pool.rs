//! The processors, shared among jobs that run at a time.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool of threads for each of several jobs; a single job has the threads of all.
pub struct Pools(Mutex<Vec<ThreadPool>>);

impl Pools {
    pub fn new(jobs: usize) -> Pools {
        let threads = (rayon::current_num_threads() / jobs).max(1);
        let pool = || ThreadPoolBuilder::new().num_threads(threads).build().ok();
        Pools(Mutex::new(if jobs > 1 { (0..jobs).filter_map(|_| pool()).collect() } else { vec![] }))
    }

    /// Runs something on a pool that no other has.
    pub fn run<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        let pools = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = pools().pop();
        let Some(pool) = taken else { return job() };
        let result = pool.install(job);
        pools().push(pool);
        result
    }
}
