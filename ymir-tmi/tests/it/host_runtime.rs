//! The conformance suite for functions of the host program, and what is theirs alone.
//!
//! The functions of the suite run its scripts with a shell. What it says of processes (signals,
//! children, environment, files beside the program) does not concern a function.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use ymir_core::{
    Annotation, Asset, AssetId, BBox, Class, EndCause, Error, ErrorKind, ExecutorInfo, ExecutorRef,
    Flags, Grant, Keypoint, Limits, LogLine, LogSource, MediaType, Name, ObjectType, Parameters,
    PinnedExecutor, Result, Run, RunEnd, RunRequest, RunState, Shape, TaskId, TmiKind, TmiRuntime,
    Visibility, WorkspaceId,
};
use ymir_testkit::conformance::runtime::{RuntimeSuite, ScriptExecutors};
use ymir_tmi::contract::{
    self, ContractTask, DetectionDetails, Item, Prepared, ResultLimits, SampleSet, TaskClass,
    read_inference, read_mining, read_training,
};
use ymir_tmi::{HostDetection, HostExecutor, HostRuntime, HostStage, HostTask};

/// Runs a script with a shell.
#[derive(Debug)]
struct Script(String);

#[async_trait]
impl HostExecutor for Script {
    fn info(&self) -> ExecutorInfo {
        info(&[TmiKind::Training, TmiKind::Mining, TmiKind::Inference])
    }

    async fn run(&self, task: HostTask) -> Result<()> {
        let mut command = tokio::process::Command::new("/bin/sh");
        command.arg("-c").arg(&self.0).kill_on_drop(true);
        command.env("YMIR_ENV_FILE", task.input_dir().join("env.yaml"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id().unwrap();
        let out = pass_on(child.stdout.take().unwrap(), LogSource::Stdout, &task);
        let err = pass_on(child.stderr.take().unwrap(), LogSource::Stderr, &task);
        let term = async {
            task.cancelled().await;
            let kill = tokio::process::Command::new("kill").arg(pid.to_string()).status().await;
            assert!(kill.unwrap().success());
            std::future::pending::<()>().await;
        };
        let ended = async { tokio::join!(out, err, child.wait()).2.unwrap() };
        let status = tokio::select! { status = ended => status, () = term => unreachable!() };
        match status.code() {
            Some(0) => Ok(()),
            code => Err(Error::new(ErrorKind::ExecutorFailed, "the script failed")
                .with("exit_code", code.unwrap_or(-1))),
        }
    }
}

async fn pass_on(stream: impl AsyncRead + Unpin, source: LogSource, task: &HostTask) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = task.log(source, if line.is_empty() { "\n" } else { &line });
    }
}

fn info(kinds: &[TmiKind]) -> ExecutorInfo {
    ExecutorInfo {
        digest: "test 1".to_owned(),
        object_types: vec![ObjectType::Detection],
        templates: kinds.iter().map(|kind| (*kind, Parameters::new())).collect(),
    }
}

/// Makes functions; all of one process share them, as the runs.
#[derive(Debug)]
struct Scripts(Vec<Arc<HostRuntime>>, AtomicUsize);

#[async_trait]
impl ScriptExecutors for Scripts {
    async fn make(&self, script: &str, _manifest: &[(&str, &str)]) -> ExecutorRef {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        let name = Name::new(format!("script{number}")).unwrap();
        let script = Arc::new(Script(script.to_owned()));
        for runtime in &self.0 {
            runtime.register(name.clone(), script.clone()).unwrap();
        }
        format!("host:{name}").parse().unwrap()
    }

    fn missing(&self) -> ExecutorRef {
        "host:nothing".parse().unwrap()
    }
}

async fn suite() -> Option<RuntimeSuite> {
    let (runtime, second) = (Arc::new(HostRuntime::default()), Arc::new(HostRuntime::default()));
    let executors = Scripts(vec![runtime.clone(), second.clone()], AtomicUsize::default());
    Some(RuntimeSuite { runtime, second, executors: Arc::new(executors) })
}

conformance! { suite:
    created_and_started_once, drop_leaves_it_running, ended_run_is_followed, exit_code,
    foreign_executor, foreign_position, handle_is_data, layout_is_what_the_executor_sees,
    logs_are_given_once, logs_resume_while_it_runs, long_line_is_cut, long_logs_are_complete,
    missing_executor, other_digest_is_refused, remove_ends_it, removed_run_is_gone,
    runs_are_listed_and_ended, second_instance_follows_and_stops, side_by_side, states,
    stop_is_heard, stop_kills_the_deaf, success, wait_again,
}

/// A function over a prepared task directory.
struct Case {
    dir: TempDir,
    runtime: HostRuntime,
    executor: ExecutorRef,
    prepared: Prepared,
}

type Body = fn(&HostTask) -> Result<()>;

#[derive(Debug)]
struct Function(Vec<TmiKind>, Body);

#[async_trait]
impl HostExecutor for Function {
    fn info(&self) -> ExecutorInfo {
        info(&self.0)
    }

    async fn run(&self, task: HostTask) -> Result<()> {
        let body = self.1;
        tokio::task::spawn_blocking(move || body(&task)).await.unwrap_or_else(|panic| {
            std::panic::resume_unwind(panic.into_panic());
        })
    }
}

fn asset(number: u8) -> Asset {
    Asset {
        id: AssetId::of(&[number]),
        width: 64,
        height: 48,
        channels: 3,
        byte_size: 1,
        media_type: MediaType::Png,
        file_name: format!("{number}.png"),
        attributes: [("camera".to_owned(), "3".to_owned())].into(),
    }
}

async fn case(kinds: &[TmiKind], body: Body) -> Case {
    let dir = TempDir::new().unwrap();
    let runtime = HostRuntime::default();
    let function = Arc::new(Function(kinds.to_vec(), body));
    let executor = runtime.register(Name::new("f").unwrap(), function).unwrap();
    let task = ContractTask {
        task: TaskId::new("t1").unwrap(),
        kinds: kinds.to_vec(),
        classes: vec![
            TaskClass { id: ymir_core::ClassId(4), name: "cat".to_owned() },
            TaskClass { id: ymir_core::ClassId(2), name: "dog".to_owned() },
        ],
        parameters: [("rate".to_owned(), 0.5.into())].into(),
        executor: runtime.inspect(&executor).await.unwrap(),
        object_type: ObjectType::Detection,
        gpus: 0,
        model_files: vec!["best/weights.bin".to_owned()],
    };
    let layout = runtime.layout(&executor, dir.path());
    let class = |id| ymir_core::Class::Id(ymir_core::ClassId(id));
    let boxes = [
        ymir_core::Annotation::new(class(2), BBox::new(1.25, 2.5, 10.0, 20.0)),
        ymir_core::Annotation::new(class(9), BBox::new(0.0, 0.0, 1.0, 1.0)),
    ];
    let assets = [asset(1), asset(2), asset(3)];
    let items = assets.each_ref().map(|asset| Item { asset, annotations: &boxes });
    let (training, rest) = match kinds.contains(&TmiKind::Training) {
        true => (&items[..], &items[..0]),
        false => (&items[..0], &items[..]),
    };
    // The first asset is in both sets of a training, with other annotations in the second.
    let validation = training.iter().take(1).map(|item| Item { annotations: &[], ..*item });
    let (training, rest) = (training.iter().copied(), rest.iter().copied());
    let prepared = contract::prepare(dir.path(), &layout, &task, training, validation, rest);
    Case { prepared: prepared.unwrap(), dir, runtime, executor }
}

impl Case {
    async fn run(&self) -> (RunEnd, Vec<LogLine>) {
        let run = self.start().await;
        let lines = lines(run.as_ref()).await;
        (ended(run.as_ref()).await, lines)
    }

    async fn start(&self) -> Box<dyn Run> {
        let handle = self.runtime.create(self.request()).await.unwrap();
        self.runtime.start(&handle).await.unwrap();
        self.runtime.attach(&handle, None).await.unwrap()
    }

    fn request(&self) -> RunRequest {
        RunRequest {
            workspace: WorkspaceId::new("w").unwrap(),
            task: TaskId::new("t1").unwrap(),
            unit: 0,
            attempt: 1,
            executor: PinnedExecutor {
                reference: self.executor.clone(),
                digest: "test 1".to_owned(),
            },
            dir: self.dir.path().to_owned(),
            grant: Grant::default(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
        }
    }

    fn monitor(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("out/monitor.txt")).unwrap()
    }
}

async fn lines(run: &dyn Run) -> Vec<LogLine> {
    run.logs().map(|line| line.unwrap().line).collect().await
}

async fn ended(run: &dyn Run) -> RunEnd {
    match run.wait().await.unwrap() {
        RunState::Ended(end) => end,
        state => panic!("the run has ended, not {state:?}"),
    }
}

const OK: (EndCause, Option<i64>) = (EndCause::Exited, Some(0));

fn outcome(end: RunEnd) -> (EndCause, Option<i64>) {
    (end.cause, end.exit_code)
}

/// Says its digest.
#[derive(Debug)]
struct Digest(String);

#[async_trait]
impl HostExecutor for Digest {
    fn info(&self) -> ExecutorInfo {
        ExecutorInfo { digest: self.0.clone(), ..info(&[TmiKind::Mining]) }
    }

    async fn run(&self, task: HostTask) -> Result<()> {
        task.log(LogSource::Stdout, &self.0)
    }
}

/// A task runs the function that it was submitted with, while its name stands for the newest; what
/// was replaced too often is gone.
#[tokio::test]
async fn replaced_functions_are_kept_for_their_tasks() {
    let case = case(&[TmiKind::Mining], |task| task.log(LogSource::Stdout, "test 1")).await;
    let name = Name::new("f").unwrap();
    let replace = |n: u32| {
        let function = Arc::new(Digest(format!("test {n}")));
        case.runtime.register(name.clone(), function).unwrap();
    };
    (2..=65).for_each(replace);
    assert_eq!(case.runtime.inspect(&case.executor).await.unwrap().digest, "test 65");
    let (_, lines) = case.run().await;
    assert!(lines.iter().any(|line| line.text == "test 1"), "{lines:?}");
    replace(66);
    let error = case.runtime.create(case.request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn training_gets_values_and_saves_stages() {
    let case = case(&[TmiKind::Training], |task| {
        assert_eq!(task.kinds(), [TmiKind::Training]);
        assert_eq!(task.class_names(), ["cat", "dog"]);
        assert_eq!(task.parameters()["rate"], 0.5);
        assert!(task.model_files()[0].ends_with("in/models/best/weights.bin"));
        let samples = task.samples(SampleSet::Training)?;
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[0].asset, asset(1));
        assert!(samples[0].path.starts_with(task.input_dir().join("assets")));
        // The class that the task does not have is left out; fractions are exact.
        assert_eq!(samples[0].annotations.len(), 1);
        assert_eq!(samples[0].annotations[0].class, ymir_core::Class::Name("dog".to_owned()));
        assert_eq!(samples[0].annotations[0].bbox, BBox::new(1.25, 2.5, 10.0, 20.0));
        let validation = task.samples(SampleSet::Validation)?;
        assert_eq!((validation.len(), validation[0].annotations.len()), (1, 0));
        assert!(task.samples(SampleSet::Candidates)?.is_empty());

        task.progress(0.5, "half")?;
        let weights = task.models_dir().join("weights.bin");
        for (name, map) in [("one", 0.7), ("two", 0.9), ("three", 0.8)] {
            std::fs::write(&weights, name).unwrap();
            let files = vec!["weights.bin".into()];
            let metrics = [("mAP".to_owned(), map)].into();
            task.save_stage(HostStage { name: name.to_owned(), files, metrics, best: false })?;
        }
        Ok(())
    })
    .await;
    let (end, lines) = case.run().await;
    assert_eq!(outcome(end), OK, "{lines:?}");
    let model = read_training(case.dir.path(), &ResultLimits::default()).unwrap();
    assert_eq!(model.best_stage, "two");
    assert_eq!(model.stages.len(), 3);
    for stage in &model.stages {
        assert_eq!(std::fs::read_to_string(&stage.files[0].host).unwrap(), stage.name);
    }
    assert!(case.monitor().contains("\t0.5\t2\nhalf"), "{}", case.monitor());
}

#[tokio::test]
async fn mining_and_inference_give_results_in_one_run() {
    let case = case(&[TmiKind::Mining, TmiKind::Inference], |task| {
        for (i, sample) in task.samples(SampleSet::Candidates)?.iter().enumerate() {
            task.score(&sample.asset.id, i as f64)?;
            let bbox = BBox::new(1.5, 2.0, 3.0, 4.0);
            task.predict(&sample.asset.id, vec![HostDetection::new("cat".to_owned(), bbox, 0.25)])?;
        }
        Ok(())
    })
    .await;
    let (end, lines) = case.run().await;
    assert_eq!(outcome(end), OK, "{lines:?}");
    let known = |id: &AssetId| case.prepared.assets.iter().any(|(known, _)| known == id);
    let layout = case.runtime.layout(&case.executor, case.dir.path());
    let mined = read_mining(case.dir.path(), &layout, &known).unwrap();
    assert_eq!(mined.len(), 3);
    assert_eq!(mined[0], (asset(3).id, 2.0));
    let found = read_inference(case.dir.path(), &known).unwrap();
    assert_eq!(found.annotations.len(), 3);
    assert_eq!(found.annotations[&asset(1).id][0].bbox, BBox::new(1.5, 2.0, 3.0, 4.0));
}

fn detailed() -> HostDetection {
    let details = DetectionDetails {
        shape: Some(Shape::Polygons(vec![vec![[0.1, 0.2], [4.0, 0.0], [4.0, 4.0]]])),
        keypoints: vec![Keypoint { x: 1.5, y: 2.0, visibility: Visibility::Hidden }],
        quality: Some(0.25),
        flags: Flags { occluded: true, ..Flags::default() },
        attributes: [("colour".to_owned(), "red".to_owned())].into(),
    };
    let bbox = BBox::new(1.0, 2.0, 3.0, 4.0);
    HostDetection { details, ..HostDetection::new("cat".to_owned(), bbox, 0.5) }
}

#[tokio::test]
async fn nothing_of_a_detection_is_lost() {
    let case = case(&[TmiKind::Inference], |task| task.predict(&asset(1).id, vec![detailed()]));
    let case = case.await;
    let (end, lines) = case.run().await;
    assert_eq!(outcome(end), OK, "{lines:?}");
    let found = read_inference(case.dir.path(), &|_| true).unwrap();
    let HostDetection { class_name, bbox, score, details, .. } = detailed();
    let expected = Annotation::new(Class::Name(class_name), bbox).with_score(score);
    assert_eq!(found.annotations[&asset(1).id], [details.on(expected)]);
}

#[tokio::test]
async fn what_is_wrong_fails_the_run_and_is_told() {
    let cases: [(Body, &str); 9] = [
        (|_| Ok(()), "saved no stage"),
        (|_| Err(Error::invalid("the learning rate explodes")), "the learning rate explodes"),
        (|_| panic!("out of bounds"), "out of bounds"),
        (
            |task| {
                let files = vec!["nothing.bin".into()];
                let name = "a".to_owned();
                task.save_stage(HostStage { name, files, ..HostStage::default() })
            },
            "nothing.bin",
        ),
        (
            |task| {
                let stage = HostStage { name: "../up".to_owned(), ..HostStage::default() };
                task.save_stage(stage)
            },
            "must be that of a folder",
        ),
        (
            |task| {
                let bbox = BBox::new(0.0, 0.0, -1.0, 1.0);
                let detection = HostDetection::new("cat".to_owned(), bbox, 0.5);
                task.predict(&asset(1).id, vec![detection])
            },
            "bbox must be finite",
        ),
        (
            |task| {
                let mut found = detailed();
                found.details.quality = Some(f64::NAN);
                task.predict(&asset(1).id, vec![found])
            },
            "the quality of an annotation must be a finite number",
        ),
        (
            |task| {
                let mut found = detailed();
                found.details.keypoints[0].x = f64::INFINITY;
                task.predict(&asset(1).id, vec![found])
            },
            "x and y of a keypoint must be finite",
        ),
        (
            |task| {
                let mut found = detailed();
                found.details.shape = Some(Shape::Polygons(vec![vec![[0.0, f64::NAN]; 3]]));
                task.predict(&asset(1).id, vec![found])
            },
            "the points of a polygon must be finite",
        ),
    ];
    for (body, expected) in cases {
        let case = case(&[TmiKind::Training], body).await;
        let (end, lines) = case.run().await;
        assert_eq!(end.cause, EndCause::Exited);
        assert_ne!(end.exit_code, Some(0));
        assert!(lines.iter().any(|line| line.text.contains(expected)), "{expected}: {lines:?}");
        assert!(case.monitor().contains(expected), "{expected}: {}", case.monitor());
    }
}

#[tokio::test]
async fn a_function_hears_that_it_is_to_end() {
    let case = case(&[TmiKind::Training], |task| {
        std::fs::write(task.output_dir().join("ready"), "").unwrap();
        loop {
            std::thread::sleep(Duration::from_millis(5));
            task.progress(0.1, "")?;
        }
    })
    .await;
    let run = case.start().await;
    wait_for(&case.dir.path().join("out/ready")).await;
    run.stop(Duration::from_secs(30)).await.unwrap();
    assert_eq!(outcome(ended(run.as_ref()).await), (EndCause::Stopped, Some(1)));
}

#[tokio::test]
async fn what_a_thread_gives_after_the_end_is_refused() {
    let case = case(&[TmiKind::Training], |task| {
        std::fs::write(task.output_dir().join("ready"), "").unwrap();
        while !task.output_dir().join("go").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let refused = task.score(&asset(1).id, 1.0).is_err();
        std::fs::write(task.output_dir().join("refused"), refused.to_string()).unwrap();
        Ok(())
    })
    .await;
    let run = case.start().await;
    wait_for(&case.dir.path().join("out/ready")).await;
    run.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(outcome(ended(run.as_ref()).await), (EndCause::Stopped, None));
    let lines = lines(run.as_ref()).await;
    assert!(lines.iter().any(|line| line.text.contains("given up")), "{lines:?}");
    std::fs::write(case.dir.path().join("out/go"), "").unwrap();
    let refused = case.dir.path().join("out/refused");
    wait_for(&refused).await;
    assert_eq!(std::fs::read_to_string(refused).unwrap(), "true");
}

async fn wait_for(path: &Path) {
    for _ in 0..6000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} does not come", path.display());
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused() {
    let runtime = HostRuntime::default();
    let name = || Name::new("f").unwrap();
    let nothing = runtime.register(name(), Arc::new(Function(Vec::new(), |_| Ok(()))));
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
    let error = runtime.inspect(&"host:f".parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("There are: none"), "{error}");
    let both = vec![TmiKind::Inference, TmiKind::Mining];
    runtime.register(name(), Arc::new(Function(both, |_| Ok(())))).unwrap();
    let info = runtime.inspect(&"host:f".parse().unwrap()).await.unwrap();
    assert_eq!(info.templates.len(), 2);
    assert_eq!(info.templates[&TmiKind::Mining]["export_format"], "ymir:raw");
}

/// Names the directory to the process that plays the host.
const HOST_DIR: &str = "YMIR_TEST_HOST_DIR";

/// Not a test: what the process that is killed does.
#[tokio::test]
#[ignore = "started by the test below"]
async fn host() {
    let Some(dir) = std::env::var_os(HOST_DIR) else { return };
    let mut case = case(&[TmiKind::Training], |_| {
        loop {
            std::thread::sleep(Duration::from_millis(50));
        }
    })
    .await;
    let kept = std::mem::replace(&mut case.dir, TempDir::new().unwrap()).keep();
    let mut request = case.request();
    request.dir = kept.clone();
    let handle = case.runtime.create(request).await.unwrap();
    case.runtime.start(&handle).await.unwrap();
    let path = Path::new(&dir).join("handle");
    std::fs::write(path.with_extension("new"), serde_json::to_string(&handle).unwrap()).unwrap();
    std::fs::rename(path.with_extension("new"), path).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_function_is_lost_with_its_process() {
    let dir = TempDir::new().unwrap();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_runtime::host", "--ignored"])
        .env(HOST_DIR, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&dir.path().join("handle")).await;
    let handle = std::fs::read(dir.path().join("handle")).unwrap();
    let handle: ymir_core::RunHandle = serde_json::from_slice(&handle).unwrap();
    let runtime = HostRuntime::default();
    assert_eq!(runtime.state(&handle).await.unwrap(), RunState::Running);
    let error = runtime.attach(&handle, None).await.expect_err("it runs elsewhere");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(runtime.state(&handle).await.unwrap(), RunState::Lost);
    assert_eq!(runtime.attach(&handle, None).await.unwrap_err().kind(), ErrorKind::NotFound);
    runtime.remove(&handle).await.unwrap();
    std::fs::remove_dir_all(&handle.dir).unwrap();
}
