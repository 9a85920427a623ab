//! Workspaces: opened several times, left, killed and damaged while tasks run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Fixture, fixture, task_options};
use futures::StreamExt;
use ymir::{ErrorKind, Name, Task, TaskEventKind, TaskState, TrainOptions, Workspace};

/// Names the folder of the fixture's copy to the process that plays the host.
const HOST_DIR: &str = "YMIR_TEST_HOST_DIR";

fn train_options(fixture: &Fixture, fail: &str) -> TrainOptions {
    let mut task = task_options();
    task.resources.cpus = 1;
    task.parameters.insert("fail".to_owned(), fail.into());
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

/// Waits until the executor of a task has written its first line.
async fn runs(task: &Task) {
    let mut events = task.events(0);
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, TaskEventKind::Log(_)) {
            return;
        }
    }
    panic!("the task ended");
}

fn task_dir(workspace: &Workspace, task: &Task) -> PathBuf {
    workspace.root().join("tasks").join(task.id().unwrap().as_str())
}

/// Returns whether the executor that the runtime noted in a task directory is there.
fn executor_is_alive(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn executor_pid(dir: &Path) -> i64 {
    let note = std::fs::read(dir.join("run.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&note).unwrap()["executor"]["pid"].as_i64().unwrap()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within 20 s");
}

#[tokio::test]
async fn a_workspace_that_nobody_holds_ends_its_tasks() {
    let fixture = fixture().await;
    let task = fixture.workspace.train(&train_options(&fixture, "hang")).await.unwrap();
    runs(&task).await;
    let (id, dir) = (task.id().unwrap().clone(), task_dir(&fixture.workspace, &task));
    let pid = executor_pid(&dir);
    let root = fixture.workspace.root().to_owned();
    drop((task, fixture.workspace));
    until("the executor ends", || !executor_is_alive(pid)).await;
    let workspace = Workspace::open(&root).await.unwrap();
    let status = workspace.task(&id).await.unwrap().status().await.unwrap().unwrap();
    assert_eq!(status.state, TaskState::Failed);
    assert_eq!(status.error.unwrap().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_second_handle_sees_follows_and_stops_the_tasks_of_the_first() {
    let fixture = fixture().await;
    let hanging = fixture.workspace.train(&train_options(&fixture, "hang")).await.unwrap();
    runs(&hanging).await;
    let second = Workspace::open(fixture.workspace.root()).await.unwrap();
    assert_eq!(second.warnings(), &[] as &[String]);
    let seen = second.task(hanging.id().unwrap()).await.unwrap();
    assert_eq!(seen.status().await.unwrap().unwrap().state, TaskState::Running);
    // Tasks that are made at once by both have ids of their own.
    let options = train_options(&fixture, "train");
    let made = futures::future::join_all((0..20).map(|n| match n % 2 {
        0 => fixture.workspace.train(&options),
        _ => second.train(&options),
    }));
    let made: Vec<_> = made.await.into_iter().map(|task| task.unwrap()).collect();
    for task in &made {
        assert_eq!(task.wait().await.unwrap_err().kind(), ErrorKind::ExecutorFailed);
    }
    seen.cancel().await.unwrap();
    let last = seen.events(0).map(|event| event.unwrap()).collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.kind, TaskEventKind::State(TaskState::Terminated));
    assert_eq!(hanging.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_damaged_database_of_tasks_is_told_of_once_and_loses_no_dataset() {
    let fixture = fixture().await;
    let root = fixture.workspace.root().to_owned();
    assert_eq!(fixture.workspace.warnings(), &[] as &[String]);
    drop(fixture.workspace);
    let database = root.join("state/tasks.sqlite");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(root.join(format!("state/tasks.sqlite{suffix}")));
    }
    std::fs::write(&database, vec![7; 8192]).unwrap();
    let workspace = Workspace::open(&root).await.unwrap();
    assert_eq!(workspace.warnings().len(), 1, "{:?}", workspace.warnings());
    assert!(workspace.warnings()[0].contains("tasks.sqlite.corrupt-1"));
    assert_eq!(workspace.dataset("pool").await.unwrap().len(), 12);
    drop(workspace);
    assert_eq!(Workspace::open(&root).await.unwrap().warnings(), &[] as &[String]);
}

/// Not a test: what the process that is killed does.
#[tokio::test]
#[ignore = "started by the test below"]
async fn host() {
    let Some(dir) = std::env::var_os(HOST_DIR) else { return };
    let fixture = fixture().await;
    let task = fixture.workspace.train(&train_options(&fixture, "hang")).await.unwrap();
    runs(&task).await;
    let text = format!("{}\n{}", fixture.workspace.root().display(), task.id().unwrap());
    std::fs::write(Path::new(&dir).join("partial"), text).unwrap();
    std::fs::rename(Path::new(&dir).join("partial"), Path::new(&dir).join("ready")).unwrap();
    task.wait().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_running_is_ended_when_the_workspace_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workspace::host", "--ignored"])
        .env(HOST_DIR, dir.path())
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the host runs its task", || dir.path().join("ready").exists()).await;
    let ready = std::fs::read_to_string(dir.path().join("ready")).unwrap();
    let (root, id) = ready.split_once('\n').unwrap();
    let pid = executor_pid(&Path::new(root).join("tasks").join(id));
    // While it lives, its task goes on whoever opens the workspace.
    let beside = Workspace::open(root).await.unwrap();
    assert!(executor_is_alive(pid));
    drop(beside);
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(executor_is_alive(pid), "the executor outlives its host");
    let workspace = Workspace::open(root).await.unwrap();
    assert!(!executor_is_alive(pid), "it was ended");
    assert_eq!(workspace.warnings(), &[] as &[String]);
    let status = workspace.scheduler().status(&id.parse().unwrap()).await.unwrap();
    assert_eq!(status.state, TaskState::Failed);
}
