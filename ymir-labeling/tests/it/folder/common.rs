//! A folder backend and the people who label in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use ymir_core::{Class, LabelBackend, LabelHandle, LabelJobRequest, LabelStatus, Labeled, Result};
use ymir_labeling::FolderBackend;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling, annotations};

pub(crate) struct Folder {
    pub(crate) root: PathBuf,
}

pub(crate) fn folder(fixture: &Fixture) -> Folder {
    Folder { root: fixture.state() }
}

/// Returns the handle of a job in a folder, which has no state of its own.
pub(crate) fn handle(job: &LabelJobRequest) -> LabelHandle {
    LabelHandle::new(job.id.clone())
}

/// Returns all that has been labeled.
pub(crate) async fn collected(
    backend: &FolderBackend,
    job: &LabelJobRequest,
) -> Result<Vec<Labeled>> {
    annotations(backend, &handle(job), 1000).await
}

/// Returns how far a job is.
pub(crate) async fn status(backend: &FolderBackend, job: &LabelJobRequest) -> Result<LabelStatus> {
    backend.status(&handle(job)).await
}

impl Folder {
    pub(crate) fn job(&self, job: &LabelJobRequest) -> PathBuf {
        self.root.join(job.id.as_str())
    }

    pub(crate) fn write(&self, job: &LabelJobRequest, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.job(job).join("annotated.json"), bytes).unwrap();
    }

    pub(crate) fn handed_out(&self, job: &LabelJobRequest) -> Value {
        let bytes = std::fs::read(self.job(job).join("annotations.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Returns the COCO file of these answers, as a tool with its own ideas of ids and names would
    /// write it.
    pub(crate) fn coco(&self, job: &LabelJobRequest, answers: &[Labeled]) -> Value {
        let handed_out = self.handed_out(job);
        let names: BTreeMap<_, _> = job
            .items
            .iter()
            .zip(handed_out["images"].as_array().unwrap())
            .map(|(item, image)| (item.asset.id, image["file_name"].as_str().unwrap().to_owned()))
            .collect();
        let mut categories: Vec<String> = Vec::new();
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for (number, labeled) in answers.iter().enumerate().rev() {
            let id = 1000 + number;
            images.push(json!({"id": id, "file_name": format!("images/{}", names[&labeled.id])}));
            for annotation in &labeled.annotations {
                let name = match &annotation.class {
                    Class::Id(id) => job.classes.name(*id).unwrap().to_uppercase(),
                    Class::Name(name) => name.clone(),
                };
                let category = categories.iter().position(|n| *n == name).unwrap_or_else(|| {
                    categories.push(name);
                    categories.len() - 1
                });
                let b = annotation.bbox;
                annotations.push(json!({
                    "image_id": id, "category_id": category, "bbox": [b.x, b.y, b.w, b.h],
                }));
            }
        }
        let category = |(id, name)| json!({"id": id, "name": name});
        let categories: Vec<_> = categories.iter().enumerate().map(category).collect();
        json!({"images": images, "annotations": annotations, "categories": categories})
    }
}

#[async_trait]
impl Labeling for Folder {
    async fn open(&self) -> Arc<dyn LabelBackend> {
        Arc::new(FolderBackend::new(&self.root))
    }

    async fn label(&self, job: &LabelJobRequest, answers: &[Labeled]) {
        self.write(job, self.coco(job, answers).to_string());
    }

    async fn jobs(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return 0 };
        let is_job = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            !name.starts_with('.') && !name.contains(".cancelled")
        };
        entries.filter(|entry| is_job(&entry.as_ref().unwrap().file_name())).count()
    }
}
