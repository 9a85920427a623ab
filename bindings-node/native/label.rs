//! Labeling jobs.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{LabelOptions, LabelRequest, Result};

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

    /// Makes a labeling job and returns its id.
    #[napi]
    pub fn create_label_job<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let job = workspace.create_label_job(&options(&workspace, &request).await?).await?;
            Ok(job.to_string())
        })
    }

    /// Returns how far a labeling job is.
    #[napi]
    pub fn label_status<'env>(
        &self,
        env: &'env Env,
        request: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            to_json(&workspace.label_status(&options(&workspace, &request).await?).await?)
        })
    }

    /// Commits what has been labeled so far and returns the version.
    #[napi]
    pub fn collect_labels<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            to_json(&workspace.collect_labels(&options(&workspace, &request).await?).await?)
        })
    }

    /// Cancels a labeling job.
    #[napi]
    pub fn cancel_label_job<'env>(
        &self,
        env: &'env Env,
        request: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            workspace.cancel_label_job(&options(&workspace, &request).await?).await
        })
    }
}
