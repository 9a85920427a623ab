//! The workspace: opening it, and reading what is in it.

use std::sync::{PoisonError, RwLock};

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, within_runtime_if_available};
use napi_derive::napi;
use serde::de::value::{Error as NoSuchKind, StrDeserializer};
use serde::{Deserialize, Serialize};
use ymir::{BranchKind, ClassEdit, Error, Result, WorkspaceOptions, WorkspaceRequest};

use crate::call::{Cancel, promise};
use crate::dataset::Dataset;
use crate::error::{from_json, to_js, to_json};
use crate::model::OpenedModel;
use crate::stream::Events;

/// An open workspace.
#[napi]
pub struct Workspace {
    /// Nothing once it is closed.
    inner: RwLock<Option<ymir::Workspace>>,
}

impl Workspace {
    fn new(workspace: ymir::Workspace) -> Self {
        Self { inner: RwLock::new(Some(workspace)) }
    }

    /// Returns the workspace, unless it was closed.
    pub(crate) fn get(&self) -> napi::Result<ymir::Workspace> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner
            .clone()
            .ok_or_else(|| to_js(Error::invalid("the workspace was closed; open it again")))
    }
}

/// Returns the kind of branch of a name, `dataset` for example.
pub(crate) fn kind_of(name: &str) -> Result<BranchKind> {
    let found: std::result::Result<_, NoSuchKind> =
        BranchKind::deserialize(StrDeserializer::new(name));
    found.map_err(|_| {
        Error::invalid("expected dataset, prediction, model or project").with("kind", name)
    })
}

/// Opens the workspace in a directory; makes it first, if asked to.
#[napi]
pub(crate) fn open_workspace(
    env: &Env,
    root: String,
    request: String,
) -> napi::Result<PromiseRaw<'_, Workspace>> {
    promise(env, None, async move {
        Ok(Workspace::new(ymir::Workspace::open_with(root, options(&request)?).await?))
    })
}

/// Makes a workspace in a directory.
#[napi]
pub(crate) fn init_workspace(
    env: &Env,
    root: String,
    request: String,
) -> napi::Result<PromiseRaw<'_, Workspace>> {
    promise(env, None, async move {
        Ok(Workspace::new(ymir::Workspace::init_with(root, options(&request)?).await?))
    })
}

/// Writes the sample dataset into a folder.
#[napi]
pub(crate) fn write_samples(env: &Env, folder: String) -> napi::Result<PromiseRaw<'_, ()>> {
    promise(env, None, async move { ymir::samples::write(folder).await })
}

fn options(request: &str) -> Result<WorkspaceOptions> {
    from_json("a workspace", request).map(|request: WorkspaceRequest| request.options())
}

/// Returns the nearest directory, from this one upwards, that is a workspace.
#[napi]
pub(crate) fn find_workspace(start: String) -> Option<String> {
    ymir::Workspace::find(start).map(|root| root.display().to_string())
}

/// What a workspace says about itself.
#[derive(Serialize)]
struct About<'a> {
    root: String,
    id: &'a ymir::WorkspaceId,
    warnings: &'a [String],
}

/// How good predictions are.
#[derive(Serialize)]
struct Evaluated<'a> {
    ap50: Option<f64>,
    metrics: std::collections::BTreeMap<String, f64>,
    classes: Vec<(&'a str, &'a ymir::evaluation::ClassEvaluation)>,
    /// The figures over all classes that occur.
    whole: &'a ymir::evaluation::Evaluation,
}

#[napi]
impl Workspace {
    /// Returns the root, the id and the warnings.
    #[napi]
    pub fn about(&self) -> napi::Result<String> {
        let workspace = self.get()?;
        let (root, id) = (workspace.root().display().to_string(), workspace.id());
        to_json(&About { root, id, warnings: workspace.warnings() }).map_err(to_js)
    }

    /// Lets go of the workspace; calls that run go on.
    #[napi]
    pub fn close(&self) {
        let closed = self.inner.write().unwrap_or_else(PoisonError::into_inner).take();
        within_runtime_if_available(|| drop(closed));
    }

    /// Returns whether it was let go of.
    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Returns the class table.
    #[napi]
    pub fn classes<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.classes().await?) })
    }

    /// Changes the class table and returns it.
    #[napi]
    pub fn edit_classes<'env>(
        &self,
        env: &'env Env,
        edits: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let edits: Vec<ClassEdit> = from_json("an edit of the classes", &edits)?;
            to_json(&workspace.edit_classes(&edits).await?)
        })
    }

    /// Returns the names of all datasets, prediction sets, models or projects.
    #[napi]
    pub fn names<'env>(
        &self,
        env: &'env Env,
        kind: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.names(kind_of(&kind)?).await?) })
    }

    /// Returns the versions of a branch, newest first.
    #[napi]
    pub fn log<'env>(
        &self,
        env: &'env Env,
        kind: String,
        name: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&workspace.log(kind_of(&kind)?, &name).await?) })
    }

    /// Returns the version that is meant.
    #[napi]
    pub fn resolve<'env>(
        &self,
        env: &'env Env,
        kind: String,
        spec: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(
            env,
            None,
            async move { to_json(&workspace.resolve(kind_of(&kind)?, &spec).await?) },
        )
    }

    /// Returns a dataset version.
    #[napi]
    pub fn dataset<'env>(
        &self,
        env: &'env Env,
        spec: String,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let workspace = self.get()?;
        promise(env, None, async move { Ok(Dataset { inner: workspace.dataset(&spec).await? }) })
    }

    /// Returns a prediction set.
    #[napi]
    pub fn predictions<'env>(
        &self,
        env: &'env Env,
        spec: String,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let workspace = self.get()?;
        promise(
            env,
            None,
            async move { Ok(Dataset { inner: workspace.predictions(&spec).await? }) },
        )
    }

    /// Returns a dataset version or prediction set by its id.
    #[napi]
    pub fn dataset_by_id<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            Ok(Dataset { inner: workspace.dataset_by_id(&id.parse()?).await? })
        })
    }

    /// Returns a model with its version and lineage.
    #[napi]
    pub fn model<'env>(
        &self,
        env: &'env Env,
        spec: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move { to_json(&OpenedModel::open(&workspace, &spec).await?) })
    }

    /// Writes the files of a stage of a model into a folder and returns their paths.
    #[napi]
    pub fn export_model<'env>(
        &self,
        env: &'env Env,
        spec: String,
        stage: Option<String>,
        destination: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            to_json(&workspace.export_model(&spec, stage.as_deref(), destination).await?)
        })
    }

    /// Compares predictions with ground truth, versions given by their ids.
    #[napi]
    pub fn evaluate<'env>(
        &self,
        env: &'env Env,
        ground_truth: String,
        predictions: String,
        class_names: Vec<String>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let truth = workspace.resolve(BranchKind::Dataset, &ground_truth).await?.id;
            let predictions = workspace.resolve(BranchKind::Prediction, &predictions).await?.id;
            let evaluated = workspace.evaluate(&truth, &predictions, &class_names).await?;
            let name = |id| evaluated.classes.name(id).unwrap_or_default();
            let classes = evaluated.per_class().map(|(id, class)| (name(id), class)).collect();
            let (ap50, metrics) = (evaluated.ap50(), evaluated.metrics());
            to_json(&Evaluated { ap50, metrics, classes, whole: &evaluated.evaluation })
        })
    }

    /// Returns the events of all tasks after a sequence number.
    #[napi]
    pub fn events(&self, after: f64) -> napi::Result<Events> {
        let workspace = self.get()?;
        Ok(within_runtime_if_available(|| Events::new(workspace.events(after as u64))))
    }
}
