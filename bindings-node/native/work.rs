//! Starting tasks.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{InferRequest, MineRequest, TrainRequest};

use crate::call::{Cancel, promise};
use crate::error::{from_json, to_json};
use crate::task::Task;
use crate::workspace::Workspace;

#[napi]
impl Workspace {
    /// Starts a training.
    #[napi]
    pub fn train<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: TrainRequest = from_json("a training", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.train(&options).await? })
        })
    }

    /// Starts a mining.
    #[napi]
    pub fn mine<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: MineRequest = from_json("a mining", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.mine(&options).await? })
        })
    }

    /// Starts an inference.
    #[napi]
    pub fn infer<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: InferRequest = from_json("an inference", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.infer(&options).await? })
        })
    }

    /// Returns a task by its id.
    #[napi]
    pub fn task<'env>(&self, env: &'env Env, id: String) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, None, async move { Ok(Task { inner: workspace.task(&id.parse()?).await? }) })
    }

    /// Returns the status of every task that is known, newest first.
    #[napi]
    pub fn tasks<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.tasks().await?) })
    }

    /// Returns what an executor says about itself.
    #[napi]
    pub fn inspect<'env>(
        &self,
        env: &'env Env,
        executor: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.inspect(&executor.parse()?).await?) })
    }
}
