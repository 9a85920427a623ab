//! Tasks that outlive the program that started them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Fixture, fixture_in, options, task_options};
use futures::{StreamExt, TryStreamExt};
use ymir::{
    BranchKind, ErrorKind, LogSource, Name, TaskEvent, TaskEventKind, TaskId, TaskState, TaskStep,
    TrainOptions, Workspace,
};

/// Names the folder of the fixture to the process that plays the host program.
const HOST_DIR: &str = "YMIR_TEST_HOST_DIR";
/// Names the step after whose beginning the host program says that it is ready.
const HOST_STEP: &str = "YMIR_TEST_HOST_STEP";
/// Names the executor of the host program.
const HOST_EXECUTOR: &str = "YMIR_TEST_HOST_EXECUTOR";

/// How many lines the executor writes, ten a second.
const LINES: usize = 20;

fn train_options(fixture: &Fixture) -> TrainOptions {
    let mut task = task_options();
    if let Ok(executor) = std::env::var(HOST_EXECUTOR) {
        task.executor = executor.parse().unwrap();
    }
    task.parameters.insert("lines".to_owned(), LINES.into());
    TrainOptions {
        task,
        classes: fixture.project("p").classes,
        training: fixture.pool,
        validation: fixture.validation,
        pretrained: None,
        stage: None,
        model: Name::new("model").unwrap(),
    }
}

/// Not a test: what the process that is killed does.
#[tokio::test]
#[ignore = "started by the tests below"]
async fn host() {
    let Some(dir) = std::env::var_os(HOST_DIR) else { return };
    let dir = PathBuf::from(dir);
    let step = std::env::var(HOST_STEP).unwrap_or_default();
    let fixture = fixture_in(&dir).await;
    let task = fixture.workspace.start_train(&train_options(&fixture)).await.unwrap();
    let mut events = std::pin::pin!(task.events(0));
    while let Some(event) = events.next().await {
        let reached = match event.unwrap().kind {
            TaskEventKind::Step(reached) => step == format!("{reached:?}"),
            TaskEventKind::Log(line) => {
                step.is_empty() && line.source == LogSource::Stdout && line.text == "line 3"
            }
            _ => false,
        };
        if reached {
            std::fs::write(dir.join("partial"), task.id().unwrap().as_str()).unwrap();
            std::fs::rename(dir.join("partial"), dir.join("ready")).unwrap();
        }
    }
}

/// A host program in a process and session of its own.
struct Host {
    dir: tempfile::TempDir,
    process: Child,
}

impl Host {
    /// Starts one; it is ready when it has entered a step, or written some lines without one.
    fn start(step: &str, executor: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("setsid");
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", "survival::host", "--ignored", "--nocapture"]);
        command.env(HOST_DIR, dir.path()).env(HOST_STEP, step);
        if let Some(executor) = executor {
            command.env(HOST_EXECUTOR, executor);
        }
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        Self { dir, process }
    }

    async fn ready(&self) -> TaskId {
        let path = self.dir.path().join("ready");
        until("the host program is ready", || path.exists()).await;
        std::fs::read_to_string(path).unwrap().parse().unwrap()
    }

    /// Ends the program by a signal.
    fn kill(&mut self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.process.wait().unwrap();
    }

    async fn open(&self) -> Workspace {
        Workspace::open_with(self.root(), options(self.dir.path())).await.unwrap()
    }

    async fn observe(&self) -> Workspace {
        let options = ymir::WorkspaceOptions { observe_tasks: true, ..options(self.dir.path()) };
        Workspace::open_with(self.root(), options).await.unwrap()
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }
}

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within a minute");
}

/// Checks that a task was followed to its end as if its program had not died.
async fn check(workspace: &Workspace, id: &TaskId) {
    let task = workspace.task(id).await.unwrap();
    let made = task.wait().await.unwrap();
    assert_eq!(made.iter().map(ToString::to_string).collect::<Vec<_>>(), ["model@v1"]);
    let versions = workspace.log(BranchKind::Model, "model").await.unwrap();
    assert_eq!(versions.len(), 1, "it is committed once");
    let events: Vec<TaskEvent> = task.events(0).try_collect().await.unwrap();
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let lines: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            TaskEventKind::Log(line) if line.source == LogSource::Stdout => Some(line.text.clone()),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = ["executor starts".to_owned()]
        .into_iter()
        .chain((1..=LINES).map(|line| format!("line {line}")))
        .chain(["executor ends".to_owned()])
        .collect();
    assert_eq!(lines, expected, "each line is there once");
    let ends = events.iter().filter(|event| match event.kind {
        TaskEventKind::State(state) => state.is_final(),
        _ => false,
    });
    assert_eq!(ends.count(), 1);
    let kept = workspace.root().join("tasks").join(id.as_str()).join("out/ymir-executor-out.log");
    assert_eq!(std::fs::read_to_string(kept).unwrap().lines().count(), LINES + 2);
    let status = workspace.scheduler().status(id).await.unwrap();
    assert_eq!((status.state, status.stalled, status.owner), (TaskState::Done, None, None));
}

fn results_are_written(root: &Path, id: &TaskId) -> bool {
    let monitor = root.join("tasks").join(id.as_str()).join("out/monitor.txt");
    std::fs::read_to_string(monitor).is_ok_and(|text| text.contains("\t1.0\t"))
}

#[tokio::test]
async fn a_run_goes_on_after_a_kill_and_is_followed_to_its_end() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    host.kill("-KILL");
    check(&host.open().await, &id).await;
}

#[tokio::test]
async fn a_run_that_ended_meanwhile_is_collected() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    host.kill("-KILL");
    let root = host.root();
    until("the executor ends", || results_are_written(&root, &id)).await;
    check(&host.open().await, &id).await;
}

#[tokio::test]
async fn a_closed_terminal_ends_no_run() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    // What a terminal does when it is closed: its session and its process group are signalled.
    let group = format!("-{}", host.process.id());
    assert!(Command::new("kill").args(["-HUP", "--", &group]).status().unwrap().success());
    host.process.wait().unwrap();
    check(&host.open().await, &id).await;
}

#[tokio::test]
async fn a_task_goes_on_from_whatever_step_its_program_died_in() {
    for step in ["Prepare", "Allocate", "Run", "Collect", "Commit"] {
        let mut host = Host::start(step, None);
        let id = host.ready().await;
        host.kill("-KILL");
        check(&host.open().await, &id).await;
    }
}

#[tokio::test]
async fn of_two_that_open_a_workspace_one_adopts_its_task() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    host.kill("-KILL");
    let (one, two) = tokio::join!(host.open(), host.open());
    tokio::join!(check(&one, &id), check(&two, &id));
}

#[tokio::test]
async fn who_observes_adopts_and_ends_nothing() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    host.kill("-KILL");
    let observer = host.observe().await;
    assert!(!observer.task(&id).await.unwrap().log().await.unwrap().is_empty());
    let root = host.root();
    until("the executor ends", || results_are_written(&root, &id)).await;
    let status = observer.scheduler().status(&id).await.unwrap();
    assert_eq!((status.state, status.step), (TaskState::Running, TaskStep::Run));
    assert_eq!(status.owner, None);
    drop(observer);
    check(&host.open().await, &id).await;
}

#[tokio::test]
async fn a_task_without_an_owner_can_be_cancelled() {
    let mut host = Host::start("", None);
    let id = host.ready().await;
    host.kill("-KILL");
    host.observe().await.task(&id).await.unwrap().cancel().await.unwrap();
    let workspace = host.open().await;
    let error = workspace.task(&id).await.unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(workspace.names(BranchKind::Model).await.unwrap().is_empty());
    let root = host.root();
    assert!(!results_are_written(&root, &id), "its executor was stopped");
}

#[tokio::test]
async fn the_same_work_joins_the_task_that_is_at_it() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = fixture_in(dir.path()).await;
    let options = train_options(&fixture);
    let first = fixture.workspace.start_train(&options).await.unwrap();
    let second = Workspace::open_with(fixture.workspace.root(), crate::common::options(dir.path()));
    let second = second.await.unwrap().start_train(&options).await.unwrap();
    assert_eq!(first.id(), second.id());
    let (first, second) = (first.wait().await.unwrap(), second.wait().await.unwrap());
    assert_eq!(first.version, second.version);
}

#[tokio::test]
async fn a_workspace_that_nobody_holds_leaves_its_runs_going() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = fixture_in(dir.path()).await;
    let task = fixture.workspace.start_train(&train_options(&fixture)).await.unwrap();
    let id = task.id().unwrap().clone();
    let mut events = task.events(0);
    while let Some(event) = events.next().await {
        if matches!(&event.unwrap().kind, TaskEventKind::Log(line) if line.text == "line 3") {
            break;
        }
    }
    let root = fixture.workspace.root().to_owned();
    assert_eq!(fixture.workspace.close().await.unwrap(), std::slice::from_ref(&id));
    drop((events, task, fixture));
    let options = crate::common::options(dir.path());
    check(&Workspace::open_with(&root, options).await.unwrap(), &id).await;
}
