//! Local programs outlive the process that started them, and what is known of them is right
//! whichever process is killed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    EndCause, ErrorKind, Grant, Limits, LogPosition, PinnedExecutor, Run, RunEnd, RunHandle,
    RunRequest, RunState, TaskId, TmiRuntime, WorkspaceId,
};
use ymir_tmi::{LocalOptions, LocalRuntime};

/// Names the task directory to the process that plays the host.
const HOST_DIR: &str = "YMIR_TEST_HOST_DIR";

fn runtime() -> LocalRuntime {
    LocalRuntime::new(LocalOptions::default())
}

/// Makes a task directory with a program.
fn prepare(script: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("in")).unwrap();
    fs::create_dir_all(dir.path().join("out")).unwrap();
    let program = dir.path().join("program");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn request(dir: &Path) -> RunRequest {
    let reference = format!("local:{}", dir.join("program").display()).parse().unwrap();
    let digest = runtime().inspect(&reference).await.unwrap().digest;
    RunRequest {
        workspace: WorkspaceId::new("w").unwrap(),
        task: TaskId::new("t1").unwrap(),
        unit: 0,
        attempt: 1,
        executor: PinnedExecutor { reference, digest },
        dir: dir.to_owned(),
        grant: Grant::default(),
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

async fn start(request: RunRequest) -> RunHandle {
    let handle = runtime().create(request).await.unwrap();
    runtime().start(&handle).await.unwrap();
    handle
}

async fn attach(handle: &RunHandle, from: Option<&LogPosition>) -> Box<dyn Run> {
    runtime().attach(handle, from).await.unwrap()
}

async fn ended(run: &dyn Run) -> RunEnd {
    match run.wait().await.unwrap() {
        RunState::Ended(end) => end,
        state => panic!("the run has ended, not {state:?}"),
    }
}

async fn texts(run: &dyn Run) -> Vec<String> {
    run.logs().map(|line| line.unwrap().line.text).collect().await
}

fn wait_for(path: &Path) {
    for _ in 0..5000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} was not written", path.display());
}

/// Returns the number of a process that the supervisor recorded.
fn pid(dir: &Path, name: &str) -> String {
    let path = dir.join("run").join(name);
    wait_for(&path);
    fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned()
}

fn kill(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
}

async fn until_still(path: PathBuf) {
    let modified = || fs::metadata(&path).unwrap().modified().unwrap();
    for _ in 0..120 {
        let before = modified();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if modified() == before {
            return;
        }
    }
    panic!("{} is still being written", path.display());
}

/// Not a test: what the process that is killed does.
#[tokio::test]
#[ignore = "started by the tests below"]
async fn host() {
    let Some(dir) = std::env::var_os(HOST_DIR) else { return };
    let handle = start(request(Path::new(&dir)).await).await;
    let run = attach(&handle, None).await;
    let first = run.logs().next().await.unwrap().unwrap();
    let note = serde_json::to_string(&(handle, first.position)).unwrap();
    let path = Path::new(&dir).join("note");
    fs::write(path.with_extension("new"), note).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
    run.wait().await.unwrap();
}

/// Starts a run in another process and ends that by a signal; returns what it noted: the handle, and
/// the position behind the first line.
fn killed_host(dir: &Path, signal: &str) -> (RunHandle, LogPosition) {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host", "--ignored"])
        .env(HOST_DIR, dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&dir.join("note"));
    kill(signal, &host.id().to_string());
    host.wait().unwrap();
    serde_json::from_slice(&fs::read(dir.join("note")).unwrap()).unwrap()
}

const WAITING: &str = "echo one; while [ ! -e out/go ]; do sleep 0.05; done; echo two; exit 6";

#[tokio::test]
async fn run_of_a_killed_host_goes_on() {
    for signal in ["-KILL", "-HUP"] {
        let dir = prepare(WAITING);
        let (handle, position) = killed_host(dir.path(), signal);
        assert_eq!(runtime().state(&handle).await.unwrap(), RunState::Running);
        let run = attach(&handle, Some(&position)).await;
        fs::write(dir.path().join("out/go"), "").unwrap();
        assert_eq!(texts(run.as_ref()).await, ["two"]);
        let end = ended(run.as_ref()).await;
        assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(6)));
    }
}

#[tokio::test]
async fn run_that_ended_while_nobody_followed_is_known() {
    let dir = prepare(WAITING);
    let (handle, _) = killed_host(dir.path(), "-KILL");
    fs::write(dir.path().join("out/go"), "").unwrap();
    wait_for(&dir.path().join("run/exit"));
    let run = attach(&handle, None).await;
    assert_eq!(texts(run.as_ref()).await, ["one", "two"]);
    assert_eq!(ended(run.as_ref()).await.exit_code, Some(6));
    // What is there of it is what a second creation finds.
    assert_eq!(runtime().create(request(dir.path()).await).await.unwrap(), handle);
    runtime().start(&handle).await.unwrap();
    assert_eq!(texts(attach(&handle, None).await.as_ref()).await, ["one", "two"]);
}

#[tokio::test]
async fn program_without_its_supervisor_is_followed_and_then_lost() {
    let dir = prepare(WAITING);
    let handle = start(request(dir.path()).await).await;
    let run = attach(&handle, None).await;
    pid(dir.path(), "program.id");
    kill("-KILL", &pid(dir.path(), "supervisor.id"));
    assert_eq!(runtime().state(&handle).await.unwrap(), RunState::Running);
    fs::write(dir.path().join("out/go"), "").unwrap();
    assert_eq!(run.wait().await.unwrap(), RunState::Lost);
    assert_eq!(texts(run.as_ref()).await, ["one", "two"]);
    assert_eq!(runtime().state(&handle).await.unwrap(), RunState::Lost);
    runtime().remove(&handle).await.unwrap();
    assert!(!dir.path().join("run").exists());
}

#[tokio::test]
async fn killed_program_is_told() {
    let dir = prepare("while :; do sleep 0.05; done");
    let handle = start(request(dir.path()).await).await;
    let run = attach(&handle, None).await;
    kill("-KILL", &pid(dir.path(), "program.id"));
    assert_eq!(ended(run.as_ref()).await.cause, EndCause::Signal(9));
}

#[tokio::test]
async fn stop_before_the_start_keeps_it_from_running() {
    let dir = prepare("echo ran > out/ran");
    let handle = runtime().create(request(dir.path()).await).await.unwrap();
    attach(&handle, None).await.stop(Duration::ZERO).await.unwrap();
    runtime().start(&handle).await.unwrap();
    let end = ended(attach(&handle, None).await.as_ref()).await;
    assert_eq!(end.cause, EndCause::Stopped);
    assert!(!dir.path().join("out/ran").exists());
}

#[tokio::test]
async fn too_much_memory_ends_a_followed_run() {
    let dir = prepare("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; sleep 0.1; done");
    let mut request = request(dir.path()).await;
    request.grant.memory = 48 << 20;
    let handle = start(request).await;
    let end = ended(attach(&handle, None).await.as_ref()).await;
    assert_eq!(end.cause, EndCause::OutOfMemory, "{end:?}");
    assert_eq!(runtime().state(&handle).await.unwrap(), RunState::Ended(end));
}

#[tokio::test]
async fn removal_ends_what_has_left_the_group() {
    let dir = prepare(
        "setsid sh -c 'while :; do echo x > out/alive; sleep 0.05; done' &\n\
         while [ ! -e out/alive ]; do sleep 0.05; done",
    );
    let handle = start(request(dir.path()).await).await;
    assert_eq!(ended(attach(&handle, None).await.as_ref()).await.exit_code, Some(0));
    runtime().remove(&handle).await.unwrap();
    until_still(dir.path().join("out/alive")).await;
}

#[tokio::test]
async fn run_of_a_removed_directory_is_listed_and_ended() {
    let dir = prepare("while :; do echo x > out/alive; sleep 0.05; done");
    let handle = start(request(dir.path()).await).await;
    wait_for(&dir.path().join("out/alive"));
    fs::remove_dir_all(dir.path().join("run")).unwrap();
    let id = handle.dir.display().to_string();
    let listed = runtime().list_runs().await.unwrap();
    assert!(listed.iter().any(|run| run.id == id && run.handle.is_none()), "{listed:?}");
    runtime().end_listed(&id).await.unwrap();
    until_still(dir.path().join("out/alive")).await;
    let error = runtime().end_listed("/nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn changed_program_is_refused() {
    let dir = prepare("exit 0");
    let request = request(dir.path()).await;
    fs::write(dir.path().join("program"), "#!/bin/sh\nexit 1\n").unwrap();
    let error = runtime().create(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("submit the task again"), "{error}");
}

#[tokio::test]
async fn directory_of_another_run_is_refused() {
    let dir = prepare("exit 0");
    let first = request(dir.path()).await;
    let second = RunRequest { attempt: 2, ..first.clone() };
    runtime().create(first).await.unwrap();
    let error = runtime().create(second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn process_that_took_the_number_is_spared() {
    let dir = prepare("while :; do sleep 0.05; done");
    let handle = start(request(dir.path()).await).await;
    let program = pid(dir.path(), "program.id");
    kill("-KILL", &pid(dir.path(), "supervisor.id"));
    kill("-KILL", &program);
    // Another process has the number by now, as it were.
    let mut other = Command::new("sleep").arg("1000").spawn().unwrap();
    let path = dir.path().join("run/program.id");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(&program, &other.id().to_string(), 1)).unwrap();
    let run = attach(&handle, None).await;
    assert_eq!(run.wait().await.unwrap(), RunState::Lost);
    run.stop(Duration::ZERO).await.unwrap();
    runtime().remove(&handle).await.unwrap();
    assert!(other.try_wait().unwrap().is_none(), "it has the number, but is another process");
    other.kill().unwrap();
    other.wait().unwrap();
}
