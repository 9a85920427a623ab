//! Functions of the host program in the loop: executors and labeling backends that are registered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::fixture;
use async_trait::async_trait;
use ymir::{
    Annotation, BBox, EndReason, Error, ErrorKind, ExecutorInfo, HostDetection, HostExecutor,
    HostStage, HostTask, LabelBackend, LabelHandle, LabelJobRequest, LabelPage, LabelPageOptions,
    LabelStatus, Labeled, LabelerSpec, ObjectType, Parameters, Project, Result, SampleSet,
    StepOptions, TaskState, TmiKind, Turn, Workspace,
};

/// Learns the mean box of each class, and finds it everywhere.
#[derive(Debug, Default)]
struct MeanBox {
    trainings: AtomicUsize,
    fails: bool,
}

#[async_trait]
impl HostExecutor for MeanBox {
    fn info(&self) -> ExecutorInfo {
        ExecutorInfo {
            digest: "mean box 1".to_owned(),
            object_types: vec![ObjectType::Detection],
            templates: [TmiKind::Training, TmiKind::Inference]
                .map(|kind| (kind, Parameters::new()))
                .into(),
        }
    }

    async fn run(&self, task: HostTask) -> Result<()> {
        if self.fails {
            return Err(Error::invalid("no luck today"));
        }
        if task.kinds() == [TmiKind::Training] {
            self.trainings.fetch_add(1, Ordering::Relaxed);
            let samples = task.samples(SampleSet::Training)?;
            let boxes: Vec<BBox> =
                samples.iter().flat_map(|s| &s.annotations).map(|a| a.bbox).collect();
            let mean =
                |of: fn(&BBox) -> f64| boxes.iter().map(of).sum::<f64>() / boxes.len() as f64;
            let mean = BBox::new(mean(|b| b.x), mean(|b| b.y), mean(|b| b.w), mean(|b| b.h));
            let file = task.models_dir().join("mean.json");
            std::fs::write(&file, serde_json::to_string(&mean).unwrap()).unwrap();
            task.progress(1.0, "done")?;
            return task.save_stage(HostStage {
                name: "mean".to_owned(),
                files: vec![file],
                metrics: [("mAP".to_owned(), 0.1)].into(),
                best: true,
            });
        }
        let model = std::fs::read(&task.model_files()[0]).unwrap();
        let mean: BBox = serde_json::from_slice(&model).unwrap();
        for sample in task.samples(SampleSet::Candidates)? {
            let found =
                task.class_names().iter().map(|class| HostDetection::new(class.clone(), mean, 0.5));
            task.predict(&sample.asset.id, found.collect())?;
        }
        Ok(())
    }
}

/// Says that there is nothing on any image but one box.
#[derive(Debug, Default)]
struct OneBox(std::sync::Mutex<Vec<ymir::AssetId>>);

#[async_trait]
impl LabelBackend for OneBox {
    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        *self.0.lock().unwrap() = request.items.iter().map(|item| item.asset.id).collect();
        Ok(LabelHandle { ready: true, ..handle.clone() })
    }

    async fn status(&self, _: &LabelHandle) -> Result<LabelStatus> {
        let total = self.0.lock().unwrap().len() as u64;
        Ok(LabelStatus { total, labeled: total, skipped: 0, finished: true })
    }

    async fn annotations(&self, _: &LabelHandle, options: &LabelPageOptions) -> Result<LabelPage> {
        let label = |id: &ymir::AssetId| Labeled {
            id: *id,
            annotations: vec![Annotation::new(
                ymir::Class::Id(ymir::ClassId(0)),
                BBox::new(1.0, 2.0, 10.0, 10.0),
            )],
        };
        LabelPage::of(self.0.lock().unwrap().iter().map(label).collect(), options)
    }

    async fn cancel(&self, _: &LabelHandle) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_loop_runs_on_functions_of_the_program() {
    let fixture = fixture().await;
    let workspace = &fixture.workspace;
    let executor = Arc::new(MeanBox::default());
    let reference = workspace.register_executor("mean", executor.clone()).unwrap();
    assert_eq!(reference.to_string(), "host:mean");
    let labeler = workspace.register_labeler("one", Arc::new(OneBox::default()));
    let project = Project { executor: reference, labeler, ..fixture.project("p") };
    let project = workspace.create_project(project).await.unwrap();

    let mut numbers = Vec::new();
    let end = loop {
        match project.next_iteration(&StepOptions::default()).await.unwrap() {
            Turn::Finished(iteration) => numbers.push(iteration.number),
            Turn::Ended(reason) => break reason,
            Turn::Waiting { .. } => panic!("the labeler answers at once"),
        }
    };
    assert_eq!((numbers, end), (vec![1, 2, 3], EndReason::BudgetExhausted));
    assert_eq!(executor.trainings.load(Ordering::Relaxed), 3);

    // Another process has to register it again.
    let other = Workspace::open(workspace.root()).await.unwrap();
    let handle = other.project("p").await.unwrap();
    let change = serde_json::json!({ "max_iterations": 4 });
    handle.change(change.as_object().unwrap().clone()).await.unwrap();
    let error = handle.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("register"), "{error}");
}

#[tokio::test]
async fn a_failing_function_fails_its_task() {
    let fixture = fixture().await;
    let workspace = &fixture.workspace;
    let failing = Arc::new(MeanBox { fails: true, ..MeanBox::default() });
    let executor = workspace.register_executor("bad", failing).unwrap();
    let request = serde_json::json!({
        "task": { "executor": executor, "seed": 3 },
        "classes": fixture.project("p").classes,
        "training": "pool", "validation": "validation", "model": "m",
    });
    let request: ymir::TrainRequest = ymir::parse_request("a training", request).unwrap();
    let options = request.resolve(workspace).await.unwrap();
    let task = workspace.start_train(&options).await.unwrap();
    let error = task.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
    assert!(error.to_string().contains("no luck today"), "{error}");
    let status = task.status().await.unwrap().unwrap();
    assert_eq!(status.state, TaskState::Failed);
    let log = task.log().await.unwrap();
    assert!(log.iter().any(|line| line.text.contains("no luck today")), "{log:?}");
    assert_eq!(workspace.tasks().await.unwrap().len(), 1);
}

/// Only infers.
#[derive(Debug)]
struct OnlyInfers;

#[async_trait]
impl HostExecutor for OnlyInfers {
    fn info(&self) -> ExecutorInfo {
        ExecutorInfo {
            digest: "only infers 1".to_owned(),
            object_types: vec![ObjectType::Detection],
            templates: [(TmiKind::Inference, Parameters::new())].into(),
        }
    }

    async fn run(&self, _: HostTask) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_an_executor_cannot_do_is_refused_at_once() {
    let fixture = fixture().await;
    let workspace = &fixture.workspace;
    let executor = workspace.register_executor("infers", Arc::new(OnlyInfers)).unwrap();
    let options = ymir::TrainOptions {
        task: ymir::TaskOptions::new(executor),
        classes: vec!["coin".to_owned()],
        training: fixture.pool,
        validation: fixture.validation,
        pretrained: None,
        stage: None,
        model: ymir::Name::new("m").unwrap(),
    };
    let error = workspace.train(&options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("Inference"), "{error}");
    assert!(workspace.tasks().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unregistered_labeler_is_told() {
    let fixture = fixture().await;
    let labeler = LabelerSpec::Custom("nobody".to_owned());
    let project = Project { labeler, ..fixture.project("p") };
    let project = fixture.workspace.create_project(project).await.unwrap();
    let error = project.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("register"), "{error}");
}

#[tokio::test]
async fn requests_name_what_is_malformed() {
    let fixture = fixture().await;
    let parse = |value| ymir::parse_request::<ymir::ProjectRequest>("a project", value);
    let request = parse(serde_json::json!({ "name": "p", "colours": ["a"] })).unwrap();
    let error = request.resolve(&fixture.workspace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("colours"), "{error}");
    let request = parse(serde_json::json!({
        "name": "p", "classes": ["circle"], "pool": "pool", "validation": "validation@v1",
        "executor": crate::common::executor(), "labeler": { "oracle": { "truth": "pool" } },
        "max_iterations": null, "target": 0.5,
    }));
    let project = request.unwrap().resolve(&fixture.workspace).await.unwrap();
    assert_eq!((project.max_iterations, project.labels_per_iteration), (None, 20));
    assert_eq!(project.pool, fixture.pool);
    let request = parse(serde_json::json!({
        "name": "p", "classes": ["circle"], "pool": "pond", "validation": "validation",
        "executor": crate::common::executor(), "labeler": { "custom": "x" },
    }));
    let error = request.unwrap().resolve(&fixture.workspace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    // The field stands beside what is wrong with it, in words that no language has to itself.
    let loader = |value| ymir::parse_request::<ymir::LoaderOptions>("a loader", value);
    let part = |fraction| {
        let parts = serde_json::json!({ "parts": [{ "name": "a", "fraction": fraction }] });
        ymir::parse_request::<ymir::operations::SplitOptions>("a split", parts)
    };
    let task = serde_json::json!({ "executor": "host:x", "resources": { "gpus": "2" } });
    let training = serde_json::json!({ "task": task });
    let training = ymir::parse_request::<ymir::TrainRequest>("a training", training);
    for (error, field, expected) in [
        (loader(serde_json::json!({ "shard": -1 })).unwrap_err(), "shard", "0 or more"),
        (loader(serde_json::json!({ "batch": "x" })).unwrap_err(), "batch", "0 or more"),
        (loader(serde_json::json!({ "bach": 3 })).unwrap_err(), "bach", "unknown field"),
        (part(serde_json::Value::Null).unwrap_err(), "parts[0].fraction", "expected a number"),
        (training.unwrap_err(), "resources.gpus", "a whole number"),
    ] {
        let context = error.context().iter().find(|(key, _)| key == "field");
        assert_eq!(context.map(|(_, value)| value.as_str()), Some(field), "{error}");
        assert!(error.message().contains(expected), "{error}");
        assert!(!["u32", "u64", "usize", "f64"].iter().any(|name| error.message().contains(name)));
    }

    // The options of tasks are listed as users give them: beside the others.
    let wrong = serde_json::json!({ "colours": [] });
    let error = ymir::parse_request::<ymir::TrainRequest>("a training", wrong.clone()).unwrap_err();
    assert!(!error.to_string().contains("`task`"), "{error}");
    let of_task = ymir::parse_request::<ymir::TaskOptions>("a task", wrong).unwrap_err();
    let (_, fields) = of_task.message().split_once("expected one of ").unwrap();
    assert!(error.message().contains(fields), "{error}\n{fields}");
}
