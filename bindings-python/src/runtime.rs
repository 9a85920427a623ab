use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use tokio::runtime::{Builder, Runtime};

use crate::generation;

struct Live {
    generation: u64,
    runtime: Runtime,
}

static LIVE: AtomicPtr<Live> = AtomicPtr::new(ptr::null_mut());

/// Returns the runtime of this process; a forked child gets one of its own.
///
/// It is made at its first use, so that the import of the package starts no thread.
#[expect(unsafe_code, reason = "a lock could be held by a thread that a fork left behind")]
pub(crate) fn runtime() -> &'static Runtime {
    let live = LIVE.load(Ordering::Acquire);
    // SAFETY: what `LIVE` points to was leaked, so that it lives as long as the process.
    if let Some(found) = unsafe { live.as_ref() }
        && found.generation == generation::current()
    {
        return &found.runtime;
    }
    let made = Box::into_raw(Box::new(Live { generation: generation::current(), runtime: make() }));
    let result = LIVE.compare_exchange(live, made, Ordering::AcqRel, Ordering::Acquire);
    if result.is_err() {
        // SAFETY: nobody else has seen it.
        let spare = unsafe { Box::from_raw(made) };
        spare.runtime.shutdown_background();
        return runtime();
    }
    // SAFETY: it was leaked just now.
    unsafe { &(*made).runtime }
}

fn make() -> Runtime {
    let runtime = Builder::new_multi_thread().thread_name("ymir").enable_all().build();
    runtime.expect("the operating system gives no threads for YMIR's runtime")
}
