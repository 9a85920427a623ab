//! What a `fork` leaves behind.
//!
//! A child process has the memory of its parent and none of its threads: a handle of the parent
//! would wait for threads that are not there. Each handle knows the process generation that it was
//! made in; in a later one it is never used and never dropped.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::runtime::runtime;

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Returns how many forks lie between this process and the one that loaded the module.
pub(crate) fn current() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

#[pyfunction]
fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    crate::attach::forked();
}

/// Asks the interpreter to tell of forks.
pub(crate) fn watch_forks(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let os = py.import("os")?;
    // Where there is no fork there is no such function.
    if let Ok(register) = os.getattr("register_at_fork") {
        let options = PyDict::new(py);
        options.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
        register.call((), Some(&options))?;
    }
    Ok(())
}

/// A value of one process generation. It is dropped on a thread that may block, and never in a
/// child of the process that made it.
#[derive(Debug)]
pub(crate) struct Kept<T: Send + 'static> {
    generation: u64,
    value: ManuallyDrop<T>,
}

impl<T: Send + 'static> Kept<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { generation: current(), value: ManuallyDrop::new(value) }
    }

    /// Returns the value, unless the process was forked since it was made.
    pub(crate) fn get(&self) -> Option<&T> {
        (self.generation == current()).then_some(&*self.value)
    }

    /// Returns the value, which the caller knows to be of this process.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Drops the value on this thread, which may block and does not hold the interpreter.
    pub(crate) fn end(self) {
        let _context = runtime().enter();
        let mut this = ManuallyDrop::new(self);
        drop(this.take());
    }

    /// Takes the value out, unless the process was forked since it was made.
    #[expect(unsafe_code, reason = "what a fork left behind is not to be dropped")]
    fn take(&mut self) -> Option<T> {
        // SAFETY: both callers end the life of the holder, so that the value is taken once.
        (self.generation == current()).then(|| unsafe { ManuallyDrop::take(&mut self.value) })
    }
}

impl<T: Send + 'static> Drop for Kept<T> {
    fn drop(&mut self) {
        if let Some(value) = self.take() {
            // The end of a workspace waits for its tasks, which may wait for the interpreter.
            runtime().spawn_blocking(move || drop(value));
        }
    }
}
