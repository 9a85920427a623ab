use std::path::{Component, Path, PathBuf};

use ymir_core::{
    BranchKind, Error, ErrorKind, Manifest, Model, ModelFile, Result, Transfer, VersionId,
};

use crate::Workspace;

impl Workspace {
    /// Returns a model with its lineage and metrics, by its id.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such version; `InvalidInput` if it is no model.
    pub async fn model(&self, version: &VersionId) -> Result<(Model, Manifest)> {
        let mut manifest = self.store().manifest(version).await?;
        let model = manifest.model.take().ok_or_else(|| {
            Error::invalid("this version is no model; `ymir log --kind model` lists the models")
                .with("version", version)
        })?;
        Ok((model, manifest))
    }

    /// Writes the files of a stage of a model into a folder, which is made; the best stage unless
    /// another is named.
    ///
    /// # Errors
    ///
    /// `NotFound` if the model or stage does not exist; `AlreadyExists` if the folder has a file of
    /// the same name.
    pub async fn export_model(
        &self,
        spec: &str,
        stage: Option<&str>,
        destination: impl AsRef<Path>,
    ) -> Result<Vec<PathBuf>> {
        let version = self.resolve(BranchKind::Model, spec).await?;
        let (model, _) = self.model(&version.id).await?;
        self.write_model_files(&model.stage(stage)?.files, destination.as_ref(), Transfer::Copy)
            .await
    }

    /// Writes model files below a folder.
    pub(crate) async fn write_model_files(
        &self,
        files: &[ModelFile],
        destination: &Path,
        transfer: Transfer,
    ) -> Result<Vec<PathBuf>> {
        let mut blobs = Vec::with_capacity(files.len());
        for file in files {
            // The path came from an executor, perhaps by way of a repository that was cloned.
            let inside =
                Path::new(&file.path).components().all(|c| matches!(c, Component::Normal(_)));
            if !inside || file.path.is_empty() {
                let message = "the path of a model file leads out of the model";
                return Err(Error::new(ErrorKind::Corrupted, message).with("path", &file.path));
            }
            let path = destination.join(&file.path);
            let folder = path.parent().unwrap_or(destination);
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|e| Error::io("cannot make the folder of a model", folder, e))?;
            blobs.push((file.blob, path));
        }
        self.store().export_blobs(&blobs, transfer).await?;
        Ok(blobs.into_iter().map(|(_, path)| path).collect())
    }
}
