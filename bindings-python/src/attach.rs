//! The way of the native threads into the interpreter. It is shut before the interpreter ends: a
//! thread that is inside while that happens would take the process down.
//!
//! Each call into Python from a thread that Python did not start goes through [`attach`], each call
//! of code of the user through [`call`].

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::generation;

/// How many threads are inside, or about to enter.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Whether nobody is let in any more.
static SHUT: AtomicBool = AtomicBool::new(false);
/// The thread that the interpreter ends on, once it does.
static ENDING: OnceLock<ThreadId> = OnceLock::new();

/// Calls Python on this thread; None once the interpreter is about to end.
pub(crate) fn attach<T>(call: impl for<'py> FnOnce(Python<'py>) -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Python::try_attach(call)
}

struct Inside {
    generation: u64,
}

impl Inside {
    fn enter() -> Option<Self> {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        // It is dropped, and no longer counted, if the way is shut.
        let inside = Self { generation: generation::current() };
        (!SHUT.load(Ordering::SeqCst)).then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // The thread that a process was forked by is not counted in the child.
        if self.generation == generation::current() {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Shuts the way and waits for those who are inside, but not longer than these seconds. Who stays nevertheless is
/// held in [`call`] when he comes back.
#[pyfunction]
pub(crate) fn shut(py: Python<'_>, seconds: f64) {
    SHUT.store(true, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs_f64(seconds);
    py.detach(|| {
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Says that the interpreter ends, on this thread.
#[pyfunction]
pub(crate) fn ending() {
    let _ = ENDING.set(thread::current().id());
}

/// Holds this thread for good if the interpreter ends on another one: an operation that fails for
/// that is no failure, and a daemon thread would print it on the way out.
pub(crate) fn hold_if_ending(py: Python<'_>) {
    if ENDING.get().is_some_and(|thread| *thread != thread::current().id()) {
        py.detach(|| drop(Hold));
    }
}

/// Forgets the threads that a fork left behind.
pub(crate) fn forked() {
    INSIDE.store(0, Ordering::SeqCst);
}

/// Holds its thread for good when it is dropped.
struct Hold;

impl Drop for Hold {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

/// Calls code of the user. Before Python 3.14 an interpreter that has ended makes the threads that
/// still run in it exit, which unwinds their frames; those of Rust do not bear it, so that such a
/// thread stays here until the process is gone.
#[expect(unsafe_code, reason = "PyO3 declares the calls of the C API as ones that do not unwind")]
pub(crate) fn call<'py, A>(callable: &Bound<'py, PyAny>, args: A) -> PyResult<Bound<'py, PyAny>>
where
    A: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    PyErr: From<A::Error>,
{
    unsafe extern "C-unwind" {
        fn PyObject_CallObject(callable: *mut PyObject, args: *mut PyObject) -> *mut PyObject;
    }
    let args = args.into_pyobject(callable.py())?;
    let hold = Hold;
    // SAFETY: both are live objects, the second is a tuple, and the interpreter is held.
    let result = unsafe { PyObject_CallObject(callable.as_ptr(), args.as_ptr()) };
    std::mem::forget(hold);
    // SAFETY: it is a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(callable.py(), result) }
}
