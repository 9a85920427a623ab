use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;

/// The threads, and the process that they are threads of.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Does work whose parallel parts run on threads of this crate, one per CPU.
///
/// The global pool is not used: it is the embedding program's, and a process that was forked from
/// one that had used it would wait for threads that it does not have.
pub fn in_parallel<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match pool() {
        Some(pool) => pool.install(work),
        // No threads are to be had.
        None => work(),
    }
}

fn pool() -> Option<Arc<ThreadPool>> {
    let process = std::process::id();
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, pool)) = pool.as_ref()
        && *owner == process
    {
        return Some(pool.clone());
    }
    let name = |i| format!("ymir-{i}");
    let new = Arc::new(rayon::ThreadPoolBuilder::new().thread_name(name).build().ok()?);
    // The threads of a pool from before the fork are not here to be ended.
    std::mem::forget(pool.replace((process, new.clone())));
    Some(new)
}
