//! Labeling through the facade: the folder exchange, and a backend of the embedding program.

use std::sync::{Arc, Mutex};

use crate::common::{fixture, options};
use async_trait::async_trait;
use ymir::{
    Advance, Annotation, BBox, Class, Error, ErrorKind, LabelBackend, LabelHandle, LabelJobRequest,
    LabelPage, LabelPageOptions, LabelStatus, Labeled, LabelerSpec, Result, StepOptions,
    StepResult, Workspace, WorkspaceOptions,
};

#[tokio::test]
async fn the_folder_exchange_waits_for_a_person() {
    let fixture = fixture().await;
    let folder = fixture.dir.join("exchange");
    let mut definition = fixture.project("p");
    definition.labeler = LabelerSpec::Folder { path: folder.clone() };
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let options = StepOptions { wait: false, ..StepOptions::default() };
    for _ in 0..2 {
        project.advance(&options).await.unwrap();
    }
    let waiting = project.advance(&options).await.unwrap();
    let Advance::Waiting { iteration: 1, status } = waiting else { panic!("{waiting:?}") };
    assert_eq!((status.total, status.finished), (3, false));

    let jobs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(jobs.len(), 1, "asked twice, handed out once");
    let text = std::fs::read_to_string(jobs[0].join("annotations.json")).unwrap();
    let mut coco: serde_json::Value = serde_json::from_str(&text).unwrap();
    let images = coco["images"].as_array().unwrap().clone();
    assert!(images.iter().all(|image| jobs[0].join("images").join(file_name(image)).exists()));
    let category = coco["categories"][1]["id"].clone();
    let boxes = images.iter().enumerate().map(|(i, image)| {
        serde_json::json!({"id": i + 1, "image_id": image["id"], "category_id": category,
                           "bbox": [1.5, 2, 10, 12.25], "area": 122.5, "iscrowd": 0})
    });
    coco["annotations"] = boxes.collect();
    std::fs::write(jobs[0].join("annotated.json"), coco.to_string()).unwrap();

    let done = project.advance(&options).await.unwrap();
    let Advance::Finished { result: StepResult::Label { labeled, count: 3 }, .. } = done else {
        panic!("{done:?}");
    };
    let labeled = fixture.workspace.dataset_by_id(&labeled).await.unwrap();
    let records = labeled.page(ymir::PageOptions::default()).await.unwrap().records;
    let classes = fixture.workspace.classes().await.unwrap();
    let second = classes.require(&fixture.project("p").classes[1]).unwrap();
    for record in records {
        assert_eq!(record.annotations.len(), 1);
        assert_eq!(record.annotations[0].bbox, BBox::new(1.5, 2.0, 10.0, 12.25));
        assert_eq!(record.annotations[0].class, Class::Id(second));
    }
}

fn file_name(image: &serde_json::Value) -> &str {
    image["file_name"].as_str().unwrap()
}

/// Answers every asset with one box of a class.
#[derive(Debug, Default)]
struct Robot {
    class: String,
    jobs: Mutex<Vec<LabelJobRequest>>,
}

impl Robot {
    fn labeled(&self, handle: &LabelHandle) -> Result<Vec<Labeled>> {
        let jobs = self.jobs.lock().unwrap();
        let Some(job) = jobs.iter().find(|job| job.id == handle.job) else {
            return Err(Error::not_found("the robot has no such job"));
        };
        let class = Class::Name(self.class.clone());
        let annotation = Annotation::new(class, BBox::new(0.0, 0.0, 8.0, 8.0));
        let labeled = |id| Labeled { id, annotations: vec![annotation.clone()] };
        Ok(job.items.iter().map(|item| labeled(item.asset.id)).collect())
    }
}

#[async_trait]
impl LabelBackend for Robot {
    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        let mut jobs = self.jobs.lock().unwrap();
        if jobs.iter().all(|known| known.id != request.id) {
            jobs.push(request.clone());
        }
        Ok(LabelHandle { ready: true, ..handle.clone() })
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let total = self.labeled(handle)?.len() as u64;
        Ok(LabelStatus { total, labeled: total, skipped: 0, finished: true })
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        LabelPage::of(self.labeled(handle)?, options)
    }

    async fn cancel(&self, _handle: &LabelHandle) -> Result<()> {
        Ok(())
    }
}

async fn with_robot(root: &std::path::Path, class: &str) -> Workspace {
    let robot = Robot { class: class.to_owned(), ..Robot::default() };
    let labelers = [("robot".to_owned(), Arc::new(robot) as Arc<dyn LabelBackend>)].into();
    Workspace::open_with(root, WorkspaceOptions { labelers, ..options(root.parent().unwrap()) })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_backend_of_the_embedding_program_is_asked() {
    let fixture = fixture().await;
    let root = fixture.workspace.root().to_owned();
    let mut definition = fixture.project("p");
    definition.labeler = LabelerSpec::Custom("robot".into());
    let class = definition.classes[0].clone();
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let error = project.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "this process has no such backend: {error}");

    let wrong = with_robot(&root, "dragon").await.project("p").await.unwrap();
    let error = wrong.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("dragon"), "{error}");

    let right = with_robot(&root, &class.to_uppercase()).await.project("p").await.unwrap();
    right.run().await.unwrap();
    assert_eq!(right.state().await.unwrap().labels(), 9);
}
