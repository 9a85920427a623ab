//! Calls that JavaScript awaits, can end early, and hears from while they run.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use napi::bindgen_prelude::{Function, PromiseRaw, ToNapiValue, within_runtime_if_available};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use ymir::{Error, ErrorKind, Result};

use crate::error::{to_js, to_json};

/// Ends calls that it was given to: the native side of an `AbortSignal`.
#[napi]
#[derive(Default)]
pub struct Cancel {
    token: CancellationToken,
}

#[napi]
impl Cancel {
    /// Returns one that ends nothing yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls.
    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

/// Returns a promise of what a future yields. If it is ended early, the future is dropped, which
/// ends what the facade was doing.
pub(crate) fn promise<'env, T>(
    env: &'env Env,
    cancel: Option<&Cancel>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let Some(token) = cancel.map(|cancel| cancel.token.clone()) else {
        return env.spawn_future(async { work.await.map_err(to_js) });
    };
    env.spawn_future(async move {
        match token.run_until_cancelled(work).await {
            Some(result) => result.map_err(to_js),
            None => Err(to_js(Error::new(ErrorKind::Cancelled, "the call was aborted"))),
        }
    })
}

/// Returns a promise of what a future yields, kept at once if it need not wait for anything: a
/// lookup in a warm cache is not worth two switches of threads.
pub(crate) fn quick_promise<'env, T>(
    env: &'env Env,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let mut work = Box::pin(work);
    match poll_once(work.as_mut()) {
        Poll::Ready(result) => PromiseRaw::resolve(env, result.map_err(to_js)?),
        Poll::Pending => promise(env, None, work),
    }
}

/// Runs a future to its end on the calling thread; one that need not wait, at once.
pub(crate) fn now<T>(work: impl Future<Output = Result<T>>) -> napi::Result<T> {
    let mut work = pin!(work);
    let result = match poll_once(work.as_mut()) {
        Poll::Ready(result) => result,
        Poll::Pending => napi::bindgen_prelude::block_on(work),
    };
    result.map_err(to_js)
}

/// Polls a future that nobody wakes: it is polled again by who goes on with it.
fn poll_once<F: Future>(work: Pin<&mut F>) -> Poll<F::Output> {
    within_runtime_if_available(|| work.poll(&mut Context::from_waker(Waker::noop())))
}

/// The JavaScript function that is told what happens during a call, as JSON text.
type Listener = ThreadsafeFunction<String, (), String, Status, false, true>;

/// Tells a JavaScript function what happens during a call, if there is one.
#[derive(Clone)]
pub(crate) struct Sink(Option<Arc<Listener>>);

impl Sink {
    /// Returns the sink of a function; it does not keep the process alive.
    pub(crate) fn new(function: Option<Function<'_, String, ()>>) -> napi::Result<Self> {
        let build = |function: Function<'_, String, ()>| {
            function.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()
        };
        Ok(Self(function.map(build).transpose()?.map(Arc::new)))
    }

    /// Tells of something.
    pub(crate) fn tell(&self, what: &impl Serialize) {
        if let (Some(listener), Ok(text)) = (&self.0, to_json(what)) {
            listener.call(text, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Waits until everything so far was heard, so that nothing is heard after the call's end.
    pub(crate) async fn flush(&self) {
        if let Some(listener) = &self.0 {
            // It fails only where nobody is left to hear anything.
            let _ = listener.call_async(String::new()).await;
        }
    }
}
