use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use ymir_core::{Progress, Result};

use crate::LoopEvent;

/// What an operation calls as it comes on.
pub(crate) type Listener<'a, E> = Arc<dyn Fn(E) + Send + Sync + 'a>;

type Start<'a, T, E> = Box<dyn FnOnce(Listener<'a, E>) -> BoxFuture<'a, Result<T>> + Send + 'a>;

/// An operation that can take long: it begins when it is awaited, reports progress to whoever asks
/// for it, and is cancelled by dropping the future.
///
/// ```no_run
/// # async fn example(pool: ymir::Dataset) -> ymir::Result<()> {
/// let query = "class:coin".parse()?;
/// let coins = pool.filter(&query, "coins").await?;
/// let seen = pool.filter(&query, "coins").on_progress(|at| eprintln!("{}", at.done)).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an operation begins when it is awaited"]
pub struct Operation<'a, T, E = Progress> {
    start: Start<'a, T, E>,
    listener: Listener<'a, E>,
}

impl<'a, T, E: 'a> Operation<'a, T, E> {
    /// Returns an operation that `start` begins, with what is called as it comes on.
    pub(crate) fn new<F>(start: impl FnOnce(Listener<'a, E>) -> F + Send + 'a) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'a,
    {
        let start = |listener| start(listener).boxed();
        Self { start: Box::new(start), listener: Arc::new(|_| ()) }
    }

    fn heard_by(self, listener: impl Fn(E) + Send + Sync + 'a) -> Self {
        Self { listener: Arc::new(listener), ..self }
    }
}

impl<'a, T> Operation<'a, T> {
    /// Calls a function at the start, at most ten times a second meanwhile, and at the end. It must
    /// return soon, as the operation waits for it.
    pub fn on_progress(self, listener: impl Fn(Progress) + Send + Sync + 'a) -> Self {
        self.heard_by(listener)
    }
}

impl<'a, T> Operation<'a, T, LoopEvent> {
    /// Calls a function with each event of the loop. It must return soon, as the loop waits for it.
    pub fn on_event(self, listener: impl Fn(LoopEvent) + Send + Sync + 'a) -> Self {
        self.heard_by(listener)
    }
}

impl<'a, T, E> IntoFuture for Operation<'a, T, E> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'a, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        (self.start)(self.listener)
    }
}

impl<T, E> fmt::Debug for Operation<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}
