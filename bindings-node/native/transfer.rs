//! Bringing images in and out.

use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw, Uint8Array};
use napi_derive::napi;
use ymir::{ExportRequest, ImportRequest, MirOptions};

use crate::call::{Cancel, Sink, promise};
use crate::dataset::Dataset;
use crate::error::{from_json, to_json};
use crate::workspace::Workspace;

#[napi]
impl Workspace {
    /// Imports a folder and returns the report.
    #[napi]
    pub fn import_dataset<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (workspace, sink) = (self.get()?, Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let request: ImportRequest = from_json("an import", &request)?;
            let options = request.options();
            let ImportRequest { source, format, dataset, .. } = request;
            let tell = |progress| sink.tell(&progress);
            let report = workspace
                .import_dataset(source, format, &dataset, &options)
                .on_progress(tell)
                .await?;
            sink.flush().await;
            to_json(&report)
        })
    }

    /// Imports a repository of the original and returns the report.
    #[napi]
    pub fn import_mir<'env>(
        &self,
        env: &'env Env,
        repository: String,
        options: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (workspace, sink) = (self.get()?, Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let options: MirOptions = from_json("an import", &options)?;
            let tell = |progress| sink.tell(&progress);
            let report = workspace.import_mir(repository, &options).on_progress(tell).await?;
            sink.flush().await;
            to_json(&report)
        })
    }

    /// Returns the bytes of an image.
    #[napi]
    pub fn image<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Uint8Array>> {
        let workspace = self.get()?;
        promise(env, cancel, async move { Ok(workspace.image(&id.parse()?).await?.into()) })
    }

    /// Returns the path of an image's file.
    #[napi]
    pub fn image_path<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            Ok(workspace.image_path(&id.parse()?).await?.display().to_string())
        })
    }
}

#[napi]
impl Dataset {
    /// Exports the version as a folder and returns the report.
    #[napi]
    pub fn export<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let request: ExportRequest = from_json("an export", &request)?;
            let options = request.options();
            let tell = |progress| sink.tell(&progress);
            let report = dataset
                .export(request.destination, request.format, &options)
                .on_progress(tell)
                .await?;
            sink.flush().await;
            to_json(&report)
        })
    }

    /// Returns the bytes of an image of the workspace that the version is in.
    #[napi]
    pub fn image<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Uint8Array>> {
        let workspace = self.inner.workspace().clone();
        promise(env, cancel, async move { Ok(workspace.image(&id.parse()?).await?.into()) })
    }

    /// Returns the path of an image's file.
    #[napi]
    pub fn image_path<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.inner.workspace().clone();
        promise(env, None, async move {
            Ok(workspace.image_path(&id.parse()?).await?.display().to_string())
        })
    }
}
