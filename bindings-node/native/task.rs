//! Tasks.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::call::{Cancel, promise};
use crate::error::to_json;
use crate::stream::Events;

/// A task that was started, or whose result was there already.
#[napi]
pub struct Task {
    pub(crate) inner: ymir::Task,
}

#[napi]
impl Task {
    /// Returns the id, or nothing if the result was there already.
    #[napi(getter)]
    pub fn id(&self) -> Option<String> {
        self.inner.id().map(ToString::to_string)
    }

    /// Returns the status, or `null` if the result was there already.
    #[napi]
    pub fn status<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let task = self.inner.clone();
        promise(env, None, async move { to_json(&task.status().await?) })
    }

    /// Returns the log so far.
    #[napi]
    pub fn log<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let task = self.inner.clone();
        promise(env, None, async move { to_json(&task.log().await?) })
    }

    /// Returns the events after a sequence number.
    #[napi]
    pub fn events(&self, after: f64) -> Events {
        napi::bindgen_prelude::within_runtime_if_available(|| {
            Events::new(self.inner.events(after as u64))
        })
    }

    /// Asks the task to stop.
    #[napi]
    pub fn cancel<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let task = self.inner.clone();
        promise(env, None, async move { task.cancel().await })
    }

    /// Waits for the end and returns the versions that the task made.
    #[napi]
    pub fn wait<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let task = self.inner.clone();
        promise(env, cancel, async move { to_json(&task.wait().await?) })
    }
}
