//! The conformance suite for containers, and what only containers have.
#![cfg(feature = "docker")]

#[path = "common/docker.rs"]
mod docker;

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};
use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    EndCause, ErrorKind, ExecutorRef, Grant, Limits, PinnedExecutor, Run, RunEnd, RunHandle,
    RunRequest, RunState, TaskId, TmiRuntime, WorkspaceId,
};
use ymir_testkit::conformance::runtime::RuntimeSuite;
use ymir_tmi::{DockerOptions, DockerRuntime};

conformance!(docker::suite);

const TEMPLATE: (&str, &str) = ("training-template.yaml", "");

async fn request(suite: &RuntimeSuite, dir: &TempDir, task: &str, script: &str) -> RunRequest {
    for folder in ["in", "out"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let reference = suite.executors.make(script, &[TEMPLATE]).await;
    RunRequest {
        workspace: WorkspaceId::new("docker_tests").unwrap(),
        task: TaskId::new(task).unwrap(),
        unit: 0,
        attempt: 1,
        executor: pinned(suite, reference).await,
        dir: dir.path().to_owned(),
        grant: Grant { gpus: Vec::new(), cpus: 1, memory: 0 },
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

async fn pinned(suite: &RuntimeSuite, reference: ExecutorRef) -> PinnedExecutor {
    let digest = suite.runtime.inspect(&reference).await.unwrap().digest;
    PinnedExecutor { reference, digest }
}

async fn start(suite: &RuntimeSuite, request: &RunRequest) -> RunHandle {
    let handle = suite.runtime.create(request.clone()).await.unwrap();
    suite.runtime.start(&handle).await.unwrap();
    handle
}

/// Runs to the end and removes the run.
async fn run(suite: &RuntimeSuite, request: &RunRequest) -> (RunEnd, Vec<String>) {
    let handle = start(suite, request).await;
    let run = suite.runtime.attach(&handle, None).await.unwrap();
    let lines = run.logs().map(|line| line.unwrap().line.text).collect().await;
    let end = ended(run.as_ref()).await;
    suite.runtime.remove(&handle).await.unwrap();
    (end, lines)
}

async fn ended(run: &dyn Run) -> RunEnd {
    match run.wait().await.unwrap() {
        RunState::Ended(end) => end,
        state => panic!("the run has ended, not {state:?}"),
    }
}

async fn engine() -> bollard::Docker {
    docker::engine(&docker::options()).await.unwrap()
}

async fn containers(label: &str) -> usize {
    let filters = [("label".to_owned(), vec![label.to_owned()])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    engine().await.list_containers(Some(options)).await.unwrap().len()
}

async fn look_up(handle: &RunHandle) -> ContainerInspectResponse {
    let container = handle.data["container"].as_str().unwrap();
    let engine = engine().await;
    engine.inspect_container(container, None::<InspectContainerOptions>).await.unwrap()
}

#[tokio::test]
async fn too_much_memory_is_told() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
    let mut request = request(&suite, &dir, "memory", script).await;
    request.grant.memory = 32 << 20;
    let (end, _) = run(&suite, &request).await;
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
    let (end, strict) = run(&suite, &request).await;
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
    let (_, loose) = run(&suite, &request).await;
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
        // The engine finds out at the one or the other.
        let error = match suite.runtime.create(request).await {
            Err(error) => error,
            Ok(handle) => {
                let error = suite.runtime.start(&handle).await.expect_err("it cannot be granted");
                assert_eq!(suite.runtime.state(&handle).await.unwrap(), RunState::Created);
                suite.runtime.remove(&handle).await.unwrap();
                error
            }
        };
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{grant:?}: {error}");
    }
    assert_eq!(containers("ymir.task=grants").await, 0);
}

/// A host that shuts down, or is killed, leaves the container running; the next one follows it.
#[test]
fn container_outlives_its_host() {
    let host = || tokio::runtime::Runtime::new().unwrap();
    let dir = TempDir::new().unwrap();
    let script = "echo one; while [ ! -e /out/go ]; do sleep 0.05; done; echo two; exit 4";
    let doomed = host();
    let started = doomed.block_on(async {
        let suite = docker::suite().await?;
        let request = request(&suite, &dir, "outlives", script).await;
        let handle = start(&suite, &request).await;
        let run = suite.runtime.attach(&handle, None).await.unwrap();
        let first = run.logs().next().await.unwrap().unwrap();
        Some((handle, run, first))
    });
    let Some((handle, run, first)) = started else { return };
    drop(doomed);
    drop(run);
    host().block_on(async {
        let suite = docker::suite_on(&docker::options()).await;
        assert_eq!(suite.runtime.state(&handle).await.unwrap(), RunState::Running);
        let run = suite.runtime.attach(&handle, Some(&first.position)).await.unwrap();
        std::fs::write(dir.path().join("out/go"), "").unwrap();
        let lines: Vec<_> = run.logs().map(|line| line.unwrap().line.text).collect().await;
        assert_eq!(lines, ["two"]);
        assert_eq!(ended(run.as_ref()).await.exit_code, Some(4));
        suite.runtime.remove(&handle).await.unwrap();
        assert_eq!(containers("ymir.task=outlives").await, 0);
    });
}

#[tokio::test]
async fn image_of_the_submission_runs_whatever_its_tag_means() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let mut first = request(&suite, &dir, "retagged", "echo first").await;
    let second = suite.executors.make("echo second", &[TEMPLATE]).await;
    let second = pinned(&suite, second).await;
    let tag = || TagImageOptionsBuilder::default().repo("ymir-conformance").tag("moving").build();
    first.executor.reference = "docker:ymir-conformance:moving".parse().unwrap();
    engine().await.tag_image(&second.digest, Some(tag())).await.unwrap();
    let (_, lines) = run(&suite, &first).await;
    assert_eq!(lines, ["first"], "the digest counts, not the name");
    // The first image is gone: its name means the second, which is not what was submitted.
    first.executor.digest = format!("sha256:{}", "0".repeat(64));
    let error = suite.runtime.create(first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let none = None::<RemoveImageOptions>;
    engine().await.remove_image("ymir-conformance:moving", none, None).await.unwrap();
}

#[tokio::test]
async fn container_removed_by_hand_is_lost() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let request = request(&suite, &dir, "by_hand", "sleep 1000").await;
    let handle = start(&suite, &request).await;
    let run = suite.runtime.attach(&handle, None).await.unwrap();
    let found = look_up(&handle).await;
    assert_eq!(found.name.as_deref(), Some("/ymir-docker_tests-by_hand-0-1"));
    assert_eq!(found.host_config.unwrap().init, Some(true));
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    engine().await.remove_container(&found.id.unwrap(), Some(force)).await.unwrap();
    assert_eq!(run.wait().await.unwrap(), RunState::Lost);
    assert_eq!(suite.runtime.state(&handle).await.unwrap(), RunState::Lost);
    assert_eq!(run.logs().count().await, 0);
    let error = suite.runtime.attach(&handle, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    suite.runtime.remove(&handle).await.unwrap();
}

#[tokio::test]
async fn only_what_is_ours_is_listed_and_ended() {
    let Some(suite) = docker::suite().await else { return };
    let executor = suite.executors.make("exit 0", &[TEMPLATE]).await;
    let make = async |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let body = ContainerCreateBody {
            image: Some(executor.target.clone()),
            labels: Some(labels.collect()),
            ..ContainerCreateBody::default()
        };
        let none = None::<CreateContainerOptions>;
        engine().await.create_container(none, body).await.unwrap().id
    };
    let user = rustix::process::geteuid().as_raw().to_string();
    let inspection = make(&[("ymir.inspect", "image"), ("ymir.user", &user)]).await;
    let foreign = make(&[("ymir.task", "t"), ("ymir.user", "4711")]).await;
    let other = make(&[("com.example", "x")]).await;
    let listed = suite.runtime.list_runs().await.unwrap();
    let of = |id: &str| listed.iter().find(|run| run.id == id);
    assert!(of(&inspection).is_some_and(|run| run.handle.is_none() && !run.running));
    assert!(of(&foreign).is_none() && of(&other).is_none());
    suite.runtime.end_listed(&inspection).await.unwrap();
    suite.runtime.end_listed(&inspection).await.expect("it is gone");
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    for id in [foreign, other] {
        let error = suite.runtime.end_listed(&id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        engine().await.remove_container(&id, Some(force.clone())).await.unwrap();
    }
}

#[tokio::test]
async fn term_reaches_a_command_of_a_shell() {
    let Some(suite) = docker::suite().await else { return };
    let dir = TempDir::new().unwrap();
    let request = request(&suite, &dir, "init", "echo > /out/ready; sleep 1000").await;
    let handle = start(&suite, &request).await;
    while !dir.path().join("out/ready").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let run = suite.runtime.attach(&handle, None).await.unwrap();
    run.stop(Duration::from_secs(1000)).await.unwrap();
    let end = ended(run.as_ref()).await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Stopped, Some(143)));
    suite.runtime.remove(&handle).await.unwrap();
}

/// An inspection leaves no container, also if nobody waits for its answer.
#[tokio::test]
async fn inspection_leaves_no_container() {
    let Some(suite) = docker::suite().await else { return };
    let executor = suite.executors.make("echo inspected", &[TEMPLATE]).await;
    for _ in 0..5 {
        let inspection = suite.runtime.inspect(&executor);
        let _ = tokio::time::timeout(Duration::from_millis(2), inspection).await;
    }
    let label = format!("ymir.inspect={}", executor.target);
    for _ in 0..500 {
        if containers(&label).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a container is left");
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
