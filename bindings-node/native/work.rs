//! Starting tasks.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{Error, InferRequest, MineRequest, TrainRequest};

use crate::call::{Cancel, promise};
use crate::error::{from_json, to_json};
use crate::task::Task;
use crate::workspace::Workspace;

#[napi]
impl Workspace {
    /// Starts a training.
    #[napi]
    pub fn start_train<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: TrainRequest = from_json("a training", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.start_train(&options).await?.untyped() })
        })
    }

    /// Starts a mining.
    #[napi]
    pub fn start_mine<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: MineRequest = from_json("a mining", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.start_mine(&options).await?.untyped() })
        })
    }

    /// Starts an inference.
    #[napi]
    pub fn start_infer<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Task>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: InferRequest = from_json("an inference", &request)?;
            let options = request.resolve(&workspace).await?;
            Ok(Task { inner: workspace.start_infer(&options).await?.untyped() })
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

    /// Waits until no task is unfinished, and returns the last status of each that was.
    #[napi]
    pub fn wait_all<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move { to_json(&workspace.wait_all().await?) })
    }

    /// Ends a task of which it cannot be found out whether its run has ended.
    #[napi]
    pub fn settle<'env>(&self, env: &'env Env, id: String) -> napi::Result<PromiseRaw<'env, ()>> {
        let workspace = self.get()?;
        promise(env, None, async move { workspace.settle(&id.parse()?).await })
    }

    /// Returns what runs left behind, and ends it if that is asked for.
    #[napi]
    pub fn leftovers<'env>(
        &self,
        env: &'env Env,
        end: bool,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let found = workspace.leftovers().await?;
            if end {
                workspace.end_leftovers(&found).await?;
            }
            to_json(&found)
        })
    }

    /// Returns the events of one task, or of all, that are kept.
    #[napi]
    pub fn past_events<'env>(
        &self,
        env: &'env Env,
        id: Option<String>,
        after: f64,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let id = id.map(|id| id.parse()).transpose()?;
            to_json(&workspace.past_events(id.as_ref(), after as u64).await?)
        })
    }

    /// Removes the directories of tasks that ended longer ago than these seconds.
    #[napi]
    pub fn clean_tasks<'env>(
        &self,
        env: &'env Env,
        seconds: Option<f64>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let age = seconds.map(Duration::try_from_secs_f64).transpose().map_err(|error| {
                let error = Error::invalid("a time must be 0 or more").caused_by(error);
                error.with("field", "olderThan")
            })?;
            to_json(&workspace.clean_tasks(age).await?)
        })
    }

    /// Returns what tasks of this user hold on this host.
    #[napi]
    pub fn host_leases<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.host_leases().await?) })
    }

    /// Gives back what a task holds whose process is gone.
    #[napi]
    pub fn release_leases<'env>(
        &self,
        env: &'env Env,
        task: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let workspace = self.get()?;
        promise(env, None, async move { workspace.release_leases(&task.parse()?).await })
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
