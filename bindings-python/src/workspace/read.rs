//! What there is in a workspace.

use pyo3::prelude::*;
use ymir::{AssetId, BranchKind, ClassEdit, Error, ErrorKind, ExecutorRef, VersionId};

use super::Workspace;
use crate::convert::{bytes, data, named, object, parse, request};
use crate::dataset::opened;
use crate::error::raise;
use crate::pending::Pending;
use crate::task;

fn kind(py: Python<'_>, text: &str) -> PyResult<BranchKind> {
    named("kind", text).map_err(|e: Error| raise(py, &e))
}

#[pymethods]
impl Workspace {
    fn classes(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.classes().await.map(data) }))
    }

    fn edit_classes(&self, py: Python<'_>, edits: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let live = self.live(py)?;
        let edits: Vec<ClassEdit> = request("an edit of the classes", edits)?;
        Ok(Pending::new(async move { live.edit_classes(&edits).await.map(data) }))
    }

    fn names(&self, py: Python<'_>, kind: &str) -> PyResult<Pending> {
        let (live, kind) = (self.live(py)?, self::kind(py, kind)?);
        Ok(Pending::new(async move { live.names(kind).await.map(data) }))
    }

    fn log(&self, py: Python<'_>, kind: &str, name: String) -> PyResult<Pending> {
        let (live, kind) = (self.live(py)?, self::kind(py, kind)?);
        Ok(Pending::new(async move { live.log(kind, &name).await.map(data) }))
    }

    fn resolve(&self, py: Python<'_>, kind: &str, spec: String) -> PyResult<Pending> {
        let (live, kind) = (self.live(py)?, self::kind(py, kind)?);
        Ok(Pending::new(async move { live.resolve(kind, &spec).await.map(data) }))
    }

    fn dataset(slf: &Bound<'_, Self>, spec: String) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        Ok(Pending::new(async move { live.dataset(&spec).await.map(|found| opened(home, found)) }))
    }

    fn predictions(slf: &Bound<'_, Self>, spec: String) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        Ok(Pending::new(
            async move { live.predictions(&spec).await.map(|found| opened(home, found)) },
        ))
    }

    fn dataset_by_id(slf: &Bound<'_, Self>, id: &str) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let id: VersionId = parse(slf.py(), id)?;
        Ok(Pending::new(
            async move { live.dataset_by_id(&id).await.map(|found| opened(home, found)) },
        ))
    }

    fn model(&self, py: Python<'_>, spec: String) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let version = live.resolve(BranchKind::Model, &spec).await?;
            task::model(&live, &version.id).await
        }))
    }

    fn model_by_id(&self, py: Python<'_>, id: &str) -> PyResult<Pending> {
        let (live, id) = (self.live(py)?, parse::<VersionId>(py, id)?);
        Ok(Pending::new(async move { task::model(&live, &id).await }))
    }

    fn export_model(
        &self,
        py: Python<'_>,
        spec: String,
        destination: std::path::PathBuf,
        stage: Option<String>,
    ) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            live.export_model(&spec, stage.as_deref(), destination).await.map(object)
        }))
    }

    fn image(&self, py: Python<'_>, id: &str) -> PyResult<Pending> {
        let (id, live) = (parse::<AssetId>(py, id)?, self.live(py)?);
        Ok(Pending::new(async move { live.image(&id).await.map(bytes) }))
    }

    fn image_path(&self, py: Python<'_>, id: &str) -> PyResult<Pending> {
        let (id, live) = (parse::<AssetId>(py, id)?, self.live(py)?);
        Ok(Pending::new(async move { live.image_path(&id).await.map(object) }))
    }

    fn evaluate(
        &self,
        py: Python<'_>,
        ground_truth: String,
        predictions: String,
        classes: Vec<String>,
    ) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let truth = live.resolve(BranchKind::Dataset, &ground_truth).await?.id;
            let found = live.resolve(BranchKind::Prediction, &predictions).await?.id;
            let evaluated = live.evaluate(&truth, &found, &classes).await?;
            let names = |id| evaluated.classes.name(id).unwrap_or_default().to_owned();
            let per_class: Vec<_> =
                evaluated.per_class().map(|(id, class)| (names(id), *class)).collect();
            let metrics = evaluated.metrics();
            Ok(data((evaluated.ap50(), metrics, per_class, evaluated.evaluation)))
        }))
    }

    fn inspect(&self, py: Python<'_>, executor: &str) -> PyResult<Pending> {
        let live = self.live(py)?;
        let executor: ExecutorRef = parse(py, executor)?;
        Ok(Pending::new(async move {
            let info = live.inspect(&executor).await?;
            let templates = serde_json::to_value(&info.templates).map_err(|e| {
                Error::new(ErrorKind::Unexpected, "the executor's templates cannot be shown")
                    .caused_by(e)
            })?;
            Ok(data((info.digest, info.object_types, templates)))
        }))
    }
}
