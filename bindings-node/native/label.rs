//! Labeling jobs.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{LabelJob, LabelOptions, LabelRequest, Result};

use crate::call::{Cancel, promise};
use crate::error::{from_json, to_json};
use crate::workspace::Workspace;

async fn options(workspace: &ymir::Workspace, request: &str) -> Result<LabelOptions> {
    from_json::<LabelRequest>("a labeling job", request)?.resolve(workspace).await
}

#[napi]
impl Workspace {
    /// Has a dataset version labeled and returns the version that came back.
    #[napi]
    pub fn label<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            to_json(&workspace.label(&options(&workspace, &request).await?).await?)
        })
    }

    /// Starts a labeling job and returns what is known of it.
    #[napi]
    pub fn start_label<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            to_json(&workspace.start_label(&options(&workspace, &request).await?).await?.info())
        })
    }

    /// Returns what is known of the labeling jobs.
    #[napi]
    pub fn label_jobs<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let jobs = workspace.label_jobs().await?;
            to_json(&jobs.iter().map(LabelJob::info).collect::<Vec<_>>())
        })
    }

    /// Returns what is known of a labeling job.
    #[napi]
    pub fn label_job<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.label_job(&id).await?.info()) })
    }

    /// Returns how far a labeling job is.
    #[napi]
    pub fn label_job_status<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.label_job(&id).await?.status().await?) })
    }

    /// Commits what has been labeled so far and returns the version.
    #[napi]
    pub fn label_job_collect<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(
            env,
            cancel,
            async move { to_json(&workspace.label_job(&id).await?.collect().await?) },
        )
    }

    /// Waits until a labeling job is done, and commits the labels.
    #[napi]
    pub fn label_job_wait<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move { to_json(&workspace.label_job(&id).await?.wait().await?) })
    }

    /// Cancels a labeling job.
    #[napi]
    pub fn label_job_cancel<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let workspace = self.get()?;
        promise(env, None, async move { workspace.label_job(&id).await?.cancel().await })
    }
}
