//! Several schedulers on one database, and processes that die.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use ymir_core::{ErrorKind, Resources, Scheduler, TaskEventKind, TaskState, TaskStep};
use ymir_testkit::conformance::scheduler::GPUS;
use ymir_testkit::double::ScriptedWork;
use ymir_tmi::gpu::{DeviceId, LeaseDir};

use super::common::{ended, holding, id, open, request, submit, until_end};

/// Names the directory to the child process.
const CHILD: &str = "YMIR_TEST_SCHEDULER_CHILD";

/// Not a test: what [`Victim`] runs in another process. It holds all resources and more tasks.
#[tokio::test]
#[ignore = "run by other tests as a child process"]
async fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = Path::new(&dir);
    let scheduler = open(dir);
    let all = Resources { gpus: GPUS, ..Resources::default() };
    let work = std::sync::Arc::new(holding().reporting(&[0.5], 3));
    scheduler.submit(request("runs", all), work.clone()).await.expect("submitted");
    work.entered(TaskStep::Run).await;
    let request = request("waits", all);
    scheduler.submit(request, std::sync::Arc::new(ScriptedWork::new())).await.expect("submitted");
    while scheduler.status(&id("waits")).await.expect("known").step != TaskStep::Allocate {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fs::write(dir.join("ready"), "").expect("written");
    ended(&scheduler, "runs").await;
    ended(&scheduler, "waits").await;
    scheduler.close().await;
}

/// Another process with a scheduler on the same files.
struct Victim(Child);

impl Victim {
    async fn start(dir: &Path) -> Self {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "scheduler::processes::child", "--ignored"])
            .env(CHILD, dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("started");
        let mut victim = Self(child);
        while !dir.join("ready").exists() {
            assert_eq!(victim.0.try_wait().expect("a child"), None, "the child ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        victim
    }

    fn kill(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("reaped");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}

fn leased(dir: &Path) -> usize {
    let leases = LeaseDir::new(dir.join("leases"));
    let device = |n| DeviceId::new(format!("GPU-{n}")).expect("a valid id");
    (0..GPUS).filter(|n| leases.try_lease(&device(*n)).expect("no error").is_none()).count()
}

async fn assert_abandoned(scheduler: &ymir_tmi::scheduler::LocalScheduler, name: &str) {
    let status = scheduler.wait(&id(name)).await.expect("known");
    let error = status.error.expect("an error");
    assert_eq!((status.state, error.kind), (TaskState::Failed, ErrorKind::Unavailable));
    assert!(error.retryable && status.finished.is_some());
}

#[tokio::test]
async fn the_tasks_of_a_killed_process_fail() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut victim = Victim::start(dir.path()).await;
    assert_eq!(leased(dir.path()), GPUS as usize);
    victim.kill();
    assert_eq!(leased(dir.path()), 0);
    let scheduler = open(dir.path());
    // They have failed before anything is waited for.
    for task in scheduler.list().await.expect("listed") {
        assert_eq!(task.state, TaskState::Failed);
    }
    assert_abandoned(&scheduler, "runs").await;
    assert_abandoned(&scheduler, "waits").await;
    let status = scheduler.status(&id("runs")).await.expect("known");
    assert_eq!((status.step, status.progress), (TaskStep::Run, 0.5));
    let events = until_end(&mut scheduler.events(0), "waits").await;
    assert!(events.iter().any(|event| matches!(event.kind, TaskEventKind::Log(_))));
    let all = Resources { gpus: GPUS, ..Resources::default() };
    let work = std::sync::Arc::new(ScriptedWork::new());
    scheduler.submit(request("next", all), work).await.expect("submitted");
    assert_eq!(ended(&scheduler, "next").await, TaskState::Done);
}

/// A scheduler that has the database open notices that another process died.
#[tokio::test]
async fn who_waits_is_told_that_a_process_was_killed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path());
    let mut events = scheduler.events(0);
    let mut victim = Victim::start(dir.path()).await;
    assert_eq!(scheduler.status(&id("runs")).await.expect("known").state, TaskState::Running);
    // Its GPUs are granted when it is gone, not before.
    let all = Resources { gpus: GPUS, ..Resources::default() };
    let work = std::sync::Arc::new(ScriptedWork::new());
    scheduler.submit(request("next", all), work.clone()).await.expect("submitted");
    work.entered(TaskStep::Prepare).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(work.seen().steps, [TaskStep::Prepare]);
    victim.kill();
    assert_abandoned(&scheduler, "runs").await;
    assert_abandoned(&scheduler, "waits").await;
    assert_eq!(ended(&scheduler, "next").await, TaskState::Done);
    let found = until_end(&mut events, "next").await;
    assert!(found.is_sorted_by(|a, b| a.seq < b.seq));
}

/// Whoever asks is not told that a task runs whose process is gone.
#[tokio::test]
async fn who_asks_is_told_at_once_that_a_process_was_killed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path());
    let mut victim = Victim::start(dir.path()).await;
    assert_eq!(scheduler.status(&id("runs")).await.expect("known").state, TaskState::Running);
    victim.kill();
    for task in scheduler.list().await.expect("listed") {
        assert_eq!(task.state, TaskState::Failed, "{task:?}");
    }
}

/// Events are followed from where another process left off, and tasks are cancelled across.
#[tokio::test]
async fn another_process_is_followed_and_stopped() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _victim = Victim::start(dir.path()).await;
    let scheduler = open(dir.path());
    let first: Vec<_> = scheduler.events(0).take(4).collect().await;
    let seq = first[3].as_ref().expect("an event").seq;
    let mut events = scheduler.events(seq);
    scheduler.cancel(&id("waits")).await.expect("asked");
    let rest = until_end(&mut events, "waits").await;
    assert_eq!(rest[0].seq, seq + 1);
    assert_eq!(ended(&scheduler, "waits").await, TaskState::Terminated);
    scheduler.cancel(&id("runs")).await.expect("asked");
    until_end(&mut events, "runs").await;
    assert_eq!(ended(&scheduler, "runs").await, TaskState::Terminated);
}

#[tokio::test]
async fn a_dropped_scheduler_abandons_its_tasks() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (first, other) = (open(dir.path()), open(dir.path()));
    let work = submit(&first, "t", holding()).await;
    work.entered(TaskStep::Run).await;
    drop(first.clone());
    assert_eq!(other.status(&id("t")).await.expect("known").state, TaskState::Running);
    drop(first);
    assert_abandoned(&other, "t").await;
    // It was dropped where it stayed: nothing collected it.
    assert_eq!(work.seen().steps, [TaskStep::Prepare, TaskStep::Run]);
}

#[tokio::test]
async fn a_closed_scheduler_refuses() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let first = open(dir.path());
    submit(&first, "t", holding()).await.entered(TaskStep::Run).await;
    first.close().await;
    first.close().await;
    assert_eq!(first.list().await.expect_err("closed").kind(), ErrorKind::Cancelled);
    assert_eq!(first.wait(&id("t")).await.expect_err("closed").kind(), ErrorKind::Cancelled);
    // The handle is still there; the tasks are free at once all the same.
    let second = open(dir.path());
    assert_eq!(second.status(&id("t")).await.expect("known").state, TaskState::Failed);
    assert_abandoned(&second, "t").await;
}

/// Two schedulers share the GPUs of the host, and each waits for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_schedulers_share_the_gpus() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let leases = tempfile::tempdir().expect("a temporary directory");
    let meter = std::sync::Arc::new(ymir_testkit::double::Meter::default());
    let schedulers = dirs.each_ref().map(|dir| {
        let options = ymir_tmi::scheduler::SchedulerOptions {
            lease_dir: leases.path().to_owned(),
            ..super::common::options(dir.path())
        };
        ymir_tmi::scheduler::LocalScheduler::open(options).expect("opened")
    });
    for n in 0..10 {
        for scheduler in &schedulers {
            let resources = Resources { gpus: n % 2 + 1, cpus: 1, memory: 0 };
            let work = std::sync::Arc::new(ScriptedWork::new().metered(&meter));
            scheduler.submit(request(&format!("t{n}"), resources), work).await.expect("submitted");
        }
    }
    for n in 0..10 {
        for scheduler in &schedulers {
            assert_eq!(ended(scheduler, &format!("t{n}")).await, TaskState::Done);
        }
    }
    let reading = meter.read();
    assert_eq!((reading.holders, reading.twice.len()), (20, 0));
}
