//! Runs while their engine is killed and restarted. The engine is a private one, with a socket and
//! directories of its own; the tests need root and `dockerd`, and YMIR_TEST_DOCKERD=1.
#![cfg(feature = "docker")]

#[path = "it/common/docker.rs"]
mod docker;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    EndCause, ErrorKind, Grant, Limits, PinnedExecutor, RunRequest, RunState, TaskId, WorkspaceId,
};
use ymir_testkit::conformance::runtime::RuntimeSuite;
use ymir_tmi::DockerOptions;

/// An engine of the test's own.
struct Engine {
    dir: TempDir,
    arguments: &'static [&'static str],
    process: Option<Child>,
}

impl Engine {
    /// Starts one; nothing where that is not allowed.
    async fn start(arguments: &'static [&'static str]) -> Option<Self> {
        if std::env::var_os("YMIR_TEST_DOCKERD").is_none_or(|value| value != "1") {
            docker::skip("YMIR_TEST_DOCKERD is not 1: no engine may be restarted");
            return None;
        }
        let mut engine = Self { dir: TempDir::new().unwrap(), arguments, process: None };
        engine.up().await;
        docker::base(&docker::engine(&engine.options()).await.unwrap()).await.unwrap();
        Some(engine)
    }

    fn options(&self) -> DockerOptions {
        DockerOptions { socket: self.dir.path().join("socket"), ..DockerOptions::default() }
    }

    async fn up(&mut self) {
        for _ in 0..1200 {
            let exited = |process: &mut Child| process.try_wait().unwrap().is_some();
            // One that finds the last one's containerd still dying gives up, and is tried again.
            if self.process.as_mut().is_none_or(exited) {
                self.process = Some(self.spawn());
            }
            if docker::engine(&self.options()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{}", std::fs::read_to_string(self.dir.path().join("log")).unwrap());
    }

    fn spawn(&self) -> Child {
        let at = |name: &str| self.dir.path().join(name);
        // The one before left it; its number may be another process's.
        let _ = std::fs::remove_file(at("pid"));
        let log = std::fs::File::options().create(true).append(true).open(at("log")).unwrap();
        // In a network of its own: an engine without a bridge removes that of the host's engine.
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "dockerd"]);
        command.arg("--host").arg(format!("unix://{}", at("socket").display()));
        command.arg("--data-root").arg(at("data")).arg("--exec-root").arg(at("exec"));
        command.arg("--pidfile").arg(at("pid")).args(["--bridge=none", "--iptables=false"]);
        command.args(self.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log).spawn().expect("dockerd")
    }

    fn down(&mut self, signal: &str) {
        if let Some(mut process) = self.process.take() {
            Command::new("kill").arg(signal).arg(process.id().to_string()).status().unwrap();
            process.wait().unwrap();
        }
        self.wait_for_containerd();
    }

    /// Waits until the engine's containerd has gone with it: the next engine would take it for one
    /// that it can use.
    fn wait_for_containerd(&self) {
        let pid = std::fs::read_to_string(self.dir.path().join("exec/containerd/containerd.pid"));
        let Ok(pid) = pid else { return };
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        for _ in 0..500 {
            if stat().is_ok_and(|stat| stat.contains("(containerd)") && !stat.contains(") Z")) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.down("-TERM");
    }
}

const SCRIPT: &str = "for i in 1 2 3; do echo $i; done; echo > /out/begun\n\
                      while [ ! -e /out/go ]; do sleep 0.05; done\n\
                      for i in 4 5 6; do echo $i; done; echo > /out/said\n\
                      while [ ! -e /out/end ]; do sleep 0.05; done\n\
                      echo 7; exit 3";

async fn request(suite: &RuntimeSuite, dir: &Path) -> RunRequest {
    for folder in ["in", "out"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let reference = suite.executors.make(SCRIPT, &[("training-template.yaml", "")]).await;
    let digest = suite.runtime.inspect(&reference).await.unwrap().digest;
    RunRequest {
        workspace: WorkspaceId::new("restart").unwrap(),
        task: TaskId::new("t").unwrap(),
        unit: 0,
        attempt: 1,
        executor: PinnedExecutor { reference, digest },
        dir: dir.to_owned(),
        grant: Grant { gpus: Vec::new(), cpus: 1, memory: 0 },
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

async fn wait_for(path: &Path) {
    for _ in 0..2000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} was not written", path.display());
}

/// With live-restore the run goes on while the engine is away. It is followed through that: by who
/// waited, and by who comes later.
#[tokio::test(flavor = "multi_thread")]
async fn run_goes_on_without_its_engine() {
    let Some(mut engine) = Engine::start(&["--live-restore"]).await else { return };
    let suite = docker::suite_on(&engine.options()).await;
    let dir = TempDir::new().unwrap();
    let handle = suite.runtime.create(request(&suite, dir.path()).await).await.unwrap();
    suite.runtime.start(&handle).await.unwrap();
    let run = suite.runtime.attach(&handle, None).await.unwrap();
    let mut logs = run.logs();
    let mut lines: Vec<_> = logs.by_ref().take(3).map(Result::unwrap).collect().await;

    engine.down("-KILL");
    let error = suite.runtime.state(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    std::fs::write(dir.path().join("out/go"), "").unwrap();
    wait_for(&dir.path().join("out/said")).await;
    engine.up().await;
    assert_eq!(suite.runtime.state(&handle).await.unwrap(), RunState::Running);
    let position = lines.last().unwrap().position.clone();
    let later = suite.second.attach(&handle, Some(&position)).await.unwrap();
    std::fs::write(dir.path().join("out/end"), "").unwrap();

    let RunState::Ended(end) = run.wait().await.unwrap() else { panic!("it has ended") };
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(3)));
    lines.extend(logs.map(Result::unwrap).collect::<Vec<_>>().await);
    let texts: Vec<_> = lines.iter().map(|line| line.line.text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3", "4", "5", "6", "7"]);
    let rest: Vec<_> = later.logs().map(|line| line.unwrap().line.text).collect().await;
    assert_eq!(rest, ["4", "5", "6", "7"]);
    suite.runtime.remove(&handle).await.unwrap();
}

/// Without live-restore an engine ends its containers; that is what it says when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn run_that_ended_with_its_engine_has_ended() {
    for signal in ["-TERM", "-KILL"] {
        let Some(mut engine) = Engine::start(&[]).await else { return };
        let suite = docker::suite_on(&engine.options()).await;
        let dir = TempDir::new().unwrap();
        let handle = suite.runtime.create(request(&suite, dir.path()).await).await.unwrap();
        suite.runtime.start(&handle).await.unwrap();
        let run = suite.runtime.attach(&handle, None).await.unwrap();
        wait_for(&dir.path().join("out/begun")).await;
        engine.down(signal);
        engine.up().await;
        let RunState::Ended(end) = run.wait().await.unwrap() else { panic!("it has ended") };
        assert_ne!(end.exit_code, Some(0), "{end:?}");
        assert_eq!(suite.second.state(&handle).await.unwrap(), RunState::Ended(end));
        let texts: Vec<_> = run.logs().map(|line| line.unwrap().line.text).collect().await;
        assert_eq!(texts, ["1", "2", "3"]);
        suite.runtime.remove(&handle).await.unwrap();
    }
}
