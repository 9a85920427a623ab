//! Operations on their way: one future, waited for or awaited.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use ymir::{Error, ErrorKind, Result};

use crate::attach::{attach, call, hold_if_ending};
use crate::convert::Value;
use crate::error::raise;
use crate::generation::Kept;
use crate::runtime::runtime;

/// How long a waiting call goes without a look at the signals.
const TICK: Duration = Duration::from_millis(50);

/// Sends what happens during an operation to whoever waits for it.
pub(crate) type Events = UnboundedSender<Value>;

struct Job {
    work: Pin<Box<dyn Future<Output = Result<Value>> + Send>>,
    events: UnboundedReceiver<Value>,
}

enum Turn {
    Event(Value),
    Done(Result<Value>),
    Tick,
}

impl Job {
    /// Comes on until something happened, or it is time for a look at the signals.
    async fn turn(&mut self) -> Turn {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => Turn::Event(event),
            result = &mut self.work => Turn::Done(result),
            () = tokio::time::sleep(TICK) => Turn::Tick,
        }
    }

    /// Waits for the end.
    fn wait(&mut self, py: Python<'_>, on_event: Option<&Bound<'_, PyAny>>) -> PyResult<Value> {
        loop {
            match py.detach(|| runtime().block_on(self.turn())) {
                Turn::Done(result) => {
                    while let Ok(event) = self.events.try_recv() {
                        tell(py, on_event, event)?;
                    }
                    return result.map_err(|e| {
                        hold_if_ending(py);
                        raise(py, &e)
                    });
                }
                Turn::Event(event) => tell(py, on_event, event)?,
                Turn::Tick => {}
            }
            py.check_signals()?;
        }
    }

    /// Comes on until something happened.
    async fn next(&mut self) -> Turn {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => Turn::Event(event),
            result = &mut self.work => Turn::Done(result),
        }
    }
}

/// An operation that has not begun. It is waited for or started, once.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Pending {
    job: Mutex<Option<Kept<Job>>>,
}

impl Pending {
    pub(crate) fn new(work: impl Future<Output = Result<Value>> + Send + 'static) -> Self {
        Self::with_events(|_| work)
    }

    /// Returns an operation that tells what happens during it.
    pub(crate) fn with_events<F>(work: impl FnOnce(Events) -> F) -> Self
    where
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        let (sender, events) = unbounded_channel();
        let job = Job { work: Box::pin(work(sender)), events };
        Self { job: Mutex::new(Some(Kept::new(job))) }
    }

    fn take(&self) -> PyResult<Kept<Job>> {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        job.filter(|job| job.get().is_some())
            .ok_or_else(|| PyRuntimeError::new_err("this operation was waited for already"))
    }
}

#[pymethods]
impl Pending {
    /// Waits for the result with the interpreter released; what happens meanwhile goes to the
    /// callback, on this thread. Signals are looked at every 50 ms; the exception of a handler
    /// (KeyboardInterrupt) drops the operation, as does one of the callback.
    #[pyo3(signature = (on_event=None))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        on_event: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut job = self.take()?;
        let result = job.get_mut().wait(py, on_event.as_ref());
        py.detach(|| job.end());
        result?(py)
    }

    /// Starts the operation. `done(value, error)` is called on a thread of the runtime when it has
    /// ended or was dropped, `on_event(event)` when something happens before that.
    #[pyo3(signature = (done, on_event=None))]
    fn start(&self, done: Py<PyAny>, on_event: Option<Py<PyAny>>) -> PyResult<Started> {
        let following = Following { job: Some(self.take()?), done: Some(done) };
        let task = runtime().spawn(following.follow(on_event));
        Ok(Started { abort: task.abort_handle() })
    }
}

fn tell(py: Python<'_>, on_event: Option<&Bound<'_, PyAny>>, event: Value) -> PyResult<()> {
    on_event.map_or(Ok(()), |on_event| call(on_event, (event(py)?,)).map(drop))
}

/// An operation that was started, and what is called when it ends.
struct Following {
    job: Option<Kept<Job>>,
    done: Option<Py<PyAny>>,
}

impl Following {
    /// Follows the operation to its end.
    async fn follow(mut self, on_event: Option<Py<PyAny>>) {
        let on_event = on_event.map(Arc::new);
        while let Some(job) = &mut self.job {
            let turn = AssertUnwindSafe(job.get_mut().next()).catch_unwind().await;
            match turn.unwrap_or_else(|_| Turn::Done(Err(panicked()))) {
                Turn::Event(event) => {
                    let Some(on_event) = on_event.clone() else { continue };
                    told(move |py| call(on_event.bind(py), (event(py)?,)).map(drop)).await;
                }
                Turn::Done(result) => return self.finish(Some(result)),
                Turn::Tick => {}
            }
        }
    }

    /// Drops the operation, then tells of its end; without a result, that it was dropped.
    fn finish(&mut self, result: Option<Result<Value>>) {
        let (Some(job), Some(done)) = (self.job.take(), self.done.take()) else { return };
        let finish = move || {
            job.end();
            report(|py| {
                let value = match result {
                    Some(result) => result.map_err(|e| raise(py, &e)).and_then(|value| value(py)),
                    None => Ok(py.None().into_bound(py)),
                };
                match value {
                    Ok(value) => call(done.bind(py), (value, py.None())),
                    Err(error) => call(done.bind(py), (py.None(), error)),
                }
                .map(drop)
            });
        };
        runtime().spawn_blocking(finish);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.finish(None);
    }
}

/// Calls Python on a thread that may wait for the interpreter.
async fn told(call: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static) {
    // It fails only as the runtime ends.
    let _ = tokio::task::spawn_blocking(move || report(call)).await;
}

/// Calls Python; nothing happens once the interpreter has ended, since then nobody waits.
fn report(call: impl FnOnce(Python<'_>) -> PyResult<()>) {
    attach(|py| {
        if let Err(error) = call(py) {
            error.write_unraisable(py, None);
        }
    });
}

fn panicked() -> Error {
    Error::new(ErrorKind::Unexpected, "YMIR met a bug: the operation panicked; please report it")
}

/// An operation that was started.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Started {
    abort: AbortHandle,
}

#[pymethods]
impl Started {
    /// Drops the operation, unless it has ended.
    fn abort(&self) {
        self.abort.abort();
    }
}

/// Returns the result of a future that is mostly ready at once; only if it is not, the interpreter
/// is released and the future waited for.
pub(crate) fn direct<T: Send>(
    py: Python<'_>,
    future: impl Future<Output = Result<T>> + Send,
) -> PyResult<T> {
    let runtime = runtime();
    let mut future = std::pin::pin!(future);
    let first = {
        let _context = runtime.enter();
        future.as_mut().now_or_never()
    };
    let mut result = first;
    while result.is_none() {
        let wait = async { tokio::time::timeout(TICK, future.as_mut()).await.ok() };
        result = py.detach(|| runtime.block_on(wait));
        py.check_signals()?;
    }
    result.expect("the loop ends with a result").map_err(|e| raise(py, &e))
}
