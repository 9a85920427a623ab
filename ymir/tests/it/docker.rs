#![allow(clippy::print_stderr, reason = "a skip is told")]
//! The default executor gives the same model as a local program and in a container.
//!
//! Runs where `YMIR_DETECTOR_IMAGE` names its image and `YMIR_DETECTOR` the program in it, as
//! `scripts/test.sh` sets them.

use crate::common::fixture;
use futures::TryStreamExt;
use ymir::{ExecutorRef, InferOptions, Name, TaskOptions, TrainOptions, VersionId, Workspace};

#[tokio::test]
async fn a_container_and_a_local_program_give_equal_results() {
    let program = std::env::var("YMIR_DETECTOR");
    let image = std::env::var("YMIR_DETECTOR_IMAGE");
    let (Ok(program), Ok(image)) = (program, image) else {
        assert!(std::env::var_os("YMIR_REQUIRE_DOCKER").is_none(), "no image of the detector");
        return eprintln!("SKIPPED: no image of the detector");
    };
    let fixture = fixture().await;
    let mut content = Vec::new();
    for executor in [format!("local:{program}"), format!("docker:{image}")] {
        let executor: ExecutorRef = executor.parse().unwrap();
        let mut task = TaskOptions::new(executor.clone());
        for (name, value) in
            [("steps", 12.into()), ("width", 0.5.into()), ("image_size", 64.into())]
        {
            task.parameters.insert(name.to_owned(), value);
        }
        let train = TrainOptions {
            task,
            classes: fixture.project("p").classes,
            training: fixture.pool,
            validation: fixture.validation,
            pretrained: None,
            stage: None,
            model: Name::new(format!("model-{}", executor.runtime)).unwrap(),
        };
        let model = fixture.workspace.train(&train).await.unwrap().version.id;
        let infer = InferOptions {
            task: TaskOptions::new(executor.clone()),
            dataset: fixture.validation,
            model,
            stage: None,
            predictions: Name::new(format!("found-{}", executor.runtime)).unwrap(),
        };
        let found = fixture.workspace.infer(&infer).await.unwrap().id();
        content.push((
            weights(&fixture.workspace, model).await,
            said(&fixture.workspace, found).await,
        ));
    }
    assert_eq!(content[0], content[1]);
    assert!(!content[0].0.is_empty());
}

async fn weights(workspace: &Workspace, model: VersionId) -> Vec<(String, ymir::BlobId)> {
    let (model, _) = workspace.model(&model).await.unwrap();
    let files = model.stages.iter().flat_map(|stage| &stage.files);
    files.map(|file| (file.path.clone(), file.blob)).collect()
}

async fn said(workspace: &Workspace, predictions: VersionId) -> Vec<ymir::Record> {
    let predictions = workspace.dataset_by_id(&predictions).await.unwrap();
    predictions.records().try_collect().await.unwrap()
}
