//! Several schedulers on one database and one host, and processes that die.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt;
use ymir_core::{
    ErrorKind, Resources, RetryPolicy, Scheduler, TaskEventKind, TaskSpec, TaskState, TaskStep,
};
use ymir_testkit::conformance::scheduler::GPUS;
use ymir_testkit::double::{ScriptedDriver, ScriptedWork};
use ymir_tmi::scheduler::{LeaseState, LocalScheduler};

use super::common::{
    Serving, ended, holding, id, open, open_with, options, spec, submit, submit_for, until_end,
};

/// Tell the child process what to do and where.
const DIR: &str = "YMIR_TEST_SCHEDULER_DIR";
const PART: &str = "YMIR_TEST_SCHEDULER_PART";

const ALL: Resources = Resources { gpus: GPUS, cpus: 0, memory: 0 };
/// The lines of a run that survives.
const LINES: usize = 200;

/// Not a test: what [`Victim`] runs in another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests as a child process"]
async fn child() {
    let (Some(dir), Ok(part)) = (std::env::var_os(DIR), std::env::var(PART)) else { return };
    let dir = PathBuf::from(dir);
    match part.split_once(' ') {
        None if part == "mortal" => mortal_task(&dir).await,
        None if part == "two" => two_tasks(&dir).await,
        None if part == "units" => three_units(&dir).await,
        None if part == "serve" => serve_all(&dir).await,
        Some(("step", step)) => one_task(&dir, step).await,
        Some(("many", number)) => many_tasks(&dir, number).await,
        _ => panic!("no such part: {part}"),
    }
}

/// Holds all resources with one task while another waits.
async fn two_tasks(dir: &Path) {
    let scheduler = open(dir).await;
    let work = submit_for(&scheduler, "runs", ALL, holding().reporting(&[0.5], 3)).await;
    work.entered(TaskStep::Run).await;
    submit_for(&scheduler, "waits", ALL, ScriptedWork::new()).await;
    while scheduler.status(&id("waits")).await.expect("known").step != TaskStep::Allocate {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fs::write(dir.join("ready"), "").expect("written");
    ended(&scheduler, "runs").await;
    ended(&scheduler, "waits").await;
    scheduler.close().await.expect("closed");
}

/// Holds all resources with a task whose run ends with this process.
async fn mortal_task(dir: &Path) {
    let scheduler = open(dir).await;
    let work = scheduler.driver.add(&id("t"), holding());
    let spec = TaskSpec { survives: false, ..spec("t", ALL) };
    scheduler.submit(spec).await.expect("submitted");
    work.entered(TaskStep::Run).await;
    fs::write(dir.join("ready"), "").expect("written");
    ended(&scheduler, "t").await;
}

/// Stays in a step of a task whose run survives.
async fn one_task(dir: &Path, step: &str) {
    let step = step_of(step);
    let scheduler = open(dir).await;
    let wait = if step == TaskStep::Allocate { TaskStep::Run } else { step };
    if step == TaskStep::Allocate {
        let held = submit_for(&scheduler, "first", ALL, holding().surviving()).await;
        held.entered(TaskStep::Run).await;
    }
    let work = surviving(dir).holding(wait);
    let work = submit_for(&scheduler, "t", ALL, work).await;
    if step == TaskStep::Allocate {
        while scheduler.status(&id("t")).await.expect("known").step != step {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    } else {
        work.entered(step).await;
    }
    fs::write(dir.join("ready"), "").expect("written");
    ended(&scheduler, "t").await;
}

/// Runs two of the three units of a task, of which one has ended; the third waits.
async fn three_units(dir: &Path) {
    let scheduler = open(dir).await;
    let work = scheduler.driver.add(&id("t"), surviving(dir).holding(TaskStep::Run));
    let one = Resources { cpus: 1, ..Resources::default() };
    scheduler.submit(TaskSpec { units: 3, ..spec("t", one) }).await.expect("submitted");
    while work.seen().steps.iter().filter(|step| **step == TaskStep::Run).count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for unit in 0..3 {
        let unit = dir.join("tasks/t/units").join(unit.to_string());
        if unit.join("run").exists() {
            fs::write(unit.join("release"), "").expect("written");
            while fs::read_to_string(unit.join("run")).expect("there") != "ended" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            break;
        }
    }
    fs::write(dir.join("ready"), "").expect("written");
    ended(&scheduler, "t").await;
}

/// Carries on whatever there is, until all has ended.
async fn serve_all(dir: &Path) {
    let scheduler = open_with(options(dir), ScriptedDriver::new().otherwise(surviving(dir))).await;
    for task in scheduler.list().await.expect("listed") {
        ended(&scheduler, task.spec.id.as_str()).await;
    }
}

fn surviving(dir: &Path) -> ScriptedWork {
    ScriptedWork::new().surviving().reporting(&[], LINES).committing(dir.join("commits"))
}

fn step_of(name: &str) -> TaskStep {
    serde_json::from_value(name.into()).expect("a step")
}

/// Runs fifteen tasks; each says so in a directory that all processes see while it runs.
async fn many_tasks(dir: &Path, number: &str) {
    #[derive(Debug)]
    struct Counting(PathBuf);
    #[async_trait::async_trait]
    impl ymir_core::TaskDriver for Counting {
        fn can_carry(&self, _: &TaskSpec) -> bool {
            true
        }
        fn queues_elsewhere(&self, _: &TaskSpec) -> bool {
            false
        }
        async fn prepare(&self, _: &ymir_core::TaskContext) -> ymir_core::Result<()> {
            Ok(())
        }
        async fn run(
            &self,
            unit: &ymir_core::UnitContext,
            _: &ymir_core::Grant,
        ) -> ymir_core::Result<()> {
            let mark = self.0.join(unit.task.spec.id.as_str());
            fs::write(&mark, "").expect("written");
            let running = fs::read_dir(&self.0).expect("there").count();
            tokio::time::sleep(Duration::from_millis(10)).await;
            fs::remove_file(&mark).expect("removed");
            assert!(running <= 2, "{running} run at once");
            Ok(())
        }
        async fn run_state(
            &self,
            _: &TaskSpec,
            _: &Path,
        ) -> ymir_core::Result<Option<ymir_core::RunState>> {
            Ok(None)
        }
        async fn end_run(&self, _: &TaskSpec, _: &Path) -> ymir_core::Result<()> {
            Ok(())
        }
        async fn collect(
            &self,
            _: &ymir_core::TaskContext,
            _: Result<&(), &ymir_core::Error>,
        ) -> ymir_core::Result<()> {
            Ok(())
        }
        async fn commit(
            &self,
            _: &ymir_core::TaskContext,
        ) -> ymir_core::Result<Vec<ymir_core::VersionId>> {
            Ok(Vec::new())
        }
    }
    let scheduler = LocalScheduler::open(options(dir)).expect("opened");
    let driver = std::sync::Arc::new(Counting(dir.join("running")));
    scheduler.serve(driver).await.expect("it serves");
    let one = Resources { cpus: 1, ..Resources::default() };
    let names: Vec<_> = (0..15).map(|n| format!("t{number}_{n}")).collect();
    for name in &names {
        scheduler.submit(spec(name, one)).await.expect("submitted");
    }
    for name in &names {
        let status = scheduler.wait(&id(name)).await.expect("known");
        assert_eq!(status.state, TaskState::Done, "{status:?}");
    }
    scheduler.close().await.expect("closed");
}

/// Another process with a scheduler on the same files.
struct Victim(Child);

impl Victim {
    fn spawn(dir: &Path, part: &str) -> Self {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "scheduler::processes::child", "--ignored"])
            .env(DIR, dir)
            .env(PART, part)
            .stdout(Stdio::null())
            .spawn()
            .expect("started");
        Self(child)
    }

    async fn start(dir: &Path, part: &str) -> Self {
        let mut victim = Self::spawn(dir, part);
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

/// Returns the numbers of the lines that a task wrote.
async fn lines(scheduler: &Serving, name: &str) -> Vec<usize> {
    let events = until_end(&mut scheduler.task_events(&id(name), 0), name).await;
    let text = |kind| match kind {
        TaskEventKind::Log(line) => Some(line),
        _ => None,
    };
    let lines = events.into_iter().filter_map(|event| text(event.kind));
    lines.filter_map(|line| line.text.strip_prefix("line ")?.parse().ok()).collect()
}

fn commits(dir: &Path) -> String {
    fs::read_to_string(dir.join("commits")).unwrap_or_default()
}

/// Whichever step a process was killed in, another takes the task to its end, once.
#[tokio::test]
async fn a_task_outlives_its_process_in_every_step() {
    for step in ["prepare", "allocate", "run", "collect", "commit"] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let dir = dir.path();
        Victim::start(dir, &format!("step {step}")).await.kill();
        let scheduler = open_with(options(dir), ScriptedDriver::new().otherwise(surviving(dir)));
        let scheduler = scheduler.await;
        assert!(scheduler.adopted.contains(&id("t")), "{step}: {:?}", scheduler.adopted);
        let status = scheduler.wait(&id("t")).await.expect("known");
        assert_eq!((status.state, status.attempt), (TaskState::Done, 1), "{step}: {status:?}");
        assert_eq!(commits(dir).matches("t\n").count(), 1 + usize::from(step == "allocate"));
        assert_eq!(lines(&scheduler, "t").await, (0..LINES).collect::<Vec<_>>(), "{step}");
        if step == "allocate" {
            ended(&scheduler, "first").await;
        }
        assert_eq!(scheduler.leases().await.expect("listed"), [], "{step}");
    }
}

/// However often processes are killed, wherever they are: each task comes to its end, and each line of
/// its log is recorded once.
#[tokio::test]
async fn tasks_outlive_many_processes() {
    const TASKS: usize = 8;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let one = Resources { cpus: 1, ..Resources::default() };
    let scheduler = open_with(options(dir), ScriptedDriver::new().otherwise(surviving(dir))).await;
    for n in 0..TASKS {
        scheduler.submit(spec(&format!("t{n}"), one)).await.expect("submitted");
    }
    scheduler.close().await.expect("closed");
    let reader = LocalScheduler::open(options(dir)).expect("opened");
    let mut victims = Vec::new();
    for round in 0..1000u64 {
        let tasks = reader.list().await.expect("listed");
        if tasks.iter().all(|task| task.state.is_final()) {
            break;
        }
        victims.push(Victim::spawn(dir, "serve"));
        tokio::time::sleep(Duration::from_millis(60 + round * 37 % 400)).await;
        if victims.len() > 2 {
            victims.remove(usize::try_from(round % 3).expect("small")).kill();
        }
    }
    drop(victims);
    let scheduler = open(dir).await;
    for n in 0..TASKS {
        let name = format!("t{n}");
        let status = scheduler.status(&id(&name)).await.expect("known");
        assert_eq!((status.state, status.attempt), (TaskState::Done, 1), "{status:?}");
        assert_eq!(lines(&scheduler, &name).await, (0..LINES).collect::<Vec<_>>(), "{name}");
        assert!(commits(dir).contains(&name));
    }
    assert_eq!(scheduler.leases().await.expect("listed"), []);
}

/// The units of a task are each taken on where they are: ended, running, waiting.
#[tokio::test]
async fn units_outlive_their_process() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    Victim::start(dir, "units").await.kill();
    let scheduler = open_with(options(dir), ScriptedDriver::new().otherwise(surviving(dir))).await;
    assert_eq!(scheduler.adopted, [id("t")]);
    assert_eq!(ended(&scheduler, "t").await, TaskState::Done);
    assert_eq!(commits(dir), "t\n");
    let mut lines = lines(&scheduler, "t").await;
    lines.sort_unstable();
    let thrice = (0..LINES).flat_map(|line| [line; 3]).collect::<Vec<_>>();
    assert_eq!(lines, thrice);
    assert_eq!(scheduler.leases().await.expect("listed"), []);
}

/// A run goes on without a process, and holds what it was granted until its task is adopted.
#[tokio::test]
async fn what_a_run_holds_stays_held() {
    let workspaces = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let [dir, other] = workspaces.each_ref().map(tempfile::TempDir::path);
    Victim::start(dir, "step run").await.kill();
    // A reader changes nothing.
    let reader = LocalScheduler::open(options(dir)).expect("opened");
    let status = reader.status(&id("t")).await.expect("known");
    assert_eq!(
        (status.state, status.step, status.owner),
        (TaskState::Running, TaskStep::Run, None)
    );
    let leases = reader.leases().await.expect("listed");
    assert_eq!((leases.len(), leases[0].state), (1, LeaseState::Stale), "{leases:?}");
    assert_eq!(leases[0].task, id("t"));
    assert_eq!(reader.adopt().await.expect_err("it reads").kind(), ErrorKind::Unsupported);
    // Another workspace of the host waits for it.
    let mut shared = options(other);
    shared.host.dir = dir.join("host");
    let waiting = open_with(shared, ScriptedDriver::new()).await;
    let next = submit_for(&waiting, "next", ALL, ScriptedWork::new()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(next.seen().steps, [TaskStep::Prepare]);
    assert_eq!(reader.status(&id("t")).await.expect("known").state, TaskState::Running);
    let adopting = open_with(options(dir), ScriptedDriver::new().otherwise(surviving(dir))).await;
    assert_eq!(adopting.adopted, [id("t")]);
    assert_eq!(ended(&adopting, "t").await, TaskState::Done);
    assert_eq!(ended(&waiting, "next").await, TaskState::Done);
}

/// What a run held that ended with its process is free at once, before its task is adopted.
#[tokio::test]
async fn what_died_with_its_process_is_free() {
    let workspaces = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let [dir, other] = workspaces.each_ref().map(tempfile::TempDir::path);
    let mut victim = Victim::start(dir, "mortal").await;
    let mut shared = options(other);
    shared.host.dir = dir.join("host");
    let waiting = open_with(shared, ScriptedDriver::new()).await;
    let next = submit_for(&waiting, "next", ALL, ScriptedWork::new()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(next.seen().steps, [TaskStep::Prepare]);
    victim.kill();
    let ended = tokio::time::timeout(Duration::from_secs(60), ended(&waiting, "next")).await;
    assert_eq!(ended.expect("what is held is free"), TaskState::Done);
    assert_eq!(waiting.leases().await.expect("listed"), []);
    let reader = LocalScheduler::open(options(dir)).expect("opened");
    assert_eq!(reader.status(&id("t")).await.expect("known").state, TaskState::Running);
}

/// Where nobody can find out about a run any more, a person gives back what it held.
#[tokio::test]
async fn leases_that_nobody_can_speak_for_are_settled() {
    let workspaces = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let [dir, host] = workspaces.each_ref().map(tempfile::TempDir::path);
    let root = dir.join("w");
    fs::create_dir(&root).expect("made");
    Victim::start(&root, "step run").await.kill();
    let mut shared = options(host);
    shared.host.dir = root.join("host");
    let scheduler = open_with(shared, ScriptedDriver::new()).await;
    fs::remove_file(root.join("tasks.db")).expect("removed");
    let leases = scheduler.leases().await.expect("listed");
    assert_eq!((leases.len(), leases[0].state), (1, LeaseState::Unknown));
    scheduler.settle_lease(&leases[0]).await.expect("it is nobody's");
    assert_eq!(scheduler.leases().await.expect("listed"), []);
    let error = scheduler.settle_lease(&leases[0]).await.expect_err("it was given back");
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// What a run holds whose workspace was removed is given back.
#[tokio::test]
async fn leases_of_removed_workspaces_are_given_back() {
    let workspaces = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let [dir, other] = workspaces.each_ref().map(tempfile::TempDir::path);
    let root = dir.join("w");
    fs::create_dir(&root).expect("made");
    fs::write(root.join("host_is"), other.join("host").to_str().expect("text")).expect("written");
    Victim::start(&root, "step run").await.kill();
    let scheduler = open(other).await;
    let leases = scheduler.leases().await.expect("listed");
    assert_eq!((leases.len(), leases[0].state), (1, LeaseState::Stale));
    fs::remove_dir_all(&root).expect("removed");
    submit_for(&scheduler, "next", ALL, ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "next").await, TaskState::Done);
    assert_eq!(scheduler.leases().await.expect("listed"), []);
}

/// Of several that serve, one adopts a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_adopts() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    Victim::start(dir, "step run").await.kill();
    let adopting = (0..4).map(|_| {
        let driver = ScriptedDriver::new().otherwise(surviving(dir));
        tokio::spawn(open_with(options(dir), driver))
    });
    let mut schedulers = Vec::new();
    for adopting in adopting.collect::<Vec<_>>() {
        schedulers.push(adopting.await.expect("no panic"));
    }
    assert_eq!(schedulers.iter().map(|s| s.adopted.len()).sum::<usize>(), 1);
    for scheduler in &schedulers {
        assert_eq!(ended(scheduler, "t").await, TaskState::Done);
    }
    assert_eq!(commits(dir), "t\n");
    assert_eq!(lines(&schedulers[0], "t").await, (0..LINES).collect::<Vec<_>>());
}

/// A task that nobody can carry on whose run is lost fails and says so; one that waits is kept for a
/// program that can.
#[tokio::test]
async fn a_lost_run_fails_its_task() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut victim = Victim::start(dir.path(), "two").await;
    let other = open(dir.path()).await;
    assert_eq!(other.adopted, []);
    assert_eq!(other.status(&id("runs")).await.expect("known").state, TaskState::Running);
    victim.kill();
    let status = other.wait(&id("runs")).await.expect("known");
    let error = status.error.expect("an error");
    assert_eq!((status.state, error.kind), (TaskState::Failed, ErrorKind::Unavailable));
    assert!(error.retryable);
    assert_eq!((status.step, status.progress), (TaskStep::Run, 0.5));
    let waits = other.status(&id("waits")).await.expect("known");
    assert_eq!((waits.state, waits.owner), (TaskState::Pending, None));
    // What it held is free, and what waits is no longer in the way.
    submit_for(&other, "next", ALL, ScriptedWork::new()).await;
    assert_eq!(ended(&other, "next").await, TaskState::Done);
    let able = open_with(options(dir.path()), ScriptedDriver::new().otherwise(ScriptedWork::new()));
    let able = able.await;
    assert_eq!(able.adopted, [id("waits")]);
    assert_eq!(ended(&other, "waits").await, TaskState::Done);
}

/// A task that nobody carries on is cancelled from any process, also one that only reads.
#[tokio::test]
async fn a_task_without_owner_is_cancelled() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    Victim::start(dir.path(), "step allocate").await.kill();
    let reader = LocalScheduler::open(options(dir.path())).expect("opened");
    reader.cancel(&id("t")).await.expect("cancelled");
    assert_eq!(ended(&reader, "t").await, TaskState::Terminated);
    // One that runs ends when somebody serves.
    reader.cancel(&id("first")).await.expect("asked");
    assert_eq!(reader.status(&id("first")).await.expect("known").state, TaskState::Running);
    let scheduler = open(dir.path()).await;
    assert_eq!(ended(&scheduler, "first").await, TaskState::Terminated);
    assert_eq!(scheduler.leases().await.expect("listed"), []);
}

/// Events are followed from where another process left off, and tasks are cancelled across.
#[tokio::test]
async fn another_process_is_followed_and_stopped() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _victim = Victim::start(dir.path(), "two").await;
    let scheduler = open(dir.path()).await;
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

/// 60 tasks from 4 processes on 2 slots: never do 3 run at once.
#[tokio::test]
async fn processes_share_the_slots() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("running")).expect("made");
    let mut children: Vec<_> =
        (0..4).map(|n| Victim::spawn(dir.path(), &format!("many {n}"))).collect();
    let begin = Instant::now();
    while let Some(child) = children.last_mut() {
        match child.0.try_wait().expect("a child") {
            Some(status) => {
                assert!(status.success(), "a child failed");
                children.pop();
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        assert!(begin.elapsed() < Duration::from_secs(300), "they do not come to an end");
    }
    let scheduler = open(dir.path()).await;
    let tasks = scheduler.list().await.expect("listed");
    assert_eq!(tasks.len(), 60);
    assert!(tasks.iter().all(|task| task.state == TaskState::Done));
    assert_eq!(scheduler.leases().await.expect("listed"), []);
}

/// Another scheduler goes on with the tasks of one that was dropped.
#[tokio::test]
async fn a_dropped_scheduler_leaves_its_tasks() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let first = open(dir.path()).await;
    let driver = ScriptedDriver::new().otherwise(surviving(dir.path()));
    let other = open_with(options(dir.path()), driver).await;
    let work = submit(&first, "t", surviving(dir.path()).holding(TaskStep::Run)).await;
    work.entered(TaskStep::Run).await;
    let clone = first.clone();
    drop(first);
    assert!(other.status(&id("t")).await.expect("known").owner.is_some());
    drop(clone);
    assert_eq!(ended(&other, "t").await, TaskState::Done);
    // It was dropped where it stayed: nothing collected it.
    assert_eq!(work.seen().steps, [TaskStep::Prepare, TaskStep::Run]);
    assert_eq!(lines(&other, "t").await, (0..LINES).collect::<Vec<_>>());
}

/// The runs of a scheduler that was closed go on; another retries what did not survive.
#[tokio::test]
async fn a_closed_scheduler_leaves_its_tasks() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let first = open(dir.path()).await;
    let work = first.driver.add(&id("t"), holding());
    let retry = RetryPolicy { retries: 1, backoff_s: 0 };
    let one = Resources { cpus: 1, ..Resources::default() };
    first.submit(TaskSpec { retry, ..spec("t", one) }).await.expect("submitted");
    work.entered(TaskStep::Run).await;
    assert_eq!(first.close().await.expect("closed"), [id("t")]);
    // It cannot carry it, and leaves the next attempt to whoever can.
    let second = open(dir.path()).await;
    let status = second.status(&id("t")).await.expect("known");
    assert_eq!((status.state, status.attempt, status.owner), (TaskState::Pending, 2, None));
    let third = ScriptedDriver::new().otherwise(ScriptedWork::new());
    let third = open_with(options(dir.path()), third).await;
    assert_eq!(third.adopted, [id("t")]);
    assert_eq!(ended(&second, "t").await, TaskState::Done);
}

/// Two workspaces share the GPUs of the host, and each waits for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workspaces_share_the_gpus() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let host = tempfile::tempdir().expect("a temporary directory");
    let meter = std::sync::Arc::new(ymir_testkit::double::Meter::default());
    let mut schedulers = Vec::new();
    for dir in &dirs {
        let mut options = options(dir.path());
        options.host.dir = host.path().join("host");
        schedulers.push(open_with(options, ScriptedDriver::new()).await);
    }
    for n in 0..10 {
        for scheduler in &schedulers {
            let resources = Resources { gpus: n % 2 + 1, cpus: 1, memory: 0 };
            let work = ScriptedWork::new().metered(&meter);
            submit_for(scheduler, &format!("t{n}"), resources, work).await;
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

/// A host directory that somebody else could change is refused.
#[tokio::test]
async fn an_unsafe_host_directory_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().expect("a temporary directory");
    let refused = async || {
        let scheduler = LocalScheduler::open(options(dir.path())).expect("opened");
        let driver = std::sync::Arc::new(ScriptedDriver::new());
        let error = scheduler.serve(driver).await.expect_err("unsafe");
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
    };
    let host = dir.path().join("host");
    fs::create_dir(dir.path().join("elsewhere")).expect("made");
    symlink(dir.path().join("elsewhere"), &host).expect("linked");
    refused().await;
    fs::remove_file(&host).expect("removed");
    fs::create_dir(&host).expect("made");
    fs::set_permissions(&host, fs::Permissions::from_mode(0o777)).expect("changed");
    refused().await;
    fs::set_permissions(&host, fs::Permissions::from_mode(0o1777)).expect("changed");
    let user = rustix::process::getuid().as_raw();
    symlink(dir.path().join("elsewhere"), host.join(format!("user-{user}"))).expect("linked");
    refused().await;
    fs::remove_file(host.join(format!("user-{user}"))).expect("removed");
    submit(&open(dir.path()).await, "t", ScriptedWork::new()).await;
}
