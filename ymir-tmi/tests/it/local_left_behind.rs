//! What a killed host leaves running is ended by the next start of the task, or when asked for, and
//! nothing else is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use ymir_core::{EndCause, ErrorKind, Grant, Limits, RunRequest, TaskId, TmiRuntime, WorkspaceId};
use ymir_tmi::{LocalOptions, LocalRuntime};

/// Names the task directory to the process that plays the host.
const HOST_DIR: &str = "YMIR_TEST_HOST_DIR";

fn request(dir: &Path) -> RunRequest {
    RunRequest {
        workspace: WorkspaceId::new("w").unwrap(),
        task: TaskId::new("t1").unwrap(),
        executor: format!("local:{}", dir.join("program").display()).parse().unwrap(),
        dir: dir.to_owned(),
        grant: Grant::default(),
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

/// The first run leaves a deaf child of its own behind; the second one ends at once.
fn prepare() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("in")).unwrap();
    fs::create_dir_all(dir.path().join("out")).unwrap();
    let program = dir.path().join("program");
    let script = "#!/bin/sh\n[ -e out/alive ] && exit 6\n\
                  trap '' TERM HUP\n\
                  setsid sh -c 'while :; do echo x > out/alive; sleep 0.05; done' &\n\
                  while :; do echo x > out/leader; sleep 0.05; done\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn wait_for(path: &Path) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} was not written", path.display());
}

fn is_still(path: PathBuf) -> bool {
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    fs::metadata(&path).unwrap().modified().unwrap() == before
}

/// Not a test: what the process that is killed does.
#[tokio::test]
#[ignore = "started by the test below"]
async fn host() {
    let Some(dir) = std::env::var_os(HOST_DIR) else { return };
    let runtime = LocalRuntime::new(LocalOptions::default());
    let run = runtime.start(request(Path::new(&dir))).await.unwrap();
    run.wait().await.unwrap();
}

#[tokio::test]
async fn run_of_a_killed_host_is_ended_by_the_next_start() {
    run_of_a_killed_host(false).await;
}

#[tokio::test]
async fn run_of_a_killed_host_is_ended_when_asked_for() {
    run_of_a_killed_host(true).await;
}

async fn run_of_a_killed_host(asked: bool) {
    let dir = prepare();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "local_left_behind::host", "--ignored"])
        .env(HOST_DIR, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (alive, leader) = (dir.path().join("out/alive"), dir.path().join("out/leader"));
    wait_for(&alive);
    wait_for(&leader);

    // While the host lives, its run is not ours to end.
    let runtime = LocalRuntime::new(LocalOptions::default());
    let error = runtime.start(request(dir.path())).await.expect_err("it is being run");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let (workspace, task) = (WorkspaceId::new("w").unwrap(), TaskId::new("t1").unwrap());
    let end = || runtime.end_left_behind(&workspace, &task, dir.path());
    assert_eq!(end().await.expect_err("it is being run").kind(), ErrorKind::Conflict);
    assert!(!is_still(leader.clone()));

    host.kill().unwrap();
    host.wait().unwrap();
    assert!(!is_still(leader.clone()), "the executor outlives its host");
    if asked {
        end().await.unwrap();
        assert!(is_still(leader.clone()) && is_still(alive.clone()));
        end().await.expect("nothing is left");
    }
    let run = runtime.start(request(dir.path())).await.unwrap();
    let end = run.wait().await.unwrap();
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(6)));
    assert!(is_still(leader), "the executor was ended");
    assert!(is_still(alive), "its child was ended, though it had left the group");
}

#[tokio::test]
async fn process_that_took_the_number_is_spared() {
    let dir = prepare();
    fs::write(dir.path().join("out/alive"), "").unwrap();
    let mut other = Command::new("sleep").arg("1000").spawn().unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let process =
        |pid: u32, start: u64| serde_json::json!({"pid": pid, "start": start, "boot": boot.trim()});
    let record = serde_json::json!({
        "workspace": "w", "task": "t1",
        "host": process(other.id(), 1), "executor": process(other.id(), 1),
    });
    fs::write(dir.path().join("run.json"), record.to_string()).unwrap();
    let runtime = LocalRuntime::new(LocalOptions::default());
    let run = runtime.start(request(dir.path())).await.unwrap();
    assert_eq!(run.wait().await.unwrap().exit_code, Some(6));
    assert!(other.try_wait().unwrap().is_none(), "it has the number, but is another process");
    other.kill().unwrap();
    other.wait().unwrap();
}
