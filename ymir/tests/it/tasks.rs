//! Single tasks through the facade: training, mining, inference, and how they fail.

use crate::common::{Fixture, fixture, task_options};
use futures::{StreamExt, TryStreamExt};
use ymir::{
    BranchKind, ErrorKind, InferOptions, MineOptions, Name, PageOptions, TaskEventKind, TaskState,
    TrainOptions, UnknownClasses, VersionId,
};

fn train_options(fixture: &Fixture) -> TrainOptions {
    TrainOptions {
        task: task_options(),
        classes: fixture.project("p").classes,
        training: fixture.pool,
        validation: fixture.validation,
        pretrained: None,
        stage: None,
        model: Name::new("model").unwrap(),
    }
}

async fn train(fixture: &Fixture) -> VersionId {
    fixture.workspace.train(&train_options(fixture)).await.unwrap().version.id
}

fn infer_options(fixture: &Fixture, model: VersionId) -> InferOptions {
    InferOptions {
        task: task_options(),
        dataset: fixture.validation,
        model,
        stage: None,
        predictions: Name::new("found").unwrap(),
    }
}

#[tokio::test]
async fn training_makes_a_model_whose_files_can_be_had() {
    let fixture = fixture().await;
    let task = fixture.workspace.start_train(&train_options(&fixture)).await.unwrap();
    let events: Vec<_> = task.events(0).try_collect().await.unwrap();
    let made = task.wait().await.unwrap();
    assert_eq!(made.version.to_string(), "model@v1");
    assert!(matches!(events.last().unwrap().kind, TaskEventKind::State(TaskState::Done)));
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let logged = |text: &str| {
        events.iter().any(|e| matches!(&e.kind, TaskEventKind::Log(line) if line.text == text))
    };
    assert!(logged("executor starts") && logged("executor ends"));

    let dir = fixture.workspace.root().join("tasks").join(task.id().unwrap().as_str());
    let kept = |path: &str| dir.join(path).exists();
    assert!(kept("out/models/result.yaml") && kept("out/ymir-executor-out.log"));
    assert!(!kept("in") && !kept("out/models/best/weights"), "the disk is not filled");

    let files =
        fixture.workspace.export_model("model", None, fixture.dir.join("files")).await.unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap().lines().count(), 12);
    let error = fixture
        .workspace
        .export_model("model", Some("worst"), fixture.dir.join("none"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("best"), "it names the stages that there are: {error}");
}

#[tokio::test]
async fn the_same_work_is_found_and_other_work_is_done() {
    let fixture = fixture().await;
    let first = train(&fixture).await;
    let mut options = train_options(&fixture);
    let again = fixture.workspace.start_train(&options).await.unwrap();
    assert!(again.id().is_none(), "nothing is started");
    assert_eq!(again.wait().await.unwrap().version.id, first);
    options.task.seed = 1;
    let other = fixture.workspace.train(&options).await.unwrap().version;
    assert_ne!(other.id, first);
    options.task.reuse = false;
    let repeated = fixture.workspace.train(&options).await.unwrap().version;
    assert_eq!(repeated.number, 3);
    assert_eq!(repeated.content, other.content, "equal work has an equal result");
}

#[tokio::test]
async fn a_failed_training_says_why_and_commits_nothing() {
    let fixture = fixture().await;
    let mut options = train_options(&fixture);
    options.task.parameters.insert("fail".to_owned(), "train".into());
    let task = fixture.workspace.start_train(&options).await.unwrap();
    let error = task.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
    let context: Vec<_> = error.context().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert!(context.contains(&("exit_code", "3")), "{context:?}");
    assert!(context.contains(&("return_code", "300003")), "{context:?}");
    assert!(format!("{error:?}").contains("the image is bad"), "{error:?}");
    assert!(fixture.workspace.names(BranchKind::Model).await.unwrap().is_empty());
    // What was written so far is kept where the log says.
    let dir = fixture.workspace.root().join("tasks").join(task.id().unwrap().as_str());
    assert!(dir.join("out/models/half/weights").exists());

    options.task.parameters.insert("fail".to_owned(), "garbage".into());
    let task = fixture.workspace.start_train(&options).await.unwrap();
    let error = task.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
    assert!(error.to_string().contains("result.yaml"), "the file is named: {error}");
}

#[tokio::test]
async fn a_task_can_be_stopped() {
    let fixture = fixture().await;
    let mut options = train_options(&fixture);
    options.task.parameters.insert("fail".to_owned(), "hang".into());
    let task = fixture.workspace.start_train(&options).await.unwrap();
    let mut events = std::pin::pin!(task.events(0));
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, TaskEventKind::Log(_)) {
            task.cancel().await.unwrap();
        }
    }
    assert_eq!(task.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(task.status().await.unwrap().unwrap().state, TaskState::Terminated);
    assert!(fixture.workspace.names(BranchKind::Model).await.unwrap().is_empty());
}

#[tokio::test]
async fn inference_answers_for_every_asset_and_is_evaluated() {
    let fixture = fixture().await;
    let model = train(&fixture).await;
    let mut options = infer_options(&fixture, model);
    let predictions = fixture.workspace.infer(&options).await.unwrap();
    assert_eq!((predictions.len(), predictions.summary().annotations), (4, 4));
    let about = predictions.manifest().prediction.unwrap();
    assert_eq!((about.model, about.dataset), (model, fixture.validation));
    let page = predictions.page(PageOptions::default()).await.unwrap();
    assert!(page.records.iter().all(|r| r.annotations[0].score == Some(0.9)));

    let evaluated =
        fixture.workspace.evaluate(&fixture.validation, &predictions.id(), &[]).await.unwrap();
    let metrics = evaluated.metrics();
    assert!(metrics.contains_key("AP50") && metrics.keys().any(|name| name.starts_with("AP50/")));
    let error =
        fixture.workspace.evaluate(&fixture.validation, &fixture.pool, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    options.task.parameters.insert("boxes".to_owned(), 0.into());
    let none = fixture.workspace.infer(&options).await.unwrap();
    assert_eq!((none.len(), none.summary().annotations), (4, 0));
}

#[tokio::test]
async fn predictions_of_unknown_classes_follow_the_strategy() {
    let fixture = fixture().await;
    let model = train(&fixture).await;
    let mut options = infer_options(&fixture, model);
    options.task.parameters.insert("predict".to_owned(), "dragon".into());
    let found = async |strategy| {
        let mut options = options.clone();
        options.task.unknown_classes = strategy;
        fixture.workspace.infer(&options).await
    };
    let error = found(UnknownClasses::Stop).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("dragon"), "{error}");
    let ignored = found(UnknownClasses::Ignore).await.unwrap();
    assert_eq!((ignored.len(), ignored.summary().annotations), (4, 0));
    let kept = found(UnknownClasses::Keep).await.unwrap();
    assert_eq!((kept.len(), kept.summary().annotations), (4, 4));
    assert!(kept.summary().classes.is_empty() && !kept.manifest().classes.is_empty());
    let added = found(UnknownClasses::Add).await.unwrap();
    let dragon = fixture.workspace.classes().await.unwrap().require("Dragon").unwrap();
    assert_eq!(added.summary().classes[&dragon].annotations, 4);
}

#[tokio::test]
async fn mining_takes_the_best_and_what_the_model_says_about_them() {
    let fixture = fixture().await;
    let model = train(&fixture).await;
    let options = MineOptions {
        task: task_options(),
        candidates: fixture.pool,
        model,
        stage: None,
        count: 5,
        selected: Name::new("chosen").unwrap(),
        predictions: Some(Name::new("chosen").unwrap()),
    };
    let mined = fixture.workspace.mine(&options).await.unwrap();
    let chosen = mined.selected;
    let all = fixture.workspace.dataset_by_id(&fixture.pool).await.unwrap();
    let ids: Vec<_> =
        chosen.records().map_ok(|record| record.asset.id).try_collect().await.unwrap();
    assert_eq!(ids.len(), 5);
    for id in &ids {
        assert!(all.get(id).await.unwrap().is_some());
        assert!(chosen.get(id).await.unwrap().unwrap().annotations.is_empty());
    }
    let said = mined.predictions.unwrap();
    let about: Vec<_> =
        said.records().map_ok(|record| record.asset.id).try_collect().await.unwrap();
    assert_eq!(about, ids);
    assert_eq!(said.manifest().prediction.unwrap().dataset, chosen.id());

    let again = fixture.workspace.start_mine(&options).await.unwrap();
    assert!(again.id().is_none());
    let none = MineOptions { count: 0, ..options };
    assert_eq!(fixture.workspace.mine(&none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let fixture = fixture().await;
    let error = fixture.workspace.dataset("nothing").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("nothing"), "{error}");
    let mut options = train_options(&fixture);
    options.task.executor = "local:/nowhere/detector".parse().unwrap();
    let error = fixture.workspace.train(&options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("/nowhere/detector"), "{error}");
    let error = fixture.workspace.infer(&infer_options(&fixture, fixture.pool)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "a dataset is no model");
}
