//! The conformance suite for containers, and what only containers have.
#![cfg(feature = "docker")]

#[path = "common/docker.rs"]
mod docker;

use std::collections::BTreeMap;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptionsBuilder};
use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    EndCause, ErrorKind, Grant, Limits, Run, RunEnd, RunRequest, TaskId, TmiRuntime, WorkspaceId,
};
use ymir_testkit::conformance::runtime::RuntimeSuite;
use ymir_tmi::{DockerOptions, DockerRuntime};

conformance!(docker::suite);

async fn request(suite: &RuntimeSuite, dir: &TempDir, task: &str, script: &str) -> RunRequest {
    for folder in ["in", "out"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    RunRequest {
        workspace: WorkspaceId::new("docker_tests").unwrap(),
        task: TaskId::new(task).unwrap(),
        executor: suite.executors.make(script, &[]).await,
        dir: dir.path().to_owned(),
        grant: Grant { gpus: Vec::new(), cpus: 1, memory: 0 },
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

async fn finish(run: Box<dyn Run>) -> (RunEnd, Vec<String>) {
    let lines = run.logs().map(|line| line.text).collect().await;
    (run.wait().await.unwrap(), lines)
}

async fn containers(task: &str) -> usize {
    let filters = [("label".to_owned(), vec![format!("ymir.task={task}")])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    docker::engine().await.unwrap().list_containers(Some(options)).await.unwrap().len()
}

#[tokio::test]
async fn too_much_memory_is_told() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
    let mut request = request(&suite, &dir, "memory", script).await;
    request.grant.memory = 32 << 20;
    let (end, _) = finish(suite.runtime.start(request).await.unwrap()).await;
    assert_eq!(end.cause, EndCause::OutOfMemory, "{end:?}");
}

#[tokio::test]
async fn limits_are_strict_unless_loosened() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let script = "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; ls /sys/class/net | wc -l; \
                  df -k /dev/shm | tail -1 | awk '{print $2}'; cat /sys/fs/cgroup/pids/pids.max \
                  /sys/fs/cgroup/pids.max 2>/dev/null";
    let mut request = request(&suite, &dir, "limits", script).await;
    request.limits.pids = 77;
    let (end, strict) = finish(suite.runtime.start(request.clone()).await.unwrap()).await;
    assert_eq!(end.cause, EndCause::Exited);
    let uid = rustix::process::getuid().as_raw().to_string();
    assert_eq!(strict[0], uid);
    assert_eq!(strict[1], "CapEff:\t0000000000000000");
    assert_eq!(strict[2], "NoNewPrivs:\t1");
    assert_eq!(strict[3], "1", "only the loopback device");
    assert_eq!(strict[4], (16 << 20).to_string(), "16 GiB of shared memory");
    assert_eq!(strict.get(5).map(String::as_str), Some("77"));

    let limits = &mut request.limits;
    (limits.network, limits.capabilities, limits.image_user) = (true, true, true);
    limits.shared_memory = 1 << 20;
    let (_, loose) = finish(suite.runtime.start(request).await.unwrap()).await;
    assert_eq!(loose[0], "0");
    assert_ne!(loose[1], strict[1]);
    assert_eq!(loose[2], "NoNewPrivs:\t1");
    assert_ne!(loose[3], "1");
    assert_eq!(loose[4], "1024");
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let request = request(&suite, &dir, "grants", "exit 0").await;
    let grants = [
        Grant { cpus: 100_000, ..Grant::default() },
        Grant {
            gpus: vec!["GPU-00000000-0000-0000-0000-000000000000".to_owned()],
            ..Grant::default()
        },
        Grant { memory: 1000, ..Grant::default() },
    ];
    for grant in grants {
        let request = RunRequest { grant: grant.clone(), ..request.clone() };
        let error = suite.runtime.start(request).await.expect_err("it cannot be granted");
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{grant:?}: {error}");
    }
    assert_eq!(containers("grants").await, 0);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let request = request(&suite, &dir, "leftover", "echo done").await;
    // A container of the same task, of a process that died.
    let labels = [("ymir.workspace", "docker_tests"), ("ymir.task", "leftover")];
    let body = ContainerCreateBody {
        image: Some(request.executor.target.clone()),
        cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        ..ContainerCreateBody::default()
    };
    let engine = docker::engine().await.unwrap();
    let leave_one = async || {
        let create = engine.create_container(None::<CreateContainerOptions>, body.clone());
        let stale = create.await.unwrap();
        let none = None::<bollard::query_parameters::StartContainerOptions>;
        engine.start_container(&stale.id, none).await.unwrap();
        assert_eq!(containers("leftover").await, 1);
    };
    leave_one().await;
    let end = || suite.runtime.end_left_behind(&request.workspace, &request.task, &request.dir);
    end().await.unwrap();
    assert_eq!(containers("leftover").await, 0);
    end().await.expect("nothing is left");
    leave_one().await;
    let run = suite.runtime.start(request.clone()).await.unwrap();
    assert!(containers("leftover").await <= 1, "the stale one is gone");
    let (end, lines) = finish(run).await;
    assert_eq!((end.exit_code, lines), (Some(0), vec!["done".to_owned()]));
    assert_eq!(containers("leftover").await, 0);
}

/// A runtime that shuts down while an executor runs takes the container with it.
#[test]
fn shutdown_of_the_host_ends_it() {
    let host = || tokio::runtime::Runtime::new().unwrap();
    let task = "shutdown";
    let dir = TempDir::new().unwrap();
    let doomed = host();
    let run = doomed.block_on(async {
        let suite = docker::suite().await?;
        let request = request(&suite, &dir, task, "sleep 1000").await;
        Some(suite.runtime.start(request).await.unwrap())
    });
    let Some(run) = run else { return };
    drop(doomed);
    drop(run);
    assert_eq!(host().block_on(containers(task)), 0);
}

#[tokio::test]
async fn image_without_manifest_is_no_executor() {
    let Some(suite) = docker::suite().await else { return };
    let executor = suite.executors.make("exit 0", &[]).await;
    let error = suite.runtime.inspect(&executor).await.expect_err("it has no /img-man");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("/img-man"), "{error}");
}

#[tokio::test]
async fn engine_that_is_not_there_is_unavailable() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("docker.sock");
    let options = DockerOptions { socket, ..DockerOptions::default() };
    let error = DockerRuntime::connect(options.clone()).await.expect_err("there is no engine");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let executor = "docker:some/image".parse().unwrap();
    let error = DockerRuntime::new(options).inspect(&executor).await.expect_err("no engine");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("start Docker"), "{error}");
}
